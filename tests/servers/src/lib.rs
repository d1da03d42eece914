//! Real directory servers for tests, started by hand on loopback: OpenLDAP's `slapd` ([`Slapd`]) and
//! a Samba AD domain controller ([`SambaDc`]).
//!
//! A test that needs a server that is not installed fails with the command that installs it; nothing
//! is skipped. Servers end, and their directories go, when their value is dropped, and also when the
//! test process is killed or keeps the value in a `static`.
//!
//! All calls block: they are meant for the set-up of a test, also of an asynchronous one.

#![allow(
    clippy::disallowed_methods,
    reason = "a server that tests start has clocks of its own"
)]

pub mod certificates;
mod error;
pub mod ldif;
pub mod people;
mod ports;
mod process;
mod samba;
mod slapd;
mod tools;

pub use error::ServerError;
pub use samba::{AdPerson, SambaDc, ad_people};
pub use slapd::{Overlay, Slapd, SlapdOptions};
