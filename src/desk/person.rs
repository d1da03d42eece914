//! Finds whom a person means by a username, an address, a DN or an id.
//!
//! Every command finds people here, by one rule: an exact id goes before a DN, a DN before a
//! username, a username before an address. Whoever matches best is meant; two who match equally
//! well are an error.

use std::collections::BTreeMap;

use crate::cycle::View;
use crate::model::{
    Account, AccountKey, BestMatches, Identifiers, Link, Rejected, Roster, User, UserId, same_text,
    shell_word,
};
use crate::state::{People, State, StateError};

use super::alike::{self, Guess, Instead};

/// Nobody, or more than one, is meant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PersonError {
    /// Nobody.
    #[error("{}", nobody("nobody", "a username, an e-mail address, a DN or an id", .0, .1))]
    Nobody(String, Guess),
    /// The directory has nobody of that name.
    #[error(
        "{}",
        nobody(
            "no account of the directory",
            "a username, an e-mail address, a DN or an id",
            .0,
            .1
        )
    )]
    NoAccount(String, Guess),
    /// Mattermost has nobody of that name.
    #[error(
        "{}", nobody("no user of Mattermost", "a username, an e-mail address or an id", .0, .1)
    )]
    NoUser(String, Guess),
    /// Nobody of that name is linked.
    #[error(
        "{}",
        nobody(
            "nobody who is linked",
            "a username, an e-mail address, a DN or an id; `mattersync explain` tells what is \
             known",
            .0,
            .1
        )
    )]
    NoLink(String, Guess),
    /// More than one.
    #[error("{0:?} can be any of: {1}. Give the id")]
    Several(String, String),
    /// Mattermost tells of the user in a way that cannot be used.
    #[error(
        "the user {0} is on Mattermost, but what it tells of them cannot be read, so that nobody \
         knows whether they may be touched: {1}. To take them out, deactivate them in the System \
         Console, or with `mmctl user deactivate {2}`"
    )]
    Unread(String, String, String),
}

fn nobody(who: &str, give: &str, typed: &str, guess: &Guess) -> String {
    match guess.is_called() {
        true => format!(
            "{who} has the username, address, DN or id {typed:?}{}",
            guess.words()
        ),
        false => format!("{who} is known as {typed:?}: give {give}{}", guess.words()),
    }
}

impl PersonError {
    /// Returns the usernames that could be typed instead.
    pub fn instead(&self) -> Option<Instead> {
        match self {
            Self::Nobody(typed, guess)
            | Self::NoAccount(typed, guess)
            | Self::NoUser(typed, guess)
            | Self::NoLink(typed, guess) => guess.instead(typed),
            Self::Several(..) | Self::Unread(..) => None,
        }
    }
}

/// Tells whether a text names somebody.
pub fn is_named(known: &Identifiers<'_>, word: &str) -> bool {
    known.matched_by(word).is_some()
}

/// Finds those whom a text names the most surely.
pub struct Search<'w, T> {
    word: &'w str,
    best: BestMatches<T>,
}

impl<'w, T> Search<'w, T> {
    /// Searches for this text.
    pub fn new(word: &'w str) -> Self {
        Self {
            word,
            best: BestMatches::default(),
        }
    }

    /// Looks whether somebody who is known so is meant.
    pub fn offer(&mut self, known: &Identifiers<'_>, candidate: T) {
        self.best.add(known.matched_by(self.word), candidate);
    }

    /// Returns all of those who are meant.
    pub fn found(self) -> Vec<T> {
        self.best.found()
    }
}

/// Returns everything by which the two sides of a link are known now.
pub fn identifiers_of_link<'v>(
    view: &'v View,
    key: &'v AccountKey,
    link: &'v Link,
) -> Identifiers<'v> {
    let user = view.users.get(&link.user).map(Identifiers::user);
    let account = view
        .account(key)
        .map(|account| Identifiers::account(key, account));
    Identifiers::link(key, link)
        .and(user.unwrap_or_default())
        .and(account.unwrap_or_default())
}

/// Returns the only one of those who are named, if anybody is.
///
/// # Errors
/// When it is more than one.
pub fn only<T>(
    word: &str,
    mut found: Vec<T>,
    label: impl Fn(&T) -> String,
) -> Result<Option<T>, PersonError> {
    if found.len() > 1 {
        let labels: Vec<String> = found.iter().map(label).collect();
        return Err(PersonError::Several(word.to_owned(), labels.join("; ")));
    }
    Ok(found.pop())
}

/// Finds the one account that a text names.
///
/// # Errors
/// When it is none, or more than one.
pub fn find_account<'v>(
    view: &'v View,
    word: &str,
) -> Result<(AccountKey, &'v Account), PersonError> {
    let mut search = Search::new(word);
    for (key, account) in view.accounts() {
        search.offer(&Identifiers::account(&key, account), (key.clone(), account));
    }
    let label =
        |(key, account): &(AccountKey, &Account)| format!("{} (id {})", account.label(), key.id);
    only(word, search.found(), label)?.ok_or_else(|| {
        PersonError::NoAccount(word.to_owned(), Guess::of(word, alike::accounts(view)))
    })
}

