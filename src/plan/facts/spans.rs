//! Texts for spans of time and numbers of readings.

use std::fmt;
use std::time::Duration;

/// A number of complete readings, as text.
pub struct CompleteReadings(pub u32);

impl fmt::Display for CompleteReadings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            1 => f.write_str("1 complete reading"),
            n => write!(f, "{n} complete readings"),
        }
    }
}

/// A span of time, as text in the largest unit that is exact enough.
pub struct Span(pub Duration);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        match seconds {
            0..120 => write!(f, "{seconds} s"),
            120..7_200 => write!(f, "{} min", seconds / 60),
            7_200..172_800 => write!(f, "{} h", seconds / 3_600),
            _ => write!(f, "{} days", seconds / 86_400),
        }
    }
}
