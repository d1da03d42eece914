//! What the wall clock is worth, compared with the time since boot.

use crate::model::{Memory, Now};

/// A clock is set right by less than this all the time; in milliseconds.
pub const TOLERANCE: i64 = 60 * 60 * 1_000;

/// By how many milliseconds the wall clock has jumped since it was last believed: zero while it
/// may be.
pub fn jump(memory: &Memory, now: &Now) -> i64 {
    let ahead = ahead(memory, now);
    if ahead.abs() > TOLERANCE { ahead } else { 0 }
}

pub fn ahead(memory: &Memory, now: &Now) -> i64 {
    let before = memory.server.clock.as_ref().map_or(0, |last| last.ahead);
    before.saturating_add(since_compared(memory, now))
}

/// By how many milliseconds the wall clock was set since the clocks were last compared; zero for
/// what is usual. What was written down by the wall clock before is so much further back, or less.
pub fn set_by(memory: &Memory, now: &Now) -> i64 {
    let by = since_compared(memory, now);
    if by.abs() > TOLERANCE { by } else { 0 }
}

fn since_compared(memory: &Memory, now: &Now) -> i64 {
    let Some(last) = &memory.server.clock else {
        return 0;
    };
    let wall = now.wall.0.saturating_sub(last.at.wall.0);
    match now.boot_id == last.at.boot_id && now.boot >= last.at.boot {
        true => {
            let boot = now.boot.saturating_sub(last.at.boot).as_millis();
            wall.saturating_sub(i64::try_from(boot).unwrap_or(i64::MAX))
        }
        // How long the machine was off is not known, but not that long.
        false => wall.min(0),
    }
}
