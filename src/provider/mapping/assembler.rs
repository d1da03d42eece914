//! Entries, one after the other, become a directory.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::{LockRule, Mapping};
use crate::model::{
    Account, AccountState, Directory, DirectoryId, Dn, Entry, Gap, GroupId, Now, Proof, Rejected,
    Roster, Shape, SourceIdentity, fold,
};

use super::attributes::{leftover_attributes, lock_sources, wanted_attributes};
use super::leftovers::is_tombstone;
use super::locks::{Judgement, judge, shown_by};
use super::person::{Unusable, person};
use super::roles::{Computed, ROLE, Roles};
use super::unique::{Clash, UniqueEntries};
use super::{advice, groups, ids, not_a_person};

/// Builds a [`Directory`] from the entries of one reading. No raw entry is kept.
///
/// Give it accounts and groups in any order, then call [`Assembler::finish`].
#[derive(Debug)]
pub(crate) struct Assembler<'a> {
    mapping: &'a Mapping,
    now: &'a Now,
    accounts: UniqueEntries<DirectoryId, Account>,
    groups: UniqueEntries<GroupId, groups::RawGroup>,
    /// States that the rest of the reading may still decide.
    open: Vec<(DirectoryId, Judgement, Option<String>)>,
    /// Lock rules whose attribute may be read for certain.
    readable: BTreeSet<LockRule>,
    /// Lock rules whose attribute nobody showed, though somebody may have it.
    hidden: BTreeSet<LockRule>,
    /// Usable entries that have a value, by attribute.
    attributes: BTreeMap<String, usize>,
    /// Whoever is missing is looked up by id, so that an entry without one leaves nobody open.
    asked_by_id: bool,
    /// What the source computes when it is asked is not in the entries.
    is_export: bool,
    /// The roles that the entries define.
    roles: Roles,
    /// What a lock is computed from, of those accounts of an export that have any of it.
    computed_from: Vec<(DirectoryId, Entry)>,
    /// Whether the source may compute a lock.
    is_computed: bool,
}

impl<'a> Assembler<'a> {
    /// An assembler without entries. `now` decides whether dates of expiry have passed.
    pub(crate) fn new(mapping: &'a Mapping, now: &'a Now) -> Self {
        Self {
            mapping,
            now,
            accounts: UniqueEntries::default(),
            groups: UniqueEntries::default(),
            open: Vec::new(),
            readable: BTreeSet::new(),
            hidden: BTreeSet::new(),
            attributes: counted_attributes(mapping),
            asked_by_id: false,
            is_export: false,
            roles: Roles::default(),
            computed_from: Vec::new(),
            is_computed: mapping.locks.iter().any(LockRule::is_computed),
        }
    }

    /// The entries come from a file that a server wrote: what it computes only when it is asked need
    /// not be in them.
    pub(crate) fn export(mut self) -> Self {
        self.is_export = true;
        self
    }

    /// Takes note of an entry that is no account and may say what locks others.
    pub(crate) fn beside(&mut self, entry: &Entry) {
        if self.is_export {
            self.roles.note(entry);
        }
    }

    /// Each account that is missing is asked for by its id: an entry without one leaves nobody open.
    pub(crate) fn asked_by_id(mut self) -> Self {
        self.asked_by_id = true;
        self
    }

    /// Adds an entry that the account search returned. What is kept of a deleted one is not one. An
    /// entry that cannot be used is rejected by name; of the same entry seen twice (overlapping bases,
    /// an appended file) the last counts, but a lock that the other had stays; two entries with one
    /// id are both rejected.
    pub(crate) fn account(&mut self, entry: Entry) {
        if is_tombstone(&entry) {
            return;
        }
        self.accounts.seen += 1;
        // Also a rejected entry shows that its lock attributes may be read.
        self.readable.extend(shown_by(&entry, self.mapping));
        let person = match person(&entry, self.mapping, self.now) {
            Ok(person) => person,
            Err(Unusable::NoId(no)) => return self.accounts.reject_no_id(entry.dn, no),
            Err(Unusable::Known(id, why)) => return self.accounts.reject(Some(id), entry.dn, why),
        };
        let mut account = person.account;
        let id = account.id.clone();
        if self.is_export && self.is_computed {
            self.computed_from.push((id.clone(), lock_parts(&entry)));
        }
        let rule = person.not_a_person;
        let open = match person.judgement {
            Judgement::Settled(state) => {
                account.state = not_a_person::state(rule, state);
                None
            }
            open => Some((id.clone(), open, rule)),
        };
        match self
            .accounts
            .insert(id.clone(), &entry.dn, account, |a| &a.dn)
        {
            Err(Clash) => return,
            Ok(None) => {}
            Ok(Some(before)) => {
                self.open.retain(|(open, _, _)| *open != id);
                if matches!(before.state.by_locks(), AccountState::Locked { .. }) {
                    if let Some(account) = self.accounts.items.get_mut(&id) {
                        account.state = before.state;
                    }
                    return;
                }
                self.open.extend(open);
                return;
            }
        }
        self.open.extend(open);
        for (name, count) in &mut self.attributes {
            *count += usize::from(entry.values(name).iter().any(|v| !v.is_empty()));
        }
    }

