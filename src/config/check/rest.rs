//! Checks `[schedule]`, `[state]` and `[control]`.

use std::path::PathBuf;
use std::time::Duration;

use super::super::ScheduleSettings;
use super::super::load::USUAL_SOCKET;
use super::super::raw::RawConfig;
use super::report::{Check, at, get};

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(86_400);

pub(super) fn settings(
    check: &mut Check<'_>,
    raw: &RawConfig,
) -> (ScheduleSettings, PathBuf, PathBuf) {
    let state = check
        .path(&raw.state.directory, "state.directory")
        .unwrap_or_else(|| PathBuf::from("/var/lib/mattersync"));
    let control = check
        .socket(&raw.control.socket, "control.socket")
        .unwrap_or_else(|| PathBuf::from(USUAL_SOCKET));
    (schedule(check, raw), state, control)
}

/// Reads how long runs are kept.
pub(super) fn keep(check: &mut Check<'_>, raw: &RawConfig) -> Option<Duration> {
    let key = &raw.state.keep;
    if get(key).is_some_and(|written| written.0.trim() == "forever") {
        return None;
    }
    let keep = check.duration(key, "state.keep", 400 * DAY, DAY..=36_500 * DAY);
    if keep < 30 * DAY {
        check.warn(
            at(key),
            "state.keep: what a run did can be looked up and undone only while it is kept; less \
             than 30 days is little",
        );
    }
    Some(keep)
}

fn schedule(check: &mut Check<'_>, raw: &RawConfig) -> ScheduleSettings {
    let keys = &raw.schedule;
    let interval = check.duration(
        &keys.interval,
        "schedule.interval",
        5 * MINUTE,
        Duration::from_secs(10)..=DAY,
    );
    if interval < MINUTE {
        check.warn(at(&keys.interval), "schedule.interval: every cycle reads the whole directory; less than a minute is rarely worth it");
    }
    let jitter = check.duration(
        &keys.jitter,
        "schedule.jitter",
        interval / 10,
        Duration::ZERO..=DAY,
    );
    if jitter > interval {
        check.warn(
            at(&keys.jitter),
            "schedule.jitter: it is longer than the interval itself",
        );
    }
    let max_backoff = check.duration(
        &keys.max_backoff,
        "schedule.max-backoff",
        (60 * MINUTE).max(interval),
        Duration::from_secs(10)..=7 * DAY,
    );
    if max_backoff < interval {
        check.problem(
            at(&keys.max_backoff),
            "schedule.max-backoff",
            "after failures we wait longer than usual, not shorter",
            "write at least the interval",
        );
    }
    ScheduleSettings {
        interval,
        jitter,
        max_backoff,
    }
}