/// Finds the one user whom a text names.
///
/// # Errors
/// When it is none, or more than one.
pub fn find_user<'v>(view: &'v View, word: &str) -> Result<&'v User, PersonError> {
    let users = || view.users.iter().map(|(_, user)| user);
    let mut search = Search::new(word);
    for user in users() {
        search.offer(&Identifiers::user(user), user);
    }
    let label = |user: &&User| format!("{} ({}, id {})", user.username, user.email, user.id);
    only(word, search.found(), label)?.ok_or_else(|| {
        let guess = || Guess::of(word, alike::users(view));
        let nobody = || PersonError::NoUser(word.to_owned(), guess());
        unread(&view.users, word).unwrap_or_else(nobody)
    })
}

/// Finds the account of the one link, kept or taken apart, that a text names.
///
/// # Errors
/// When it is none, or more than one.
pub fn find_link(view: &View, word: &str) -> Result<AccountKey, PersonError> {
    let memory = &view.memory;
    let mut search = Search::new(word);
    for (key, link) in memory.links() {
        let one = (key.clone(), link.last_username.clone());
        search.offer(&identifiers_of_link(view, key, link), one);
    }
    for (key, mark) in memory.accounts_with(|account| account.unlinked.as_ref()) {
        let user = view.users.get(&mark.user).map(Identifiers::user);
        let account = view.account(key).map(|a| Identifiers::account(key, a));
        let known = Identifiers::key(key)
            .and(Identifiers::id(&mark.user))
            .and(user.unwrap_or_default())
            .and(account.unwrap_or_default());
        search.offer(&known, (key.clone(), mark.user.to_string()));
    }
    let found: BTreeMap<AccountKey, String> = search.found().into_iter().collect();
    let label = |(key, name): &(AccountKey, String)| format!("{name} (id {})", key.id);
    let found = only(word, found.into_iter().collect(), label)?;
    found.map(|(key, _)| key).ok_or_else(|| {
        let linked = alike::linked_now(view);
        PersonError::NoLink(word.to_owned(), Guess::of(word, linked))
    })
}

/// Somebody who may be deactivated.
pub enum ToDeactivate<'v> {
    /// A user with an account.
    Linked(UserId),
    /// A user whom no account stands behind.
    Orphan(&'v User),
}

/// Finds the one user who is to be deactivated. Somebody with an account goes before a user who
/// took that person's name or address: only a user's own id, which nobody chooses, goes before
/// that.
///
/// # Errors
/// When it is nobody, or more than one.
pub fn find_to_deactivate<'v>(view: &'v View, word: &str) -> Result<ToDeactivate<'v>, PersonError> {
    let mut users = view.users.iter().map(|(_, user)| user);
    let by_id = users.find(|user| same_text(user.id.as_str(), word));
    let mut links = view.memory.links().map(|(_, link)| link);
    if let Some(user) = by_id.filter(|user| !links.any(|link| link.user == user.id)) {
        return Ok(ToDeactivate::Orphan(user));
    }
    let mut search = Search::new(word);
    for (key, link) in view.memory.links() {
        search.offer(&identifiers_of_link(view, key, link), (key, link));
    }
    let found: BTreeMap<&UserId, _> = search
        .found()
        .into_iter()
        .map(|(key, link)| (&link.user, (key, link)))
        .collect();
    let label = |(id, (key, link)): &(&UserId, (&AccountKey, &Link))| {
        let user = view.users.get(id);
        let name = user.map_or(&link.last_username, |user| &user.username);
        format!("{name} ({}, id {})", link.last_dn, key.id)
    };
    if let Some((id, _)) = only(word, found.into_iter().collect(), label)? {
        return Ok(ToDeactivate::Linked(id.clone()));
    }
    find_user(view, word)
        .map(ToDeactivate::Orphan)
        .map_err(|error| match error {
            PersonError::NoUser(word, _) => {
                let guess = Guess::of(&word, alike::everybody(view));
                PersonError::Nobody(word, guess)
            }
            other => other,
        })
}

/// Finds a user with this id or username whose row cannot be used.
fn unread(users: &Roster<UserId, User>, person: &str) -> Option<PersonError> {
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

/// Finds everybody whom a text names of those who are linked or in the record.
///
/// # Errors
/// When the state cannot be read.
pub async fn find_recorded(store: &State, word: &str) -> Result<People, StateError> {
    store.known_as(word.to_owned()).await
}

/// Says that nobody in the record is named so, and who may be meant.
///
/// # Errors
/// When the state cannot be read.
pub async fn nobody_recorded(store: &State, word: &str) -> Result<PersonError, StateError> {
    let guess = alike::guess_recorded(store, word).await?;
    Ok(PersonError::Nobody(word.to_owned(), guess))
}
