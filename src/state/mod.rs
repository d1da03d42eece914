//! What is remembered, on disk.
//!
//! [`State`] is the interface for all rooms above. Its rules are written once, in `rules`, above
//! the rows. A [`Store`] keeps the rows: in an SQLite file in the state directory, under a
//! [`Lease`], or in SQLite in memory, for a first look without a state directory and for tests.
//!
//! The rules use these words:
//!
//! * A run is *open* from its beginning to its end. One run is open at a time: a run that was never
//!   finished is closed when the next one begins and whenever the file is opened for writing.
//! * A step is *unsettled* from its intent until its outcome is known. That may take until
//!   long after its run was closed. An intent for the same kind of change to the same account in a
//!   later run *supersedes* it: then only the newer outcome matters.
//! * A known outcome is final. An unknown one is final too if a person may have been asked by mail
//!   ([`Made::asked`](crate::model::Made::asked)): nothing will ever tell more, and the step is no
//!   longer unsettled.
//! * A user is linked to one account.
//! * A process that lost the lease can write nothing any more: each lease has a number ([`Fence`])
//!   that is compared in every transaction that writes.

#![allow(
    clippy::disallowed_methods,
    reason = "when a copy was made, and since when a lease is held"
)]

mod copy;
mod copy_facts;
mod directory;
mod error;
mod fault;
mod fence;
mod file;
mod history;
mod json;
mod lease;
mod mark;
mod migrations;
mod open;
mod restore;
mod rows;
mod rules;
mod sqlite;
#[expect(
    clippy::module_inception,
    reason = "the room is named after its one type"
)]
mod state;
mod step_row;
mod store;
#[cfg(test)]
mod tests;
mod worker;

pub use copy_facts::{CopyFacts, look_at_copy};
pub use directory::{COPY_NAME, FILE_NAME, LEASE_NAME, MARK_NAME};
pub use error::StateError;
pub use fault::Fault;
pub use fence::Fence;
pub use history::{
    Erased, PastStep, People, RunFilter, RunHead, RunRecord, RunState, Settlement, StepCount,
    Unsettled,
};
pub use lease::Lease;
pub use restore::restore;
pub use state::State;
pub use step_row::{NewStep, StepRow};
pub use store::{Rows, Store, Work};

pub use crate::model::Outcome;
