//! One entry becomes one account.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::{EmailSource, IdAttribute, Mapping};
use crate::model::{
    Account, AccountPart, AccountState, DirectoryId, EmailCandidates, Entry, Now, Profile,
    ProfileField,
};

use super::locks::{Judgement, judge};
use super::text::{Texts, clean};
use super::{dn, ids, names, not_a_person};

/// An account whose state the rest of the reading may still decide.
#[derive(Debug)]
pub(super) struct Person {
    pub(super) account: Account,
    pub(super) judgement: Judgement,
    /// The rule that says that it is not a person's.
    pub(super) not_a_person: Option<String>,
}

/// Why an entry is no account, with its id when that much could be read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unusable {
    pub(super) id: Option<DirectoryId>,
    pub(super) why: String,
}

/// Makes an account of an entry. Its state is provisional; its groups are not known yet.
pub(super) fn person(entry: &Entry, mapping: &Mapping, now: &Now) -> Result<Person, Unusable> {
    let id = ids::id_of(entry, mapping).map_err(|why| Unusable { id: None, why })?;
    let username = match username(entry, &mapping.username) {
        Ok(username) => username,
        Err(why) => return Err(Unusable { id: Some(id), why }),
    };
    let (judgement, expires) = judge(entry, &mapping.locks, now);
    let mut unreadable = BTreeMap::new();
    // What is made of it is for people.
    let seen = username.replace(Account::HIDDEN, "");
    let emails = emails(entry, mapping, &seen, &mut unreadable);
    let profile = profile(entry, mapping, &seen, &mut unreadable);
    let not_a_person = not_a_person::met(entry, &username, &mapping.not_a_person);
    let account = Account {
        id,
        dn: entry.dn.clone(),
        username,
        emails,
        profile,
        state: AccountState::Active,
        expires,
        groups: BTreeSet::new(),
        unreadable,
        anchor: mapping.anchor.as_ref().and_then(|a| anchor(entry, a)),
    };
    Ok(Person {
        account,
        judgement,
        not_a_person,
    })
}

/// The second anchor with the name of its attribute, so that values of another attribute are never
/// taken for it; none where the value cannot be used.
fn anchor(entry: &Entry, attribute: &IdAttribute) -> Option<String> {
    let value = ids::canonical_id(entry, attribute).ok()?;
    Some(format!("{}={value}", attribute.name))
}

/// The username; of several values the one in the RDN, else the first in sorted order.
fn username(entry: &Entry, attribute: &str) -> Result<String, String> {
    let texts = Texts::of_names(entry, attribute);
    if let [only] = texts.values.as_slice()
        && !texts.unreadable
    {
        return Ok(only.clone());
    }
    let in_rdn = dn::rdn_value(&entry.dn, attribute).map(|value| dn::fold(&clean(&value)));
    let named = |value: &&String| {
        let seen = value.replace(Account::HIDDEN, "");
        Some(dn::fold(&seen)) == in_rdn
    };
    if let Some(value) = texts.values.iter().find(named) {
        return Ok(value.clone());
    }
    if texts.unreadable {
        return Err(format!("its {attribute} is no UTF-8 text"));
    }
    let first = texts.first().cloned();
    first.ok_or_else(|| format!("it has no {attribute}, which is the username"))
}

type Unreadable = BTreeMap<AccountPart, String>;

fn emails(
    entry: &Entry,
    mapping: &Mapping,
    username: &str,
    unreadable: &mut Unreadable,
) -> Vec<EmailCandidates> {
    let mut candidates = Vec::with_capacity(mapping.email.len());
    for source in &mapping.email {
        let mut lacks = None;
        let mut texts_of = |name: &str| {
            let texts = Texts::of(entry, name);
            if texts.unreadable {
                unreadable.insert(AccountPart::Email, name.to_owned());
            }
            texts
        };
        let (source, values) = match source {
            EmailSource::Attribute(name) => (name, texts_of(name).values),
            EmailSource::Template(template) => {
                let filled = fill(template, |name| {
                    if name == mapping.username {
                        return Some(username.to_owned());
                    }
                    let value = texts_of(name).first().cloned();
                    if value.is_none() {
                        lacks = Some(name.to_owned());
                    }
                    value
                });
                (template, filled.into_iter().collect())
            }
        };
        let values: BTreeSet<String> = values.iter().map(|v| v.to_lowercase()).collect();
        // Kept without values too: an address that was there and is not must be told from one
        // that never was.
        candidates.push(EmailCandidates {
            source: lacks.unwrap_or_else(|| source.clone()),
            values: values.into_iter().collect(),
        });
    }
    candidates
}

/// The attributes that a template names, in lower case.
pub(super) fn placeholders(template: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    fill(template, |name| {
        names.insert(name.to_owned());
        Some(String::new())
    });
    names
}

/// The template with each `{attribute}` replaced by what `value` gives for its lower-case name;
/// `None` when one has no value. A brace without its other half stands for itself.
fn fill(template: &str, mut value: impl FnMut(&str) -> Option<String>) -> Option<String> {
    let mut out = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let Some((name, after)) = after.split_once('}') else {
            break;
        };
        out.push_str(before);
        out.push_str(&value(&name.trim().to_ascii_lowercase())?);
        rest = after;
    }
    out.push_str(rest);
    Some(out)
}

/// The best attribute that has a value; one that cannot be read ends the search.
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
    /// The value, having noted for `fields` that it cannot be read.
    fn note(self, fields: &[ProfileField], unreadable: &mut Unreadable) -> Option<String> {
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
    unreadable: &mut Unreadable,
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
    unreadable: &mut Unreadable,
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
    let is_name = |value: &String| dn::fold(value) != dn::fold(username);
    let full = best(entry, &mapping.full_name, is_name);
    // A whole name is read only for what is missing; if it cannot be read, that stays unknown.
    let mut lacking = Vec::new();
    if given.is_none() {
        lacking.push(FIRST);
    }
    if surname.as_ref().is_none_or(|s| !is_name(s)) {
        lacking.push(LAST);
    }
    let full = full.note(&lacking, unreadable);
    // Nor can a name be split when the part that tells where is unreadable.
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
