//! The kinds of actions, in which records, filters and messages speak.

use std::fmt;

use serde::{Deserialize, Serialize};
use strum::{IntoStaticStr, VariantArray};

/// What a step does, without person and values. The kinds are in the order of the alphabet.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    IntoStaticStr,
    VariantArray,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum ActionKind {
    /// A user who was there before is linked.
    Adopt,
    /// Our bot is handed over to another administrator.
    AssignBot,
    /// An e-mail address changes.
    ChangeEmail,
    /// A user is created.
    Create,
    /// A team is created.
    CreateTeam,
    /// A user is deactivated.
    Deactivate,
    /// The sessions of a user who cannot be deactivated are ended.
    EndSessions,
    /// A user becomes a member of a team.
    JoinTeam,
    /// A link moves to another account of the same person.
    Move,
    /// A user is deleted for ever.
    Purge,
    /// A user is reactivated.
    Reactivate,
    /// A username changes.
    Rename,
    /// A user gets a random password, and their sessions are ended.
    ResetAccess,
    /// A link is removed because a person says so.
    Unlink,
    /// The fields of the profile change.
    Update,
}

impl ActionKind {
    /// Every kind.
    pub const ALL: &[Self] = Self::VARIANTS;

    /// Returns the word used in lists, in JSON, in fields of the journal and in the state file.
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// Returns the kind with that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.name() == name)
    }
}

impl fmt::Display for ActionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::ActionKind;

    #[test]
    fn json_has_the_names_and_they_are_in_order() {
        for kind in ActionKind::ALL.iter().copied() {
            let json = serde_json::to_value(kind).unwrap();
            assert_eq!(json, kind.name());
            assert_eq!(ActionKind::named(kind.name()), Some(kind));
        }
        assert!(ActionKind::ALL.is_sorted_by_key(|kind| kind.name()));
        assert!(ActionKind::ALL.is_sorted());
    }
}
