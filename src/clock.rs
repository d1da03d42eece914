//! The one place where clocks are read. Everything else is told the time.

#![allow(clippy::disallowed_methods, reason = "this is the clock")]

use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

use crate::model::{Now, Timestamp};

/// Tells the time.
pub trait Clock: Send + Sync {
    /// What all clocks say now.
    fn now(&self) -> Now;
}

/// The machine's clocks.
#[derive(Clone, Debug)]
pub struct SystemClock {
    boot_id: String,
}

impl SystemClock {
    /// Learns which boot this is. In a sandbox that hides it, reboots are seen by the boot clock
    /// going backwards.
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
        // Linux always has this clock; without it no time is certain, and nobody goes missing.
        let boot = clock_gettime(ClockId::CLOCK_BOOTTIME).map_or(Duration::ZERO, Duration::from);
        Now {
            wall: Timestamp(wall),
            boot,
            boot_id: self.boot_id.clone(),
        }
    }
}
