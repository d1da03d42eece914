//! Why something is left alone.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use strum::IntoStaticStr;

use super::{
    AccountKey, Changed, Claimed, DirectoryId, Gap, NamedUser, NotAdopted, NotPurged, Oddity,
    RunId, SeatOrderFault, Subject, TeamMoved, Timestamp, Untouchable, UserId, ValueOf,
};

/// Something that was looked at and left as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftAlone {
    /// The person, team or setting it is about.
    pub subject: Subject,
    /// Why nothing is done.
    pub why: Why,
}

/// Why something is left alone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, IntoStaticStr)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Why {
    /// A user whom we neither created nor adopted has this name or address.
    Conflict {
        /// The claim of the account.
        what: Claimed,
        /// The value that both claim.
        value: String,
        /// The user who has it.
        holder: NamedUser,
        /// Why the user is not adopted.
        because: NotAdopted,
    },
    /// A person removed the account's link.
    Unlinked {
        /// The user it was linked to.
        user: NamedUser,
        /// The person who removed the link.
        by: String,
        /// When the link was removed.
        at: Timestamp,
    },
    /// Another account of the directory has the same address.
    Duplicate {
        /// The address.
        email: String,
        /// The other account.
        other: AccountKey,
        /// Where it is, or was last seen.
        dn: String,
        /// What people know it by.
        #[serde(default)]
        label: String,
    },
    /// Another account is linked to the same user.
    LinkedTwice {
        /// The user of both.
        user: UserId,
        /// The other account.
        other: AccountKey,
    },
    /// The account has the name, address or second anchor of a user whose own account was not
    /// found. A person must say whether both accounts are the same person's.
    LooksLike {
        /// What is equal.
        what: Claimed,
        /// Its value.
        value: String,
        /// The user who has it.
        holder: NamedUser,
        /// The account that the user is linked with: its last DN and id.
        was: String,
        /// This account's id.
        id: DirectoryId,
        /// What people know both by.
        #[serde(default)]
        names: Box<AlikeNames>,
        /// Whether nothing else is equal.
        alone: bool,
    },
    /// The username looks like another username.
    LookAlike {
        /// The username as the directory spells it.
        username: String,
        /// Its legal form.
        becomes: String,
        /// What is unusual about it.
        because: Oddity,
    },
    /// The state file may be an older copy.
    OlderState {
        /// How that was noticed.
        how: String,
    },
    /// Another account has the same second anchor, so that it identifies nobody.
    SharedAnchor {
        /// The second anchor.
        anchor: String,
        /// The other account.
        other: AccountKey,
        /// Where it is.
        dn: String,
    },
    /// A group of `policy.seat-order` was not followed.
    SeatOrder {
        /// The group, as the configuration calls it.
        group: String,
        /// Why not.
        why: SeatOrderFault,
    },
    /// The entry cannot be used, for the reason in the text.
    BadEntry(String),
    /// The username has no legal form, for the reason in the text.
    NoUsername(String),
    /// No candidate address is legal, for the reason in the text.
    NoEmail(String),
    /// The server accepts only addresses of certain domains.
    DomainRefused {
        /// The address.
        email: String,
        /// The domains.
        allowed: String,
    },
    /// The account is locked, and has no user: there is nothing to do.
    LockedWithoutUser,
    /// The account is missing, but not for long enough or in too few readings.
    Grace {
        /// For how long it has certainly been missing.
        certain: Duration,
        /// The grace of the policy.
        grace: Duration,
        /// How many complete readings did not contain it.
        readings: u32,
    },
    /// The account was not seen, but the reading does not prove that it is gone.
    Unproven(Gap),
    /// Not all of Mattermost's users were read: somebody may have the name or the address already.
    UsersUnread(Gap),
    /// The user of a linked account exists, or may exist, but could not be read.
    UserUnread {
        /// The user whom the account is linked with.
        user: UserId,
        /// Why it could not be read.
        gap: Gap,
    },
    /// What Mattermost returned about a user without an account cannot be used.
    BadUser(String),
    /// The lock cannot be seen, so the user is neither deactivated nor reactivated.
    StateUnknown(String),
    /// The account was seen back once; the user is reactivated if the next reading agrees.
    SeenBackOnce,
    /// An administrator deactivated the user by hand.
    DeactivatedByHand,
    /// The user was deactivated by `mattersync deactivate`; only a person undoes that.
    DeactivatedByOrder {
        /// Who gave the order.
        by: String,
    },
    /// An administrator reactivated the user although the account is locked or missing.
    ReactivatedByHand,
    /// `mattersync undo` took our deactivation back. The account is still locked or missing.
    DeactivationUndone {
        /// The run that had deactivated the user.
        run: RunId,
        /// The person who took it back.
        by: String,
        /// When they took it back.
        at: Timestamp,
    },
    /// The account or user is named in `protect`.
    Protected,
    /// Nothing is ever taken from the user.
    Untouchable(Untouchable),
    /// The server takes no more active users.
    NoSeat {
        /// The server's limit.
        limit: u64,
    },
    /// The user of a linked account no longer exists on the server.
    UserGone,
    /// A login service owns the user's fields.
    LoginService {
        /// The service, as the server names it.
        service: String,
        /// What differs.
        fields: Vec<ValueOf>,
    },
    /// The server lets nobody change whether a user who logs in through this service is active.
    StateManaged {
        /// The service, as the server names it.
        service: String,
        /// The username.
        name: String,
        /// Whether the user was to be deactivated; otherwise they were to be reactivated.
        out: bool,
    },
    /// The server applies a new address only after the person confirmed it.
    EmailWaiting {
        /// The new address.
        email: String,
    },
    /// Two people swap their addresses, and the server verifies addresses or takes only those of
    /// certain domains.
    EmailSwap {
        /// The address.
        email: String,
    },
    /// The field lost its value, but the reading does not prove it.
    FieldUnproven {
        /// The field or attribute.
        field: String,
    },
    /// The team is archived.
    TeamArchived {
        /// The team's name.
        team: String,
    },
    /// The team that was filled under a name no longer has that name.
    TeamMoved(TeamMoved),
    /// The server lets only groups decide who is in the team.
    TeamConstrained {
        /// The team's name.
        team: String,
    },
    /// The team takes only addresses of certain domains.
    TeamDomain {
        /// The team's name.
        team: String,
        /// The person's address.
        email: String,
        /// The domains.
        allowed: String,
    },
    /// The team is full.
    TeamFull {
        /// The team's name.
        team: String,
        /// `MaxUsersPerTeam`.
        limit: u64,
    },
    /// There is no active human administrator, and the first user would become one.
    NoAdmin,
    /// The server would refuse the configured initial password, for the reason in the text.
    PasswordRefused(String),
    /// A person took a change back, and the directory still says what it said then.
    Undone {
        /// Which value of the user.
        what: ValueOf,
        /// The run that had done it.
        run: RunId,
        /// The person who took it back.
        by: String,
        /// When they took it back.
        at: Timestamp,
    },
    /// A change cannot be taken back.
    NotUndone {
        /// The run that had done it.
        run: RunId,
        /// Why, in words.
        why: String,
    },
    /// An address to be given back still belongs to a user who has to confirm another one first.
    UndoWaits {
        /// The run that had done it.
        run: RunId,
        /// The address.
        email: String,
        /// The username of the user who has it.
        holder: String,
    },
    /// The entry is not a person's. No user is created for it, and a user who is linked to it is
    /// left as they are.
    NotAPerson {
        /// The rule of `accounts.not-a-person` that says so, with the value.
        rule: String,
        /// Whether a user is linked to it, so that a person should decide.
        linked: bool,
    },
    /// The account expires within the next days.
    ExpiresSoon {
        /// When it expires.
        at: Timestamp,
        /// In how many days it expires, rounded down.
        days: u64,
    },
    /// The account has been gone for long enough, but the user is not deleted.
    NotPurged {
        /// Since when it is gone.
        since: Timestamp,
        /// Why the user is not deleted.
        because: NotPurged,
    },
    /// A step of an earlier run has an unknown outcome that this reading does not decide.
    OutcomeUnknown(String),
    /// The configuration was changed. People who are missing since then are still within the grace.
    DroppedByConfiguration {
        /// How many people.
        people: usize,
        /// The settings that were changed.
        changes: Vec<Changed>,
    },
    /// The configuration was changed. People who are back since then are reactivated if the next
    /// reading agrees.
    BackByConfiguration {
        /// How many people.
        people: usize,
        /// The settings that were changed.
        changes: Vec<Changed>,
    },
}

/// What people know a new account, and the user whom it looks like, by. A name that is not known is
/// empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AlikeNames {
    /// The username of the account in the directory.
    pub account: String,
    /// The full name of the user.
    pub user: String,
}

impl Why {
    /// Returns the word for the reason, without the values.
    pub fn kind(&self) -> &'static str {
        self.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_counted_by_its_name_in_json() {
        let json = serde_json::to_value(Why::LockedWithoutUser).unwrap();
        assert_eq!(json, Why::LockedWithoutUser.kind());
        let grown = Why::NotAPerson {
            rule: String::new(),
            linked: false,
        };
        let json = serde_json::to_value(&grown).unwrap();
        assert!(json.get(grown.kind()).is_some(), "{json}");
    }
}
