//! Reads the headers of an answer about a limit: how much of it is left, and how long to wait.
//!
//! Mattermost's own limiter counts in seconds. Something in front of it may send a moment instead,
//! or anything else. That is understood where possible, and otherwise ignored.

use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::transport::Response;

/// The longest wait in seconds that a limiter of Mattermost asks for. A larger number is a moment,
/// or means something else.
const LONGEST_SPAN: f64 = 3600.0;
/// The longest wait for the sake of people who share the limit with us.
const LONGEST_COURTESY: Duration = Duration::from_secs(30);
/// The part of the server's limit that is left to people who share it with us: one in four.
const SHARE_OF_OTHERS: u32 = 4;
/// The forms of an HTTP date (RFC 9110, 5.6.7).
const DATES: [&str; 3] = [
    "%a, %d %b %Y %H:%M:%S GMT",
    "%A, %d-%b-%y %H:%M:%S GMT",
    "%a %b %e %H:%M:%S %Y",
];

/// The server's headers about its own limit (a generic cell rate algorithm).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RateHeaders {
    /// The size of the bucket.
    pub limit: u32,
    /// How many requests are left in it.
    pub remaining: u32,
    /// How long until it is full again, in whole seconds, rounded up.
    pub reset: Duration,
}

impl RateHeaders {
    /// Reads the headers; `None` when the server does not limit, or the headers are not understood.
    pub(super) fn of(response: &Response) -> Option<Self> {
        let count = |name: &str| {
            let text = response.headers.get(name)?;
            // Some gateways add their window: "100, 100;w=60".
            let first = text.split([',', ';']).next()?;
            first.trim().parse::<u32>().ok()
        };
        Some(Self {
            limit: count("x-ratelimit-limit")?,
            remaining: count("x-ratelimit-remaining")?,
            reset: span(response, "x-ratelimit-reset")?,
        })
    }

    /// Returns the time in which one request is added to the bucket. It is never too short, because
    /// `reset` is rounded up.
    pub(super) fn period(&self) -> Option<Duration> {
        let used = self.limit.saturating_sub(self.remaining);
        (used > 0 && !self.reset.is_zero()).then(|| self.reset / used)
    }

    /// Returns how long to wait until other people have their share again.
    pub(super) fn wait(&self) -> Option<Duration> {
        let reserve = self.limit.div_ceil(SHARE_OF_OTHERS);
        let missing = reserve.checked_sub(self.remaining).filter(|n| *n > 0)?;
        let wait = self.period()?.saturating_mul(missing);
        Some(wait.min(LONGEST_COURTESY))
    }
}

/// Returns how long a refusal asks to wait: `Retry-After` as seconds or as a date.
pub(super) fn retry_after(response: &Response) -> Option<Duration> {
    span(response, "retry-after")
}

/// Returns the time span that a header means; `None` if it is not understood.
fn span(response: &Response, name: &str) -> Option<Duration> {
    let text = response.headers.get(name)?.trim();
    let Ok(number) = text.parse::<f64>() else {
        return positive(date(text)? - now(response));
    };
    if (0.0..=LONGEST_SPAN).contains(&number) {
        return positive(number);
    }
    let now = now(response);
    // The header may be a moment in Unix time, in seconds or in milliseconds.
    let moments = [number - now, number / 1000.0 - now];
    let near = |span: &f64| span.abs() <= LONGEST_SPAN;
    positive(moments.into_iter().find(near)?)
}

/// Returns a wait. A moment in the past asks for none; one too far in the future is ignored.
fn positive(seconds: f64) -> Option<Duration> {
    (seconds <= LONGEST_SPAN).then(|| Duration::try_from_secs_f64(seconds.max(0.0)).ok())?
}

/// Returns the moment of the answer, by the server's clock if it tells it, because ours may differ.
fn now(response: &Response) -> f64 {
    let server_time = response.headers.get("date").and_then(|text| date(text));
    server_time.unwrap_or_else(|| {
        let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        since_1970.unwrap_or_default().as_secs_f64()
    })
}

/// Returns an HTTP date in seconds since 1970.
fn date(text: &str) -> Option<f64> {
    let read = |form: &&str| DateTime::strptime(form, text.trim()).ok();
    let moment: Timestamp = DATES
        .iter()
        .find_map(read)?
        .to_zoned(TimeZone::UTC)
        .ok()?
        .timestamp();
    Some(moment.as_duration().as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    const DATE: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
    const UNIX: f64 = 784_111_777.0;

    fn asked(value: &str) -> Option<f64> {
        let headers = [("retry-after", value), ("date", DATE)];
        let response = Response {
            status: 503,
            headers: headers.map(|(k, v)| (k.to_owned(), v.to_owned())).into(),
            ..Response::default()
        };
        retry_after(&response).map(|wait| wait.as_secs_f64())
    }

    #[test]
    fn seconds_dates_and_moments_are_understood() {
        assert_eq!(date(DATE), Some(UNIX));
        for (value, seconds) in [
            ("3", 3.0),
            (" 0 ", 0.0),
            ("1.5", 1.5),
            ("3600", 3600.0),
            ("Sun, 06 Nov 1994 08:49:47 GMT", 10.0),
            ("Sunday, 06-Nov-94 08:49:47 GMT", 10.0),
            ("Sun Nov  6 08:49:47 1994", 10.0),
            // A date that is past.
            ("Sun, 06 Nov 1994 07:00:00 GMT", 0.0),
            ("784111787", 10.0),
            ("784111787.5", 10.5),
            ("784111787000", 10.0),
            ("784111000", 0.0),
        ] {
            assert_eq!(asked(value), Some(seconds), "{value}");
        }
    }

    #[test]
    fn what_cannot_be_meant_is_ignored() {
        for value in [
            "",
            "-5",
            "NaN",
            "inf",
            "soon",
            "3601",
            "86400",
            "120000",
            "99999999999999999999",
            "1e300",
            "Sun, 06 Nov 2094 08:49:37 GMT",
            "Sun, 99 Nov 1994 08:49:37 GMT",
        ] {
            assert_eq!(asked(value), None, "{value}");
        }
    }

    #[test]
    fn without_a_date_our_own_clock_counts() {
        let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let soon = since_1970.unwrap().as_secs() + 20;
        let response = Response {
            headers: [("retry-after".to_owned(), soon.to_string())].into(),
            ..Response::default()
        };
        let wait = retry_after(&response).unwrap().as_secs_f64();
        assert!((18.0..=20.0).contains(&wait), "{wait}");
    }

    #[test]
    fn a_gateways_window_is_left_out() {
        let headers = [
            ("x-ratelimit-limit", "100, 100;w=60"),
            ("x-ratelimit-remaining", "15"),
            ("x-ratelimit-reset", "10"),
        ];
        let response = Response {
            headers: headers.map(|(k, v)| (k.to_owned(), v.to_owned())).into(),
            ..Response::default()
        };
        let read = RateHeaders::of(&response).unwrap();
        assert_eq!((read.limit, read.remaining), (100, 15));
    }
}
