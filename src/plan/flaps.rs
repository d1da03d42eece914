//! People who are at odds with somebody again and again: a person must look why.
//!
//! An account that is locked and unlocked by two machines which disagree, or that a broken replica
//! shows and hides, would let its user in and out for ever; and somebody who gives themselves another
//! name on Mattermost at each cycle would be called back for ever. Going is never delayed; coming
//! back, and what is given back, waits for a person once it happened too often. Nobody else waits.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::model::{
    AccountChange, AccountKey, Action, Flip, Flipped, Hold, HoldCause, HoldKey, Memory, Now,
    Remember, Step, StepId, Timestamp, UserId,
};

use super::draft::Draft;
use super::guard;
use super::undo::is_undo;

/// The time over which changes are counted.
const WINDOW: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// The most changes of one person that are remembered; no limit is higher.
const MOST: usize = 100;

/// What was changed of an account's user, as far as it still counts.
pub fn recent(memory: &Memory, key: &AccountKey, now: &Now) -> Vec<Flip> {
    let flips = memory.account(key).flips.iter();
    let recent = flips.filter(|flip| now.wall.since(flip.at) < WINDOW);
    recent.cloned().collect()
}

/// [`recent`] with one more change, the oldest left out where there are too many.
pub fn with(memory: &Memory, key: &AccountKey, now: &Now, of: Flipped) -> Vec<Flip> {
    let mut flips = recent(memory, key, now);
    flips.push(Flip { at: now.wall, of });
    flips.split_off(flips.len().saturating_sub(MOST))
}

/// Whether the next return of the account's user is for a person to decide.
pub fn is_flapping(draft: &Draft<'_>, key: &AccountKey) -> bool {
    has_too_many(draft, key, Flipped::State)
}

fn has_too_many(draft: &Draft<'_>, key: &AccountKey, of: Flipped) -> bool {
    let limit = draft.policy.lifecycle.flap_limit;
    let limit = limit.and_then(|limit| usize::try_from(limit).ok());
    limit.is_some_and(|limit| moments(draft, key, of).len() >= limit)
}

/// When something of an account's user was changed of late; going and coming are one.
fn moments(draft: &Draft<'_>, key: &AccountKey, of: Flipped) -> Vec<Timestamp> {
    let kind = |of| match of {
        Flipped::Deactivated | Flipped::Reactivated => Flipped::State,
        of => of,
    };
    let flips = recent(draft.world.memory, key, draft.now).into_iter();
    let same = flips.filter(|flip| kind(flip.of) == kind(of));
    same.map(|flip| flip.at).collect()
}

/// Marks the steps that give somebody their name, address or fields back who got them back too
/// often. Not where others need what the person would give up: they are not to wait for it.
pub fn mark(draft: &mut Draft<'_>) {
    let needed = needed_by_others(&draft.plan.steps);
    let flapping = draft.plan.steps.iter().filter(|step| {
        let (Some(key), Some(user)) = (step.action.account(), step.action.user()) else {
            return false;
        };
        let Some(of) = step.action.changes() else {
            return false;
        };
        has_too_many(draft, key, of) && !is_undo(step) && !needed.contains(&(of, user))
    });
    let flapping: Vec<StepId> = flapping.map(|step| step.id).collect();
    draft.flapping.extend(flapping);
}

/// What of whom others wait for in this plan.
fn needed_by_others(steps: &[Step]) -> BTreeSet<(Flipped, &UserId)> {
    let givers: BTreeMap<StepId, (Flipped, &UserId, Option<&AccountKey>)> = steps
        .iter()
        .filter_map(|step| {
            let of = step.action.changes()?;
            Some((step.id, (of, step.action.user()?, step.action.account())))
        })
        .collect();
    let takers = steps.iter().flat_map(|step| {
        let givers = step.after.iter().filter_map(|id| givers.get(id));
        givers.filter(|(.., giver)| *giver != step.action.account())
    });
    takers.map(|(of, user, _)| (*of, *user)).collect()
}

/// What waits because of it.
pub fn hold(draft: &Draft<'_>) -> Option<Hold> {
    let memory = draft.world.memory;
    let released = guard::approved(memory, &HoldKey::Flapping, draft.now);
    let mut changes: BTreeMap<String, Vec<Timestamp>> = BTreeMap::new();
    let mut steps = Vec::new();
    for step in &draft.plan.steps {
        let is_free = released.is_some_and(|r| r.contains(&step.action.fingerprint()));
        if !draft.flapping.contains(&step.id) || is_free {
            continue;
        }
        if let Some(key) = step.action.account() {
            let of = step.action.changes().unwrap_or(Flipped::State);
            let times = changes.entry(step.subject.name.clone()).or_default();
            times.extend(moments(draft, key, of));
        }
        steps.push(step);
    }
    let values = |step: &&Step| {
        !matches!(
            step.action,
            Action::Reactivate { .. } | Action::Deactivate { .. }
        )
    };
    let cause = HoldCause::Flapping {
        limit: draft.policy.lifecycle.flap_limit?,
        within: WINDOW,
        values: steps.iter().any(values),
        changes,
    };
    (!steps.is_empty()).then(|| guard::hold(HoldKey::Flapping, cause, &steps))
}

/// Forgets what no longer counts.
pub fn forget_old(draft: &mut Draft<'_>) {
    let memory = draft.world.memory;
    for (key, account) in &memory.accounts {
        let rest = match account.link {
            Some(_) => recent(memory, key, draft.now),
            None => Vec::new(),
        };
        if rest.len() < account.flips.len() {
            draft.learn(Remember::Account(key.clone(), AccountChange::Flips(rest)));
        }
    }
}
