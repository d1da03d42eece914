//! Finds entries that are in a file more than once.

use std::collections::BTreeMap;

use crate::model::{DirectoryId, Dn, Gap};

/// The names of all entries so far.
#[derive(Debug, Default)]
pub(super) struct SeenEntries {
    /// The id of each entry by its name.
    all: BTreeMap<Dn, Option<DirectoryId>>,
    /// The first few names that were repeated.
    twice: Vec<String>,
    count: usize,
}

impl SeenEntries {
    /// Records an entry. Returns the id of another entry that had the same name before: that one
    /// was deleted and created again between two dumps.
    pub(super) fn take(
        &mut self,
        name: &Dn,
        dn: &str,
        id: Option<&DirectoryId>,
    ) -> Option<DirectoryId> {
        if dn.is_empty() {
            return None;
        }
        let Some(known) = self.all.get_mut(name) else {
            self.all.insert(name.clone(), id.cloned());
            return None;
        };
        self.count += 1;
        if self.twice.len() < 3 {
            self.twice.push(dn.to_owned());
        }
        let before = std::mem::replace(known, id.cloned())?;
        Some(before).filter(|before| Some(before) != id)
    }

    /// Returns a gap if entries were repeated: an appended dump still contains entries that were
    /// deleted after the first one.
    pub(super) fn gap(&self) -> Option<Gap> {
        let more = if self.count > self.twice.len() {
            ", …"
        } else {
            ""
        };
        (self.count > 0).then(|| {
            Gap::File(format!(
                "{} of its entries stand there twice ({}{more}); was the dump appended (>>) instead \
                 of written anew? Of two the last one counts, and a lock of either",
                self.count,
                self.twice.join("; "),
            ))
        })
    }
}
