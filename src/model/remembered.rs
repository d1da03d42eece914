//! The facts that can be remembered, a type each.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Class, Fingerprint, Now, Timestamp, UserId};

/// An account that complete readings did not contain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Absence {
    /// When it was first found missing.
    pub first: Now,
    /// The last complete reading that did not contain it.
    pub last: Now,
    /// For how long it has certainly been missing: the sum of the times between complete readings,
    /// each the smaller of wall and boot time.
    pub certain: Duration,
    /// How many complete readings did not contain it.
    pub readings: u32,
}

/// An account that is back. Its user is reactivated after two readings that agree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Return {
    /// When it was first seen back.
    pub first: Timestamp,
    /// How many readings agree.
    pub readings: u32,
}

/// A username that carries a suffix, decided once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChosenName {
    /// The legal name before the suffix; another base makes the choice void.
    pub base: String,
    /// The name with its suffix.
    pub name: String,
}

/// A person's order to deactivate a user (`mattersync deactivate`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// The person who gave the order.
    pub by: String,
    /// When it was given.
    pub at: Timestamp,
}

/// The newest state of a user that the server told of, by the user's `update_at`. An older state
/// than this teaches nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Newest {
    /// The `update_at`.
    pub at: Timestamp,
    /// Set while only an older state is read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub older: Option<Older>,
}

/// An older state of a user that is read again and again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Older {
    /// The `update_at` that is read.
    pub seen: Timestamp,
    /// For how long it has certainly been read.
    pub certain: Duration,
    /// When it was last read.
    pub last: Now,
    /// How many times it was read.
    pub readings: u32,
}

/// The first refusal of a server that takes no more active users and tells nobody its limit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeatRefusal {
    /// How many active users it had then; bots do not count.
    pub active: u64,
    /// When the server refused.
    pub at: Timestamp,
}

/// The place of an account among those that wait for a seat.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeatWait {
    /// Since when they wait.
    pub since: Timestamp,
    /// When a seat was kept for them and the server refused them for another reason: others go
    /// first since then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turn: Option<Timestamp>,
}

impl From<Timestamp> for SeatWait {
    fn from(since: Timestamp) -> Self {
        Self { since, turn: None }
    }
}

/// The announcement of a date on which an account expires.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Announcement {
    /// The date.
    pub date: Timestamp,
    /// When it was announced.
    pub at: Now,
}

/// What the clocks said when they were last compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockSeen {
    /// What they said.
    pub at: Now,
    /// By how many milliseconds the wall clock has jumped ahead (below zero: back) since it was
    /// last believed.
    pub ahead: i64,
}

/// A person's decision about a user who has no account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// The person who decided.
    pub by: String,
    /// When they decided.
    pub at: Timestamp,
    /// Whether the decision is not about this user but about the state file: users like this one no
    /// longer show that the state file is an older copy. Nobody has looked at the user.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub witness: bool,
}

/// A link that a person removed. The account is left alone until a person says more about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unlinked {
    /// The user that the account was linked to.
    pub user: UserId,
    /// The person who removed it.
    pub by: String,
    /// When it was removed.
    pub at: Timestamp,
}

/// A change that we made to a user by ourselves. A user with too many of them is being changed back
/// by somebody else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnChange {
    /// When it was made.
    pub at: Timestamp,
    /// What was changed.
    pub of: ChangedPart,
}

/// The state file is an older copy, or was restored from one, so what happened since is not known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restored {
    /// When that was noticed.
    pub at: Timestamp,
    /// How it was noticed, for people.
    pub how: String,
    /// The users who showed it. They never show it again once a person has said that the state file
    /// is good.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub witnesses: BTreeSet<UserId>,
}

/// A person's permission for exactly what was shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// The steps that were shown and not carried out yet; no other steps are released.
    pub steps: BTreeSet<Fingerprint>,
    /// The person who gave it.
    pub by: String,
    /// When it was given.
    pub at: Timestamp,
    /// When it ends.
    pub until: Timestamp,
}

/// A step of a guarded class that was carried out. They are summed over 24 hours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    /// Its class.
    pub class: Class,
    /// When it was carried out.
    pub at: Timestamp,
    /// Stands for the person it was about: people are counted, but approved steps are not.
    pub whom: Fingerprint,
}

/// What was changed of a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChangedPart {
    /// Whether the user is active; which of both was not recorded.
    State,
    /// The user was deactivated.
    Deactivated,
    /// The user was reactivated.
    Reactivated,
    /// The username.
    Username,
    /// The address.
    Email,
    /// A field of the profile.
    Profile,
}
