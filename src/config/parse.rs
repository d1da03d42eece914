//! Parses the text into the raw configuration, and reports faults of form with their position.

use std::ops::Range;

use super::raw::RawConfig;
use super::source::{Source, sounds_secret};
use super::{ConfigError, Fault};

/// Parses the text. The first fault ends the parsing.
pub(super) fn parse(text: &str, source: &Source<'_>) -> Result<RawConfig, ConfigError> {
    let deserializer = toml::Deserializer::parse(text).map_err(|error| {
        let key = error.span().and_then(|span| source.key_at(span.start));
        fault(source, error.span(), key, error.message().to_owned())
    })?;
    serde_path_to_error::deserialize(deserializer).map_err(|error| {
        let key = dotted(error.path());
        let error = error.inner();
        let what = explain(&key, error.message());
        fault(source, error.span(), Some(key), what)
    })
}

fn fault(
    source: &Source<'_>,
    span: Option<Range<usize>>,
    key: Option<String>,
    what: String,
) -> ConfigError {
    ConfigError::Syntax(Box::new(Fault {
        path: source.path.clone(),
        place: span.as_ref().map(|span| source.position(span.start)),
        key: key.filter(|key| !key.is_empty()),
        what,
        excerpt: span.and_then(|span| source.excerpt(&span)),
    }))
}

/// Returns the path of a key without the marks of `toml` for positions and without indexes.
fn dotted(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    let mut parts: Vec<&str> = Vec::new();
    for segment in path {
        if let Segment::Map { key } = segment
            && !key.starts_with('$')
        {
            parts.push(key);
        }
    }
    parts.join(".")
}

/// Returns a message in better words than those of the library.
fn explain(key: &str, message: &str) -> String {
    if let Some(rest) = message.strip_prefix("unknown field `")
        && let Some((unknown, rest)) = rest.split_once('`')
    {
        let known: Vec<&str> = rest.split('`').skip(1).step_by(2).collect();
        return unknown_key(key, unknown, &known);
    }
    // The library quotes the unexpected value.
    let message = match message.rsplit_once(", expected ") {
        Some((_, expected)) if sounds_secret(key) => &format!("wrong type, expected {expected}"),
        _ => message,
    };
    let section = bracketed(key);
    if message.contains("expected struct Raw")
        || message.ends_with("expected a sequence") && section.starts_with("[[")
    {
        return format!("this is a section of its own: write it as {section}");
    }
    [
        (
            "expected a sequence",
            "expected a list, in square brackets: [\"…\", \"…\"]",
        ),
        ("expected i64", "expected a whole number without quotes"),
        (
            "expected a boolean",
            "expected true or false, without quotes",
        ),
        ("expected a string", "expected a text in quotes"),
    ]
    .into_iter()
    .find_map(|(end, better)| Some(format!("{}{better}", message.strip_suffix(end)?)))
    .unwrap_or_else(|| message.to_owned())
}

/// Returns a section as its header is written.
fn bracketed(section: &str) -> String {
    if section == "provider" || section == "team" {
        format!("[[{section}]]")
    } else {
        format!("[{section}]")
    }
}

/// Returns the message for an unknown key, with the key that was probably meant, or the section
/// where it belongs.
fn unknown_key(path: &str, unknown: &str, known: &[&str]) -> String {
    let meant = known
        .iter()
        .map(|candidate| (distance(unknown, candidate), candidate))
        .min()
        .filter(|(distance, candidate)| *distance <= 1 + candidate.len() / 4);
    if let Some((_, candidate)) = meant {
        return format!("unknown key `{unknown}`; write `{candidate}`");
    }
    let section = path
        .strip_suffix(unknown)
        .unwrap_or(path)
        .trim_end_matches('.');
    let elsewhere = super::keys::all().into_iter().find(|path| {
        path.rsplit_once('.')
            .is_some_and(|(place, name)| name == unknown && place != section)
    });
    if let Some((place, _)) = elsewhere.as_deref().and_then(|path| path.rsplit_once('.')) {
        return format!("`{unknown}` belongs to {}", bracketed(place));
    }
    format!("unknown key `{unknown}`; there are {}", known.join(", "))
}

/// Returns how many letters must be changed, added or removed to turn one word into the other.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = i;
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let changed = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row.last().copied().unwrap_or_default()
}
