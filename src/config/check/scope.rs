//! Where the settings stand that decide who is in scope.

use std::collections::BTreeMap;

use super::super::raw::{RawConfig, RawProvider};
use super::super::scope::KeyPlaces;
use super::super::{Bind, ProviderKind, ProviderSettings};
use super::report::{At, Check, at};
use crate::model::ProviderName;

/// The places of what is written, for each provider.
pub(super) fn places(
    check: &Check<'_>,
    raw: &RawConfig,
    providers: &[ProviderSettings],
) -> BTreeMap<ProviderName, KeyPlaces> {
    let written = raw.provider.iter().zip(providers);
    let places = written.map(|(written, provider)| {
        let places = of_provider(check, raw, written.get_ref(), provider);
        (provider.name.clone(), places)
    });
    places.collect()
}

fn of_provider(
    check: &Check<'_>,
    raw: &RawConfig,
    written: &RawProvider,
    provider: &ProviderSettings,
) -> KeyPlaces {
    // Whom we bind as decides whom we see.
    let bind = match &provider.kind {
        ProviderKind::Ldap(ldap) if matches!(ldap.bind, Bind::Simple { .. }) => {
            at(&written.bind_dn)
        }
        _ => at(&written.bind),
    };
    let places: [(&str, At); 11] = [
        ("provider.kind", at(&written.kind)),
        ("provider.path", at(&written.path)),
        ("provider.bind-dn", bind),
        ("provider.schema", at(&written.schema)),
        ("provider.base", at(&written.base)),
        ("accounts.filter", at(&raw.accounts.filter)),
        ("accounts.id", at(&raw.accounts.id)),
        ("accounts.lock", at(&raw.accounts.lock)),
        ("accounts.not-a-person", at(&raw.accounts.not_a_person)),
        ("policy.grace", at(&raw.policy.grace)),
        (
            "policy.reactivated-by-hand",
            at(&raw.policy.reactivated_by_hand),
        ),
    ];
    let protect = ("policy.protect", at(&raw.policy.protect));
    let places = places.into_iter().chain([protect]);
    let found = places.filter_map(|(key, at)| {
        let line = check.source.line(&at?);
        Some((key, format!("{} line {line}", check.source.path.display())))
    });
    found.collect()
}
