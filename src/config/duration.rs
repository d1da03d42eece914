//! Durations as people write them: `30s`, `5m`, `24h`, `1h30m`.

use std::time::Duration;

use crate::model::DURATION_UNITS;

/// The form of a duration, for messages.
pub(super) const FORM: &str =
    "a number with a unit (ms, s, m, h, d), such as \"30s\", \"5m\" or \"24h\"";

/// Reads a duration.
///
/// # Errors
/// Returns what to write instead.
pub fn parse(text: &str) -> Result<Duration, String> {
    let mut rest = text.trim();
    if !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit()) {
        return Err(format!(
            "the unit is missing: write \"{rest}h\" for {rest} hours, \"{rest}m\" for {rest} minutes, \
             \"{rest}s\" for {rest} seconds"
        ));
    }
    let mut total: u64 = 0;
    let mut last_unit = u64::MAX;
    if rest.is_empty() {
        return Err(format!("write {FORM}"));
    }
    while !rest.is_empty() {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, tail) = rest.split_at(digits);
        let tail = tail.trim_start();
        let letters = tail.len()
            - tail
                .trim_start_matches(|c: char| c.is_ascii_alphabetic())
                .len();
        let (name, tail) = tail.split_at(letters);
        let unit = DURATION_UNITS
            .iter()
            .find(|(unit, _)| *unit == name)
            .map(|(_, ms)| *ms);
        let (Ok(number), Some(unit)) = (number.parse::<u64>(), unit) else {
            return Err(format!("write {FORM}"));
        };
        if unit >= last_unit {
            return Err(format!(
                "write each unit once, the largest first, or {FORM}"
            ));
        }
        last_unit = unit;
        total = number
            .checked_mul(unit)
            .and_then(|part| total.checked_add(part))
            .ok_or_else(|| format!("it is too long; write {FORM}"))?;
        rest = tail.trim_start();
    }
    Ok(Duration::from_millis(total))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::as_configured;

    #[test]
    fn reads_what_people_write() {
        for (text, seconds) in [
            ("0s", 0),
            ("30s", 30),
            ("5m", 300),
            ("24h", 86_400),
            ("2d", 172_800),
            ("1h30m", 5_400),
            (" 1h 5s ", 3_605),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        assert_eq!(parse("1500ms"), Ok(Duration::from_millis(1500)));
    }

    #[test]
    fn a_number_alone_is_told_what_it_would_be() {
        let said = parse("24").unwrap_err();
        assert!(said.contains("\"24h\" for 24 hours"), "{said}");
        assert!(said.contains("\"24s\" for 24 seconds"), "{said}");
    }

    #[test]
    fn says_what_to_write_instead() {
        assert!(parse("300").is_err_and(|e| e.contains("\"300s\"")));
        for text in [
            "",
            "m",
            "5 minutes",
            "-5m",
            "5m5m",
            "5m1h",
            "1.5h",
            "99999999999999999999s",
            "9999999999999999d",
            "5m ",
        ] {
            let result = parse(text);
            if text == "5m " {
                assert!(result.is_ok());
            } else {
                assert!(result.is_err_and(|e| e.contains("5m")), "{text}");
            }
        }
    }

    #[test]
    fn writes_what_it_reads() {
        for ms in [
            0,
            1,
            999,
            1_000,
            60_000,
            90_000,
            300_000,
            3_600_000,
            86_400_000,
            172_800_000,
            90_061_001,
        ] {
            let duration = Duration::from_millis(ms);
            assert_eq!(
                parse(&as_configured(duration)),
                Ok(duration),
                "{}",
                as_configured(duration)
            );
        }
        assert_eq!(as_configured(Duration::from_secs(86_400)), "24h");
    }
}