    /// Adds an entry that the group search returned, with all its members: a ranged attribute
    /// (`member;range=0-1499`) must have been read to its end and joined into `member`. A group
    /// that still has a range is rejected.
    pub(crate) fn group(&mut self, entry: Entry) {
        self.groups.seen += 1;
        let id = match ids::group_id_of(&entry, self.mapping) {
            Ok(id) => id,
            Err(no) => return self.groups.reject_no_id(entry.dn, no),
        };
        match groups::raw_group(&entry, self.mapping) {
            Ok(group) => {
                // Which of two counts does not matter: a clash is noted.
                let _ = self.groups.insert(id, &entry.dn, group, |g| &g.dn);
            }
            Err(why) => self.groups.reject(Some(id), entry.dn, why),
        }
    }

    /// The groups that show no member so far. Whether they have none is to be
    /// found out by other means: of those who do, [`Assembler::empty_groups`] is told. Of the others
    /// nobody can say who is in them.
    pub(crate) fn silent_groups(&self) -> BTreeSet<Dn> {
        let groups = self.groups.items.values();
        let silent = groups.filter(|group| group.silent);
        silent.map(|group| Dn::of(&group.dn)).collect()
    }

    /// It was proven that the groups of these DNs have no member.
    pub(crate) fn empty_groups(&mut self, names: &BTreeSet<Dn>) {
        for group in self.groups.items.values_mut() {
            group.silent &= !names.contains(&Dn::of(&group.dn));
        }
    }

    /// Names an entry of the account search that could not even be taken apart.
    pub(crate) fn reject_account(&mut self, id: Option<DirectoryId>, name: String, why: String) {
        self.accounts.seen += 1;
        self.accounts.reject(id, name, why);
    }

    /// Names an entry of the account search that cannot be used and whose id is nobody's.
    pub(crate) fn reject_nobodys(&mut self, name: String, why: String) {
        self.accounts.seen += 1;
        self.accounts.reject_nobodys(name, why);
    }

    /// Another entry, with another id, now stands where the account of this id stood before.
    pub(crate) fn replaced(&mut self, id: &DirectoryId) {
        if let Some(before) = self.accounts.items.remove(id) {
            let why = "another entry with another id stands in its place later".to_owned();
            self.accounts.reject(Some(id.clone()), before.dn, why);
        }
    }

    /// Names an entry of the group search that could not be read, or not to its end.
    pub(crate) fn reject_group(&mut self, id: Option<GroupId>, name: String, why: String) {
        self.groups.seen += 1;
        self.groups.reject(id, name, why);
    }

    /// The right to read a lock rule's attribute was proven by other means, so that its absence
    /// from an entry is its absence from the directory. An entry that has it proves it as well.
    pub(crate) fn readable(&mut self, rule: LockRule) {
        self.readable.insert(rule);
    }

    /// The lock rules whose attribute nobody was seen to have so far. Whether the right to read it
    /// is there is to be found out by other means: if so, [`Assembler::readable`] is told, if not,
    /// [`Assembler::hidden`].
    pub(crate) fn unshown(&self) -> Vec<LockRule> {
        let rules = self.mapping.locks.iter().cloned();
        let asked = rules.filter(|rule| rule.can_be_searched_by());
        asked.filter(|rule| !self.readable.contains(rule)).collect()
    }

