//! What is remembered, on disk.
//!
//! [`State`] is what everything above speaks to. Its rules stand once, in `rules`, above rows;
//! where the rows are is the business of a [`Store`]: an SQLite file in the state directory, under
//! a [`Lease`], or SQLite in memory, for a first look without a state directory and for tests.
//!
//! The rules, in these words:
//!
//! * A run is *open* from its beginning to its end. One run is open at a time: what was never
//!   finished is closed when the next one begins and whenever the file is opened for writing.
//! * A step is *unsettled* from its intent until its outcome is known. That may happen long after
//!   its run was closed. An intent for the same kind of change to the same account in a later
//!   run *supersedes* it: then only the newer outcome matters.
//! * A known outcome is final. So is an unknown one where a person was perhaps asked by mail
//!   ([`Made::asked`](crate::model::Made::asked)): nothing will ever tell more, and the step is
//!   unsettled no longer.
//! * One user stands for one account.
//! * Whoever lost the lease writes nothing any more: each lease has a number ([`Fence`]) that is
//!   compared in every transaction that writes.

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
    Erased, PastStep, RunHead, RunRecord, RunState, Settlement, StepCount, Unsettled, Which, Who,
};
pub use lease::Lease;
pub use restore::restore;
pub use state::State;
pub use step_row::{NewStep, StepRow};
pub use store::{Rows, Store, Work};

pub use crate::model::Outcome;
