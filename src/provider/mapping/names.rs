//! First and last names from directories that store them separately, together, or wrongly.

use crate::model::fold;

/// What a directory offers for a name.
#[derive(Debug, Default)]
pub(super) struct Offered<'a> {
    /// The username; NethServer writes it in place of an unknown name.
    pub(super) username: &'a str,
    /// The value of the attributes of given names.
    pub(super) given: Option<String>,
    /// The value of the attributes of surnames.
    pub(super) surname: Option<String>,
    /// The value of the attributes of whole names.
    pub(super) full: Option<String>,
}

/// Returns the first and the last name.
///
/// A given name and a surname that is not the username are taken as they are. Otherwise the whole
/// name is split: along the part that is known, or else into first word and rest. NethServer 7 has
/// no given name, and writes the `uid` in `sn`; NethServer 8 splits the whole name over `cn` and
/// `sn`.
pub(super) fn first_and_last(offered: Offered<'_>) -> (Option<String>, Option<String>) {
    let username = fold(offered.username);
    let is_username = |name: &String| fold(name) == username;
    let surname = offered
        .surname
        .filter(|s| offered.given.is_some() || !is_username(s));
    let full = offered.full.filter(|f| !is_username(f));
    match (offered.given, surname, full) {
        (Some(given), Some(surname), full) if is_username(&surname) => {
            let rest = full.as_deref().and_then(|full| after(full, &given));
            (Some(given), Some(rest.unwrap_or(surname)))
        }
        (Some(given), Some(surname), _) => (Some(given), Some(surname)),
        (Some(given), None, full) => {
            let rest = full.as_deref().and_then(|full| after(full, &given));
            (Some(given), rest)
        }
        (None, surname, Some(full)) => split(&full, surname),
        (None, surname, None) => (None, surname),
    }
}

/// Splits the whole name in two, by the surname where it contains it.
fn split(full: &str, surname: Option<String>) -> (Option<String>, Option<String>) {
    if let Some(surname) = &surname {
        if let Some(first) = before(full, surname) {
            return (Some(first), Some(surname.clone()));
        }
        if let Some(first) = after(full, &format!("{surname},")) {
            return (Some(first), Some(surname.clone()));
        }
        if fold(full) == fold(surname) {
            return (None, Some(surname.clone()));
        }
    }
    match full.split_once(' ') {
        Some((first, rest)) => (Some(first.to_owned()), Some(rest.to_owned())),
        None => (Some(full.to_owned()), surname),
    }
}

/// Returns what follows the words of `start` in `full`.
fn after(full: &str, start: &str) -> Option<String> {
    let words: Vec<_> = full.split(' ').collect();
    let n = start.split(' ').count();
    let (head, tail) = words.split_at_checked(n)?;
    (!tail.is_empty() && fold(&head.join(" ")) == fold(start)).then(|| tail.join(" "))
}

/// Returns what comes before the words of `end` in `full`.
fn before(full: &str, end: &str) -> Option<String> {
    let words: Vec<_> = full.split(' ').collect();
    let n = words.len().checked_sub(end.split(' ').count())?;
    let (head, tail) = words.split_at_checked(n)?;
    (!head.is_empty() && fold(&tail.join(" ")) == fold(end)).then(|| head.join(" "))
}

