//! From settings to a provider.

use crate::config::{ProviderKind, ProviderSettings};

use super::interface::Provider;
use super::ldap::LdapProvider;
use super::ldif::LdifProvider;

/// The provider that the settings describe.
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
