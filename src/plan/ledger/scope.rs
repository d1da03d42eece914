//! Settings that decide who is in scope, and what a change of them may take away.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{
    AccountKey, Changed, Evidence, Lookup, ScopeKey, ScopeValue, ScopeValues, User,
};
use crate::plan::facts::names::legal_username;
use crate::plan::ledger::absence::missing_for;
use crate::plan::ledger::draft::Draft;
use crate::plan::policy::Setting;

/// What may become of a person because of a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taking {
    /// Called missing.
    Missing,
    /// Called locked.
    Locked,
    /// No longer called locked.
    Return,
    /// No longer left alone without a user.
    Create,
}

/// What is not as it was, in the order of the keys.
pub fn changes(last: &ScopeValues, now: &BTreeMap<ScopeKey, Setting>) -> Vec<Changed> {
    let keys: BTreeSet<&ScopeKey> = last.keys().chain(now.keys()).collect();
    let compared = keys.into_iter().map(|key| {
        let now = now.get(key);
        Changed {
            key: *key,
            from: last.get(key).cloned(),
            to: now.map(|setting| setting.value.clone()),
            place: now.and_then(|setting| setting.place.clone()),
        }
    });
    compared.filter(|change| change.from != change.to).collect()
}

/// The values without their places.
pub fn values(scope: &BTreeMap<ScopeKey, Setting>) -> ScopeValues {
    let pairs = scope.iter();
    pairs
        .map(|(key, said)| (*key, said.value.clone()))
        .collect()
}

/// Whether a person may be where they are because of a change.
pub fn may_cause(change: &Changed, draft: &Draft<'_>, key: &AccountKey, taking: Taking) -> bool {
    if taking == Taking::Create {
        return change.key == ScopeKey::Lock && is_rule_gone(change);
    }
    let missing = taking == Taking::Missing;
    match change.key {
        ScopeKey::Kind | ScopeKey::Path | ScopeKey::Schema => true,
        ScopeKey::BindDn => missing,
        ScopeKey::Lock => !missing,
        ScopeKey::NotAPerson => !missing && is_rule_gone(change),
        ScopeKey::Grace => missing && is_sooner(change, draft, key),
        ScopeKey::ReactivatedByHand => taking != Taking::Return && is_overruled(change, draft, key),
        ScopeKey::Protect => taking != Taking::Return && is_unprotected(change, draft, key),
        // Looked for by id in the whole directory, past base and filter: whoever is found nowhere
        // is not gone because of these.
        ScopeKey::Base | ScopeKey::Filter => missing && !is_nowhere(draft, key),
    }
}

fn is_nowhere(draft: &Draft<'_>, key: &AccountKey) -> bool {
    let directory = draft.world.directories.get(&key.provider);
    let seen = directory.map(|d| d.accounts.look(&key.id));
    matches!(seen, Some(Evidence::Absent(proof)) if proof.lookup == Some(Lookup::Nowhere))
}

fn words(value: Option<&ScopeValue>) -> BTreeSet<String> {
    match value {
        Some(ScopeValue::List(words)) => words.clone(),
        _ => BTreeSet::new(),
    }
}

/// Whether a rule that left somebody alone is there no more. More rules only leave more alone.
fn is_rule_gone(change: &Changed) -> bool {
    !words(change.from.as_ref()).is_subset(&words(change.to.as_ref()))
}

/// Whether a person would still be within the grace that there was before.
fn is_sooner(change: &Changed, draft: &Draft<'_>, key: &AccountKey) -> bool {
    let Some(ScopeValue::Duration(before)) = change.from else {
        return false;
    };
    before > draft.policy.grace && missing_for(draft, key) < before
}

/// Whether an administrator's word about a person was respected before: we had deactivated the
/// user, who is active nevertheless.
fn is_overruled(change: &Changed, draft: &Draft<'_>, key: &AccountKey) -> bool {
    let link = draft.world.memory.link(key);
    let ours = link.filter(|link| link.deactivated.is_some());
    let user = ours.and_then(|link| draft.world.users.get(&link.user));
    change.from.is_some() && user.is_some_and(User::is_active)
}

/// Whether the names that were protected before, and are no longer, contain the person's.
fn is_unprotected(change: &Changed, draft: &Draft<'_>, key: &AccountKey) -> bool {
    let mut lost = words(change.from.as_ref());
    for name in words(change.to.as_ref()) {
        lost.remove(&name);
    }
    let memory = draft.world.memory;
    let link = memory.link(key);
    let user = link.and_then(|link| draft.world.users.get(&link.user));
    let own = [
        link.and_then(|link| legal_username(&link.last_username)),
        memory
            .account(key)
            .name
            .as_ref()
            .map(|chosen| chosen.name.clone()),
        user.map(|user| user.username.clone()),
    ];
    own.into_iter().flatten().any(|name| lost.contains(&name))
}
