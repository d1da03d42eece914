//! Entries, one after the other, become a directory.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::{LockRule, Mapping};
use crate::model::{
    Account, AccountState, Directory, DirectoryId, Entry, Gap, GroupId, Now, Proof, Roster, Shape,
    SourceIdentity,
};

use super::locks::{Judgement, judge};
use super::person::{Unusable, person};
use super::unique::Unique;
use super::{dn, groups, ids, is_tombstone, not_a_person, shown_by, wanted_attributes};

/// Builds a [`Directory`] from the entries of one reading. No raw entry is kept.
///
/// Give it accounts and groups in any order, then call [`Assembler::finish`].
#[derive(Debug)]
pub struct Assembler<'a> {
    mapping: &'a Mapping,
    now: &'a Now,
    accounts: Unique<DirectoryId, Account>,
    groups: Unique<GroupId, groups::RawGroup>,
    /// States that the rest of the reading may still decide.
    open: Vec<(DirectoryId, Judgement, Option<String>)>,
    /// Lock rules whose attribute may be read for certain.
    readable: BTreeSet<LockRule>,
    /// Lock rules whose attribute nobody showed, though somebody may have it.
    hidden: BTreeSet<LockRule>,
    /// Usable entries that have a value, by attribute.
    attributes: BTreeMap<String, usize>,
}

impl<'a> Assembler<'a> {
    /// An assembler without entries. `now` decides whether dates of expiry have passed.
    pub fn new(mapping: &'a Mapping, now: &'a Now) -> Self {
        Self {
            mapping,
            now,
            accounts: Unique::default(),
            groups: Unique::default(),
            open: Vec::new(),
            readable: BTreeSet::new(),
            hidden: BTreeSet::new(),
            attributes: wanted_attributes(mapping)
                .into_iter()
                .map(|n| (n, 0))
                .collect(),
        }
    }

    /// Adds an entry that the account search returned. What Active Directory keeps of a deleted
    /// object is not one. An entry that cannot be used is rejected by name; the same entry seen twice (overlapping bases) counts once; two entries with one id
    /// are both rejected.
    pub fn account(&mut self, entry: Entry) {
        if is_tombstone(&entry) {
            return;
        }
        self.accounts.seen += 1;
        // Also a rejected entry shows that its lock attributes may be read.
        self.readable.extend(shown_by(&entry, self.mapping));
        match person(&entry, self.mapping, self.now) {
            Err(Unusable { id, why }) => self.accounts.reject(id, entry.dn, why),
            Ok(person) => {
                let mut account = person.account;
                let id = account.id.clone();
                let rule = person.not_a_person;
                let open = match person.judgement {
                    Judgement::Settled(state) => {
                        account.state = not_a_person::state(rule, state);
                        None
                    }
                    open => Some((id.clone(), open, rule)),
                };
                if !self.accounts.insert(id, &entry.dn, account, |a| &a.dn) {
                    return;
                }
                self.open.extend(open);
                for (name, count) in &mut self.attributes {
                    *count += usize::from(entry.values(name).iter().any(|v| !v.is_empty()));
                }
            }
        }
    }

    /// Adds an entry that the group search returned, with all its members: a ranged attribute
    /// (`member;range=0-1499`) must have been read to its end and joined into `member`. A group
    /// that still has a range is rejected.
    pub fn group(&mut self, entry: Entry) {
        self.groups.seen += 1;
        let id = match ids::group_id_of(&entry, self.mapping) {
            Ok(id) => id,
            Err(why) => return self.groups.reject(None, entry.dn, why),
        };
        match groups::raw_group(&entry, self.mapping) {
            Ok(group) => {
                self.groups.insert(id, &entry.dn, group, |g| &g.dn);
            }
            Err(why) => self.groups.reject(Some(id), entry.dn, why),
        }
    }

    /// The groups that show no member so far, by DN in normal form. Whether they have none is to be
    /// found out by other means: of those who do, [`Assembler::empty_groups`] is told. Of the others
    /// nobody can say who is in them.
    pub fn silent_groups(&self) -> BTreeSet<String> {
        let groups = self.groups.items.values();
        let silent = groups.filter(|group| group.silent);
        silent.map(|group| dn::normalise(&group.dn)).collect()
    }

    /// It was proven that the groups of these DNs, in normal form, have no member.
    pub fn empty_groups(&mut self, names: &BTreeSet<String>) {
        for group in self.groups.items.values_mut() {
            group.silent &= !names.contains(&dn::normalise(&group.dn));
        }
    }

