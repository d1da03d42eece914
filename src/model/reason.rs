//! Why a step is wanted.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Agreement, RunId, Timestamp};

/// Why a step is wanted, with the values that led to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// The account has no user yet.
    NoUserYet,
    /// The user who is adopted was on the server before, and is the same person.
    SamePerson {
        /// What the account and the user have in common.
        by: Agreement,
    },
    /// The account that the user is linked with is gone; another one has the same second anchor.
    SameAnchor {
        /// The second anchor that both have.
        anchor: String,
        /// The DN of the other account when it was last seen.
        was: String,
    },
    /// An attribute says that the account is locked.
    Locked {
        /// The attribute that shows the lock.
        attribute: String,
        /// Its value, cut if it is long; in place of a password, words about it.
        value: String,
    },
    /// Complete readings do not contain the account.
    Missing {
        /// For how long it has certainly been missing.
        certain: Duration,
        /// How many complete readings did not contain it.
        readings: u32,
        /// Its DN when it was last seen.
        last_dn: String,
        /// Its DN now, if it was found outside the base or the filter.
        now_at: Option<String>,
    },
    /// The account is back, or no longer locked, and we had deactivated the user.
    Returned {
        /// Why it had been deactivated.
        deactivated_because: String,
    },
    /// Directory and Mattermost differ.
    Differs {
        /// The attribute, field or source in the directory.
        attribute: String,
        /// What the directory says.
        directory: String,
        /// What Mattermost says.
        mattermost: String,
    },
    /// Another step of the same run needs the username or address that the user has.
    MakesRoom {
        /// The username or address that is needed.
        name: String,
    },
    /// A person left in the middle of an exchange of names, and has a temporary name.
    LeftBetween {
        /// The directory's name for the account when it was last seen.
        last: String,
    },
    /// The server would disable our bot together with its owner.
    OwnsOurBot {
        /// The bot's username.
        bot: String,
        /// The owner's username.
        owner: String,
    },
    /// The team is in the configuration and does not exist on the server.
    TeamConfigured,
    /// The team is configured as one with everyone as a member.
    EveryoneIsMember {
        /// The team's display name.
        team: String,
    },
    /// A person takes back what a run did.
    Undone {
        /// The run whose step is taken back.
        run: RunId,
        /// The person who takes it back.
        by: String,
        /// Whether the user stays deactivated until a person activates them.
        lasting: bool,
    },
    /// A person ordered it.
    Ordered {
        /// The person who ordered it.
        by: String,
    },
    /// A person approved the adoption, and asked that the user's old password no longer works.
    NewPassword {
        /// The person who asked for it.
        by: String,
    },
    /// A person linked the account with a user, or removed the link.
    ByHand {
        /// The person who did it.
        by: String,
        /// Whether they typed `mattersync link`; otherwise `mattersync unlink`.
        linked: bool,
    },
    /// The account's date of expiry has come.
    Expired {
        /// The attribute that holds the date.
        attribute: String,
        /// The date from which the account counts as locked.
        at: Timestamp,
        /// When the date was announced, if that was long enough before: then it surprises nobody,
        /// and the guard does not count the step.
        announced: Option<Timestamp>,
    },
    /// An administrator reactivated the user, and the policy is to deactivate them again.
    Again {
        /// Why the user is to be deactivated.
        because: Box<Reason>,
    },
    /// The account has been gone for so long that the user is deleted for ever.
    GoneFor {
        /// Since when complete readings do not contain it.
        since: Timestamp,
        /// When the user was deactivated.
        deactivated: Timestamp,
        /// `policy.purge-after`, which has passed since `since`.
        after: Duration,
        /// The DN when it was last seen.
        last_dn: String,
    },
}
