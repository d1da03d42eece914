//! Whom a person means on one side alone.

use std::collections::BTreeMap;

use crate::model::{Account, AccountKey, User, UserId};

use super::super::View;
use super::super::person::{same, same_dn};
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
}

fn told(near: &[String]) -> String {
    match near {
        [] => String::new(),
        near => format!(". Nearly the same: {}", near.join(", ")),
    }
}

/// Whether an account is the one that was typed.
pub fn is_account(key: &AccountKey, account: &Account, word: &str) -> bool {
    let mails = account.emails.iter().flat_map(|c| &c.values);
    same(&account.username, word)
        || same_dn(&account.dn, word)
        || same(key.id.as_str(), word)
        || mails.into_iter().any(|mail| same(mail, word))
}

/// Whether a user is the one that was typed.
pub fn is_user(user: &User, word: &str) -> bool {
    same(&user.username, word) || same(&user.email, word) || same(user.id.as_str(), word)
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
        let found = self.accounts().filter(|(key, a)| is_account(key, a, word));
        let found: BTreeMap<_, _> = found.collect();
        let label = |(key, account): &(AccountKey, &Account)| {
            format!("{} (id {})", account.label(), key.id)
        };
        one(word, found.into_iter().collect(), label)?.ok_or_else(|| {
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
        let found = users().filter(|user| is_user(user, word)).collect();
        let label = |user: &&User| format!("{} ({}, id {})", user.username, user.email, user.id);
        one(word, found, label)?.ok_or_else(|| {
            let names = users().map(|u| u.username.as_str());
            FindError::NoUser(word.to_owned(), nearest(word, names))
        })
    }

    /// The account of the one link, kept or taken apart, that a person means.
    ///
    /// # Errors
    /// When it is none, or more than one.
    pub fn find_link(&self, word: &str) -> Result<AccountKey, FindError> {
        let memory = &self.memory;
        let is_user = |id: &UserId| {
            let user = self.users.get(id);
            same(id.as_str(), word) || user.is_some_and(|user| is_user(user, word))
        };
        let is_key = |key: &AccountKey| {
            let account = self.account(key);
            same(key.id.as_str(), word) || account.is_some_and(|a| is_account(key, a, word))
        };
        let links = memory.links.iter().filter(|(key, link)| {
            is_key(key)
                || is_user(&link.user)
                || same(&link.last_username, word)
                || same_dn(&link.last_dn, word)
        });
        let links = links.map(|(key, link)| (key.clone(), link.last_username.clone()));
        let apart = memory.unlinked.iter();
        let apart = apart.filter(|(key, mark)| is_key(key) || is_user(&mark.user));
        let apart = apart.map(|(key, mark)| (key.clone(), mark.user.to_string()));
        let mut found: BTreeMap<AccountKey, String> = apart.collect();
        found.extend(links);
        let label = |(key, name): &(AccountKey, String)| format!("{name} (id {})", key.id);
        let found = one(word, found.into_iter().collect(), label)?;
        found.map(|(key, _)| key).ok_or_else(|| {
            let names = memory.links.values().map(|l| l.last_username.as_str());
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
