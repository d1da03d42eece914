//! Where accounts come from.

mod error;
mod interface;
pub mod ldap;
pub mod ldif;
pub mod mapping;
mod open;
mod progress;
mod referral;

pub use error::ProviderError;
pub use interface::{Ask, Hint, Provider};
pub use open::{Providers, open, open_all};
pub use progress::{Progress, UnderWay};
