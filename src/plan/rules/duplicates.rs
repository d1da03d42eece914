//! Ids that more than one entry has, in readings that may show only one of them.
//!
//! A whole reading shows all entries, and the provider rejects those that share an id. One that
//! ended early may show one of two, perhaps not the one whom the user was made for.
//!
//! Guarantees: while a reading may lack entries, nothing is done for an id that several entries had,
//! until a reading that lacks none has shown one entry.

use std::collections::BTreeSet;

use crate::model::{AccountChange, AccountKey, Directory, ProviderName, Remember};
use crate::plan::ledger::draft::Draft;
use crate::plan::ledger::shared_ids::is_cut;

/// Remembers which accounts were seen more than once, until a complete reading shows each of them once.
pub fn learn(draft: &mut Draft<'_>, provider: &ProviderName, directory: &Directory) {
    let mut once = BTreeSet::new();
    let keys = directory.accounts.rejected().iter();
    let keys = keys.filter_map(|bad| bad.key.as_ref());
    let seen: BTreeSet<AccountKey> = keys
        .filter(|id| !once.insert(*id))
        .map(|id| AccountKey {
            provider: provider.clone(),
            id: id.clone(),
        })
        .collect();
    let memory = draft.world.memory;
    let new = seen
        .iter()
        .filter(|key| memory.account(key).duplicate.is_none());
    let at = draft.now.wall;
    let mut changes: Vec<_> = new
        .map(|key| Remember::Account(key.clone(), AccountChange::Duplicate(Some(at))))
        .collect();
    if !directory.accounts.gaps().iter().any(is_cut) {
        let over = |key: &&AccountKey| key.provider == *provider && !seen.contains(key);
        let known = memory.accounts_with(|account| account.duplicate);
        let over = known.map(|(key, _)| key).filter(over);
        changes
            .extend(over.map(|key| Remember::Account(key.clone(), AccountChange::Duplicate(None))));
    }
    changes.into_iter().for_each(|change| draft.learn(change));
}
