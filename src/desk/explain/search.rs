//! Finds those whose story is told: by what names them now, by what named them, by their full name.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::cycle::View;
use crate::desk::full_name::TypedName;
use crate::desk::person::{Search, is_named};
use crate::model::{AccountKey, Identifiers, UserId, full_name};
use crate::plan::UserIndex;
use crate::state::People;

/// An account with its user, or one of them alone.
pub type Pair = (Option<AccountKey>, Option<UserId>);

/// One of several people who have a name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Called {
    /// First and last name.
    pub name: String,
    /// The username; of an account that has no user yet, that of the directory.
    pub username: String,
    /// An address, if there is one.
    pub email: String,
}

/// Searches both sides and what is remembered.
pub struct Known<'a> {
    pub view: &'a View,
    pub user_index: &'a UserIndex<'a>,
}

impl Known<'_> {
    /// Returns accounts and users whom a text names, each account together with its user.
    pub fn named(&self, person: &str) -> BTreeSet<Pair> {
        let memory = &self.view.memory;
        let mut search = Search::new(person);
        for (key, account) in self.view.accounts() {
            let known = Identifiers::account(&key, account);
            search.offer(&known, self.with_user(key.clone()));
        }
        for (key, link) in memory.links() {
            // An account that was read has the names that it has now, not those that it had.
            let known = match self.view.account(key) {
                Some(_) => Identifiers::key(key).and(Identifiers::id(&link.user)),
                None => Identifiers::link(key, link),
            };
            search.offer(&known, self.with_user(key.clone()));
        }
        for (id, user) in self.view.users.iter() {
            let known = Identifiers::user(user);
            if !is_named(&known, person) {
                continue;
            }
            search.offer(&known, (self.account_of(id), Some(id.clone())));
        }
        search.found().into_iter().collect()
    }

    /// Returns those who are known so in the record.
    pub fn recorded(&self, who: People) -> BTreeSet<Pair> {
        let accounts = who.accounts.into_iter().map(|key| self.with_user(key));
        let mut found: BTreeSet<Pair> = accounts.collect();
        if found.is_empty() {
            let users = who.users.into_iter();
            found.extend(users.map(|user| (self.account_of(&user), Some(user))));
        }
        found
    }

    /// Returns those whose name fits a typed one best.
    pub fn called(&self, typed: &str) -> BTreeSet<Pair> {
        let accounts = self.view.accounts().map(|(key, account)| {
            let name = full_name(&account.profile);
            (name.into(), account.username.as_str(), (Some(key), None))
        });
        let users = self.view.users.iter().map(|(id, user)| {
            let name = full_name(&user.profile);
            let pair = (None, Some(id.clone()));
            (name.into(), user.username.as_str(), pair)
        });
        let found = TypedName::of(typed).best(accounts.chain(users));
        let whole = |pair: Pair| match pair {
            (Some(key), None) => self.with_user(key),
            (None, Some(user)) => (self.account_of(&user), Some(user)),
            both => both,
        };
        found.into_iter().map(whole).collect()
    }

    /// Returns by what people are told apart, in the order of their names.
    pub fn list(&self, found: BTreeSet<Pair>) -> Vec<Called> {
        let one = |(key, user): Pair| {
            let account = key.and_then(|key| self.view.account(&key));
            let user = user.and_then(|id| self.view.users.get(&id));
            let profiles = account.map(|a| &a.profile).into_iter();
            let profiles = profiles.chain(user.map(|user| &user.profile));
            let name = profiles.map(full_name).find(|name| !name.is_empty());
            let first = account.and_then(|a| a.emails.iter().flat_map(|c| &c.values).next());
            let email = user.map(|user| &user.email).or(first);
            let username = user.map(|user| &user.username);
            Called {
                name: name.unwrap_or_default(),
                username: username
                    .or(account.map(|a| &a.username))
                    .cloned()
                    .unwrap_or_default(),
                email: email.cloned().unwrap_or_default(),
            }
        };
        let mut all: Vec<Called> = found.into_iter().map(one).collect();
        all.sort();
        all
    }

    /// Returns an account with the user that it is or was linked to.
    fn with_user(&self, key: AccountKey) -> Pair {
        let memory = self.view.memory.account(&key);
        let user = memory.link.as_ref().map(|link| &link.user);
        let apart = memory.unlinked.as_ref().map(|mark| &mark.user);
        let user = user.or(apart).cloned();
        (Some(key), user)
    }

    /// Returns the account that a user is or was linked to.
    fn account_of(&self, user: &UserId) -> Option<AccountKey> {
        let memory = &self.view.memory;
        let mut apart = memory.accounts_with(|account| account.unlinked.as_ref());
        let apart = apart.find(|(_, mark)| mark.user == *user);
        let owner = self.user_index.owner(user);
        owner.or(apart.map(|(key, _)| key)).cloned()
    }
}
