//! Settings that decide who is in scope, and what a change of them may take away.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{AccountKey, Changed, Evidence, Lookup};

use super::draft::Draft;
use super::{Setting, legal_username};

/// What may become of a person because of a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taking {
    /// Called missing, or taken out of a place.
    Missing,
    /// Called locked.
    Locked,
    /// No longer called locked.
    Return,
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
    match change.key.as_str() {
        "provider.kind" | "provider.path" | "provider.schema" => true,
        "accounts.lock" => taking != Taking::Missing,
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
    let link = memory.links.get(key);
    let user = link.and_then(|link| draft.world.users.get(&link.user));
    let own = [
        link.and_then(|link| legal_username(&link.last_username)),
        memory.names.get(key).map(|chosen| chosen.name.clone()),
        user.map(|user| user.username.clone()),
    ];
    own.into_iter().flatten().any(|name| lost.contains(&name))
}
