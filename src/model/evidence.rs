//! What a reading proves. [`Roster::look`] is the only way to learn that something is not there.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use super::{AccountState, Lookup, SourceIdentity, Timestamp};

/// The answer to "is it there?".
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Evidence<T> {
    /// It was read.
    Present(T),
    /// It is not there, and this proves it.
    Absent(Proof),
    /// It is not known whether it is there; nothing may be taken away because of it.
    Unknown(Gap),
}

/// Why an absence may be believed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    /// When the reading that proves it was taken.
    pub at: Timestamp,
    /// The server or file that answered.
    pub source: String,
    /// How many entries the complete reading had.
    pub entries: usize,
    /// The answer of the look-up by id, where one was made.
    pub lookup: Option<Lookup>,
}

/// Why a reading proves nothing about what it does not contain.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Gap {
    /// The search ended with an LDAP result code other than success (RFC 4511, appendix A).
    ResultCode {
        /// The code, for example 4 for sizeLimitExceeded.
        code: u32,
        /// The server's own words.
        message: String,
    },
    /// A page came without the paging control, or with one that cannot be right (RFC 2696).
    Paging(String),
    /// A referral points to a part of the base that was not read.
    Referral(String),
    /// A ranged attribute or a group's members could not be read to the end.
    Range(String),
    /// The file was truncated, empty, or changed while it was read.
    File(String),
    /// An entry that must always be there was not: the DN or name from `sentinels`.
    Sentinel(String),
    /// No entry at all was found.
    Empty,
    /// Fewer entries than the server says that it has.
    Short {
        /// How many were read.
        read: u64,
        /// How many there are, as the server says.
        told: u64,
    },
    /// Entries are older than what was answered before; the text names them.
    Older(String),
    /// The number of entries is exactly a usual limit of servers, and nothing confirms it.
    SuspectCount(usize),
    /// The look-up by id failed, or was not made because too many were missing.
    Lookup(String),
    /// The entry is there but could not be understood.
    Rejected(String),
    /// This many more reasons of the kinds above; they were not kept.
    More(usize),
    /// This side was not read in this cycle.
    NotRead,
}

impl fmt::Display for Gap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ResultCode { code, message } => {
                let name = match code {
                    3 => "time limit exceeded",
                    4 => "size limit exceeded",
                    11 => "administrative limit exceeded",
                    _ => "not success",
                };
                write!(f, "the search ended with result {code} ({name})")?;
                if message.is_empty() {
                    Ok(())
                } else {
                    write!(f, ": {message}")
                }
            }
            Self::Paging(what) => write!(f, "the server's paging cannot be trusted: {what}"),
            Self::Referral(url) => write!(
                f,
                "a part of the base is elsewhere: {url}; read it from a server that holds all of \
                 it (on Active Directory the Global Catalog, port 3269), or narrow provider.base"
            ),
            Self::Range(what) => write!(f, "not read to the end: {what}"),
            Self::File(what) => write!(f, "the file is not whole: {what}"),
            Self::Sentinel(name) => {
                write!(
                    f,
                    "the sentinel {name} was not found, though it must always be there"
                )
            }
            Self::Empty => f.write_str("the reading has no entry at all"),
            Self::Short { read, told } => write!(
                f,
                "{read} were read, and the server says that it has {told}: something on the way \
                 cuts the list"
            ),
            Self::Older(who) => write!(
                f,
                "what is read of some is older than what the server answered before ({who}): does \
                 a cache or a read replica answer? Let nothing between mattersync and the server \
                 keep answers"
            ),
            Self::SuspectCount(n) => {
                write!(
                    f,
                    "exactly {n} entries: the number of a usual server limit, and nothing \
                     confirms that there are no more"
                )
            }
            Self::Lookup(what) => write!(f, "the look-up by id did not tell: {what}"),
            Self::Rejected(what) => write!(f, "the entry is there but cannot be used: {what}"),
            Self::More(number) => write!(f, "and {number} more reasons like these"),
            Self::NotRead => f.write_str("it was not read"),
        }
    }
}

/// An entry that was read and could not be used. It is not absent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejected<K> {
    /// Its id, if that could be read.
    pub key: Option<K>,
    /// What names it to people: its DN or, on the Mattermost side, its username, else the address or
    /// id that was asked for, or words that say where it was. May be empty.
    pub name: String,
    /// What is wrong with it, and what to do.
    pub why: String,
}

/// One reading of one side, with what it proves about absence.
#[derive(Clone, Debug)]
pub struct Roster<K, T> {
    items: BTreeMap<K, T>,
    rejected: Vec<Rejected<K>>,
    /// The positions of each key in `rejected`. A wrong mapping rejects every entry, so they must
    /// be found quickly.
    unusable: BTreeMap<K, Vec<usize>>,
    absence: Result<Proof, Vec<Gap>>,
    lookups: BTreeMap<K, Result<Lookup, Gap>>,
    source: SourceIdentity,
}

