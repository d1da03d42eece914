//! The settings that decide who is in scope, as they are spelt, with their places.

use std::collections::BTreeMap;

use super::super::names::name_of;
use super::super::raw::{RawConfig, RawProvider};
use super::super::words::BY_HAND;
use super::super::{Bind, IdForm, ProviderKind, ProviderSettings, Schema, duration};
use super::report::{At, Check, at};
use crate::plan::{Policy, Setting};

/// Who is in scope, for noticing that this is said otherwise than before. No secret is among it.
pub(super) fn settings(
    check: &Check<'_>,
    raw: &RawConfig,
    provider: &ProviderSettings,
    policy: &Policy,
) -> BTreeMap<String, Setting> {
    let nothing = RawProvider::default();
    let written = raw.provider.first().map_or(&nothing, |p| p.get_ref());
    let mapping = &provider.mapping;
    let mut scope = BTreeMap::new();
    let mut add = |key: &str, value: String, at: At| {
        let place = at.map(|span| {
            let line = check.source.line(&span);
            format!("{} line {line}", check.source.path.display())
        });
        scope.insert(key.to_owned(), Setting { value, place });
    };
    match &provider.kind {
        ProviderKind::Ldif { path } => {
            add("provider.kind", quoted("ldif"), at(&written.kind));
            let path = quoted(&path.to_string_lossy());
            add("provider.path", path, at(&written.path));
        }
        ProviderKind::Ldap(ldap) => {
            add("provider.kind", quoted("ldap"), at(&written.kind));
            // Whom we bind as decides whom we see.
            let (who, place) = match &ldap.bind {
                Bind::Anonymous => ("anonymous", at(&written.bind)),
                Bind::External => ("external", at(&written.bind)),
                Bind::Simple { dn, .. } => (dn.as_str(), at(&written.bind_dn)),
            };
            add("provider.bind-dn", quoted(who), place);
        }
    }
    let schema = quoted(name_of(&Schema::NAMES, &mapping.schema));
    add("provider.schema", schema, at(&written.schema));
    add("provider.base", quoted(&mapping.base), at(&written.base));
    let accounts = &raw.accounts;
    let filter = quoted(&mapping.filter);
    add("accounts.filter", filter, at(&accounts.filter));
    add("accounts.id", quoted(&mapping.id.name), at(&accounts.id));
    let form = quoted(name_of(&IdForm::NAMES, &mapping.id.form));
    add("accounts.id-form", form, at(&accounts.id_form));
    let locks = mapping.locks.iter().map(|rule| rule.attribute());
    add("accounts.lock", list(locks), at(&accounts.lock));
    let rules: Vec<String> = mapping
        .not_a_person
        .iter()
        .map(ToString::to_string)
        .collect();
    let rules = list(rules.iter().map(String::as_str));
    add("accounts.not-a-person", rules, at(&accounts.not_a_person));
    let grace = quoted(&duration::format(policy.grace));
    add("policy.grace", grace, at(&raw.policy.grace));
    let by_hand = quoted(name_of(&BY_HAND, &policy.lifecycle.reactivated_by_hand));
    let place = at(&raw.policy.reactivated_by_hand);
    add("policy.reactivated-by-hand", by_hand, place);
    let protect = policy.protect.iter().map(String::as_str);
    add("policy.protect", list(protect), at(&raw.policy.protect));
    scope
}

fn quoted(text: &str) -> String {
    format!("{text:?}")
}

fn list<'a>(words: impl Iterator<Item = &'a str>) -> String {
    let words: Vec<String> = words.map(quoted).collect();
    format!("[{}]", words.join(", "))
}
