//! Free temporary values, with which rings of names and addresses are opened.

use crate::model::AccountKey;
use crate::plan::facts::temporary::{email_of, username_of};
use crate::plan::ledger::draft::Draft;

/// A free name that says what it is, the same in every plan for the same account. Others may have
/// taken some of them.
pub fn free_username(draft: &Draft<'_>, key: &AccountKey) -> String {
    let first = username_of(key);
    let others = (2_u64..).map(|number| format!("{first}-{number}"));
    let mut names = std::iter::once(first.clone()).chain(others);
    let free =
        names.find(|name| draft.named(name).is_none() && draft.unread_holder(name).is_none());
    free.unwrap_or(first)
}

/// An address that reaches nobody (RFC 2606, section 2), the same in every plan for one account.
pub fn free_email(draft: &Draft<'_>, key: &AccountKey) -> String {
    let mut address = email_of(key);
    while draft.addressed(&address).is_some() {
        address.insert_str(0, "again-");
    }
    address
}

/// Whether a ring of addresses can be opened. Not where the server verifies addresses, or may:
/// nobody could click in what is sent to the temporary one. Nor where it takes only addresses of
/// certain domains, in which a temporary one could be somebody's.
pub fn takes_temporary(draft: &Draft<'_>) -> bool {
    let server = draft.world.server;
    server.require_email_verification == Some(false) && server.restrict_to_domains.is_empty()
}
