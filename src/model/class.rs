//! The kinds of steps that the guard counts.

use std::fmt;

use serde::{Deserialize, Serialize};
use strum::IntoStaticStr;

/// The kind of a step as the guard sees it.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, IntoStaticStr,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Class {
    /// A user is created.
    Create,
    /// A user who was there before is linked.
    Adopt,
    /// A link moves to another account of the same person.
    Move,
    /// A user is deactivated because the account is locked.
    Locked,
    /// A user is deactivated because the account is missing.
    Missing,
    /// A user is reactivated.
    Reactivate,
    /// A username changes.
    Rename,
    /// An e-mail address changes.
    Email,
    /// A membership is taken away.
    MembershipRemoval,
    /// Administration is given.
    Grant,
    /// A user with more rights than `system_user` is renamed, reactivated or gets another address.
    Privileged,
    /// A user is deleted for ever. Its limit is 0, whatever is configured.
    Purge,
}

impl Class {
    /// Every class, in the order in which they are listed to people.
    pub const ALL: [Self; 12] = [
        Self::Locked,
        Self::Missing,
        Self::Adopt,
        Self::Move,
        Self::Privileged,
        Self::Create,
        Self::Reactivate,
        Self::Rename,
        Self::Email,
        Self::MembershipRemoval,
        Self::Grant,
        Self::Purge,
    ];

    /// Returns the word used in the configuration, in commands and in messages.
    pub fn name(self) -> &'static str {
        self.into()
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
