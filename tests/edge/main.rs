//! The known ways in which directory synchronisation has gone wrong elsewhere, each as one test
//! `edge_NN_what_is_expected`, at the highest level at which it can be seen.

// All of this crate is tests, their helpers too; threads of their own wait here, not tasks.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used
)]

#[path = "../cycle/file.rs"]
#[allow(dead_code, reason = "shared with the tests of a cycle")]
mod file;
#[path = "../common/maker.rs"]
#[allow(dead_code, reason = "shared with the tests of a cycle")]
mod maker;
#[path = "../cli/place.rs"]
#[allow(dead_code, reason = "shared with the tests of the commands")]
mod place;
mod scene;
#[path = "../common/service.rs"]
#[allow(dead_code, reason = "shared with other tests of the service")]
mod service;
#[path = "../flow/stage.rs"]
#[allow(dead_code, reason = "shared with the tests that need real directories")]
mod stage;
#[path = "../common/world.rs"]
mod world;

mod access;
mod aftermath;
mod completeness;
mod groups;
mod identity;
mod identity_moves;
mod ids;
mod late;
mod mail;
mod remembered;
mod renamed;
mod rings;
mod rings_undone;
mod seats;
mod state;
mod target;
mod words;
