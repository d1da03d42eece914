//! mattersync as a library: cycles with a directory in a file or real ones on one side and a
//! simulated Mattermost on the other, and what is remembered of them.

// All of this crate is tests, their helpers too; threads of their own wait here, not tasks.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used
)]

#[path = "../common/desk.rs"]
mod desk;
#[path = "../common/file.rs"]
mod file;
#[path = "../common/maker.rs"]
mod maker;
#[path = "../common/place.rs"]
#[allow(dead_code, reason = "shared with the tests of the program")]
mod place;
#[path = "../common/service.rs"]
#[allow(dead_code, reason = "shared with the tests of the program")]
mod service;
#[path = "../common/stage.rs"]
mod stage;
#[path = "../common/world.rs"]
mod world;

mod cycle;
mod edge;
mod flow;
mod state_crash;
