//! Reads moments as people write them.

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{Span, Zoned};

use crate::model::Timestamp;

use super::exit::{Exit, Failure};

/// Reads a moment as people write it: a day, a time of day, both, RFC 3339, how long ago, or a
/// moment as it is shown elsewhere.
///
/// # Errors
/// An error if it is none of these.
pub fn moment(text: &str, now: &Zoned) -> Result<Timestamp, Failure> {
    let text = text.trim();
    let found = text
        .parse::<jiff::Timestamp>()
        .ok()
        .or_else(|| Some(day_and_time(text, now)?.timestamp()))
        .or_else(|| Some(ago(text, now)?.timestamp()));
    match found {
        Some(moment) => Ok(Timestamp(moment.as_millisecond())),
        None => Err(Failure::new(
            Exit::USAGE,
            format!(
                "--since: {text:?} is no moment: write yesterday, \"yesterday 14:00\", \
                 2026-11-22, \"2026-11-22 14:00\", 2026-11-22T14:00:00Z, or how long ago, such \
                 as \"3 days\" or 2h"
            ),
        )),
    }
}

/// Reads a day, a time of day or both, in the zone of `now` or the one that is named at the end.
fn day_and_time(text: &str, now: &Zoned) -> Option<Zoned> {
    let (text, zone) = match text.rsplit_once(' ') {
        Some((rest, name)) if is_zone(name) => (rest, Some(name)),
        _ => (text, None),
    };
    let (day, time) = match text.split_once(' ') {
        Some((day, time)) => (day, Some(time)),
        None => (text, None),
    };
    let named = match day.to_lowercase().as_str() {
        "today" => Some(now.date()),
        "yesterday" => Some(now.date().yesterday().ok()?),
        _ => None,
    };
    let local: DateTime = match (named, time) {
        (Some(date), Some(time)) => date.to_datetime(time.parse().ok()?),
        (Some(date), None) => date.into(),
        (None, _) if text.contains(':') => match text.parse() {
            Ok(moment) => moment,
            Err(_) => now.date().to_datetime(text.parse::<Time>().ok()?),
        },
        (None, _) => text.parse::<Date>().ok()?.into(),
    };
    let here = || local.to_zoned(now.time_zone().clone()).ok();
    match zone {
        None => here(),
        Some("UTC") => local.to_zoned(TimeZone::UTC).ok(),
        Some(name) => here().filter(|moment| moment.strftime("%Z").to_string() == name),
    }
}

/// Returns whether a word is the name of a time zone, as it stands behind a moment.
fn is_zone(word: &str) -> bool {
    let signs = word.starts_with(['+', '-']) && word[1..].bytes().all(|b| b.is_ascii_digit());
    signs || (word.len() > 1 && word.bytes().all(|b| b.is_ascii_uppercase()))
}

/// Reads how long ago something was.
fn ago(text: &str, now: &Zoned) -> Option<Zoned> {
    let text = text.strip_suffix("ago").unwrap_or(text).trim();
    // A number alone, or one with a sign, may mean anything.
    if !text.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let span: Span = text.parse().ok()?;
    now.checked_sub(span).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_written_in_many_ways() {
        let berlin = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
        let now: jiff::Timestamp = "2026-11-30T09:30:00Z".parse().unwrap();
        let now = now.to_zoned(berlin);
        let read = |text: &str| moment(text, &now).map(|moment| moment.rfc3339());
        for (text, wanted) in [
            ("2026-11-22T14:00:00Z", "2026-11-22T14:00:00.000Z"),
            ("2026-11-22T15:00:00+01:00", "2026-11-22T14:00:00.000Z"),
            ("2026-11-22T15:00", "2026-11-22T14:00:00.000Z"),
            ("2026-11-22 15:00", "2026-11-22T14:00:00.000Z"),
            ("2026-11-22 15:00:07 CET", "2026-11-22T14:00:07.000Z"),
            ("2026-11-22 14:00:07 UTC", "2026-11-22T14:00:07.000Z"),
            ("2026-07-22", "2026-07-21T22:00:00.000Z"),
            ("14:00", "2026-11-30T13:00:00.000Z"),
            ("today", "2026-11-29T23:00:00.000Z"),
            ("Yesterday", "2026-11-28T23:00:00.000Z"),
            ("yesterday 14:00", "2026-11-29T13:00:00.000Z"),
            ("2h", "2026-11-30T07:30:00.000Z"),
            ("90m", "2026-11-30T08:00:00.000Z"),
            ("3 days", "2026-11-27T09:30:00.000Z"),
            ("3d", "2026-11-27T09:30:00.000Z"),
            ("1 week ago", "2026-11-23T09:30:00.000Z"),
            ("2 months", "2026-09-30T08:30:00.000Z"),
        ] {
            assert_eq!(read(text).as_deref(), Ok(wanted), "{text}");
        }
        for odd in [
            "",
            "7",
            "-2h",
            "whenever",
            "2026-13-01",
            "2026-11-22 25:00",
            "2026-11-22 15:00 PST",
            "2026-07-22 15:00 CET",
        ] {
            assert!(read(odd).is_err(), "{odd}");
        }
    }
}
