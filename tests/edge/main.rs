//! The known ways in which directory synchronisation has gone wrong elsewhere, each as one test
//! `edge_NN_what_is_expected`, at the highest level at which it can be seen.

// All of this crate is tests, their helpers too.
#![allow(
    clippy::disallowed_methods, // threads of their own wait here, not tasks
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used
)]

mod completeness;
mod identity;
mod identity_moves;
mod ids;
mod mail;
mod process;
mod seats;
#[path = "../common/service.rs"]
#[allow(dead_code)]
mod service;
mod state;
#[path = "../common/world.rs"]
mod world;
