//! Time as a value. The core never asks a clock; time is a parameter.

use std::fmt;
use std::sync::OnceLock;
use std::time::Duration;

use jiff::Zoned;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

/// The time zone in which people are told of moments.
static ZONE: OnceLock<TimeZone> = OnceLock::new();

/// Sets the time zone in which people are told of moments, once for the whole program; without it
/// that is UTC. Nothing is decided by it, and programs are told of moments in UTC.
pub fn tell_times_in(zone: TimeZone) {
    // A second call changes nothing, so that all of the program tells the same.
    let _ = ZONE.set(zone);
}

/// A moment: milliseconds since 1970-01-01 UTC, the unit of Mattermost's API.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// The name by which a serializer recognises the type; one for programs writes it as RFC 3339.
    pub const NAME: &'static str = "Timestamp";

    /// Returns the moment as RFC 3339, in UTC, with milliseconds.
    pub fn rfc3339(self) -> String {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(moment) => format!("{moment:.3}"),
            Err(_) => self.to_string(),
        }
    }

    /// Returns its day for people: `2026-01-31`.
    pub fn day(self) -> String {
        match self.zoned() {
            Some(moment) => moment.strftime("%Y-%m-%d").to_string(),
            None => self.to_string(),
        }
    }

    /// Returns the moment in UTC, to the second: `2026-01-31 12:00:00 UTC`.
    pub fn utc(self) -> String {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(moment) => moment.strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
            Err(_) => self.to_string(),
        }
    }

    fn zoned(self) -> Option<Zoned> {
        let moment = jiff::Timestamp::from_millisecond(self.0).ok()?;
        let zone = ZONE.get().cloned().unwrap_or(TimeZone::UTC);
        Some(moment.to_zoned(zone))
    }

    /// Returns the moment `duration` later, at most the last representable moment.
    pub fn after(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(millis(duration)))
    }

    /// Returns how much later `self` is than `earlier`; zero when it is not later.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

/// For people: in their time zone, which it names.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.zoned() {
            Some(moment) => write!(f, "{}", moment.strftime("%Y-%m-%d %H:%M:%S %Z")),
            None => write!(f, "{} ms", self.0),
        }
    }
}

/// What all clocks say at one instant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Now {
    /// The wall clock, which an administrator or a bad time server can set.
    pub wall: Timestamp,
    /// Time since boot, suspended time included.
    pub boot: Duration,
    /// The boot: two `boot` times can be compared only when this is equal.
    pub boot_id: String,
}

impl Now {
    /// Returns how much time has certainly passed since `earlier`: the smaller of what the wall
    /// clock and the boot clock say. After a reboot the boot clock proves only the time since the
    /// boot.
    pub fn certainly_since(&self, earlier: &Self) -> Duration {
        let same_boot = self.boot_id == earlier.boot_id && self.boot >= earlier.boot;
        let boot = if same_boot {
            self.boot.saturating_sub(earlier.boot)
        } else {
            self.boot
        };
        boot.min(self.wall.since(earlier.wall))
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// The units of durations in the configuration, and how many milliseconds each has.
pub const DURATION_UNITS: [(&str, u64); 5] = [
    ("ms", 1),
    ("s", 1_000),
    ("m", 60_000),
    ("h", 3_600_000),
    ("d", 86_400_000),
];

/// Returns a duration as the configuration spells it: in one unit, and a day as `24h`.
pub fn as_configured(duration: Duration) -> String {
    let ms = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    if ms == 0 {
        return "0s".into();
    }
    let (name, size) = DURATION_UNITS
        .iter()
        .rev()
        .find(|(name, size)| ms % size == 0 && (*name != "d" || ms > *size))
        .unwrap_or(&DURATION_UNITS[0]);
    format!("{}{name}", ms / size)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now(wall: i64, boot: u64, boot_id: &str) -> Now {
        Now {
            wall: Timestamp(wall),
            boot: Duration::from_millis(boot),
            boot_id: boot_id.into(),
        }
    }

    #[test]
    fn a_wall_clock_that_jumps_ahead_proves_nothing() {
        let earlier = now(1_000, 500, "a");
        assert_eq!(
            now(9_000_000, 700, "a").certainly_since(&earlier),
            Duration::from_millis(200)
        );
        assert_eq!(now(0, 700, "a").certainly_since(&earlier), Duration::ZERO);
    }

    #[test]
    fn after_a_reboot_only_the_time_since_boot_counts() {
        let earlier = now(1_000, 500_000, "a");
        assert_eq!(
            now(91_000, 40, "b").certainly_since(&earlier),
            Duration::from_millis(40)
        );
        assert_eq!(
            now(91_000, 40, "a").certainly_since(&earlier),
            Duration::from_millis(40)
        );
    }

    #[test]
    fn moments_print_for_people() {
        assert_eq!(
            Timestamp(1_767_225_600_000).to_string(),
            "2026-01-01 00:00:00 UTC"
        );
    }
}
