//! mattersync keeps the accounts of a Mattermost server in step with a directory.
//!
//! The rooms, in the order in which data flows:
//!
//! * [`config`]: what the administrator wrote, validated.
//! * [`provider`]: reads the directory into a [`model::Directory`], with what that proves.
//! * [`mattermost`]: reads users, teams and the server's own word about itself; writes one
//!   change at a time.
//! * [`state`]: what is remembered: who is who, who is missing since when, what was begun.
//! * [`plan`]: the pure core. From these three and the policy it makes a [`model::Plan`]: every
//!   step with its reason, and everything that is left alone.
//! * [`apply`]: carries a plan out, writing down each intent before and each outcome after.
//! * [`cycle`]: all of that once: read, plan, choose, apply, record.
//! * [`desk`]: what people ask for beside a cycle, each a type with its work.
//! * [`daemon`]: again and again, under systemd.
//! * [`cli`]: the commands; every one is a view of the same plan.
//! * [`observe`]: how the story is told in the journal.
//! * [`tls`]: whom both clients trust; `ber` reads its and LDAP's messages. [`clock`]: what time it is, and what that is worth.
//!
//! [`model`] holds the words that all of them share.

// What clippy asks for beyond its usual lints, and what it does not.
#![warn(
    clippy::cloned_instead_of_copied,
    clippy::enum_glob_use,
    clippy::explicit_iter_loop,
    clippy::flat_map_option,
    clippy::if_not_else,
    clippy::implicit_clone,
    clippy::items_after_statements,
    clippy::manual_let_else,
    clippy::redundant_else,
    clippy::semicolon_if_nothing_returned,
    clippy::too_many_lines,
    clippy::unnested_or_patterns,
    clippy::unused_async,
    clippy::wildcard_imports
)]
// Two outcomes beside each other read like a table.
#![allow(clippy::match_bool, clippy::single_match_else)]
// Arms stand in the order of what they mean, each with its reason.
#![allow(clippy::match_same_arms)]
// Short plain words look alike: `seen` and `sent`, `from` and `for`.
#![allow(clippy::similar_names)]
// An error that is told, and a list that is used up, are given away.
#![allow(clippy::needless_pass_by_value)]
// The tour is for those who work on it.
#![allow(rustdoc::private_intra_doc_links)]
// Some names are for tests alone.
#![cfg_attr(not(feature = "rooms"), allow(unused_imports))]

use std::ffi::OsString;
use std::process::ExitCode;

// A room is closed to everybody outside, so that the compiler finds what nobody uses. Tests open them.
#[cfg(not(feature = "rooms"))]
mod apply;
#[cfg(feature = "rooms")]
pub mod apply;
mod ber;
#[cfg(not(feature = "rooms"))]
mod cli;
#[cfg(feature = "rooms")]
pub mod cli;
#[cfg(not(feature = "rooms"))]
mod clock;
#[cfg(feature = "rooms")]
pub mod clock;
#[cfg(not(feature = "rooms"))]
mod config;
#[cfg(feature = "rooms")]
pub mod config;
#[cfg(not(feature = "rooms"))]
mod cycle;
#[cfg(feature = "rooms")]
pub mod cycle;
#[cfg(not(feature = "rooms"))]
mod daemon;
#[cfg(feature = "rooms")]
pub mod daemon;
#[cfg(not(feature = "rooms"))]
mod desk;
#[cfg(feature = "rooms")]
pub mod desk;
#[cfg(not(feature = "rooms"))]
mod mattermost;
#[cfg(feature = "rooms")]
pub mod mattermost;
#[cfg(not(feature = "rooms"))]
mod model;
#[cfg(feature = "rooms")]
pub mod model;
#[cfg(not(feature = "rooms"))]
mod observe;
#[cfg(feature = "rooms")]
pub mod observe;
#[cfg(not(feature = "rooms"))]
mod plan;
#[cfg(feature = "rooms")]
pub mod plan;
#[cfg(not(feature = "rooms"))]
mod provider;
#[cfg(feature = "rooms")]
pub mod provider;
#[cfg(not(feature = "rooms"))]
mod state;
#[cfg(feature = "rooms")]
pub mod state;
#[cfg(not(feature = "rooms"))]
mod tls;
#[cfg(feature = "rooms")]
pub mod tls;

/// Runs the command `mattersync` with these arguments, the first of which is the command's own name.
/// Returns its exit code; the man page lists them.
pub fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    // Where the zone is not known, times are told in UTC.
    if let Ok(zone) = jiff::tz::TimeZone::try_system() {
        model::tell_times_in(zone);
    }
    match cli::run(args) {
        Ok(exit) => exit.into(),
        Err(failure) => {
            cli::print_failure(&failure);
            failure.exit.into()
        }
    }
}
