//! What a step changed on the server.

use crate::model::{TeamId, Timestamp, User};

/// What a step changed on the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The user was created; this is the server's answer.
    Created(Box<User>),
    /// Nothing was sent; the link is made.
    Adopted,
    /// Nothing was sent; the link belongs to another account now.
    Moved,
    /// Nothing was sent; the link is removed.
    Unlinked,
    /// The user has the new username.
    Renamed,
    /// The user has the new address.
    EmailChanged,
    /// The server asked the person to confirm the new address.
    EmailAsked,
    /// The profile was changed; this is the server's answer.
    Updated(Box<User>),
    /// The user is deactivated since this moment by the server's clock.
    Deactivated(Timestamp),
    /// The user is active.
    Reactivated,
    /// The user is deleted for ever.
    Purged,
    /// Our bot belongs to the new owner.
    BotAssigned,
    /// The user has to log in again.
    SessionsEnded,
    /// The password is random, and no session is left.
    AccessReset,
    /// The team exists.
    TeamMade(TeamId),
    /// The user is a member.
    Joined,
}