impl<K: Ord + Clone, T> Roster<K, T> {
    /// Makes a roster of `items`. `absence` says whether what is not in it may be called absent.
    pub fn new(
        items: BTreeMap<K, T>,
        rejected: Vec<Rejected<K>>,
        absence: Result<Proof, Vec<Gap>>,
        source: SourceIdentity,
    ) -> Self {
        let unusable = by_key(&rejected);
        Self {
            items,
            rejected,
            unusable,
            absence,
            lookups: BTreeMap::new(),
            source,
        }
    }

    /// Makes a roster for something that was not read. It proves nothing.
    pub fn unread() -> Self {
        Self::new(
            BTreeMap::new(),
            Vec::new(),
            Err(vec![Gap::NotRead]),
            SourceIdentity::default(),
        )
    }

    /// Adds the answer of a look-up by id of something that the reading did not contain.
    pub fn add_lookup(&mut self, key: K, said: Result<Lookup, Gap>) {
        self.lookups.insert(key, said);
    }

    /// Records that the reading proves nothing about what it does not contain, and why.
    pub fn doubt(&mut self, gap: Gap) {
        match &mut self.absence {
            Ok(_) => self.absence = Err(vec![gap]),
            Err(gaps) => gaps.push(gap),
        }
    }

    /// Removes an item that must not be believed; it does not count as absent. An item that is
    /// rejected again replaces its earlier rejection and the reason for it.
    pub fn reject(&mut self, bad: Rejected<K>) {
        if let Some(key) = &bad.key {
            self.items.remove(key);
        }
        let same = |old: &&mut Rejected<K>| old.key == bad.key && old.name == bad.name;
        if let Some(old) = self.rejected.iter_mut().find(same) {
            old.why = bad.why;
            return;
        }
        if let Some(key) = &bad.key {
            let at = self.rejected.len();
            self.unusable.entry(key.clone()).or_default().push(at);
        }
        self.rejected.push(bad);
    }

    /// Adds or replaces an item that was read apart from the rest. Its earlier rejections no longer
    /// count.
    pub fn insert(&mut self, key: K, item: T) {
        if self.unusable.contains_key(&key) {
            self.rejected.retain(|bad| bad.key.as_ref() != Some(&key));
            self.unusable = by_key(&self.rejected);
        }
        self.items.insert(key, item);
    }

    /// Returns whether an entry with this key was read that cannot be used.
    pub fn is_rejected(&self, key: &K) -> bool {
        self.unusable.contains_key(key)
    }

    /// Returns why the entry of this key cannot be used. If several entries have the key, all of
    /// them are named, because nothing here tells which one is meant.
    fn unusable_because(&self, key: &K) -> Option<String> {
        let at = self.unusable.get(key)?.iter();
        let bad: Vec<_> = at.filter_map(|at| self.rejected.get(*at)).collect();
        match bad.as_slice() {
            [] => None,
            [one] => Some(one.why.clone()),
            several => {
                let names: BTreeSet<&str> = several.iter().map(|bad| bad.name.as_str()).collect();
                let names: Vec<&str> = names.into_iter().collect();
                Some(format!(
                    "these entries have the same id, which must be unique: {}",
                    names.join("; ")
                ))
            }
        }
    }

    /// Looks for `key`. The answer is "absent" only if the reading was complete, the entry was not
    /// merely unusable, and a look-up by id, where one was made, agrees.
    pub fn look(&self, key: &K) -> Evidence<&T> {
        if let Some(item) = self.items.get(key) {
            return Evidence::Present(item);
        }
        if let Some(why) = self.unusable_because(key) {
            return Evidence::Unknown(Gap::Rejected(why));
        }
        let lookup = match self.lookups.get(key) {
            Some(Err(gap)) => return Evidence::Unknown(gap.clone()),
            Some(Ok(lookup)) => Some(lookup.clone()),
            None => None,
        };
        match &self.absence {
            Ok(proof) => Evidence::Absent(Proof {
                lookup,
                ..proof.clone()
            }),
            Err(gaps) => Evidence::Unknown(gaps.first().cloned().unwrap_or(Gap::NotRead)),
        }
    }

    /// Returns where the look-up by id found `key`, and in which state, whatever the rest of the
    /// reading proves: an account that was *found* locked elsewhere is locked, even if the reading
    /// was cut short.
    pub fn found_elsewhere(&self, key: &K) -> Option<(&str, &AccountState)> {
        match self.lookups.get(key) {
            Some(Ok(Lookup::Elsewhere { dn, state, .. })) => Some((dn, state)),
            _ => None,
        }
    }

    /// Returns the item, if it was read. `None` says nothing about absence: see [`Roster::look`].
    pub fn get(&self, key: &K) -> Option<&T> {
        self.items.get(key)
    }

