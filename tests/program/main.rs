//! The program as people, a service manager and a power cut meet it.

// All of this crate is tests, their helpers too; threads of their own wait here, not tasks.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used
)]

mod cli;
mod completions;
mod crash;
mod daemon;
mod first_evening;
mod manual;

/// The binary under test.
const BINARY: &str = env!("CARGO_BIN_EXE_mattersync");
