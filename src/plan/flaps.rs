//! People who go and come back again and again: somebody must look why.
//!
//! An account that is locked and unlocked by two machines which disagree, or that a broken replica
//! shows and hides, would let its user in and out for ever. Going is never delayed; coming back
//! waits for a person once it happened too often.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::model::{AccountKey, Hold, HoldCause, HoldKey, Memory, Now, Remember, Timestamp};

use super::draft::Draft;
use super::guard;

/// The time over which changes are counted.
const WINDOW: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// When the account's user was deactivated or reactivated by us, as far as it still counts.
pub fn recent(memory: &Memory, key: &AccountKey, now: &Now) -> Vec<Timestamp> {
    let times = memory.flips.get(key).into_iter().flatten();
    times
        .copied()
        .filter(|at| now.wall.since(*at) < WINDOW)
        .collect()
}

/// Whether the next return of the account's user is for a person to decide.
pub fn is_flapping(draft: &Draft<'_>, key: &AccountKey) -> bool {
    let limit = draft.policy.lifecycle.flap_limit;
    let limit = limit.and_then(|limit| usize::try_from(limit).ok());
    limit.is_some_and(|limit| recent(draft.world.memory, key, draft.now).len() >= limit)
}

/// What waits because of it.
pub fn hold(draft: &Draft<'_>) -> Option<Hold> {
    let memory = draft.world.memory;
    let released = guard::approved(memory, &HoldKey::Flapping, draft.now);
    let mut changes = BTreeMap::new();
    let mut steps = Vec::new();
    for step in &draft.plan.steps {
        let is_free = released.is_some_and(|r| r.contains(&step.action.fingerprint()));
        if !draft.flapping.contains(&step.id) || is_free {
            continue;
        }
        if let Some(key) = step.action.account() {
            let times = recent(memory, key, draft.now);
            changes.insert(step.subject.name.clone(), times);
        }
        steps.push(step);
    }
    let cause = HoldCause::Flapping {
        limit: draft.policy.lifecycle.flap_limit?,
        within: WINDOW,
        changes,
    };
    (!steps.is_empty()).then(|| guard::hold(HoldKey::Flapping, cause, &steps))
}

/// Forgets what no longer counts.
pub fn forget_old(draft: &mut Draft<'_>) {
    let memory = draft.world.memory;
    for (key, times) in &memory.flips {
        let recent = match memory.links.contains_key(key) {
            true => recent(memory, key, draft.now),
            false => Vec::new(),
        };
        if recent.len() < times.len() {
            let rest = (!recent.is_empty()).then_some(recent);
            draft.learn(Remember::Flips(key.clone(), rest));
        }
    }
}
