//! The settings that decide who is in scope, as they are spelt, with their places.

use std::collections::BTreeMap;

use super::names::name_of;
use super::schema::Schema;
use super::settings::{Bind, ProviderKind, ProviderSettings};
use super::words::BY_HAND;
use crate::model::{ScopeKey, ScopeValue};
use crate::plan::{Policy, Setting};

/// Where keys stand, as messages call it.
pub(super) type KeyPlaces = BTreeMap<ScopeKey, String>;

/// Returns who is in scope, for noticing that this is said otherwise than before. No secret is
/// among it.
pub(super) fn settings(
    provider: &ProviderSettings,
    policy: &Policy,
    places: &KeyPlaces,
) -> BTreeMap<ScopeKey, Setting> {
    let mapping = &provider.mapping;
    let mut scope = BTreeMap::new();
    let mut add = |key: ScopeKey, value: ScopeValue| {
        let place = places.get(&key).cloned();
        scope.insert(key, Setting { value, place });
    };
    match &provider.kind {
        ProviderKind::Ldif { path } => {
            add(ScopeKey::Kind, text("ldif"));
            add(ScopeKey::Path, text(&path.to_string_lossy()));
        }
        ProviderKind::Ldap(ldap) => {
            add(ScopeKey::Kind, text("ldap"));
            let who = match &ldap.bind {
                Bind::Anonymous => "anonymous",
                Bind::External => "external",
                Bind::Simple { dn, .. } => dn.as_str(),
            };
            add(ScopeKey::BindDn, text(who));
        }
    }
    let schema = name_of(&Schema::NAMES, &mapping.schema);
    add(ScopeKey::Schema, text(schema));
    add(ScopeKey::Base, text(&mapping.base));
    add(ScopeKey::Filter, text(&mapping.filter));
    let locks = mapping.locks.iter().map(|rule| rule.attribute().to_owned());
    add(ScopeKey::Lock, list(locks));
    let rules = mapping.not_a_person.iter().map(ToString::to_string);
    add(ScopeKey::NotAPerson, list(rules));
    add(ScopeKey::Grace, ScopeValue::Duration(policy.grace));
    let by_hand = name_of(&BY_HAND, &policy.lifecycle.reactivated_by_hand);
    add(ScopeKey::ReactivatedByHand, text(by_hand));
    add(ScopeKey::Protect, list(policy.protect.iter().cloned()));
    scope
}

fn text(text: &str) -> ScopeValue {
    ScopeValue::Text(text.to_owned())
}

fn list(words: impl Iterator<Item = String>) -> ScopeValue {
    ScopeValue::List(words.collect())
}
