//! Names of attributes and teams.

use unicode_normalization::UnicodeNormalization;

/// Prefixes that the server refuses in a team's name, in every version from 5.38 to 11
/// (`model.team.is_valid.reserved.app_error`).
const RESERVED: [&str; 17] = [
    "admin",
    "api",
    "boards",
    "channel",
    "claim",
    "error",
    "files",
    "help",
    "landing",
    "login",
    "mfa",
    "oauth",
    "playbooks",
    "plug",
    "plugins",
    "post",
    "signup",
];

/// Attributes that contain passwords: never a source of anything that others can read.
const PASSWORDS: [&str; 6] = [
    "userpassword",
    "unicodepwd",
    "sambantpassword",
    "sambalmpassword",
    "krbprincipalkey",
    "ms-mcs-admpwd",
];

/// Returns the word of the configuration for a value; empty for one that has none.
pub(super) fn name_of<T: PartialEq>(names: &[(&'static str, T)], value: &T) -> &'static str {
    let found = names.iter().find(|(_, known)| known == value);
    found.map_or("", |(name, _)| name)
}

/// Returns whether a text is an attribute description, perhaps with options (RFC 4512, 2.5).
pub(super) fn is_attribute(text: &str) -> bool {
    let mut parts = text.split(';');
    let name = parts.next().unwrap_or_default();
    let descr = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let oid = name.contains('.')
        && name
            .split('.')
            .all(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()));
    (descr || oid)
        && parts.all(|o| !o.is_empty() && o.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'))
}

/// Returns whether an attribute, in lower case, contains passwords.
pub(super) fn is_password(attribute: &str) -> bool {
    PASSWORDS.contains(&attribute.split(';').next().unwrap_or_default())
}

pub(super) fn team_name_fault(name: &str) -> Option<String> {
    let legal = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let ends = [name.bytes().next(), name.bytes().next_back()];
    if !(2..=64).contains(&name.len())
        || !name.bytes().all(|b| legal(b) || b == b'-')
        || !ends.into_iter().flatten().all(legal)
    {
        return Some(
            "a team name has 2 to 64 of a-z, 0-9 and -, and begins and ends with a letter or digit"
                .into(),
        );
    }
    RESERVED
        .iter()
        .find(|word| name.starts_with(*word))
        .map(|word| format!("Mattermost refuses team names that begin with `{word}`"))
}

/// Makes a team name from a display name, as NethServer did: in lower case, up to the first white
/// space, with other characters replaced. The result may still be too short or reserved.
pub(super) fn team_name_from(display_name: &str) -> String {
    let normal: String = display_name.nfkc().collect();
    let word = normal
        .split_whitespace()
        .next()
        .unwrap_or_default()
        .to_lowercase();
    let mut name = String::new();
    for c in any_ascii::any_ascii(&word).to_lowercase().chars() {
        if c.is_ascii_alphanumeric() {
            name.push(c);
        } else if !name.ends_with('-') {
            name.push('-');
        }
    }
    name.truncate(64);
    name.trim_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes() {
        for good in [
            "mail",
            "sAMAccountName",
            "cn;lang-de",
            "2.5.4.3",
            "ms-DS-ConsistencyGuid",
        ] {
            assert!(is_attribute(good), "{good}");
        }
        for bad in ["", "1a", "e mail", "mail=", "cn;", "{uid}", "2..5"] {
            assert!(!is_attribute(bad), "{bad}");
        }
    }

    #[test]
    fn team_names_are_made_as_nethserver_did_and_then_legal() {
        for (display, name) in [
            ("Example Org", "example"),
            ("Müller & Söhne", "muller"),
            ("AT&T", "at-t"),
            ("  Acme, Inc.", "acme"),
            ("ＦＵＬＬ width", "full"),
            ("株式会社", "zhushihuishe"),
            ("!!!", ""),
        ] {
            assert_eq!(team_name_from(display), name, "{display}");
        }
        assert_eq!(team_name_from(&"x".repeat(100)).len(), 64);
    }

    #[test]
    fn illegal_and_reserved_team_names_are_found() {
        for good in ["example", "a1", "x-y", "my-admin"] {
            assert_eq!(team_name_fault(good), None, "{good}");
        }
        for bad in [
            "", "a", "-ab", "ab-", "Ab", "a b", "admin", "helpdesk", "postal",
        ] {
            assert!(team_name_fault(bad).is_some(), "{bad}");
        }
        assert!(team_name_fault(&"x".repeat(65)).is_some());
    }
}
