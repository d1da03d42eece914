//! The configuration: raw TOML, defaults, validated settings.
//!
//! A text goes through three layers: `parse` turns it into the raw structs and stops at the first
//! fault of form; `check` fills in the defaults of the `schema` and collects all problems; the
//! result is [`Settings`], each value of which is valid in itself. `print` goes the opposite way.

mod check;
mod duration;
mod error;
mod keys;
mod load;
mod lock_rule;
mod names;
mod not_a_person;
mod parse;
mod print;
mod raw;
mod resolve;
mod schema;
mod scope;
mod secret;
mod settings;
mod source;
#[cfg(test)]
mod tests;
pub(crate) mod trusted;
mod url;
mod words;

pub use duration::parse as parse_duration;
pub use error::{ConfigError, Fault, Problem, Warning};
pub use keys::all as all_keys;
pub use load::{ConfigText, control_sockets};
pub use lock_rule::LockRule;
pub use not_a_person::NotAPerson;
pub use schema::Schema;
pub use secret::{SecretError, SecretSource};
pub use settings::{
    Bind, EmailSource, GroupMembers, LdapSettings, Mapping, MattermostAccess, MattermostSettings,
    Pace, ProviderKind, ProviderSettings, ScheduleSettings, Settings, Trust,
};
pub use url::LdapUrl;
pub(crate) use url::percent_decoded;
