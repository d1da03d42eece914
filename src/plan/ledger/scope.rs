//! Settings that decide who is in scope, and what a change of them may take away.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::model::{AccountKey, Changed, Evidence, Lookup, User};
use crate::plan::facts::names::legal_username;
use crate::plan::ledger::absence::missing_for;
use crate::plan::ledger::draft::Draft;
use crate::plan::policy::Setting;

/// What may become of a person because of a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taking {
    /// Called missing, or taken out of a place.
    Missing,
    /// Called locked.
    Locked,
    /// No longer called locked.
    Return,
    /// No longer left alone without a user.
    Create,
}

/// What is not as it was, in the order of the keys.
pub fn changes(last: &BTreeMap<String, String>, now: &BTreeMap<String, Setting>) -> Vec<Changed> {
    let keys: BTreeSet<&String> = last.keys().chain(now.keys()).collect();
    let compared = keys.into_iter().map(|key| {
        let now = now.get(key);
        Changed {
            key: key.clone(),
            from: last.get(key).cloned(),
            to: now.map(|setting| setting.value.clone()),
            place: now.and_then(|setting| setting.place.clone()),
        }
    });
    compared.filter(|change| change.from != change.to).collect()
}

/// The values without their places.
pub fn values(scope: &BTreeMap<String, Setting>) -> BTreeMap<String, String> {
    let pairs = scope.iter();
    pairs.map(|(k, s)| (k.clone(), s.value.clone())).collect()
}

/// Whether a person may be where they are because of a change. Keys that are not named here are
/// taken to say who is in scope.
pub fn may_cause(change: &Changed, draft: &Draft<'_>, key: &AccountKey, taking: Taking) -> bool {
    if taking == Taking::Create {
        return change.key == "accounts.lock" && is_rule_gone(change);
    }
    match change.key.as_str() {
        "provider.kind" | "provider.path" | "provider.schema" => true,
        "accounts.lock" => taking != Taking::Missing,
        "accounts.not-a-person" => taking != Taking::Missing && is_rule_gone(change),
        "policy.grace" => taking == Taking::Missing && is_sooner(change, draft, key),
        "policy.reactivated-by-hand" => {
            taking != Taking::Return && is_overruled(change, draft, key)
        }
        "policy.protect" => taking != Taking::Return && is_unprotected(change, draft, key),
        // Looked for by id in the whole directory, past base and filter: whoever is found nowhere
        // is not gone because of these.
        "provider.base" | "accounts.filter" => taking == Taking::Missing && !is_nowhere(draft, key),
        _ => taking == Taking::Missing,
    }
}

fn is_nowhere(draft: &Draft<'_>, key: &AccountKey) -> bool {
    let directory = draft.world.directories.get(&key.provider);
    let seen = directory.map(|d| d.accounts.look(&key.id));
    matches!(seen, Some(Evidence::Absent(proof)) if proof.lookup == Some(Lookup::Nowhere))
}

/// Whether a rule that left somebody alone is there no more. More rules only leave more alone.
fn is_rule_gone(change: &Changed) -> bool {
    let Some(before) = &change.from else {
        return false;
    };
    let rules = |text: &str| serde_json::from_str::<BTreeSet<String>>(text);
    let now = change.to.as_deref().map_or(Ok(BTreeSet::new()), rules);
    match (rules(before), now) {
        (Ok(before), Ok(now)) => !before.is_subset(&now),
        _ => true,
    }
}

/// Whether a person would still be within the grace that there was before.
fn is_sooner(change: &Changed, draft: &Draft<'_>, key: &AccountKey) -> bool {
    let Some(before) = change.from.as_deref().map(duration) else {
        return false;
    };
    let grace = draft.policy.grace;
    before.is_none_or(|before| before > grace && missing_for(draft, key) < before)
}

/// A duration as it is watched: in quotation marks, a number with one unit.
fn duration(text: &str) -> Option<Duration> {
    let text = text.trim_matches('"');
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit())?);
    let unit = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    let number: u64 = number.parse().ok()?;
    number.checked_mul(unit).map(Duration::from_millis)
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
    let names = |text: &Option<String>| -> BTreeSet<String> {
        let text = text.as_deref().unwrap_or("[]");
        serde_json::from_str(text).unwrap_or_default()
    };
    let mut lost = names(&change.from);
    for name in names(&change.to) {
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
