//! Whom a person means by a username, an address, a DN or an id.

use std::collections::BTreeMap;

use crate::model::{
    AccountKey, Dn, Known, KnownBy, Link, Rejected, Roster, Surest, User, UserId, same_text,
    shell_word,
};

use super::View;

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
    /// Mattermost tells of the user in a way that cannot be used.
    #[error(
        "the user {0} is on Mattermost, but what it tells of them cannot be read, so that nobody \
         knows whether they may be touched: {1}. To take them out, deactivate them in the System \
         Console, or with `mmctl user deactivate {2}`"
    )]
    Unread(String, String, String),
}

/// Whoever of the users that cannot be read has this id or username.
pub fn unread(users: &Roster<UserId, User>, person: &str) -> Option<PersonError> {
    let is_meant = |bad: &&Rejected<UserId>| {
        let id = bad
            .key
            .as_ref()
            .is_some_and(|id| same_text(id.as_str(), person));
        id || same_text(&bad.name, person)
    };
    let bad = users.rejected().iter().find(is_meant)?;
    let typed = bad.key.as_ref().map_or(bad.name.as_str(), UserId::as_str);
    let name = if bad.name.is_empty() {
        typed
    } else {
        &bad.name
    };
    Some(PersonError::Unread(
        name.to_owned(),
        bad.why.clone(),
        shell_word(typed),
    ))
}

/// Whether a DN is the one that a person typed, however it is spelt.
pub fn same_dn(dn: &str, typed: &str) -> bool {
    Dn::read(typed).is_some_and(|typed| typed == Dn::of(dn))
}

/// What a typed text is of somebody who is known so.
pub fn known_by(known: &Known<'_>, typed: &str) -> Option<KnownBy> {
    known.by(typed)
}

impl View {
    /// Everything that the two sides of a link are known by now.
    pub fn known_link<'v>(&'v self, key: &'v AccountKey, link: &'v Link) -> Known<'v> {
        let user = self.users.get(&link.user).map(Known::user);
        let account = self
            .account(key)
            .map(|account| Known::account(key, account));
        Known::link(key, link)
            .and(user.unwrap_or_default())
            .and(account.unwrap_or_default())
    }

    /// The linked user whom a person means.
    ///
    /// # Errors
    /// When it is nobody, more than one, or nobody of ours.
    pub fn linked_user(&self, person: &str) -> Result<UserId, PersonError> {
        let links = self.memory.links();
        let found: Surest<_> = links
            .map(|(key, link)| {
                let by = known_by(&self.known_link(key, link), person);
                (by, (key, link))
            })
            .collect();
        let found: BTreeMap<&UserId, _> = found
            .found()
            .into_iter()
            .map(|(key, link)| (&link.user, (key, link)))
            .collect();
        let label = |(key, link): &(&AccountKey, &Link)| {
            let user = self.users.get(&link.user);
            let name = user.map_or(&link.last_username, |user| &user.username);
            format!("{name} ({}, id {})", link.last_dn, key.id)
        };
        match found.len() {
            0 => Err(self.stranger(person)),
            1 => found
                .into_keys()
                .next()
                .cloned()
                .ok_or_else(|| self.stranger(person)),
            _ => {
                let names: Vec<String> = found.values().map(label).collect();
                Err(PersonError::Several(person.to_owned(), names.join("; ")))
            }
        }
    }

    fn stranger(&self, person: &str) -> PersonError {
        let mut users = self.users.iter();
        match users.any(|(_, user)| known_by(&Known::user(user), person).is_some()) {
            true => PersonError::NotOurs(person.to_owned()),
            false => {
                let unread = unread(&self.users, person);
                unread.unwrap_or_else(|| PersonError::Nobody(person.to_owned()))
            }
        }
    }
}
