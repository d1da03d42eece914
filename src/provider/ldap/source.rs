//! Which directory is read, and how it is understood.

use crate::config::{LdapSettings, Mapping};

/// A directory that is read over LDAP.
#[derive(Clone, Debug)]
pub(super) struct LdapSource {
    /// How its servers are reached.
    pub settings: LdapSettings,
    /// What its entries mean.
    pub mapping: Mapping,
    /// DNs or usernames that every complete reading must contain.
    pub sentinels: Vec<String>,
}