/// Returns Mattermost's name for a language (RFC 2798, 2.7, writes it as in HTTP's
/// `Accept-Language`).
///
/// That is the language alone, except for those that Mattermost has by region: `de-DE` is `de`,
/// `pt` is `pt-BR`, traditional Chinese is `zh-TW`. Of a list the preferred language is taken.
pub(super) fn locale(value: &str) -> Option<String> {
    let mut best: Option<(f32, &str)> = None;
    for item in value.split(',') {
        let mut parts = item.split(';').map(str::trim);
        let tag = parts.next().unwrap_or_default();
        let weight = parts
            .find_map(|p| p.strip_prefix("q=")?.parse::<f32>().ok())
            .unwrap_or(1.0);
        let wanted = weight > 0.0 && best.is_none_or(|(most, _)| weight > most);
        if wanted && !tag.is_empty() {
            best = Some((weight, tag));
        }
    }
    let (_, tag) = best?;
    let tag = tag.split(['.', '@']).next()?.to_ascii_lowercase();
    let mut parts = tag.split(['-', '_']);
    let language = parts.next()?;
    if !(2..=3).contains(&language.len()) || !language.bytes().all(|b| b.is_ascii_alphabetic()) {
        return None;
    }
    let rest: Vec<_> = parts.collect();
    let traditional = || {
        rest.iter()
            .any(|p| matches!(*p, "tw" | "hk" | "mo" | "hant"))
    };
    Some(match language {
        "zh" if traditional() => "zh-TW".to_owned(),
        "zh" => "zh-CN".to_owned(),
        "pt" => "pt-BR".to_owned(),
        "en" if rest.contains(&"au") => "en-AU".to_owned(),
        _ => language.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(username: &str, given: &str, surname: &str, full: &str) -> String {
        let some = |text: &str| Some(text.to_owned()).filter(|t| !t.is_empty());
        let (first, last) = first_and_last(Offered {
            username,
            given: some(given),
            surname: some(surname),
            full: some(full),
        });
        format!("{}|{}", first.unwrap_or_default(), last.unwrap_or_default())
    }

    #[test]
    fn each_directory_s_habit() {
        for (username, given, surname, full, want) in [
            ("alice", "Alice", "Jordan", "Jordan, Alice", "Alice|Jordan"),
            // NethServer 7: no given name, the surname is the username.
            ("alice", "", "alice", "Alice Jordan", "Alice|Jordan"),
            (
                "alice",
                "",
                "alice",
                "Alice Maria Jordan",
                "Alice|Maria Jordan",
            ),
            ("alice", "", "ALICE", "alice", "|"),
            ("alice", "", "alice", "", "|"),
            ("alice", "", "alice", "Alicia", "Alicia|"),
            // NethServer 8: the surname is the rest of the whole name.
            ("mary", "", "Ann Lee", "Mary Ann Lee", "Mary|Ann Lee"),
            (
                "maria",
                "",
                "García López",
                "María del Carmen García López",
                "María del Carmen|García López",
            ),
            (
                "a",
                "",
                "Jordan",
                "Jordan, Alice Maria",
                "Alice Maria|Jordan",
            ),
            ("a", "", "Jordan", "Alice", "Alice|Jordan"),
            ("a", "", "Jordan", "Jordan", "|Jordan"),
            ("a", "", "Jordan", "", "|Jordan"),
            ("a", "", "Jordan", "The Boss", "The|Boss"),
            // Somebody whose username is the surname, and who has a given name.
            (
                "jordan",
                "Anna Maria",
                "Jordan",
                "Anna Maria Jordan",
                "Anna Maria|Jordan",
            ),
            ("jordan", "Anna Maria", "jordan", "", "Anna Maria|jordan"),
            ("a", "Alice", "", "Alice Jordan", "Alice|Jordan"),
            ("a", "Alice", "", "Jordan Alice", "Alice|"),
            ("a", "", "", "", "|"),
        ] {
            assert_eq!(
                names(username, given, surname, full),
                want,
                "{given}/{surname}/{full}"
            );
        }
    }

    #[test]
    fn languages() {
        for (value, want) in [
            ("de-DE", Some("de")),
            ("de_AT.UTF-8", Some("de")),
            ("EN-us", Some("en")),
            ("en-au", Some("en-AU")),
            ("pt", Some("pt-BR")),
            ("zh-Hant-TW", Some("zh-TW")),
            ("zh", Some("zh-CN")),
            ("en;q=0.5, it;q=0.8, de;q=0.1", Some("it")),
            ("fr, de", Some("fr")),
            ("de;q=0", None),
            ("*", None),
            ("german", None),
            ("", None),
            (",;,", None),
        ] {
            assert_eq!(locale(value).as_deref(), want, "{value}");
        }
    }
}
