//! Reads a directory over LDAP.
//!
//! From the wire upwards: `connect` reaches the server, with TLS; `relay`, `sieve` and `frame` let
//! only harmless messages through to the LDAP library; `session` is a bound connection; `paging`,
//! `range` and `referral` read a subtree and say whether it was all; `lookup` asks for ids that the
//! reading did not contain; `read` puts that together. `inspect` asks a server about itself.

mod connect;
mod diagnostic;
mod ending;
mod entry;
mod frame;
mod halves;
mod inspect;
mod lookup;
mod open;
mod paging;
mod provider;
mod range;
mod read;
mod refusal;
mod relay;
mod rights;
mod root;
mod schema;
mod session;
mod sieve;
mod silent;
mod source;

pub use inspect::{Inspection, LdapServerFacts};
pub use provider::LdapProvider;
