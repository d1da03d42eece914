//! What actions change, and by which hash an approval knows them.

use std::collections::BTreeSet;

use sha2::{Digest, Sha256};

use crate::model::{Action, Class, Fingerprint, Step, Values};
use crate::plan::facts::temporary::{hex, is_temporary_email, is_temporary_username};

impl Action {
    /// Returns whether it gives a user the temporary name or address that opens a ring.
    pub fn opens_ring(&self) -> bool {
        match self {
            Self::Rename {
                account, username, ..
            } => is_temporary_username(&username.to, account),
            Self::ChangeEmail { account, email, .. } => is_temporary_email(&email.to, account),
            _ => false,
        }
    }

    /// Returns a hash of what it would do and to whom. The same change in a later plan has the same
    /// hash; another target, value or person has another.
    pub fn fingerprint(&self) -> Fingerprint {
        let mut hash = Sha256::new();
        for part in self.fingerprint_parts() {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part.as_bytes());
        }
        Fingerprint::new(hex(&hash.finalize()[..16]))
    }

    fn fingerprint_parts(&self) -> Vec<String> {
        let who = self.account().map(ToString::to_string).unwrap_or_default();
        let user = self.user().map(ToString::to_string).unwrap_or_default();
        let mut parts = vec![self.kind().to_string(), who, user];
        match self {
            Self::CreateUser { user, .. } => {
                parts.extend([user.username.clone(), user.email.clone()]);
            }
            Self::Rename {
                username: Values { from, to },
                ..
            }
            | Self::ChangeEmail {
                email: Values { from, to },
                ..
            } => {
                parts.extend([from.clone(), to.clone()]);
            }
            Self::UpdateProfile { changes, .. } => {
                for (field, Values { from, to }) in changes {
                    parts.extend([field.to_string(), from.clone(), to.clone()]);
                }
            }
            Self::AssignBot { bot, to, .. } => parts.extend([bot.to_string(), to.to_string()]),
            Self::CreateTeam { name, .. } => parts.push(name.clone()),
            Self::JoinTeam { team_name, .. } => parts.push(team_name.clone()),
            Self::MoveLink { from, .. } => parts.push(from.to_string()),
            Self::Deactivate { class, .. } | Self::EndSessions { class, .. } => {
                parts.push(class.map_or("ordered", Class::name).to_owned());
            }
            Self::Unlink { as_new, .. } => parts.push(as_new.to_string()),
            Self::Adopt { .. }
            | Self::ResetAccess { .. }
            | Self::Reactivate { .. }
            | Self::Purge { .. } => {}
        }
        parts
    }
}

impl Step {
    /// Returns the class that the guard counts it in: that of its action, or [`Class::Privileged`]
    /// if a user with more rights would be reactivated, renamed, or written to at another address.
    pub fn class(&self) -> Option<Class> {
        match self.action.class() {
            Some(Class::Rename | Class::Email | Class::Reactivate) if self.privileged => {
                Some(Class::Privileged)
            }
            class => class,
        }
    }
}

/// Counts the people, teams and so on that steps of one kind are about. A person whose name or
/// address changes through a temporary one is in two steps, and counts once.
pub fn people<'s>(steps: impl IntoIterator<Item = &'s Step>) -> usize {
    let mut twice = BTreeSet::new();
    let steps = steps.into_iter().filter(|step| match &step.action {
        Action::Rename { user, .. } | Action::ChangeEmail { user, .. } => {
            twice.insert((step.action.kind(), user))
        }
        _ => true,
    });
    steps.count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{AccountKey, UserId};
    use crate::model::{DirectoryId, ProviderName};

    fn rename(id: &str, to: &str) -> Action {
        Action::Rename {
            account: AccountKey {
                provider: ProviderName::new("p"),
                id: DirectoryId::new(id),
            },
            user: UserId::new("u"),
            username: Values {
                from: "a".into(),
                to: to.into(),
            },
        }
    }

    #[test]
    fn a_fingerprint_tells_wishes_apart() {
        assert_eq!(
            rename("1", "b").fingerprint(),
            rename("1", "b").fingerprint()
        );
        assert_ne!(
            rename("1", "b").fingerprint(),
            rename("1", "c").fingerprint()
        );
        assert_ne!(
            rename("1", "b").fingerprint(),
            rename("2", "b").fingerprint()
        );
    }
}
