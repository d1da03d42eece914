//! Whom a person means by a username, an address, a DN or an id.

use std::collections::BTreeMap;

use crate::model::{Subject, UserId};
use crate::provider::mapping::dn::normalise;

use super::View;
use super::people::is_user;

/// Nobody, or more than one, is meant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PersonError {
    /// Nobody.
    #[error("nobody is known as {0:?}: give a username, an e-mail address, a DN or an id")]
    Nobody(String),
    /// More than one.
    #[error("{0:?} can be any of: {1}. Give the id")]
    Several(String, String),
    /// The user is not linked to an account.
    #[error(
        "{0} is not linked to an account of the directory, and what mattersync did not create or \
         adopt it does not touch by itself. If this user is meant: `mattersync deactivate --orphan`"
    )]
    NotOurs(String),
}

pub use crate::model::same_text as same;

/// Whether a DN is the one that a person typed, whatever the case and the spaces around commas.
pub fn same_dn(dn: &str, typed: &str) -> bool {
    same(dn, typed) || (typed.contains('=') && normalise(dn) == normalise(typed))
}

/// Whether a subject is the one meant.
pub fn is_meant(subject: &Subject, person: &str) -> bool {
    let same = |text: &str| same(text, person);
    same(&subject.name)
        || subject.email.as_deref().is_some_and(same)
        || subject.dn.as_deref().is_some_and(|dn| same_dn(dn, person))
        || subject.user.as_ref().is_some_and(|id| same(id.as_str()))
        || subject
            .account
            .as_ref()
            .is_some_and(|key| same(key.id.as_str()))
}

impl View {
    /// The linked user whom a person means.
    ///
    /// # Errors
    /// When it is nobody, more than one, or nobody of ours.
    pub fn linked_user(&self, person: &str) -> Result<UserId, PersonError> {
        let mut found: BTreeMap<UserId, String> = BTreeMap::new();
        for (key, link) in &self.memory.links {
            let user = self.users.get(&link.user);
            let subject = Subject {
                account: Some(key.clone()),
                dn: Some(link.last_dn.clone()),
                user: Some(link.user.clone()),
                name: user.map_or_else(|| link.last_username.clone(), |u| u.username.clone()),
                email: user.map(|u| u.email.clone()),
            };
            if is_meant(&subject, person) || same(&link.last_username, person) {
                found.insert(link.user.clone(), subject.to_string());
            }
        }
        let mut all = found.into_iter();
        match (all.next(), all.next()) {
            (Some((user, _)), None) => Ok(user),
            (Some((_, first)), Some((_, second))) => {
                let rest = all.map(|(_, name)| name);
                let names: Vec<String> = [first, second].into_iter().chain(rest).collect();
                Err(PersonError::Several(person.to_owned(), names.join("; ")))
            }
            (None, _) => Err(self.stranger(person)),
        }
    }

    fn stranger(&self, person: &str) -> PersonError {
        let known = self.users.iter().any(|(_, user)| is_user(user, person));
        if known {
            PersonError::NotOurs(person.to_owned())
        } else {
            PersonError::Nobody(person.to_owned())
        }
    }
}
