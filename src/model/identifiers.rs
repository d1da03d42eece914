//! The ids and names by which a typed text can mean a person.

use std::borrow::Cow;

use super::{Account, AccountKey, Action, Dn, Link, Subject, User, UserId, same_text};

/// What a typed text matched, the surest first. Nobody chooses their own id, but anybody may take a
/// username or an address that looks like somebody's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MatchedBy {
    /// The id on either side.
    Id,
    /// The DN of the account, now or when it was last seen.
    Dn,
    /// The username on either side.
    Username,
    /// An e-mail address.
    Email,
    /// A username or an e-mail address that a change replaced.
    Replaced,
}

/// Every id and name by which somebody can be typed.
#[derive(Clone, Debug, Default)]
pub struct Identifiers<'a>(Vec<(MatchedBy, Cow<'a, str>)>);

impl<'a> Identifiers<'a> {
    /// Returns which of them a typed text matches most surely, if it matches any.
    pub fn matched_by(&self, typed: &str) -> Option<MatchedBy> {
        let dn = Dn::read(typed);
        let is_meant = |(by, text): &&(MatchedBy, Cow<'_, str>)| {
            let is_there = || dn.as_ref().is_some_and(|dn| *dn == Dn::of(text));
            same_text(text, typed) || *by == MatchedBy::Dn && is_there()
        };
        let meant = self.0.iter().filter(is_meant);
        meant.map(|(by, _)| *by).min()
    }

    /// Adds the identifiers of the other side.
    pub fn and(mut self, other: Identifiers<'a>) -> Self {
        self.0.extend(other.0);
        self
    }

    /// Returns the id of an account, with and without the provider's name.
    pub fn key(key: &'a AccountKey) -> Self {
        Self(vec![
            (MatchedBy::Id, key.id.as_str().into()),
            (MatchedBy::Id, key.to_string().into()),
        ])
    }

    /// Returns the id of a user.
    pub fn id(user: &'a UserId) -> Self {
        Self(vec![(MatchedBy::Id, user.as_str().into())])
    }

    /// Returns the identifiers of an account.
    pub fn account(key: &'a AccountKey, account: &'a Account) -> Self {
        let mut known = Self::key(key);
        let seen = account.username.replace(Account::HIDDEN, "");
        known.0.extend([
            (MatchedBy::Dn, account.dn.as_str().into()),
            (MatchedBy::Username, account.username.as_str().into()),
            (MatchedBy::Username, seen.into()),
        ]);
        let emails = account.emails.iter().flat_map(|c| &c.values);
        let emails = emails.map(|email| (MatchedBy::Email, email.into()));
        known.0.extend(emails);
        known
    }

    /// Returns the identifiers of a user.
    pub fn user(user: &'a User) -> Self {
        Self(vec![
            (MatchedBy::Id, user.id.as_str().into()),
            (MatchedBy::Username, user.username.as_str().into()),
            (MatchedBy::Email, user.email.as_str().into()),
        ])
    }

    /// Returns the identifiers of both sides of a link, as when the account was last seen.
    pub fn link(key: &'a AccountKey, link: &'a Link) -> Self {
        let mut known = Self::key(key).and(Self::id(&link.user));
        known.0.extend([
            (MatchedBy::Dn, link.last_dn.as_str().into()),
            (MatchedBy::Username, link.last_username.as_str().into()),
        ]);
        known
    }

    /// Returns the username or address that a change replaces.
    pub fn replaced(action: &'a Action) -> Self {
        let from = action.value().map(|values| values.from.as_str());
        Self(
            from.map(|from| (MatchedBy::Replaced, from.into()))
                .into_iter()
                .collect(),
        )
    }

    /// Returns the identifiers of the person whom a step is about.
    pub fn subject(subject: &'a Subject) -> Self {
        let mut known = Self(vec![(MatchedBy::Username, subject.name.as_str().into())]);
        let email = subject.email.as_deref();
        known
            .0
            .extend(email.map(|text| (MatchedBy::Email, text.into())));
        let dn = subject.dn.as_deref();
        known.0.extend(dn.map(|text| (MatchedBy::Dn, text.into())));
        let account = subject.account.as_ref().map(Self::key);
        let user = subject.user.as_ref().map(Self::id);
        known
            .and(account.unwrap_or_default())
            .and(user.unwrap_or_default())
    }
}

/// Collects the people whom a typed text matches most surely, several if they share an id or name.
#[derive(Clone, Debug)]
pub struct BestMatches<T> {
    by: Option<MatchedBy>,
    found: Vec<T>,
}

impl<T> Default for BestMatches<T> {
    fn default() -> Self {
        Self {
            by: None,
            found: Vec::new(),
        }
    }
}

impl<T> BestMatches<T> {
    /// Adds somebody, unless others are matched more surely.
    pub fn add(&mut self, by: Option<MatchedBy>, one: T) {
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

    /// Returns the people who are meant.
    pub fn found(self) -> Vec<T> {
        self.found
    }
}

impl<T> FromIterator<(Option<MatchedBy>, T)> for BestMatches<T> {
    fn from_iter<I: IntoIterator<Item = (Option<MatchedBy>, T)>>(all: I) -> Self {
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
        let by = [
            MatchedBy::Email,
            MatchedBy::Username,
            MatchedBy::Id,
            MatchedBy::Dn,
        ];
        let all = by.into_iter().map(|by| (Some(by), by));
        assert_eq!(
            all.clone().collect::<BestMatches<_>>().found(),
            [MatchedBy::Id]
        );
        let rest = all.filter(|(by, _)| *by != Some(MatchedBy::Id));
        let rest = rest.chain([
            (None, MatchedBy::Id),
            (Some(MatchedBy::Dn), MatchedBy::Email),
        ]);
        let found = rest.collect::<BestMatches<_>>().found();
        assert_eq!(found, [MatchedBy::Dn, MatchedBy::Email]);
    }
}
