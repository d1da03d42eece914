//! Finds the positions of the settings that decide who is in scope.

use std::collections::BTreeMap;

use super::super::raw::{RawConfig, RawProvider};
use super::super::scope::KeyPlaces;
use super::super::{Bind, ProviderKind, ProviderSettings};
use super::report::{At, Check, at};
use crate::model::{ProviderName, ScopeKey};

/// Returns the positions of the keys that are written, for each provider.
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
    // The account that binds decides which entries are visible.
    let bind = match &provider.kind {
        ProviderKind::Ldap(ldap) if matches!(ldap.bind, Bind::Simple { .. }) => {
            at(&written.bind_dn)
        }
        _ => at(&written.bind),
    };
    let places: [(ScopeKey, At); 11] = [
        (ScopeKey::Kind, at(&written.kind)),
        (ScopeKey::Path, at(&written.path)),
        (ScopeKey::BindDn, bind),
        (ScopeKey::Schema, at(&written.schema)),
        (ScopeKey::Base, at(&written.base)),
        (ScopeKey::Filter, at(&raw.accounts.filter)),
        (ScopeKey::Lock, at(&raw.accounts.lock)),
        (ScopeKey::NotAPerson, at(&raw.accounts.not_a_person)),
        (ScopeKey::Grace, at(&raw.policy.grace)),
        (
            ScopeKey::ReactivatedByHand,
            at(&raw.policy.reactivated_by_hand),
        ),
        (ScopeKey::Protect, at(&raw.policy.protect)),
    ];
    let found = places.into_iter().filter_map(|(key, at)| {
        let line = check.source.line(&at?);
        Some((key, format!("{} line {line}", check.source.path.display())))
    });
    found.collect()
}
