//! Whom a person means by what they type.

use std::borrow::Cow;

use super::{Account, AccountKey, Dn, Link, Subject, User, UserId, same_text};

/// What a typed text is of somebody, the surest first: nobody chooses their id, and anybody may take
/// a username or an address that is somebody's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum KnownBy {
    /// The id on either side.
    Id,
    /// Where the account is, or was.
    Dn,
    /// The username on either side.
    Username,
    /// An e-mail address.
    Email,
}

/// Everything that somebody is known by.
#[derive(Clone, Debug, Default)]
pub struct Known<'a>(Vec<(KnownBy, Cow<'a, str>)>);

impl<'a> Known<'a> {
    /// The surest of what a typed text is of this one.
    pub fn by(&self, typed: &str) -> Option<KnownBy> {
        let dn = Dn::read(typed);
        let is_meant = |(by, text): &&(KnownBy, Cow<'_, str>)| {
            let is_there = || dn.as_ref().is_some_and(|dn| *dn == Dn::of(text));
            same_text(text, typed) || *by == KnownBy::Dn && is_there()
        };
        let meant = self.0.iter().filter(is_meant);
        meant.map(|(by, _)| *by).min()
    }

    /// Both together.
    pub fn and(mut self, other: Known<'a>) -> Self {
        self.0.extend(other.0);
        self
    }

    /// By the id alone, with or without the provider's name.
    pub fn key(key: &'a AccountKey) -> Self {
        Self(vec![
            (KnownBy::Id, key.id.as_str().into()),
            (KnownBy::Id, key.to_string().into()),
        ])
    }

    /// By the id alone.
    pub fn id(user: &'a UserId) -> Self {
        Self(vec![(KnownBy::Id, user.as_str().into())])
    }

    /// An account.
    pub fn account(key: &'a AccountKey, account: &'a Account) -> Self {
        let mut known = Self::key(key);
        let seen = account.username.replace(Account::HIDDEN, "");
        known.0.extend([
            (KnownBy::Dn, account.dn.as_str().into()),
            (KnownBy::Username, account.username.as_str().into()),
            (KnownBy::Username, seen.into()),
        ]);
        let emails = account.emails.iter().flat_map(|c| &c.values);
        let emails = emails.map(|email| (KnownBy::Email, email.into()));
        known.0.extend(emails);
        known
    }

    /// A user.
    pub fn user(user: &'a User) -> Self {
        Self(vec![
            (KnownBy::Id, user.id.as_str().into()),
            (KnownBy::Username, user.username.as_str().into()),
            (KnownBy::Email, user.email.as_str().into()),
        ])
    }

    /// Both sides of a link, as they were when the account was last seen.
    pub fn link(key: &'a AccountKey, link: &'a Link) -> Self {
        let mut known = Self::key(key).and(Self::id(&link.user));
        known.0.extend([
            (KnownBy::Dn, link.last_dn.as_str().into()),
            (KnownBy::Username, link.last_username.as_str().into()),
        ]);
        known
    }

    /// Whom a step is about.
    pub fn subject(subject: &'a Subject) -> Self {
        let mut known = Self(vec![(KnownBy::Username, subject.name.as_str().into())]);
        let email = subject.email.as_deref();
        known
            .0
            .extend(email.map(|text| (KnownBy::Email, text.into())));
        let dn = subject.dn.as_deref();
        known.0.extend(dn.map(|text| (KnownBy::Dn, text.into())));
        let account = subject.account.as_ref().map(Self::key);
        let user = subject.user.as_ref().map(Self::id);
        known
            .and(account.unwrap_or_default())
            .and(user.unwrap_or_default())
    }
}

/// Those who are meant the most surely; several if one text is the same of several.
#[derive(Clone, Debug)]
pub struct Surest<T> {
    by: Option<KnownBy>,
    found: Vec<T>,
}

impl<T> Default for Surest<T> {
    fn default() -> Self {
        Self {
            by: None,
            found: Vec::new(),
        }
    }
}

impl<T> Surest<T> {
    /// Adds somebody, unless others are meant more surely.
    pub fn add(&mut self, by: Option<KnownBy>, one: T) {
        let Some(by) = by else { return };
        if self.by.is_some_and(|surest| surest < by) {
            return;
        }
        if self.by != Some(by) {
            self.found.clear();
        }
        self.by = Some(by);
        self.found.push(one);
    }

    /// Who is meant.
    pub fn found(self) -> Vec<T> {
        self.found
    }
}

impl<T> FromIterator<(Option<KnownBy>, T)> for Surest<T> {
    fn from_iter<I: IntoIterator<Item = (Option<KnownBy>, T)>>(all: I) -> Self {
        let mut surest = Self::default();
        all.into_iter().for_each(|(by, one)| surest.add(by, one));
        surest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_goes_before_a_dn_a_username_and_an_address() {
        let by = [KnownBy::Email, KnownBy::Username, KnownBy::Id, KnownBy::Dn];
        let all = by.into_iter().map(|by| (Some(by), by));
        assert_eq!(all.clone().collect::<Surest<_>>().found(), [KnownBy::Id]);
        let rest = all.filter(|(by, _)| *by != Some(KnownBy::Id));
        let rest = rest.chain([(None, KnownBy::Id), (Some(KnownBy::Dn), KnownBy::Email)]);
        let found = rest.collect::<Surest<_>>().found();
        assert_eq!(found, [KnownBy::Dn, KnownBy::Email]);
    }
}