    /// Returns the item to be changed, if it was read.
    pub fn get_mut(&mut self, key: &K) -> Option<&mut T> {
        self.items.get_mut(key)
    }

    /// Returns the items in the order of their keys.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &T)> {
        self.items.iter()
    }

    /// Returns how many items were read.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Returns whether no item was read. That says nothing about absence: see [`Roster::look`].
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Returns what was read and could not be used.
    pub fn rejected(&self) -> &[Rejected<K>] {
        &self.rejected
    }

    /// Returns why absence is not proven; empty when it is proven.
    pub fn gaps(&self) -> &[Gap] {
        match &self.absence {
            Ok(_) => &[],
            Err(gaps) => gaps,
        }
    }

    /// Returns the server or file that was read.
    pub fn source(&self) -> &SourceIdentity {
        &self.source
    }
}

/// Returns the positions of each key in a list of what cannot be used.
fn by_key<K: Ord + Clone>(rejected: &[Rejected<K>]) -> BTreeMap<K, Vec<usize>> {
    let mut by_key: BTreeMap<K, Vec<usize>> = BTreeMap::new();
    for (at, bad) in rejected.iter().enumerate() {
        if let Some(key) = &bad.key {
            by_key.entry(key.clone()).or_default().push(at);
        }
    }
    by_key
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proof() -> Proof {
        Proof {
            at: Timestamp(1),
            source: "test".into(),
            entries: 1,
            lookup: None,
        }
    }

    fn roster(absence: Result<Proof, Vec<Gap>>) -> Roster<u8, char> {
        let bad = Rejected {
            key: Some(9),
            name: "cn=nine".into(),
            why: "no username".into(),
        };
        Roster::new(
            BTreeMap::from([(1, 'a')]),
            vec![bad],
            absence,
            SourceIdentity::default(),
        )
    }

    #[test]
    fn absence_needs_a_complete_reading() {
        assert_eq!(roster(Ok(proof())).look(&1), Evidence::Present(&'a'));
        assert_eq!(roster(Ok(proof())).look(&2), Evidence::Absent(proof()));
        assert_eq!(
            roster(Err(vec![Gap::Empty])).look(&2),
            Evidence::Unknown(Gap::Empty)
        );
        assert_eq!(
            Roster::<u8, char>::unread().look(&2),
            Evidence::Unknown(Gap::NotRead)
        );
    }

    /// Which of them the person was nobody knows: the other must be named, not one by chance.
    #[test]
    fn of_entries_with_the_same_id_all_are_named() {
        let bad = ["uid=anna", "uid=bert"].map(|name| Rejected {
            key: Some(9),
            name: name.into(),
            why: "its id is also that of the other".into(),
        });
        let roster: Roster<u8, char> = Roster::new(
            BTreeMap::new(),
            bad.into(),
            Ok(proof()),
            SourceIdentity::default(),
        );
        let Evidence::Unknown(Gap::Rejected(why)) = roster.look(&9) else {
            panic!("it is known");
        };
        assert!(why.ends_with("uid=anna; uid=bert"), "{why}");
    }

    #[test]
    fn an_unusable_entry_is_not_absent() {
        assert!(matches!(
            roster(Ok(proof())).look(&9),
            Evidence::Unknown(Gap::Rejected(_))
        ));
    }

    /// A row that is read twice is still one row: it counts once, and has no twin.
    #[test]
    fn what_is_rejected_twice_is_one() {
        let mut roster = roster(Ok(proof()));
        let bad = |key: Option<u8>, why: &str| Rejected {
            key,
            name: "cn=nine".into(),
            why: why.into(),
        };
        roster.reject(bad(Some(9), "too old"));
        roster.reject(bad(None, "too large"));
        roster.reject(bad(None, "too large"));
        assert_eq!(roster.rejected().len(), 2);
        let too_old = Gap::Rejected("too old".into());
        assert_eq!(roster.look(&9), Evidence::Unknown(too_old));
        roster.insert(9, 'n');
        assert_eq!(roster.rejected(), [bad(None, "too large")]);
        roster.reject(bad(Some(9), "too old"));
        assert!(roster.get(&9).is_none() && roster.is_rejected(&9));
        assert_eq!(roster.rejected().len(), 2);
    }

    #[test]
    fn a_failed_lookup_leaves_it_unknown() {
        let mut roster = roster(Ok(proof()));
        roster.add_lookup(2, Err(Gap::Lookup("busy".into())));
        assert!(matches!(roster.look(&2), Evidence::Unknown(Gap::Lookup(_))));
        roster.add_lookup(2, Ok(Lookup::Nowhere));
        assert!(
            matches!(roster.look(&2), Evidence::Absent(p) if p.lookup == Some(Lookup::Nowhere))
        );
    }
}
