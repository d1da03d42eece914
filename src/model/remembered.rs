//! What can be remembered of somebody or something, a type each.

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
    /// The time for which it has been missing for certain: between complete readings, each span
    /// the smaller of wall and boot time.
    pub certain: Duration,
    /// How many complete readings did not contain it.
    pub readings: u32,
}

/// An account that is back; it is reactivated after two readings that agree.
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

/// A person's word that a user be deactivated (`mattersync deactivate`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Who said so.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// The newest state of a user that the server itself told of, by the user's `update_at`. What is
/// older is no news.
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
    /// For how long for certain.
    pub certain: Duration,
    /// When it was last read.
    pub last: Now,
    /// In how many readings.
    pub readings: u32,
}

/// The first refusal of a server that takes no more active users and tells nobody its limit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeatRefusal {
    /// How many active users it had then; bots do not count.
    pub active: u64,
    /// When.
    pub at: Timestamp,
}

/// Somebody's place among those who wait for a seat.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeatWait {
    /// Since when they wait.
    pub since: Timestamp,
    /// When they had a seat kept for them, and the server did not let them in for another reason:
    /// others go before them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turn: Option<Timestamp>,
}

impl From<Timestamp> for SeatWait {
    fn from(since: Timestamp) -> Self {
        Self { since, turn: None }
    }
}

/// That somebody was told of a date on which an account expires.
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

/// A person's word about a user whom no account stands behind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// Who said so.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// Not a word about this user, but about the state file: that such users are there is no sign
    /// any more that it is an older copy. Nobody has looked at the user.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub witness: bool,
}

/// A link that a person took apart. The account is left alone until a person says more about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unlinked {
    /// The user that the account was linked to.
    pub user: UserId,
    /// Who said so.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// A change of a user that we made by ourselves: who has too many of them is at odds with somebody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flip {
    /// When.
    pub at: Timestamp,
    /// What was changed.
    pub of: Flipped,
}

/// The state file is an older copy, or was restored from one: what happened since is not known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restored {
    /// When that was noticed.
    pub at: Timestamp,
    /// How it was noticed, for people.
    pub how: String,
    /// The users by whom it was noticed. They never show it again once a person has said that the
    /// state file may be worked with.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub witnesses: BTreeSet<UserId>,
}

/// A person's permission for exactly what was shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// The steps that were shown and not carried out yet; other steps are not released.
    pub steps: BTreeSet<Fingerprint>,
    /// Who gave it.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// When it ends.
    pub until: Timestamp,
}

/// A step of a guarded class that was carried out, for the sum over 24 hours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    /// Its class.
    pub class: Class,
    /// When.
    pub at: Timestamp,
    /// Whom it was about, for a day counts people; an approved step does not count.
    pub whom: Fingerprint,
}

/// What of a user was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Flipped {
    /// Active or not; which of both was not written down.
    State,
    /// Active, no longer.
    Deactivated,
    /// Active again.
    Reactivated,
    /// The username.
    Username,
    /// The address.
    Email,
    /// First name to locale.
    Profile,
}
