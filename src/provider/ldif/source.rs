//! Which file is read, and how it is understood.

use std::path::PathBuf;

use crate::config::Mapping;

/// An LDIF file that is read.
#[derive(Debug)]
pub(super) struct LdifSource {
    pub path: PathBuf,
    /// What its entries mean.
    pub mapping: Mapping,
    /// DNs or usernames that every complete reading must contain.
    pub sentinels: Vec<String>,
}
