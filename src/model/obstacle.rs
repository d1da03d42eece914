//! What speaks against doing something with a user.

use serde::{Deserialize, Serialize};

use super::Gap;

/// Why a user who has what an account wants is not adopted for it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NotAdopted {
    /// Nobody asked whether both are one person; no account is linked to the user.
    NotLinked,
    /// What the server says of the user cannot be used, for this reason.
    Unread(String),
    /// The account is locked.
    AccountLocked {
        /// The user, as `mattersync deactivate` wants it.
        username: String,
    },
    /// The username and the addresses belong to different users.
    DifferentUsers,
    /// `policy.adopt` is `never`.
    AdoptionOff,
    /// Only the username agrees, which `policy.adopt` does not call a match.
    OnlyUsername,
    /// Only an address agrees, which `policy.adopt` does not call a match.
    OnlyEmail,
    /// Everything about the user's person was forgotten.
    Forgotten,
    /// It is the account that mattersync works with.
    OwnAccount,
    /// It is a bot.
    Bot,
    /// It is another server's user.
    Remote,
    /// It is a guest.
    Guest,
    /// It is a system administrator.
    Administrator,
    /// `policy.protect` names the user.
    Protected,
    /// It carries the mark of a creation that was begun for another account.
    BegunForAnother {
        /// The other account's DN.
        dn: String,
    },
    /// It carries the mark of this account's creation, and neither username nor address agrees.
    OnlyMark,
    /// It carries the mark of this account's creation and has the username, and the account shows
    /// no address of the best source to compare.
    NoAddressToCompare,
    /// Another user carries the mark of this account's creation, too.
    SharedMark,
}

/// Why nothing is ever taken from a user.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Untouchable {
    /// It is the account that mattersync works with.
    OwnAccount,
    /// It is a bot.
    Bot,
    /// It is another server's user.
    Remote,
    /// It is the last active human system administrator.
    LastAdministrator,
    /// The server would disable mattersync's bot with the user, and nobody else could own it.
    OwnsOurBot {
        /// The bot's username.
        bot: String,
    },
}

/// Why a user whose account has been gone for long is not deleted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NotPurged {
    /// Nothing is ever taken from the user.
    Untouchable(Untouchable),
    /// `policy.protect` names the user.
    Protected,
    /// It is a system administrator.
    Administrator,
    /// The account had no new id when `accounts.id` was changed: nobody can tell whether it is there.
    FormerId,
    /// An account without a user may be the same person.
    PerhapsBack,
    /// This machine's clock jumped.
    ClockJumped,
    /// The server does not allow it.
    NotAllowed,
    /// Whether the server allows it could not be asked.
    NotAsked,
}

/// What of a username makes it look like another one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Oddity {
    /// It has invisible characters.
    Hidden,
    /// It mixes letters of several scripts.
    SeveralScripts,
    /// It has letters in another form than usual (wide ones, ligatures).
    UnusualForm,
    /// Its legal form is a name that `policy.protect` keeps for somebody else.
    KeptForAnother,
}

/// Why a group of `policy.seat-order` is not followed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SeatOrderFault {
    /// No group is called so.
    NoGroup,
    /// Nobody can tell whether there is such a group.
    Unread(Gap),
    /// The group does not show who is in it, for this reason.
    MembersUnseen(String),
}

/// What agrees between an account and a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Agreement {
    /// The username.
    pub username: bool,
    /// One of the addresses.
    pub email: bool,
    /// The user carries a mark like that of a creation by mattersync, which anybody can write.
    pub marked: bool,
}
