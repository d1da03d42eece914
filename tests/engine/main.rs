//! mattersync as a library: cycles with a directory in a file or real ones on one side and a
//! simulated Mattermost on the other, and what is remembered of them.

// All of this crate is tests, their helpers too; threads of their own wait here, not tasks.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used
)]

mod cycle;
mod edge;
mod flow;
mod state_crash;

/// The binary under test.
const BINARY: &str = env!("CARGO_BIN_EXE_mattersync");
