//! Ids that several entries have, in readings that may show only one of these entries.
//!
//! A complete reading shows all entries, and the provider rejects those that share an id. A reading
//! that ended early may show only one of two, perhaps not the one for which the user was created.

use crate::model::{Account, AccountKey, Gap, Link, ProviderName, Why};
use crate::plan::ledger::draft::Draft;

/// Returns why a reading may lack entries that exist and would be listed.
pub fn cut<'a>(draft: &Draft<'a>, provider: &ProviderName) -> Option<&'a Gap> {
    let directory = draft.world.directories.get(provider)?;
    directory.accounts.gaps().iter().find(|gap| is_cut(gap))
}

pub fn is_cut(gap: &Gap) -> bool {
    match gap {
        Gap::ResultCode { .. }
        | Gap::Paging(_)
        | Gap::File(_)
        | Gap::Sentinel(_)
        | Gap::Short { .. }
        | Gap::SuspectCount(_)
        | Gap::Empty
        | Gap::More(_)
        | Gap::NotRead => true,
        // Every listed entry is shown all the same.
        Gap::Referral(_) | Gap::Range(_) | Gap::Lookup(_) | Gap::Rejected(_) | Gap::Older(_) => {
            false
        }
    }
}

/// Returns why an account that was read may not be the known one: several entries had its id
/// before, and this reading does not show whether they still do.
pub fn doubt(draft: &Draft<'_>, key: &AccountKey) -> Option<Why> {
    let gap = cut(draft, &key.provider)?;
    draft
        .world
        .memory
        .account(key)
        .duplicate
        .is_some()
        .then(|| {
            let why = "more than one entry had its id, and whether that is so still cannot be seen";
            Why::BadEntry(format!("{why}: {gap}"))
        })
}

/// Returns why an account that was read elsewhere than before may not be the known one: until the
/// next reading finds it there again, another entry may have its id unseen.
pub fn elsewhere(draft: &Draft<'_>, key: &AccountKey, link: &Link, now: &Account) -> Option<Why> {
    let gap = cut(draft, &key.provider).filter(|_| link.last_dn != now.dn)?;
    let was = &link.last_dn;
    let why = "it was elsewhere, and whether another entry has its id cannot be seen";
    Some(Why::BadEntry(format!("{why} ({was}): {gap}")))
}
