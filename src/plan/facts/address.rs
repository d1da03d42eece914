//! The e-mail address that an account gets.

use std::borrow::Cow;
use std::collections::BTreeSet;

use crate::model::Account;

/// The largest number of bytes of an address (`model.UserEmailMaxLength`).
const EMAIL_MAX: usize = 128;

/// Returns the legal form of an address: trimmed, in lower case. It must have one `@` with
/// something on both sides, no white space, no angle brackets, and at most 128 bytes; otherwise the
/// error says what is wrong.
pub fn legal_email(raw: &str) -> Result<String, String> {
    legal(raw).map(Cow::into_owned)
}

/// Returns what [`legal_email`] does, without copying an address that is legal as it is.
pub fn legal(raw: &str) -> Result<Cow<'_, str>, String> {
    if is_plain(raw) {
        return Ok(Cow::Borrowed(raw));
    }
    made_legal(raw).map(Cow::Owned)
}

/// Returns whether an address consists of ordinary letters, so that [`made_legal`] would only
/// change its case: one `@`, and no empty part or hyphen beside it or beside a dot.
fn is_plain(raw: &str) -> bool {
    let (mut ats, mut before) = (0, b'.');
    for byte in raw.bytes() {
        let edge = matches!(before, b'.' | b'@' | b'-');
        match byte {
            b'a'..=b'z' | b'0'..=b'9' | b'_' | b'+' => {}
            b'-' if !edge => {}
            b'.' if !edge => {}
            b'@' if !edge => ats += 1,
            _ => return false,
        }
        before = byte;
    }
    ats == 1 && raw.len() <= EMAIL_MAX && !matches!(before, b'.' | b'@' | b'-')
}

fn made_legal(raw: &str) -> Result<String, String> {
    let address = raw.trim().to_lowercase();
    let Some((local, domain)) = address.rsplit_once('@') else {
        return Err(format!("{address:?} has no @"));
    };
    let bad = |c: char| {
        let special = "<>\",;:()[]\\";
        c.is_whitespace() || c.is_control() || special.contains(c)
    };
    if address.len() > EMAIL_MAX {
        Err(format!("{address:?} is longer than {EMAIL_MAX} bytes"))
    } else if local.is_empty() || domain.is_empty() || local.contains('@') {
        Err(format!("{address:?} is not one name, an @ and one domain"))
    } else if address.contains(bad) {
        Err(format!(
            "{address:?} has a character that an address cannot have"
        ))
    } else if local.starts_with('.') || local.ends_with('.') || local.contains("..") {
        Err(format!(
            "{address:?} has a dot in a place where none may be"
        ))
    } else if domain
        .split('.')
        .any(|l| l.is_empty() || l.starts_with('-') || l.ends_with('-'))
    {
        Err(format!("{address:?} has no usable domain"))
    } else {
        Ok(address)
    }
}

/// The addresses of the best source that has a legal one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice<'a> {
    /// Legal addresses, the preferred first; at least one.
    pub values: Vec<Cow<'a, str>>,
    /// The better sources, which had no value.
    pub passed_over: Vec<&'a str>,
}

/// Returns the best source with a legal address, or else why there is none.
pub fn choose(account: &Account) -> Result<Choice<'_>, String> {
    let mut passed_over = Vec::new();
    let mut faults = Vec::new();
    for candidates in &account.emails {
        let mut values = Vec::new();
        for raw in &candidates.values {
            match legal(raw) {
                Ok(address) => values.push(address),
                Err(fault) => faults.push(format!("{}: {fault}", candidates.source)),
            }
        }
        // One entry can have many values in one attribute, so each is looked up.
        let mut known = BTreeSet::new();
        values.retain(|value: &Cow<'_, str>| known.insert(value.clone()));
        if !values.is_empty() {
            return Ok(Choice {
                values,
                passed_over,
            });
        }
        passed_over.push(candidates.source.as_str());
    }
    if faults.is_empty() {
        Err(format!("no value in any of: {}", passed_over.join(", ")))
    } else {
        Err(faults.join("; "))
    }
}

/// Returns every legal address that the account has in any source.
pub fn all(account: &Account) -> impl Iterator<Item = Cow<'_, str>> {
    let values = account.emails.iter().flat_map(|c| &c.values);
    values.filter_map(|raw| legal(raw).ok())
}

/// Returns whether the server's `RestrictCreationToDomains` accepts the address; an empty list
/// accepts all. The server compares the text after the last `@` with each domain.
pub fn domain_allowed(address: &str, domains: &[String]) -> bool {
    domains.is_empty()
        || address
            .rsplit_once('@')
            .is_some_and(|(_, domain)| domains.iter().any(|d| d == domain))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_follow_the_server() {
        assert_eq!(
            legal_email(" Pluto@Example.ORG ").as_deref(),
            Ok("pluto@example.org")
        );
        assert_eq!(
            legal_email("o'hara@example.org").as_deref(),
            Ok("o'hara@example.org")
        );
        assert_eq!(legal_email("a@localhost").as_deref(), Ok("a@localhost"));
        for bad in [
            "",
            "pluto",
            "@example.org",
            "pluto@",
            "a b@example.org",
            "<a@example.org>",
            "a@b@c.d",
            ".a@example.org",
            "a..b@example.org",
            "a@-x.org",
            "a@example..org",
            "sip:pia@example.org",
            "x500:/o=example/cn=pia@example.org",
            "a@[127.0.0.1]",
            "a\\b@example.org",
        ] {
            assert!(legal_email(bad).is_err(), "{bad:?}");
        }
        assert!(legal_email(&format!("{}@example.org", "x".repeat(120))).is_err());
    }

    #[test]
    fn the_short_way_says_what_the_long_way_says() {
        let letters = [b'a', b'@', b'.', b'-', b'A', b' '].map(char::from);
        let mut short = 0;
        for number in 0..letters.len().pow(6) {
            let digits = (0..6).map(|n| number / letters.len().pow(n) % letters.len());
            let raw: String = digits.map(|digit| letters[digit]).collect();
            if is_plain(&raw) {
                assert_eq!(made_legal(&raw).as_ref(), Ok(&raw));
                short += 1;
            }
        }
        assert!(short > 10, "{short}");
        let long = |n: usize| format!("{}@example.org", "x".repeat(n));
        assert!(is_plain(&long(EMAIL_MAX - 12)) && !is_plain(&long(EMAIL_MAX - 11)));
    }

    #[test]
    fn domains_are_compared_whole() {
        let only = ["example.org".to_owned()];
        assert!(domain_allowed("a@example.org", &only));
        assert!(!domain_allowed("a@evil-example.org", &only));
        assert!(domain_allowed("a@anywhere", &[]));
    }
}
