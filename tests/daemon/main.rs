//! The daemon as a service manager sees it: the real binary, its signals, its words to the service
//! manager, its output, its control socket.

// All of this crate is tests, their helpers too; threads of their own wait here, not tasks.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used
)]

#[path = "../common/service.rs"]
#[allow(dead_code)]
mod service;

mod alone;
mod backoff;
mod control;
mod crowded;
mod incomplete;
#[path = "../common/maker.rs"]
mod maker;
mod manager;
mod reload;
mod starting;
mod stopping;
mod triggers;
mod voice;
mod watchdog;
