//! The provider `ldif`: reads a file in the form of RFC 2849 instead of a directory, for example a
//! dump by `ldapsearch` or `slapcat`.
//!
//! The file is read in one pass, one entry in memory at a time, on a thread that may block.

mod filter;
mod form;
mod lines;
mod pass;
mod provider;
mod reading;
mod records;
mod seen;
mod selection;
mod source;

pub(super) use provider::LdifProvider;
