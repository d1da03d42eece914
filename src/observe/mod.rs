//! How the story is told: one line for each change that says who, what and why, and one summary
//! for each cycle that changed something.

mod events;
mod output;

pub use events::{
    CycleNumbers, Kind, aftermath, complete, cycle_done, cycle_failed, cycle_recovered, expiring,
    held, incomplete, left_alone, more_expiring, more_left_alone, reload_done, reload_failed,
    started, state_unknown, step, stopping, users_gone,
};
pub use output::{Output, init};
