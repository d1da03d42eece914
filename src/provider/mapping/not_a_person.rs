//! Recognises entries that are not a person's.

use crate::config::NotAPerson;
use crate::model::{Account, AccountState, Entry, fold};
use crate::plan::legal_username;

use super::text::Texts;

/// Returns an account's state, from the lock rules and the rule that it is not a person's.
pub(super) fn state(rule: Option<String>, by_locks: AccountState) -> AccountState {
    match rule {
        None => by_locks,
        Some(rule) => AccountState::NotAPerson {
            rule,
            state: Box::new(by_locks),
        },
    }
}

/// The username of an entry, and its attribute, which may have several values.
#[derive(Clone, Copy, Debug)]
pub(super) struct Name<'a> {
    /// The username that counts.
    pub(super) username: &'a str,
    /// The attribute, as the mapping has it.
    pub(super) attribute: &'a str,
}

/// Returns the first rule that the entry meets, with the value, as text.
pub(super) fn met(entry: &Entry, name: Name<'_>, rules: &[NotAPerson]) -> Option<String> {
    let forms = forms(name.username);
    let mut rules = rules.iter();
    rules.find_map(|rule| meets(entry, name, &forms, rule))
}

fn meets(entry: &Entry, name: Name<'_>, forms: &[String], rule: &NotAPerson) -> Option<String> {
    let short = |value: &str| value.chars().take(60).collect::<String>();
    match rule {
        NotAPerson::Username(pattern) => {
            let username = name.username;
            is_name_like(forms, pattern)
                .then(|| format!("the username {} is like \"{rule}\"", short(username)))
        }
        // Each of its values may become the username one day.
        NotAPerson::Value { attribute, pattern }
            if attribute.eq_ignore_ascii_case(name.attribute) =>
        {
            let texts = Texts::of_names(entry, &attribute.to_ascii_lowercase());
            let mut values = texts.values.iter();
            let value = values.find(|value| is_name_like(&self::forms(value), pattern))?;
            Some(format!("{attribute} is {}", short(value)))
        }
        NotAPerson::Value { attribute, pattern } => {
            let texts = Texts::of(entry, &attribute.to_ascii_lowercase());
            let value = texts.values.iter().find(|v| is_like(v, pattern))?;
            Some(format!("{attribute} is {}", short(value)))
        }
        NotAPerson::Bits { attribute, bits } => {
            let texts = Texts::of(entry, &attribute.to_ascii_lowercase());
            // Active Directory writes these numbers with a sign.
            let has = |v: &&String| {
                let number = v.parse::<i64>();
                number.is_ok_and(|number| number.cast_unsigned() & bits != 0)
            };
            let value = texts.values.iter().find(has)?;
            Some(format!(
                "{attribute} is {}, which has bits of {bits}",
                short(value)
            ))
        }
    }
}

/// Returns the forms by which a username is judged, folded: the name itself, and its form on
/// Mattermost, because one may only look like the other.
fn forms(username: &str) -> Vec<String> {
    let legal = legal_username(username).unwrap_or_default();
    let seen = username.replace(Account::HIDDEN, "");
    let mut forms: Vec<String> = [username, &legal, &seen].map(fold).into();
    forms.dedup();
    forms
}

fn is_name_like(forms: &[String], pattern: &str) -> bool {
    let pattern = fold(pattern);
    forms.iter().any(|form| is_folded_like(form, &pattern))
}

/// Returns whether a text matches a pattern in which `*` stands for any text.
pub(super) fn is_like(text: &str, pattern: &str) -> bool {
    is_folded_like(&fold(text), &fold(pattern))
}