    /// Names an entry of the account search that could not even be taken apart.
    pub fn reject_account(&mut self, id: Option<DirectoryId>, name: String, why: String) {
        self.accounts.seen += 1;
        self.accounts.reject(id, name, why);
    }

    /// Names an entry of the group search that could not be read, or not to its end.
    pub fn reject_group(&mut self, id: Option<GroupId>, name: String, why: String) {
        self.groups.seen += 1;
        self.groups.reject(id, name, why);
    }

    /// The right to read a lock rule's attribute was proven by other means, so that its absence
    /// from an entry is its absence from the directory. An entry that has it proves it as well.
    pub fn readable(&mut self, rule: LockRule) {
        self.readable.insert(rule);
    }

    /// The lock rules whose attribute nobody was seen to have so far. Whether the right to read it
    /// is there is to be found out by other means: if so, [`Assembler::readable`] is told, if not,
    /// [`Assembler::hidden`].
    pub fn unshown(&self) -> Vec<LockRule> {
        let rules = self.mapping.locks.iter().copied();
        let asked = rules.filter(|rule| rule.can_be_searched_by());
        asked.filter(|rule| !self.readable.contains(rule)).collect()
    }

    /// Nothing proves that nobody has a lock rule's attribute.
    pub fn hidden(&mut self, rule: LockRule) {
        self.hidden.insert(rule);
    }

    /// The state of an entry that is not part of the reading, such as one found by its id, judged
    /// by what the reading has shown so far.
    pub fn state_of(&self, entry: &Entry) -> AccountState {
        let (judgement, _) = judge(entry, &self.mapping.locks, self.now);
        judgement.settle(&self.readable)
    }

    /// Those of `known` that no entry had so far, usable or not: to be looked up by id.
    pub fn missing<'k>(&self, known: &'k BTreeSet<DirectoryId>) -> Vec<&'k DirectoryId> {
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
    pub fn finish(
        mut self,
        absence: Result<Proof, Vec<Gap>>,
        group_absence: Result<Proof, Vec<Gap>>,
        source: SourceIdentity,
        sentinels: &[String],
    ) -> Directory {
        self.settle_states();
        let sentinel_gaps = self.missing_sentinels(sentinels);
        let gaps = [sentinel_gaps.clone(), self.accounts.gaps()].concat();
        let absence = with_gaps(absence, gaps, self.accounts.seen);
        let gaps = [sentinel_gaps, self.groups.gaps()].concat();
        let group_absence = match group_absence {
            Err(known) if known.contains(&Gap::NotRead) => Err(known),
            said => with_gaps(said, gaps, self.groups.seen),
        };
        let raw_groups = std::mem::take(&mut self.groups.items);
        let groups = groups::resolve(raw_groups, &mut self.accounts.items, self.mapping);
        let shape = self.shape();
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
        }
    }

    fn settle_states(&mut self) {
        for (id, judgement, rule) in std::mem::take(&mut self.open) {
            if let Some(account) = self.accounts.items.get_mut(&id) {
                account.state = not_a_person::state(rule, judgement.settle(&self.readable));
            }
        }
    }

    /// A sentinel that was read but is unusable was seen: the right to see it is there.
    fn missing_sentinels(&self, sentinels: &[String]) -> Vec<Gap> {
        let (mut dns, mut names) = (BTreeSet::new(), BTreeSet::new());
        if !sentinels.is_empty() {
            for account in self.accounts.items.values() {
                dns.insert(dn::normalise(&account.dn));
                names.insert(dn::fold(&account.username.replace(Account::HIDDEN, "")));
            }
            dns.extend(self.groups.items.values().map(|g| dn::normalise(&g.dn)));
            dns.extend(
                self.accounts
                    .rejected
                    .iter()
                    .map(|r| dn::normalise(&r.name)),
            );
            dns.extend(self.groups.rejected.iter().map(|r| dn::normalise(&r.name)));
        }
        let seen = |name: &&String| {
            if dn::is_dn(name) {
                dns.contains(&dn::normalise(name))
            } else {
                names.contains(&dn::fold(name))
            }
        };
        let missing = sentinels.iter().filter(|name| !seen(name));
        missing.map(|name| Gap::Sentinel(name.clone())).collect()
    }

    fn shape(&mut self) -> Shape {
        let accounts = self.accounts.items.len();
        let mut containers = BTreeMap::new();
        for account in self.accounts.items.values() {
            *containers.entry(dn::parent(&account.dn)).or_insert(0) += 1;
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
