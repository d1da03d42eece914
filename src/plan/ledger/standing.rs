//! What happens to a person's user, and the subject of messages about links.

use crate::model::{AccountKey, Evidence, Link, Subject, full_name};
use crate::plan::ledger::draft::Draft;

/// What happens to a person's user because of the account's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The user is active, or is to be created: fields and memberships are kept in step.
    In,
    /// The user is reactivated in this plan, if there is a seat.
    Back,
    /// The user stays deactivated although the account is in use: fields are kept in step.
    Resting,
    /// The account is locked: fields are left as they are.
    Out,
}

/// Returns the subject for messages about a link whose account was not read.
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
        full_name: user.map(|u| full_name(&u.profile)).unwrap_or_default(),
    }
}
