//! Ids that more than one entry has, in readings that may show only one of them.
//!
//! A whole reading shows all entries, and the provider rejects those that share an id. One that
//! ended early may show one of two, perhaps not the one whom the user was made for.

use crate::model::{Account, AccountKey, Gap, Link, ProviderName, Why};
use crate::plan::ledger::draft::Draft;

/// Why a reading may lack entries that are there and would be listed.
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
        // Whatever is listed is shown all the same.
        Gap::Referral(_) | Gap::Range(_) | Gap::Lookup(_) | Gap::Rejected(_) | Gap::Older(_) => {
            false
        }
    }
}

/// Why an account that was read may be another one than the one known by its id: it was seen more
/// than once, and whether it still is, this reading does not show.
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

/// The same for one that is not where it was, until the next reading finds it there again: nobody
/// may have seen the other one yet.
pub fn elsewhere(draft: &Draft<'_>, key: &AccountKey, link: &Link, now: &Account) -> Option<Why> {
    let gap = cut(draft, &key.provider).filter(|_| link.last_dn != now.dn)?;
    let was = &link.last_dn;
    let why = "it was elsewhere, and whether another entry has its id cannot be seen";
    Some(Why::BadEntry(format!("{why} ({was}): {gap}")))
}
