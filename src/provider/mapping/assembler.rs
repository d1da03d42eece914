//! Makes a directory from entries, one after the other.

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
    /// Accounts whose state may still depend on the rest of the reading.
    open: Vec<(DirectoryId, Judgement, Option<String>)>,
    /// Lock rules whose attribute we have the right to read.
    readable: BTreeSet<LockRule>,
    /// Lock rules whose attribute no entry showed, although some entry may have it.
    hidden: BTreeSet<LockRule>,
    /// How many usable entries have a value, by attribute.
    attributes: BTreeMap<String, usize>,
    /// Whether missing accounts are looked up by id, so that an entry without an id hides nobody.
    asked_by_id: bool,
    /// Whether the entries may lack what the server computes only when it is asked.
    is_export: bool,
    /// The roles that the entries define.
    roles: Roles,
    /// The attributes from which locks are computed, for accounts of an export that have any.
    computed_from: Vec<(DirectoryId, Entry)>,
    /// Whether a lock rule uses an attribute that the server computes.
    is_computed: bool,
}

impl<'a> Assembler<'a> {
    /// Returns an assembler without entries. `now` decides whether dates of expiry have passed.
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

    /// Marks the entries as those of a file that a server wrote: they may lack what the server
    /// computes only when it is asked.
    pub(crate) fn export(mut self) -> Self {
        self.is_export = true;
        self
    }

    /// Records an entry that is not an account and may define what locks accounts.
    pub(crate) fn beside(&mut self, entry: &Entry) {
        if self.is_export {
            self.roles.note(entry);
        }
    }

    /// Marks that missing accounts are looked up, so that an entry without an id hides nobody.
    pub(crate) fn asked_by_id(mut self) -> Self {
        self.asked_by_id = true;
        self
    }

