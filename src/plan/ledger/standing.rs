//! What becomes of a person's user, and whom messages are about.

use crate::model::{AccountKey, Evidence, Link, Subject};
use crate::plan::ledger::draft::Draft;

/// What becomes of a person's user, as far as the state of the account is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Active, or to be created: fields and memberships are kept in step.
    In,
    /// Comes back in this plan, if there is a seat.
    Back,
    /// Not active and stays so, but the account is in use: fields are kept in step.
    Resting,
    /// Locked: fields are left as they are.
    Out,
}

/// Whom messages are about where the account was not read.
pub fn subject(draft: &Draft<'_>, key: &AccountKey, link: &Link, dn: &str) -> Subject {
    let user = match draft.world.users.look(&link.user) {
        Evidence::Present(user) => Some(user),
        _ => None,
    };
    Subject {
        account: Some(key.clone()),
        dn: Some(dn.to_owned()),
        user: Some(link.user.clone()),
        name: user.map_or_else(|| link.last_username.clone(), |u| u.username.clone()),
        email: user.map(|u| u.email.clone()),
    }
}
