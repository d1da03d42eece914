//! Makes an account from an entry.

use std::collections::{BTreeMap, BTreeSet};
use std::iter;

use crate::config::Mapping;
use crate::model::{
    Account, AccountPart, AccountState, DirectoryId, Entry, IdAttribute, Now, Profile,
    ProfileField, fold,
};

use super::ids::NoId;
use super::locks::{Judgement, judge};
use super::text::{Texts, UnreadableParts};
use super::{emails, ids, leftovers, names, not_a_person, usernames};

/// An account whose state may still depend on the rest of the reading.
#[derive(Debug)]
pub(super) struct Person {
    pub(super) account: Account,
    pub(super) judgement: Judgement,
    /// The rule that says that the entry is not a person's.
    pub(super) not_a_person: Option<String>,
}

/// Why an entry is not an account.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unusable {
    /// It has no usable id.
    NoId(NoId),
    /// It is this account, and something else about it cannot be used.
    Known(DirectoryId, String),
}

/// Makes an account from an entry. Its state is provisional; its groups are not known yet.
pub(super) fn person(entry: &Entry, mapping: &Mapping, now: &Now) -> Result<Person, Unusable> {
    let id = ids::id_of(entry, mapping).map_err(Unusable::NoId)?;
    let (username, other_usernames) = match usernames::of(entry, &mapping.username) {
        Ok(usernames) => usernames,
        Err(why) => return Err(Unusable::Known(id, why)),
    };
    let (judgement, expires) = judge(entry, &mapping.locks, now);
    let mut unreadable = BTreeMap::new();
    // Addresses and names are for people, who do not see invisible characters.
    let all = iter::once(&username).chain(&other_usernames);
    let all: Vec<String> = all.map(|name| name.replace(Account::HIDDEN, "")).collect();
    let emails = emails::candidates(entry, mapping, &all, &mut unreadable);
    let seen = username.replace(Account::HIDDEN, "");
    let profile = profile(entry, mapping, &seen, &mut unreadable);
    let name = not_a_person::Name {
        username: &username,
        attribute: &mapping.username,
    };
    let not_a_person = leftovers::of_a_conflict(entry, &username)
        .or_else(|| not_a_person::met(entry, name, &mapping.not_a_person));
    let account = Account {
        id,
        dn: entry.dn.clone(),
        username,
        other_usernames,
        emails,
        profile,
        state: AccountState::Active,
        expires,
        groups: BTreeSet::new(),
        unreadable,
        anchor: mapping.anchor.as_ref().and_then(|a| anchor(entry, a)),
        new_id: ids::new_id_of(entry, mapping),
    };
    Ok(Person {
        account,
        judgement,
        not_a_person,
    })
}

/// Returns the second anchor with the name of its attribute, so that the value of another attribute
/// is never taken for it; `None` where the value cannot be used.
fn anchor(entry: &Entry, attribute: &IdAttribute) -> Option<String> {
    let value = ids::canonical_id(entry, attribute).ok()?;
    Some(format!("{}={value}", attribute.name))
}

/// Returns the first attribute that has a value; one that cannot be read ends the search.
fn best(entry: &Entry, attributes: &[String], usable: impl Fn(&String) -> bool) -> Best {
    for attribute in attributes {
        let texts = Texts::of(entry, attribute);
        if texts.unreadable {
            return Best::Unreadable(attribute.clone());
        }
        if let Some(value) = texts.values.into_iter().filter(&usable).min() {
            return Best::Value(value);
        }
    }
    Best::Nothing
}

enum Best {
    Value(String),
    Unreadable(String),
    Nothing,
}

impl Best {
    /// Returns the value. Records for `fields` if it cannot be read.
    fn note(self, fields: &[ProfileField], unreadable: &mut UnreadableParts) -> Option<String> {
        match self {
            Self::Value(value) => Some(value),
            Self::Nothing => None,
            Self::Unreadable(attribute) => {
                for field in fields {
                    unreadable.insert(AccountPart::Field(*field), attribute.clone());
                }
                None
            }
        }
    }
}

fn profile(
    entry: &Entry,
    mapping: &Mapping,
    username: &str,
    unreadable: &mut UnreadableParts,
) -> Profile {
    let mut profile = Profile::new();
    for (field, attributes) in &mapping.fields {
        let value = match field {
            ProfileField::FirstName | ProfileField::LastName => continue,
            ProfileField::Locale => best(entry, attributes, |v| names::locale(v).is_some())
                .note(&[*field], unreadable)
                .and_then(|value| names::locale(&value)),
            _ => best(entry, attributes, |_| true).note(&[*field], unreadable),
        };
        profile.extend(value.map(|value| (*field, value)));
    }
    person_names(entry, mapping, username, unreadable, &mut profile);
    profile
}

fn person_names(
    entry: &Entry,
    mapping: &Mapping,
    username: &str,
    unreadable: &mut UnreadableParts,
    profile: &mut Profile,
) {
    const FIRST: ProfileField = ProfileField::FirstName;
    const LAST: ProfileField = ProfileField::LastName;
    let attributes = |wanted: ProfileField| {
        let found = mapping.fields.iter().find(|(field, _)| *field == wanted);
        found.map(|(_, attributes)| attributes.as_slice())
    };
    let part = |wanted| best(entry, attributes(wanted).unwrap_or_default(), |_| true);
    let given = part(FIRST).note(&[FIRST], unreadable);
    let surname = part(LAST).note(&[LAST], unreadable);
    let is_name = |value: &String| fold(value) != fold(username);
    let full = best(entry, &mapping.full_name, is_name);
    // A whole name is read only for what is missing. If it cannot be read, that stays unknown.
    let mut lacking = Vec::new();
    if given.is_none() {
        lacking.push(FIRST);
    }
    if surname.as_ref().is_none_or(|s| !is_name(s)) {
        lacking.push(LAST);
    }
    let full = full.note(&lacking, unreadable);
    // A name cannot be split either if the known part is unreadable.
    for (field, other) in [(FIRST, LAST), (LAST, FIRST)] {
        let name = unreadable.get(&AccountPart::Field(other)).cloned();
        if let Some(name) = name.filter(|_| lacking.contains(&field)) {
            unreadable.entry(AccountPart::Field(field)).or_insert(name);
        }
    }
    let (first, last) = names::first_and_last(names::Offered {
        username,
        given,
        surname,
        full,
    });
    for (field, value) in [(FIRST, first), (LAST, last)] {
        let known = !unreadable.contains_key(&AccountPart::Field(field));
        if let Some(value) = value.filter(|_| known && attributes(field).is_some()) {
            profile.insert(field, value);
        }
    }
}

#[cfg(test)]
#[path = "person_tests.rs"]
mod tests;