    /// Adds an entry that the account search returned, unless it is what the server keeps of a
    /// deleted one. Rejects an entry that cannot be used, by its name, and two entries with one id.
    /// If an entry comes twice (overlapping bases, an appended file), the last one counts, but a
    /// lock of the first stays.
    pub(crate) fn account(&mut self, entry: Entry) {
        if is_tombstone(&entry) {
            return;
        }
        self.accounts.seen += 1;
        // A rejected entry also shows that its lock attributes may be read.
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
                // It does not matter which of two counts: a clash is recorded.
                let _ = self.groups.insert(id, &entry.dn, group, |g| &g.dn);
            }
            Err(why) => self.groups.reject(Some(id), entry.dn, why),
        }
    }

    /// Returns the groups that show no member so far. The caller finds out by other means which of
    /// them are empty, and reports these to [`Assembler::empty_groups`]. The members of the others
    /// are unknown.
    pub(crate) fn silent_groups(&self) -> BTreeSet<Dn> {
        let groups = self.groups.items.values();
        let silent = groups.filter(|group| group.silent);
        silent.map(|group| Dn::of(&group.dn)).collect()
    }

    /// Records that the groups with these DNs are proven to have no member.
    pub(crate) fn empty_groups(&mut self, names: &BTreeSet<Dn>) {
        for group in self.groups.items.values_mut() {
            group.silent &= !names.contains(&Dn::of(&group.dn));
        }
    }

    /// Rejects an entry of the account search that could not be parsed.
    pub(crate) fn reject_account(&mut self, id: Option<DirectoryId>, name: String, why: String) {
        self.accounts.seen += 1;
        self.accounts.reject(id, name, why);
    }

    /// Rejects an entry of the account search with an id that no account has.
    pub(crate) fn reject_no_account(&mut self, name: String, why: String) {
        self.accounts.seen += 1;
        self.accounts.reject_no_account(name, why);
    }

    /// Rejects the account with this id, because an entry with another id has its place.
    pub(crate) fn replaced(&mut self, id: &DirectoryId) {
        if let Some(before) = self.accounts.items.remove(id) {
            let why = "another entry with another id stands in its place later".to_owned();
            self.accounts.reject(Some(id.clone()), before.dn, why);
        }
    }

    /// Rejects an entry of the group search that could not be read, or not to its end.
    pub(crate) fn reject_group(&mut self, id: Option<GroupId>, name: String, why: String) {
        self.groups.seen += 1;
        self.groups.reject(id, name, why);
    }

    /// Records that we have the right to read a lock rule's attribute, so that its absence from an
    /// entry is its absence from the directory. An entry that has the attribute proves the same.
    pub(crate) fn readable(&mut self, rule: LockRule) {
        self.readable.insert(rule);
    }

    /// Returns the lock rules whose attribute no entry showed so far. The caller finds out by other
    /// means whether we may read it, and reports that to [`Assembler::readable`] or
    /// [`Assembler::hidden`].
    pub(crate) fn unshown(&self) -> Vec<LockRule> {
        let rules = self.mapping.locks.iter().cloned();
        let asked = rules.filter(|rule| rule.can_be_searched_by());
        asked.filter(|rule| !self.readable.contains(rule)).collect()
    }

    /// Records that accounts may have a lock rule's attribute although no entry shows it.
    pub(crate) fn hidden(&mut self, rule: LockRule) {
        self.hidden.insert(rule);
    }

    /// Returns the state of an entry that is not part of the reading, such as one found by its id,
    /// judged by what the reading has shown so far.
    pub(crate) fn state_of(&self, entry: &Entry) -> AccountState {
        let (judgement, _) = judge(entry, &self.mapping.locks, self.now);
        self.with_computed(entry, judgement.state_given(&self.absence_shows()))
    }

    /// Returns a state corrected by what the server would compute: in an export, the role and the
    /// container of an entry have priority over the entry's own attributes, as on the server.
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

    /// Returns the lock rules whose attribute an entry lacks only if the directory lacks it.
    fn absence_shows(&self) -> BTreeSet<LockRule> {
        let rules = self.readable.iter();
        let rules = rules.filter(|rule| !self.is_export || !rule.is_computed());
        rules.cloned().collect()
    }

    /// Returns the ids of `known` that no entry had so far, usable or not; they must be looked up.
    pub(crate) fn missing<'k>(&self, known: &'k BTreeSet<DirectoryId>) -> Vec<&'k DirectoryId> {
        let keys = self.accounts.rejected.iter().filter_map(|r| r.key.as_ref());
        let rejected: BTreeSet<_> = keys.collect();
        let there = |id: &&DirectoryId| self.accounts.items.contains_key(*id);
        let absent = known
            .iter()
            .filter(|id| !there(id) && !rejected.contains(id));
        absent.collect()
    }

    /// Returns the directory. `absence` and `group_absence` are what the provider found out about
    /// completeness (`Err(vec![Gap::NotRead])` for groups that were not read). The gaps that the
    /// entries themselves show are added: no entry at all, a missing sentinel (a DN, or the
    /// username of an account), and entries whose id is unreadable, so that they may be any
    /// account's. The number of entries in a proof is filled in here.
    pub(crate) fn finish(
        mut self,
        absence: Result<Proof, Vec<Gap>>,
        group_absence: Result<Proof, Vec<Gap>>,
        source: SourceIdentity,
        sentinels: &[String],
    ) -> Directory {
        self.decide_open_states();
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
            new_ids: self.mapping.new_id.clone(),
        }
    }

    fn unseen_locks(&self) -> BTreeSet<String> {
        let rules = self.mapping.locks.iter();
        let unseen = rules.filter(|rule| !self.readable.contains(rule));
        unseen.map(LockRule::attribute_key).collect()
    }

    fn decide_open_states(&mut self) {
        let shows = self.absence_shows();
        for (id, judgement, rule) in std::mem::take(&mut self.open) {
            if let Some(account) = self.accounts.items.get_mut(&id) {
                account.state = not_a_person::state(rule, judgement.state_given(&shows));
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

    /// Returns a gap for each sentinel that was not seen. A rejected entry was seen, which proves
    /// the right to see it.
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
            ..Shape::default()
        }
    }
}

fn lock_parts(entry: &Entry) -> Entry {
    let roles = entry.attributes.get_key_value(ROLE);
    let roles = roles.map(|(name, values)| (name.clone(), values.clone()));
    Entry {
        dn: entry.dn.clone(),
        attributes: roles.into_iter().collect(),
    }
}

/// Returns the attributes whose share is compared with the last reading: not those that few entries
/// have because something went wrong, and not those from which locks are computed.
fn counted_attributes(mapping: &Mapping) -> BTreeMap<String, usize> {
    let mut names = wanted_attributes(mapping);
    for rare in leftover_attributes(mapping).union(&lock_sources(mapping)) {
        names.remove(rare);
    }
    names.into_iter().map(|name| (name, 0)).collect()
}

/// Adds gaps to what is known about completeness, and the number of entries to a proof.
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
