//! The settings that decide who is in scope, as they are spelt, with their places.

use std::collections::BTreeMap;

use super::duration;
use super::names::name_of;
use super::schema::Schema;
use super::settings::{Bind, ProviderKind, ProviderSettings};
use super::words::BY_HAND;
use crate::plan::{Policy, Setting};

/// Where keys stand, as messages call it.
pub(super) type KeyPlaces = BTreeMap<&'static str, String>;

/// Returns who is in scope, for noticing that this is said otherwise than before. No secret is
/// among it.
pub(super) fn settings(
    provider: &ProviderSettings,
    policy: &Policy,
    places: &KeyPlaces,
) -> BTreeMap<String, Setting> {
    let mapping = &provider.mapping;
    let mut scope = BTreeMap::new();
    let mut add = |key: &str, value: String| {
        let place = places.get(key).cloned();
        scope.insert(key.to_owned(), Setting { value, place });
    };
    match &provider.kind {
        ProviderKind::Ldif { path } => {
            add("provider.kind", quoted("ldif"));
            add("provider.path", quoted(&path.to_string_lossy()));
        }
        ProviderKind::Ldap(ldap) => {
            add("provider.kind", quoted("ldap"));
            let who = match &ldap.bind {
                Bind::Anonymous => "anonymous",
                Bind::External => "external",
                Bind::Simple { dn, .. } => dn.as_str(),
            };
            add("provider.bind-dn", quoted(who));
        }
    }
    let schema = name_of(&Schema::NAMES, &mapping.schema);
    add("provider.schema", quoted(schema));
    add("provider.base", quoted(&mapping.base));
    add("accounts.filter", quoted(&mapping.filter));
    let locks = mapping.locks.iter().map(|rule| rule.attribute().to_owned());
    add("accounts.lock", list(locks));
    let rules = mapping.not_a_person.iter().map(ToString::to_string);
    add("accounts.not-a-person", list(rules));
    add("policy.grace", quoted(&duration::format(policy.grace)));
    let by_hand = name_of(&BY_HAND, &policy.lifecycle.reactivated_by_hand);
    add("policy.reactivated-by-hand", quoted(by_hand));
    add("policy.protect", list(policy.protect.iter().cloned()));
    scope
}

fn quoted(text: &str) -> String {
    format!("{text:?}")
}

fn list(words: impl Iterator<Item = String>) -> String {
    let words: Vec<String> = words.map(|word| quoted(&word)).collect();
    format!("[{}]", words.join(", "))
}
