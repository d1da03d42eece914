//! People who are at odds with somebody again and again: a person must look why.
//!
//! An account that is locked and unlocked by two machines which disagree, or that a broken replica
//! shows and hides, would let its user in and out for ever; and somebody who gives themselves another
//! name on Mattermost at each cycle would be called back for ever. Going is never delayed; coming
//! back, and what is given back, waits for a person once it happened too often. Nobody else waits.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{
    AccountChange, AccountKey, Action, ChangedPart, Hold, HoldCause, HoldKey, Remember, Step,
    StepId, Timestamp, UserId,
};
use crate::plan::facts::approvals;
use crate::plan::ledger::draft::Draft;
use crate::plan::ledger::flapping::{WINDOW, has_too_many, moments, recent};

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
        has_too_many(draft, key, of) && !step.is_undo() && !needed.contains(&(of, user))
    });
    let flapping: Vec<StepId> = flapping.map(|step| step.id).collect();
    draft.flapping.extend(flapping);
}

/// The values that other people wait for in this plan, each with the user who has it.
fn needed_by_others(steps: &[Step]) -> BTreeSet<(ChangedPart, &UserId)> {
    let givers: BTreeMap<StepId, (ChangedPart, &UserId, Option<&AccountKey>)> = steps
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

/// Returns the hold of people who go and come back too often.
pub fn hold(draft: &Draft<'_>) -> Option<Hold> {
    let memory = draft.world.memory;
    let released = approvals::approved(memory, &HoldKey::Flapping, draft.now);
    let mut changes: BTreeMap<String, Vec<Timestamp>> = BTreeMap::new();
    let mut steps = Vec::new();
    for step in &draft.plan.steps {
        let is_free = released.is_some_and(|r| r.contains(&step.action.fingerprint()));
        if !draft.flapping.contains(&step.id) || is_free {
            continue;
        }
        if let Some(key) = step.action.account() {
            let of = step.action.changes().unwrap_or(ChangedPart::State);
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
    (!steps.is_empty()).then(|| approvals::hold(HoldKey::Flapping, cause, &steps))
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
