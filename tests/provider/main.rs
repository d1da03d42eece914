//! The provider `ldap` against servers that misbehave on demand and against real ones.

// All of this crate is tests, their helpers too.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used
)]

mod cutoff;
mod failover;
mod hostile;
mod inspect;
mod known;
mod large;
mod mutants;
mod parts;
mod samba;
mod slapd;
mod support;
mod trust;
