//! The plan as a pure function: small organisations in memory, their plans, and what these say.

// All of this crate is tests, their helpers too.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

mod attacks;
mod attributes;
mod doubts;
mod duplicates;
mod guard;
mod identity;
mod lifecycle;
mod lifecycle_dates;
mod lifecycle_returns;
mod new_ids;
mod people;
mod properties;
mod scope;
mod seats;
mod undo;
mod untouchable;
