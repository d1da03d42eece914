//! The whole way with real directories: directory, plan, simulator.

// All of this crate is tests, their helpers too.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

mod follow;
mod leaving;
mod limit;
mod openldap;
mod rights;
mod samba;
mod stage;
