//! The known ways in which directory synchronisation has gone wrong elsewhere, each as one test
//! `edge_NN_what_is_expected`, at the highest level at which it can be seen.

// All of this crate is tests, their helpers too.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

#[allow(dead_code, reason = "shared with the tests of a cycle")]
#[path = "../cycle/file.rs"]
mod file;
#[allow(dead_code, reason = "shared with the tests of a cycle")]
#[path = "../common/maker.rs"]
mod maker;
#[path = "../flow/stage.rs"]
#[allow(dead_code, reason = "shared with the tests that need real directories")]
mod stage;

mod aftermath;
mod completeness;
mod identity;
mod mail;
mod process;
mod state;
