//! An LDAP server that misbehaves on demand.
//!
//! Without faults it answers as a small directory does, from entries that the test gives: scopes,
//! filters, selection of attributes, operational attributes, paging with cookies that are good for one
//! connection and one search only, a size limit over the sum of pages, ranges of values, the root DSE,
//! the subschema. A [`Fault`] is armed from the beginning ([`Script::faults`]) or later
//! ([`FaultServer::arm`]), for all searches of its kind or for some ([`Armed`]).
//!
//! ```no_run
//! # async fn example() -> Result<(), ldap_fault::StartError> {
//! use ldap_fault::{At, Entry, Fault, FaultServer, Script};
//!
//! let people = Entry::posix_people(700, "ou=People,dc=directory,dc=nh");
//! let server = FaultServer::start(Script::new("dc=directory,dc=nh", people)).await?;
//! server.arm(Fault::End { at: At::entries(100), code: 51, cookie: false });
//! # Ok(())
//! # }
//! ```

mod answer;
mod ber;
mod connection;
mod cookies;
mod directory;
mod entry;
mod fault;
mod filter;
mod raw;
mod request;
mod response;
mod script;
mod select;
mod server;
mod state;
mod tls;

pub use entry::{Entry, TEXTUAL_GUID};
pub use fault::{Armed, At, Fault, Flood, Target};
pub use raw::Raw;
pub use request::Scope;
pub use script::{READER_PASSWORD, Script};
pub use server::{FaultServer, StartError};
pub use state::{BindRecord, SearchRecord};
pub use tls::{Certificate, Tls};