fn is_folded_like(text: &str, pattern: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else {
        return text == pattern;
    };
    let Some(mut text) = text.strip_prefix(first) else {
        return false;
    };
    let parts: Vec<&str> = rest.split('*').collect();
    let Some((last, middle)) = parts.split_last() else {
        return true;
    };
    for part in middle {
        match text.find(part) {
            Some(at) => text = &text[at + part.len()..],
            None => return false,
        }
    }
    text.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        for (text, pattern, like) in [
            ("Administrator", "administrator", true),
            ("administrators", "administrator", false),
            ("svc-backup", "svc-*", true),
            ("my-svc-backup", "svc-*", false),
            ("PC01$", "*$", true),
            ("PC01$x", "*$", false),
            ("abc", "a*b*c", true),
            ("acb", "a*b*c", false),
            ("ab", "ab*ab", false),
            ("abab", "ab*ab", true),
            ("room 12", "*room*", true),
        ] {
            assert_eq!(is_like(text, pattern), like, "{text} {pattern}");
        }
    }

    fn named(username: &str) -> Name<'_> {
        Name {
            username,
            attribute: "uid",
        }
    }

    /// A rule about the attribute of usernames judges each value, as a rule about the username
    /// judges the one that counts.
    #[test]
    fn of_several_usernames_each_is_judged_in_all_its_forms() {
        let rule = [NotAPerson::Value {
            attribute: "UID".into(),
            pattern: "adm*".into(),
        }];
        for (names, is_met) in [
            (&["anna", "adm-anna"][..], true),
            (&["anna", "аdm-anna"], true),
            (&["anna", "ad\u{200b}m-anna"], true),
            (&["anna", "hadm"], false),
        ] {
            let mut entry = Entry::default();
            let values = names.iter().map(|name| name.as_bytes().to_vec());
            entry.attributes.insert("uid".into(), values.collect());
            assert_eq!(
                met(&entry, named("anna"), &rule).is_some(),
                is_met,
                "{names:?}"
            );
            // Of another attribute what is written counts, and nothing else.
            let elsewhere = Name {
                attribute: "cn",
                ..named("anna")
            };
            let plain = names
                .iter()
                .any(|name| is_like(&super::super::text::clean(name), "adm*"));
            assert_eq!(met(&entry, elsewhere, &rule).is_some(), plain, "{names:?}");
        }
    }

    /// Neither the name in the directory nor the one on Mattermost gets past a rule.
    #[test]
    fn a_name_that_only_looks_otherwise_is_like_it_too() {
        let rule = [NotAPerson::Username("admin".into())];
        let entry = Entry::default();
        for name in [
            "admin",
            "ADMIN",
            "аdmin",
            "ａdmin",
            "ad\u{fffd}min",
            "adm\u{131}n",
        ] {
            assert!(met(&entry, named(name), &rule).is_some(), "{name}");
        }
        let rule = [NotAPerson::Username("O'Brien".into())];
        assert!(met(&entry, named("o'brien"), &rule).is_some());
        assert!(met(&entry, named("obrien"), &rule).is_none());
    }

    #[test]
    fn the_rule_is_named_with_the_value() {
        let mut entry = Entry::default();
        let set = |entry: &mut Entry, name: &str, value: &str| {
            let values = vec![value.as_bytes().to_vec()];
            entry.attributes.insert(name.into(), values);
        };
        set(&mut entry, "useraccountcontrol", "4096");
        set(&mut entry, "employeetype", "Room 12");
        let rules = |text: &str| match text.split_once('=') {
            Some((attribute, pattern)) => NotAPerson::Value {
                attribute: attribute.into(),
                pattern: pattern.into(),
            },
            None => NotAPerson::Bits {
                attribute: text.into(),
                bits: 14_336,
            },
        };
        for (rule, want) in [
            (
                "userAccountControl",
                Some("userAccountControl is 4096, which has bits of 14336"),
            ),
            ("employeeType=room*", Some("employeeType is Room 12")),
            ("employeeType=staff", None),
            ("other=*", None),
        ] {
            let met = met(&entry, named("anna"), &[rules(rule)]);
            assert_eq!(met.as_deref(), want, "{rule}");
        }
        set(&mut entry, "useraccountcontrol", "512");
        assert_eq!(
            met(&entry, named("anna"), &[rules("userAccountControl")]),
            None
        );
    }
}