    /// Nothing proves that nobody has a lock rule's attribute.
    pub(crate) fn hidden(&mut self, rule: LockRule) {
        self.hidden.insert(rule);
    }

    /// The state of an entry that is not part of the reading, such as one found by its id, judged
    /// by what the reading has shown so far.
    pub(crate) fn state_of(&self, entry: &Entry) -> AccountState {
        let (judgement, _) = judge(entry, &self.mapping.locks, self.now);
        self.with_computed(entry, judgement.settle(&self.absence_shows()))
    }

    /// A state, given what the source would compute. What an entry of an export says of itself is
    /// overruled by its role and its container, as the server does it.
    fn with_computed(&self, entry: &Entry, state: AccountState) -> AccountState {
        if !self.is_export || !self.is_computed {
            return state;
        }
        match state {
            AccountState::Locked { .. } => return state,
            AccountState::NotAPerson { rule, state } => {
                let state = Box::new(self.with_computed(entry, *state));
                return AccountState::NotAPerson { rule, state };
            }
            AccountState::Active | AccountState::Unknown { .. } => {}
        }
        match self.roles.computed(entry) {
            Computed::Locked(locked) => locked,
            Computed::Unclear(unknown) => unknown,
            Computed::Free => state,
        }
    }

    /// Lock rules whose attribute's absence from an entry is its absence from the directory.
    fn absence_shows(&self) -> BTreeSet<LockRule> {
        let rules = self.readable.iter();
        let rules = rules.filter(|rule| !self.is_export || !rule.is_computed());
        rules.cloned().collect()
    }

