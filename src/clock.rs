//! Reads the clocks for everything that decides: decisions get the time as a parameter. Other rooms
//! read a clock themselves only for deadlines and pauses, and for dates that people read or type.

#![allow(clippy::disallowed_methods, reason = "this is the clock")]

use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

use crate::model::{Now, Timestamp};

/// A source of the time.
pub trait Clock: Send + Sync {
    /// Returns what all clocks say now.
    fn now(&self) -> Now;
}

/// The machine's clocks.
#[derive(Clone, Debug)]
pub struct SystemClock {
    boot_id: String,
}

impl SystemClock {
    /// Finds out which boot this is. In a sandbox that hides it, a reboot shows by a boot clock
    /// that goes backwards.
    pub fn new() -> Self {
        let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        Self {
            boot_id: id.trim().to_owned(),
        }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Now {
        let wall = jiff::Timestamp::now().as_millisecond();
        // Linux always has this clock; without it no time is certain, and nobody is called missing.
        let boot = clock_gettime(ClockId::CLOCK_BOOTTIME).map_or(Duration::ZERO, Duration::from);
        Now {
            wall: Timestamp(wall),
            boot,
            boot_id: self.boot_id.clone(),
        }
    }
}
