//! The file that is read, and its mapping.

use std::path::PathBuf;

use crate::config::Mapping;

#[derive(Debug)]
pub(super) struct LdifSource {
    pub path: PathBuf,
    /// The mapping of its entries.
    pub mapping: Mapping,
    /// DNs or usernames that every complete reading must contain.
    pub sentinels: Vec<String>,
}
