//! What the test programs of mattersync share. From the smallest to the largest:
//!
//! - [`world`], with the Mattermost of [`server`]: plans made and carried out in memory. [`company`]
//!   fills it with many people, [`history`] lets random things happen in it.
//! - [`stage`]: an engine between a directory and a simulated Mattermost, with a clock that stands
//!   still; [`file`](mod@file) is a directory for it, [`desk`] asks its engine as people do.
//! - [`place`]: one command after the other, with the real binary.
//! - [`service`]: the real binary as a daemon.
//! - [`maker`]: somebody who made one thing of each kind on the simulated Mattermost.
//!
//! Only a test program is told by cargo where the binary is, so it hands the path in: it begins
//! with `const BINARY: &str = env!("CARGO_BIN_EXE_mattersync")`.

// Helpers of tests fail by panicking, their threads wait, and their names say what they do.
#![allow(
    missing_docs,
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::new_without_default,
    clippy::panic,
    clippy::unwrap_used
)]

pub mod company;
pub mod desk;
pub mod file;
pub mod history;
pub mod maker;
pub mod place;
pub mod server;
pub mod service;
pub mod stage;
pub mod world;
