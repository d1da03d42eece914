//! Read, plan, guard, apply, record: once, for whomever it is.
//!
//! [`Engine::look`] reads both sides and plans, and can do no more: it holds a client that cannot
//! write. [`Engine::run_chosen`] does the same and carries the plan out, or what somebody chooses
//! of it. There is one way from directory to decision; a dry run cannot differ from a real one.

mod aftermath;
mod apply_plan;
mod course;
mod decide;
mod engine;
mod error;
mod exchanged;
mod facts;
mod held;
mod last_reading;
mod learn;
mod older;
mod prune;
mod read;
mod recover;
mod run;
mod same;
mod sides;
mod to_ask;
mod unread;
mod view;
mod wait;

pub use course::{Course, Planned, Scope};
pub use engine::{Engine, Pulse, Stage, Stages};
pub use error::{CycleError, Exchanged};
pub use facts::{Summary, state_in_words};
pub use held::still_held;
pub use last_reading::LastReading;
pub use learn::remember;
pub use read::{View, known, places};
pub use same::{another, former_ids, same_people, strangers, unseen};
pub use sides::Sides;
pub use unread::{unread_accounts, unread_locks, unread_teams, unread_users};
pub use wait::Wait;
