//! Reads a directory over LDAP.
//!
//! From the wire upwards: `connect` reaches the server, with TLS; `relay`, `message_filter` and
//! `frame` let only harmless messages through to the LDAP library; `session` is a bound connection;
//! `connector` opens it, and says whether another server should be tried; `paging`, `range` and
//! `referral` read a subtree and say whether it is complete; `lookup` asks for ids that the reading
//! did not contain; `read` combines these. `inspect` asks a server about itself, and `peer` knows as
//! which Unix user we ask it.

mod connect;
mod connector;
mod credentials;
mod diagnostic;
mod empty_groups;
mod ending;
mod entry;
mod frame;
mod halves;
mod inspect;
mod lookup;
mod message_filter;
mod paging;
mod peer;
mod provider;
mod range;
mod read;
mod refusal;
mod relay;
mod rights;
mod root;
mod schema;
mod session;
mod source;
mod stamps;

pub use inspect::{Inspection, LdapServerFacts};
pub use provider::LdapProvider;
