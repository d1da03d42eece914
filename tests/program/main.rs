//! The program as people, a service manager and a power cut meet it.

// All of this crate is tests, their helpers too; threads of their own wait here, not tasks.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used
)]

#[path = "../common/maker.rs"]
mod maker;
#[path = "../common/place.rs"]
mod place;
#[path = "../common/service.rs"]
#[allow(dead_code, reason = "shared with the tests of the engine")]
mod service;

mod cli;
mod crash;
mod daemon;
mod manual;
