//! Chooses free temporary values, which open rings of names and addresses.

use crate::model::{AccountKey, Claimed};
use crate::plan::facts::temporary::{email_of, username_of};
use crate::plan::ledger::draft::Draft;

/// Returns a free temporary name that is recognisable as such, the same in every plan for one
/// account. Other users may have taken some of them.
pub fn free_username(draft: &Draft<'_>, key: &AccountKey) -> String {
    let first = username_of(key);
    let others = (2_u64..).map(|number| format!("{first}-{number}"));
    let mut names = std::iter::once(first.clone()).chain(others);
    let free = names.find(|name| {
        draft.named(name).is_none() && draft.unread_holder(Claimed::Username, name).is_none()
    });
    free.unwrap_or(first)
}

/// Returns a free address that reaches nobody (RFC 2606, section 2), the same in every plan.
pub fn free_email(draft: &Draft<'_>, key: &AccountKey) -> String {
    let mut address = email_of(key);
    while draft.addressed(&address).is_some() {
        address.insert_str(0, "again-");
    }
    address
}

/// Returns whether a ring of addresses can be opened. It cannot where the server verifies
/// addresses, or may do so: nobody could confirm the temporary address. It cannot either where the
/// server accepts only certain domains: a temporary address there could belong to somebody.
pub fn takes_temporary(draft: &Draft<'_>) -> bool {
    let server = draft.world.server;
    server.require_email_verification == Some(false) && server.restrict_to_domains.is_empty()
}
