//! Whom a person means on one side alone.

use std::collections::BTreeMap;

use crate::model::{Account, AccountKey, Known, Surest, User};

use super::super::View;
use super::super::person::{PersonError, known_by, unread};
use super::near::nearest;

/// Nobody, or more than one, is meant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FindError {
    /// The directory has nobody of that name.
    #[error(
        "no account of the directory is known as {0:?}: give a username, an e-mail address, a DN \
         or an id{near}", near = told(.1)
    )]
    NoAccount(String, Vec<String>),
    /// Mattermost has nobody of that name.
    #[error(
        "no user of Mattermost is known as {0:?}: give a username, an e-mail address or an id{near}",
        near = told(.1)
    )]
    NoUser(String, Vec<String>),
    /// Nobody of that name is linked.
    #[error(
        "nobody who is linked is known as {0:?}: give a username, an e-mail address, a DN or an \
         id; `mattersync explain` tells what is known{near}", near = told(.1)
    )]
    NoLink(String, Vec<String>),
    /// More than one.
    #[error("{0:?} can be any of: {1}. Give the id")]
    Several(String, String),
    /// Who is meant cannot be read.
    #[error("{0}")]
    Unread(PersonError),
}

fn told(near: &[String]) -> String {
    match near {
        [] => String::new(),
        near => format!(". Nearly the same: {}", near.join(", ")),
    }
}

/// Whether an account is the one that was typed.
pub fn is_account(key: &AccountKey, account: &Account, word: &str) -> bool {
    known_by(&Known::account(key, account), word).is_some()
}

impl View {
    /// All accounts that were read.
    pub fn accounts(&self) -> impl Iterator<Item = (AccountKey, &Account)> {
        self.directories.iter().flat_map(|(provider, directory)| {
            directory.accounts.iter().map(|(id, account)| {
                let key = AccountKey {
                    provider: provider.clone(),
                    id: id.clone(),
                };
                (key, account)
            })
        })
    }

    /// An account that was read.
    pub fn account(&self, key: &AccountKey) -> Option<&Account> {
        self.directories.get(&key.provider)?.accounts.get(&key.id)
    }

    /// The one account that a person means.
    ///
    /// # Errors
    /// When it is none, or more than one.
    pub fn find_account(&self, word: &str) -> Result<(AccountKey, &Account), FindError> {
        let found: Surest<_> = self
            .accounts()
            .map(|(key, account)| {
                let by = known_by(&Known::account(&key, account), word);
                (by, (key, account))
            })
            .collect();
        let label = |(key, account): &(AccountKey, &Account)| {
            format!("{} (id {})", account.label(), key.id)
        };
        one(word, found.found(), label)?.ok_or_else(|| {
            let names = self.accounts().map(|(_, a)| a.username.as_str());
            FindError::NoAccount(word.to_owned(), nearest(word, names))
        })
    }

    /// The one user that a person means.
    ///
    /// # Errors
    /// When it is none, or more than one.
    pub fn find_user(&self, word: &str) -> Result<&User, FindError> {
        let users = || self.users.iter().map(|(_, user)| user);
        let found = users().map(|user| (known_by(&Known::user(user), word), user));
        let found = found.collect::<Surest<_>>().found();
        let label = |user: &&User| format!("{} ({}, id {})", user.username, user.email, user.id);
        one(word, found, label)?.ok_or_else(|| {
            let names = users().map(|u| u.username.as_str());
            let nobody = || FindError::NoUser(word.to_owned(), nearest(word, names));
            unread(&self.users, word).map_or_else(nobody, FindError::Unread)
        })
    }

    /// The account of the one link, kept or taken apart, that a person means.
    ///
    /// # Errors
    /// When it is none, or more than one.
    pub fn find_link(&self, word: &str) -> Result<AccountKey, FindError> {
        let memory = &self.memory;
        let mut found = Surest::default();
        for (key, link) in memory.links() {
            let one = (key.clone(), link.last_username.clone());
            found.add(known_by(&self.known_link(key, link), word), one);
        }
        for (key, mark) in memory.accounts_with(|account| account.unlinked.as_ref()) {
            let user = self.users.get(&mark.user).map(Known::user);
            let account = self.account(key).map(|a| Known::account(key, a));
            let known = Known::key(key).and(Known::id(&mark.user));
            let known = known.and(user.unwrap_or_default());
            let known = known.and(account.unwrap_or_default());
            found.add(known_by(&known, word), (key.clone(), mark.user.to_string()));
        }
        let found: BTreeMap<AccountKey, String> = found.found().into_iter().collect();
        let label = |(key, name): &(AccountKey, String)| format!("{name} (id {})", key.id);
        let found = one(word, found.into_iter().collect(), label)?;
        found.map(|(key, _)| key).ok_or_else(|| {
            let names = memory
                .links()
                .map(|(_, link)| link)
                .map(|l| l.last_username.as_str());
            FindError::NoLink(word.to_owned(), nearest(word, names))
        })
    }
}

/// The only one of those found, if there is any.
fn one<T>(
    word: &str,
    mut found: Vec<T>,
    label: impl Fn(&T) -> String,
) -> Result<Option<T>, FindError> {
    if found.len() > 1 {
        let labels: Vec<String> = found.iter().map(label).collect();
        return Err(FindError::Several(word.to_owned(), labels.join("; ")));
    }
    Ok(found.pop())
}
