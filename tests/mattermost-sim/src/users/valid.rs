//! What the server accepts as a username, an address, a name, a password (`model.User.IsValid`).

use crate::config::Config;
use crate::errors::ApiError;
use crate::options::Version;
use crate::users::User;

/// Names that mean something in a message (`model.restrictedUsernames`).
const RESERVED: [&str; 4] = ["all", "channel", "matterbot", "system"];

/// The locales that the server has; any other becomes the default one.
const LOCALES: [&str; 24] = [
    "bg", "de", "en", "en-AU", "es", "fa", "fr", "hu", "it", "ja", "ko", "nl", "pl", "pt-BR", "ro",
    "ru", "sv", "tr", "uk", "vi", "zh-CN", "zh-TW", "ka", "cs",
];

pub(crate) fn is_locale(locale: &str) -> bool {
    LOCALES.contains(&locale)
}

pub(crate) fn is_username(name: &str) -> bool {
    let legal = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b".-_".contains(&b);
    (1..=64).contains(&name.len()) && name.bytes().all(legal) && !RESERVED.contains(&name)
}

/// A bare address as Go's `mail.ParseAddress` takes it: no display name, no quotes or comments;
/// letters beyond ASCII are fine, so is a domain without a dot.
pub(crate) fn is_email(email: &str) -> bool {
    let legal =
        |c: char| c.is_alphanumeric() || !c.is_ascii() || "!#$%&'*+-/=?^_`{|}~.".contains(c);
    let atoms =
        |part: &str| part.chars().all(legal) && part.split('.').all(|atom| !atom.is_empty());
    let lower = email.to_lowercase() == email;
    match email.split_once('@') {
        Some((local, domain)) => lower && email.len() <= 128 && atoms(local) && atoms(domain),
        None => false,
    }
}

fn invalid(field: &str) -> ApiError {
    ApiError::new(
        400,
        &format!("model.user.is_valid.{field}.app_error"),
        &format!("Invalid {field}."),
    )
}

/// The refusal for a user that cannot be saved like this.
pub(crate) fn check(user: &User) -> Result<(), ApiError> {
    let long = |text: &str, most: usize| text.chars().count() > most;
    let faults = [
        ("username", !is_username(&user.username)),
        ("email", !is_email(&user.email)),
        ("nickname", long(&user.nickname, 64)),
        ("position", long(&user.position, 128)),
        ("first_name", long(&user.first_name, 64)),
        ("last_name", long(&user.last_name, 64)),
        (
            "auth_data",
            user.auth_data.as_ref().is_some_and(|d| d.len() > 128),
        ),
        (
            "auth_data_type",
            user.auth_data.is_some() && user.auth_service.is_empty(),
        ),
        (
            "auth_data_pwd",
            user.auth_data.is_some() && !user.password.is_empty(),
        ),
        ("locale", user.locale.len() > 5),
    ];
    match faults.iter().find(|(_, fault)| *fault) {
        Some((field, _)) => Err(invalid(field)),
        None => Ok(()),
    }
}

/// What Go calls symbols in a password.
const SYMBOLS: &str = " !\"\\#$%&'()*+,-./:;<=>?@[]^_`|~";

/// Checks a password against the policy: one id for every fault before 10.9, one for each since.
pub(crate) fn check_password(
    version: Version,
    config: &Config,
    password: &str,
) -> Result<(), ApiError> {
    let Some(fault) = password_fault(version, config, password) else {
        return Ok(());
    };
    Err(if version < Version::V10_9 {
        ApiError::new(
            400,
            "api.user.check_user_password.invalid.app_error",
            "Login failed because of invalid password.",
        )
    } else {
        ApiError::new(
            400,
            &format!("model.user.is_valid.pwd{fault}.app_error"),
            "Your password does not meet the requirements.",
        )
    })
}

fn password_fault(version: Version, config: &Config, password: &str) -> Option<String> {
    let section = "PasswordSettings";
    let longest = if version < Version::V10_9 { 64 } else { 72 };
    let shortest = config.number(section, "MinimumLength");
    let length = u64::try_from(password.len()).unwrap_or(u64::MAX);
    if length < shortest {
        return Some("_min_length".to_owned());
    }
    if length > longest {
        return Some("_max_length".to_owned());
    }
    let asked = [
        (
            "Lowercase",
            "_lowercase",
            password.contains(|c: char| c.is_ascii_lowercase()),
        ),
        (
            "Uppercase",
            "_uppercase",
            password.contains(|c: char| c.is_ascii_uppercase()),
        ),
        (
            "Number",
            "_number",
            password.contains(|c: char| c.is_ascii_digit()),
        ),
        (
            "Symbol",
            "_symbol",
            password.contains(|c: char| SYMBOLS.contains(c)),
        ),
    ];
    let missing = asked
        .iter()
        .filter(|(key, _, has)| config.flag(section, key) && !has);
    let missing: String = missing.map(|(_, word, _)| *word).collect();
    (!missing.is_empty()).then_some(missing)
}

/// Whether an address belongs to one of the domains, separated by commas or spaces; an empty
/// list admits all.
pub(crate) fn in_domains(email: &str, domains: &str) -> bool {
    let domains = domains.to_lowercase().replace([',', '@'], " ");
    let mut domains = domains.split_whitespace().peekable();
    let of = email.rsplit_once('@').map_or("", |(_, domain)| domain);
    domains.peek().is_none() || domains.any(|domain| domain == of)
}

#[cfg(test)]
mod tests {
    use super::{in_domains, is_email, is_username};

    #[test]
    fn usernames() {
        for good in ["p", ".pluto", "1-a_b.", "here", &"c".repeat(64)] {
            assert!(is_username(good), "{good}");
        }
        for bad in [
            "",
            "Pluto",
            "plu to",
            "plutò",
            "all",
            "system",
            &"c".repeat(65),
        ] {
            assert!(!is_username(bad), "{bad}");
        }
    }

    #[test]
    fn addresses() {
        for good in ["x@localhost", "plutò@example.org", "o'neil+t@example.org"] {
            assert!(is_email(good), "{good}");
        }
        for bad in [
            "",
            "nope",
            "a b@example.org",
            "P <p@example.org>",
            ".a@b",
            "a@b@c",
            "A@b",
        ] {
            assert!(!is_email(bad), "{bad}");
        }
    }

    #[test]
    fn domains() {
        assert!(in_domains("a@x.org", ""));
        assert!(in_domains("a@x.org", "y.org, x.org"));
        assert!(!in_domains("a@sub.x.org", "x.org"));
    }
}
