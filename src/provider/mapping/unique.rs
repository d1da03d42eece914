//! Entries by ids that must be unique.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Gap, Rejected};

use super::dn;

/// Whether servers are known to cut an answer at this number of entries without saying so.
pub fn is_suspect_count(entries: usize) -> bool {
    matches!(entries, 500 | 1000 | 1500)
}

/// Things by an id that must be unique, and entries that could not become one.
#[derive(Debug)]
pub(super) struct Unique<K, T> {
    pub(super) items: BTreeMap<K, T>,
    pub(super) rejected: Vec<Rejected<K>>,
    /// Ids that several entries have.
    clashing: BTreeSet<K>,
    /// Entries that the server returned, usable or not.
    pub(super) seen: usize,
}

impl<K, T> Default for Unique<K, T> {
    fn default() -> Self {
        Self {
            items: BTreeMap::new(),
            rejected: Vec::new(),
            clashing: BTreeSet::new(),
            seen: 0,
        }
    }
}

impl<K: Ord + Clone + std::fmt::Display, T> Unique<K, T> {
    /// Adds an item. False if it is there already, or if another entry has its id.
    pub(super) fn insert(
        &mut self,
        key: K,
        dn: &str,
        item: T,
        dn_of: impl Fn(&T) -> &String,
    ) -> bool {
        let clash =
            |other: &str| format!("its id {key} is also that of {other}; an id must be unique");
        if self.clashing.contains(&key) {
            self.rejected.push(Rejected {
                key: Some(key.clone()),
                name: dn.to_owned(),
                why: clash("other entries"),
            });
            return false;
        }
        match self.items.get(&key).map(dn_of) {
            None => {
                self.items.insert(key, item);
                true
            }
            Some(known) if dn::normalise(known) == dn::normalise(dn) => false,
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
                false
            }
        }
    }

    pub(super) fn reject(&mut self, key: Option<K>, name: String, why: String) {
        self.rejected.push(Rejected { key, name, why });
    }

    /// What the entries themselves say against completeness.
    pub(super) fn gaps(&self) -> Vec<Gap> {
        let mut gaps = Vec::new();
        match (self.items.len(), self.rejected.len()) {
            (0, 0) => gaps.push(Gap::Empty),
            (0, n) => gaps.push(Gap::Rejected(format!(
                "none of {n} entries can be used; is the mapping right?"
            ))),
            _ => {}
        }
        let nameless: Vec<_> = self.rejected.iter().filter(|r| r.key.is_none()).collect();
        if let Some(first) = nameless.first() {
            gaps.push(Gap::Rejected(format!(
                "entries without usable id, who may be anybody: {}, the first is {} ({}); \
                 repair them or leave them out with the filter",
                nameless.len(),
                first.name,
                first.why
            )));
        }
        gaps
    }
}
