//! The e-mail addresses that an entry offers.

use std::collections::BTreeSet;

use crate::config::{EmailSource, Mapping};
use crate::model::{AccountPart, EmailCandidates, Entry};

use super::text::{Texts, UnreadableParts};

/// Returns what each configured source offers. `usernames` are the entry's, the preferred first.
pub(super) fn candidates(
    entry: &Entry,
    mapping: &Mapping,
    usernames: &[String],
    unreadable: &mut UnreadableParts,
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
            EmailSource::Attribute(name) => (name, addresses(texts_of(name).values)),
            EmailSource::Template(template) => {
                let mut filled = |username: &str| {
                    fill(template, |name| {
                        if name == mapping.username {
                            return Some(username.to_owned());
                        }
                        let value = texts_of(name).first().cloned();
                        if value.is_none() {
                            lacks = Some(name.to_owned());
                        }
                        value
                    })
                };
                let filled = usernames.iter().filter_map(|name| filled(name));
                let values = filled.map(|v| v.to_lowercase()).collect();
                (template, values)
            }
        };
        let mut values: Vec<String> = values;
        let mut known = BTreeSet::new();
        values.retain(|value| known.insert(value.clone()));
        // A source without values is kept too: an address that was removed must differ from one
        // that never existed.
        candidates.push(EmailCandidates {
            source: lacks.unwrap_or_else(|| source.clone()),
            values,
        });
    }
    candidates
}

/// Returns the values of an attribute that are e-mail addresses, without their scheme, in lower
/// case, the preferred first.
///
/// Exchange writes `SMTP:` before the primary address and `smtp:` before the others, and keeps
/// other kinds of addresses beside them (`sip:`, `X500:`).
fn addresses(values: Vec<String>) -> Vec<String> {
    let mut ranked: Vec<(bool, String)> = values
        .iter()
        .filter_map(|value| {
            let (scheme, rest) = match value.split_once(':') {
                Some((scheme, rest)) if is_scheme(scheme) => (scheme, rest.trim()),
                _ => return Some((true, value.to_lowercase())),
            };
            let is_email = ["smtp", "mailto"]
                .iter()
                .any(|s| scheme.eq_ignore_ascii_case(s));
            is_email.then(|| (scheme != "SMTP", rest.to_lowercase()))
        })
        .collect();
    ranked.retain(|(_, value)| !value.is_empty());
    ranked.sort();
    ranked.into_iter().map(|(_, value)| value).collect()
}

fn is_scheme(text: &str) -> bool {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
    text.starts_with(|c: char| c.is_ascii_alphabetic()) && text.chars().all(legal)
}

/// Returns the attributes that a template names, in lower case.
pub(super) fn placeholders(template: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    fill(template, |name| {
        names.insert(name.to_owned());
        Some(String::new())
    });
    names
}

/// Returns the template with each `{attribute}` replaced by what `value` returns for its lower-case
/// name; `None` when one has no value. A brace without its other half is an ordinary character.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemes_are_taken_off_and_other_kinds_are_no_address() {
        let addresses_of =
            |values: &[&str]| addresses(values.iter().map(|v| (*v).to_owned()).collect());
        assert_eq!(
            addresses_of(&[
                "smtp:a.alias@x.org",
                "SMTP: Pia@x.org",
                "sip:pia@x.org",
                "X500:/o=Example/cn=pia",
                "x400:c=de;s=prox",
                "mailto:b@x.org",
                "EUM:12@x.org",
            ]),
            ["pia@x.org", "a.alias@x.org", "b@x.org"]
        );
        assert_eq!(
            addresses_of(&["Z@x.org", "a@x.org"]),
            ["a@x.org", "z@x.org"]
        );
        assert_eq!(addresses_of(&["smtp:"]), [""; 0]);
        assert_eq!(addresses_of(&["a b:c@x.org"]), ["a b:c@x.org"]);
    }
}
