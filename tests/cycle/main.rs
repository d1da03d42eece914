//! What a cycle promises, through the engine: an LDIF file on one side, a simulated Mattermost on
//! the other.

// All of this crate is tests, their helpers too.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

mod aftermath;
mod approvals;
mod branch;
mod breaker;
mod file;
mod kept;
#[path = "../common/maker.rs"]
mod maker;
mod meanwhile;
mod orders;
mod reading;
mod saved;
#[allow(dead_code, reason = "shared with the tests that need real directories")]
#[path = "../flow/stage.rs"]
mod stage;
mod teams;
mod writes;
