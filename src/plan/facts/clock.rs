//! Compares the wall clock with the time since boot.

use crate::model::{Memory, Now};

/// A wall clock may be corrected by less than this, in milliseconds, without a jump being noticed.
pub const TOLERANCE: i64 = 60 * 60 * 1_000;

/// Returns by how many milliseconds the wall clock has jumped since it was last believed; zero
/// while it can be believed.
pub fn jump(memory: &Memory, now: &Now) -> i64 {
    let ahead = ahead(memory, now);
    if ahead.abs() > TOLERANCE { ahead } else { 0 }
}

pub fn ahead(memory: &Memory, now: &Now) -> i64 {
    let before = memory.server.clock.as_ref().map_or(0, |last| last.ahead);
    before.saturating_add(since_compared(memory, now))
}

/// Returns by how many milliseconds the wall clock was set since the clocks were last compared;
/// zero for ordinary corrections. A moment that was recorded by the wall clock before is older, or
/// younger, by as much.
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
        // How long the machine was off is not known, but the jump is not larger than this.
        false => wall.min(0),
    }
}
