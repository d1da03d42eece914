//! Real servers start, answer, and can be changed while they run.

#![allow(clippy::unwrap_used, reason = "a failed test may panic")]

mod samba;
mod slapd;
