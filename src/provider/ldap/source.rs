//! The directory that is read, and its mapping.

use crate::config::{LdapSettings, Mapping};

/// A directory that is read over LDAP.
#[derive(Clone, Debug)]
pub(super) struct LdapSource {
    /// How its servers are reached.
    pub settings: LdapSettings,
    /// The mapping of its entries.
    pub mapping: Mapping,
    /// DNs or usernames that every complete reading must contain.
    pub sentinels: Vec<String>,
}
