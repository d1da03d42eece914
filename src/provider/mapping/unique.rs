//! Keeps entries by ids that must be unique.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Dn, Gap, Rejected};

use super::ids::NoId;

/// Returns whether servers are known to cut an answer silently at this number of entries.
pub(crate) fn is_suspect_count(entries: usize) -> bool {
    matches!(entries, 500 | 1000 | 1500)
}

/// The fault that another entry has the same id.
#[derive(Debug)]
pub(super) struct Clash;

/// Items by an id that must be unique, and the entries that were rejected.
#[derive(Debug)]
pub(super) struct UniqueEntries<K, T> {
    pub(super) items: BTreeMap<K, T>,
    pub(super) rejected: Vec<Rejected<K>>,
    /// The indexes in `rejected` of entries without a readable id.
    anybody: Vec<usize>,
    /// Ids that several entries have.
    clashing: BTreeSet<K>,
    /// How many entries the server returned, usable or not.
    pub(super) seen: usize,
}

impl<K, T> Default for UniqueEntries<K, T> {
    fn default() -> Self {
        Self {
            items: BTreeMap::new(),
            rejected: Vec::new(),
            anybody: Vec::new(),
            clashing: BTreeSet::new(),
            seen: 0,
        }
    }
}

impl<K: Ord + Clone + std::fmt::Display, T> UniqueEntries<K, T> {
    /// Adds an item. Returns the item that it replaces: the same entry as it was read before.
    pub(super) fn insert(
        &mut self,
        key: K,
        dn: &str,
        item: T,
        dn_of: impl Fn(&T) -> &String,
    ) -> Result<Option<T>, Clash> {
        let clash =
            |other: &str| format!("its id {key} is also that of {other}; an id must be unique");
        if self.clashing.contains(&key) {
            self.rejected.push(Rejected {
                key: Some(key.clone()),
                name: dn.to_owned(),
                why: clash("other entries"),
            });
            return Err(Clash);
        }
        match self.items.get(&key).map(dn_of) {
            None => {
                self.items.insert(key, item);
                Ok(None)
            }
            Some(known) if Dn::of(known) == Dn::of(dn) => Ok(self.items.insert(key, item)),
            Some(known) => {
                for (name, other) in [(known.as_str(), dn), (dn, known.as_str())] {
                    self.rejected.push(Rejected {
                        key: Some(key.clone()),
                        name: name.to_owned(),
                        why: clash(other),
                    });
                }
                self.items.remove(&key);
                self.clashing.insert(key);
                Err(Clash)
            }
        }
    }

    /// Rejects an entry that cannot be used. Without a key it may be any account.
    pub(super) fn reject(&mut self, key: Option<K>, name: String, why: String) {
        if key.is_none() {
            self.anybody.push(self.rejected.len());
        }
        self.rejected.push(Rejected { key, name, why });
    }

    /// Rejects an entry that cannot be used and certainly is not a known account.
    pub(super) fn reject_no_account(&mut self, name: String, why: String) {
        let key = None;
        self.rejected.push(Rejected { key, name, why });
    }

    /// Rejects an entry without a usable id.
    pub(super) fn reject_no_id(&mut self, name: String, no: NoId) {
        match no {
            NoId::Placeholder(why) => self.reject_no_account(name, why),
            NoId::Unreadable(why) => self.reject(None, name, why),
        }
    }

    /// Returns the gaps that the entries themselves show.
    pub(super) fn gaps(&self) -> Vec<Gap> {
        let mut gaps = Vec::new();
        match (self.items.len(), self.rejected.len()) {
            (0, 0) => gaps.push(Gap::Empty),
            (0, n) => gaps.push(Gap::Rejected(format!(
                "none of {n} entries can be used; is the mapping right?"
            ))),
            _ => {}
        }
        gaps
    }

    /// Returns a gap for the entries without a readable id.
    pub(super) fn anybody(&self, advice: impl Fn(&[&Rejected<K>]) -> String) -> Option<Gap> {
        let found = self.anybody.iter().filter_map(|at| self.rejected.get(*at));
        let found: Vec<_> = found.collect();
        let first = found.first()?;
        Some(Gap::Rejected(format!(
            "entries without usable id, who may be anybody: {}, the first is {} ({}); {}",
            found.len(),
            first.name,
            first.why,
            advice(&found)
        )))
    }
}
