//! What a step did to the server.

use crate::model::{TeamId, Timestamp, User};

/// What a step did to the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The user was created; this is the server's answer.
    Created(Box<User>),
    /// Nothing was sent; the link is made.
    Adopted,
    /// Nothing was sent; the link is another account's.
    Moved,
    /// Nothing was sent; the link is forgotten.
    Unlinked,
    /// The username is the new one.
    Renamed,
    /// The address is the new one.
    EmailChanged,
    /// The server asked the person to confirm the new address.
    EmailAsked,
    /// The profile was changed; this is the server's answer.
    Updated(Box<User>),
    /// The user is deactivated since this moment of the server's clock.
    Deactivated(Timestamp),
    /// The user is active.
    Reactivated,
    /// The user is deleted for ever.
    Purged,
    /// Our bot belongs to somebody else.
    BotAssigned,
    /// The user has to log in again.
    SessionsEnded,
    /// Nobody knows the password any more, and nobody is logged in.
    AccessReset,
    /// The team exists.
    TeamMade(TeamId),
    /// The user is a member.
    Joined,
}
