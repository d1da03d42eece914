//! Reads accounts and groups from a directory.

#![allow(clippy::disallowed_methods, reason = "deadlines of a reading")]

mod error;
mod interface;
pub mod ldap;
mod ldif;
pub(crate) mod mapping;
mod open;
mod progress;
mod referral;

pub use error::ProviderError;
pub use interface::{Ask, Provider};
pub use open::{Providers, open, open_all};
pub use progress::Progress;