    /// Those of `known` that no entry had so far, usable or not: to be looked up by id.
    pub(crate) fn missing<'k>(&self, known: &'k BTreeSet<DirectoryId>) -> Vec<&'k DirectoryId> {
        let keys = self.accounts.rejected.iter().filter_map(|r| r.key.as_ref());
        let rejected: BTreeSet<_> = keys.collect();
        let there = |id: &&DirectoryId| self.accounts.items.contains_key(*id);
        let absent = known
            .iter()
            .filter(|id| !there(id) && !rejected.contains(id));
        absent.collect()
    }

    /// Puts the directory together. What the provider found out about completeness comes in
    /// with `absence` and `group_absence` (groups that were not read: `Err(vec![Gap::NotRead])`);
    /// what the entries themselves say against it is added: no entry at all, a missing sentinel
    /// (a DN, or the username of an account), entries whose id is unreadable
    /// and who may therefore be anybody. The number of entries in a proof is filled in here.
    pub(crate) fn finish(
        mut self,
        absence: Result<Proof, Vec<Gap>>,
        group_absence: Result<Proof, Vec<Gap>>,
        source: SourceIdentity,
        sentinels: &[String],
    ) -> Directory {
        self.settle_states();
        let sentinel_gaps = self.missing_sentinels(sentinels);
        let mut gaps = [sentinel_gaps.clone(), self.accounts.gaps()].concat();
        if !self.asked_by_id {
            let usable = self.accounts.items.values();
            let usable: Vec<&str> = usable.map(|account| account.dn.as_str()).collect();
            let advise = |bad: &[&Rejected<DirectoryId>]| {
                let bad: Vec<&str> = bad.iter().map(|bad| bad.name.as_str()).collect();
                advice::about_base(&self.mapping.base, &usable, &bad)
            };
            gaps.extend(self.accounts.anybody(advise));
        }
        let absence = with_gaps(absence, gaps, self.accounts.seen);
        let mut gaps = [sentinel_gaps, self.groups.gaps()].concat();
        gaps.extend(self.groups.anybody(|_| advice::REPAIR.to_owned()));
        let group_absence = match group_absence {
            Err(known) if known.contains(&Gap::NotRead) => Err(known),
            said => with_gaps(said, gaps, self.groups.seen),
        };
        let raw_groups = std::mem::take(&mut self.groups.items);
        let groups = groups::resolve(raw_groups, &mut self.accounts.items, self.mapping);
        let shape = self.shape();
        let unseen_locks = self.unseen_locks();
        let unknown = |a: &&Account| matches!(a.state, AccountState::Unknown { .. });
        let state_unknown = self.accounts.items.values().filter(unknown).count();
        Directory {
            accounts: Roster::new(
                self.accounts.items,
                self.accounts.rejected,
                absence,
                source.clone(),
            ),
            groups: Roster::new(groups, self.groups.rejected, group_absence, source),
            shape,
            state_unknown,
            hidden_locks: self.hidden.iter().map(|r| r.attribute_key()).collect(),
            unseen_locks,
        }
    }

    fn unseen_locks(&self) -> BTreeSet<String> {
        let rules = self.mapping.locks.iter();
        let unseen = rules.filter(|rule| !self.readable.contains(rule));
        unseen.map(LockRule::attribute_key).collect()
    }

    fn settle_states(&mut self) {
        let shows = self.absence_shows();
        for (id, judgement, rule) in std::mem::take(&mut self.open) {
            if let Some(account) = self.accounts.items.get_mut(&id) {
                account.state = not_a_person::state(rule, judgement.settle(&shows));
            }
        }
        for (id, entry) in std::mem::take(&mut self.computed_from) {
            let Some(state) = self.accounts.items.get(&id).map(|a| a.state.clone()) else {
                continue;
            };
            let state = self.with_computed(&entry, state);
            if let Some(account) = self.accounts.items.get_mut(&id) {
                account.state = state;
            }
        }
    }

    /// A sentinel that was read but is unusable was seen: the right to see it is there.
    fn missing_sentinels(&self, sentinels: &[String]) -> Vec<Gap> {
        let (mut dns, mut names) = (BTreeSet::new(), BTreeSet::new());
        if !sentinels.is_empty() {
            for account in self.accounts.items.values() {
                dns.insert(Dn::of(&account.dn));
                let others = account.other_usernames.iter();
                let all = std::iter::once(&account.username).chain(others);
                names.extend(all.map(|name| fold(&name.replace(Account::HIDDEN, ""))));
            }
            dns.extend(self.groups.items.values().map(|g| Dn::of(&g.dn)));
            dns.extend(self.accounts.rejected.iter().map(|r| Dn::of(&r.name)));
            dns.extend(self.groups.rejected.iter().map(|r| Dn::of(&r.name)));
        }
        let seen = |name: &&String| match Dn::read(name) {
            Some(dn) => dns.contains(&dn),
            None => names.contains(&fold(name)),
        };
        let missing = sentinels.iter().filter(|name| !seen(name));
        missing.map(|name| Gap::Sentinel(name.clone())).collect()
    }

    fn shape(&mut self) -> Shape {
        let accounts = self.accounts.items.len();
        let mut containers = BTreeMap::new();
        for account in self.accounts.items.values() {
            *containers.entry(Dn::of(&account.dn).parent()).or_insert(0) += 1;
        }
        // Entries that lost their place to an entry with the same id were counted too.
        let counted = std::mem::take(&mut self.attributes).into_iter();
        let attributes = counted.map(|(name, n)| (name, n.min(accounts))).collect();
        Shape {
            accounts,
            containers,
            attributes,
        }
    }
}

/// What of an entry a lock is computed from.
fn lock_parts(entry: &Entry) -> Entry {
    let roles = entry.attributes.get_key_value(ROLE);
    let roles = roles.map(|(name, values)| (name.clone(), values.clone()));
    Entry {
        dn: entry.dn.clone(),
        attributes: roles.into_iter().collect(),
    }
}

/// The attributes whose share is compared with the last reading. Of most people nobody expects those
/// that few have because something went wrong, and those that lock.
fn counted_attributes(mapping: &Mapping) -> BTreeMap<String, usize> {
    let mut names = wanted_attributes(mapping);
    for rare in leftover_attributes(mapping).union(&lock_sources(mapping)) {
        names.remove(rare);
    }
    names.into_iter().map(|name| (name, 0)).collect()
}

/// Adds gaps to what is known of completeness, and the number of entries to a proof.
fn with_gaps(
    absence: Result<Proof, Vec<Gap>>,
    gaps: Vec<Gap>,
    entries: usize,
) -> Result<Proof, Vec<Gap>> {
    match absence {
        Ok(proof) if gaps.is_empty() => Ok(Proof { entries, ..proof }),
        Ok(_) => Err(gaps),
        Err(known) => Err(known.into_iter().chain(gaps).collect()),
    }
}

#[cfg(test)]
#[path = "assembler_tests.rs"]
mod tests;
