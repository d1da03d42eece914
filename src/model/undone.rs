//! What a person takes back, and what stays as it was because of it.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{ProfileField, RunId, Timestamp, UserId};

/// A part of a run that a person took back (`mattersync undo`). It is an order until it is carried
/// out; after that it keeps the next cycle from doing the same again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Undone {
    /// What is taken back.
    pub what: Undoing,
    /// The user.
    pub user: UserId,
    /// The run that had done it.
    pub run: RunId,
    /// The person who took it back.
    pub by: String,
    /// When they took it back.
    pub at: Timestamp,
    /// Whether it was carried out.
    pub done: bool,
}

/// What is taken back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Undoing {
    /// A change of a value.
    Value {
        /// Which value of the user.
        of: ValueOf,
        /// The value that the run gave.
        made: String,
        /// The value before the run, which the user gets again.
        back: String,
        /// What the directory said at the time. While it says so, the value stays as it is. `None`
        /// until the directory was read.
        directory: Option<String>,
    },
    /// A deactivation.
    Reactivate {
        /// The server's `delete_at`, if it was recorded: only that very deactivation is undone.
        delete_at: Option<Timestamp>,
    },
    /// A creation or a reactivation. The user is deactivated, not deleted.
    Deactivate {
        /// Whether the user stays deactivated until a person activates them. Otherwise the
        /// directory decides again.
        lasting: bool,
    },
    /// An adoption.
    Unlink,
    /// An adoption that was taken back.
    Link {
        /// The account's username in the directory.
        directory_username: String,
    },
}

/// A value of a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ValueOf {
    /// The username.
    Username,
    /// The e-mail address.
    Email,
    /// A field of the profile.
    Field(ProfileField),
}

impl fmt::Display for ValueOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Username => f.write_str("username"),
            Self::Email => f.write_str("e-mail address"),
            Self::Field(field) => field.fmt(f),
        }
    }
}

impl Undoing {
    /// Returns whether both are about the same thing, so that the later one replaces the earlier.
    pub fn is_about_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Value { of, .. }, Self::Value { of: other, .. }) => of == other,
            (Self::Value { .. }, _) | (_, Self::Value { .. }) => false,
            (Self::Unlink | Self::Link { .. }, Self::Unlink | Self::Link { .. })
            | (
                Self::Reactivate { .. } | Self::Deactivate { .. },
                Self::Reactivate { .. } | Self::Deactivate { .. },
            ) => true,
            _ => false,
        }
    }
}
