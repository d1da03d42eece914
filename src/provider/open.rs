//! Makes providers from settings.

use std::collections::BTreeMap;

use crate::config::{ProviderKind, ProviderSettings};
use crate::model::ProviderName;

use super::interface::Provider;
use super::ldap::LdapProvider;
use super::ldif::LdifProvider;

/// Providers by their names.
pub type Providers = BTreeMap<ProviderName, Box<dyn Provider>>;

/// Returns the providers that the settings describe.
pub fn open_all(settings: &[ProviderSettings]) -> Providers {
    let all = settings.iter();
    all.map(|one| (one.name.clone(), open(one))).collect()
}

/// Returns the provider that the settings describe.
pub fn open(settings: &ProviderSettings) -> Box<dyn Provider> {
    let mapping = settings.mapping.clone();
    let sentinels = settings.sentinels.clone();
    match &settings.kind {
        ProviderKind::Ldap(ldap) => Box::new(LdapProvider::new(ldap.clone(), mapping, sentinels)),
        ProviderKind::Ldif { path } => {
            let name = settings.name.clone();
            Box::new(LdifProvider::new(name, path.clone(), mapping, sentinels))
        }
    }
}
