//! No mass change without a person: limits for each class, holds, approvals.
//!
//! Guarantees: of each class at most its limit is done in one cycle, and at most three times as many
//! in a day, unless a person approved exactly these steps; whatever waits for a held step is held
//! with it; a hold of one class keeps no other class from its work.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Action, Class, Fingerprint, Hold, HoldCause, HoldKey, Memory, Step, StepId};
use crate::plan::facts::approvals::{approved, hold};
use crate::plan::facts::clock;
use crate::plan::facts::limits::{DAY, first_fill, limit, person};
use crate::plan::ledger::draft::Draft;

/// The order in which classes are judged: what waits for a step of another class comes after it. A
/// step behind one that is held is not counted, for it does not happen.
const COUNTED: [Class; 12] = [
    Class::Adopt,
    Class::Move,
    Class::Privileged,
    Class::Purge,
    Class::Locked,
    Class::Missing,
    Class::Rename,
    Class::Email,
    Class::Reactivate,
    Class::Create,
    Class::MembershipRemoval,
    Class::Grant,
];

/// How many times the limit of one cycle may be done within a [`DAY`].
const CYCLES_A_DAY: u64 = 3;

/// What is held of the steps planned so far, beside what other rules hold already. A step is
/// `expected` where its date was announced: it surprises nobody.
pub fn holds(
    draft: &Draft<'_>,
    mut holds: Vec<Hold>,
    expected: &BTreeSet<StepId>,
    active: u64,
) -> Vec<Hold> {
    let mut limited: BTreeMap<Class, Vec<&Step>> = BTreeMap::new();
    for step in &draft.plan.steps {
        // People who go and come back too often have a hold of their own, and an announced date
        // surprises nobody.
        if draft.flapping.contains(&step.id) || expected.contains(&step.id) {
            continue;
        }
        if let Some(class) = step
            .class()
            .filter(|_| !first_fill(draft.world.memory, step))
        {
            limited.entry(class).or_default().push(step);
        }
    }
    for class in COUNTED {
        let Some(mut steps) = limited.remove(&class) else {
            continue;
        };
        let behind = draft.plan.behind(&holds);
        steps.retain(|step| !behind.contains(&step.id));
        holds.extend(over_limit(draft, class, steps, active));
    }
    holds.sort_by_key(|hold| match hold.key {
        HoldKey::Class(class) => Class::ALL.iter().position(|other| *other == class),
        _ => None,
    });
    holds
}

fn over_limit(draft: &Draft<'_>, class: Class, steps: Vec<&Step>, active: u64) -> Option<Hold> {
    let limit = limit(draft.policy, class, active)?;
    let key = HoldKey::Class(class);
    let released = approved(draft.world.memory, &key, draft.now);
    let wanted: Vec<&Step> = steps
        .into_iter()
        .filter(|s| released.is_none_or(|r| !r.contains(&s.action.fingerprint())))
        .collect();
    let (given_back, mut meant): (Vec<&Step>, Vec<&Step>) = wanted
        .into_iter()
        .partition(|step| gives_back(draft.world.memory, step));
    let recent = done_today(draft, class);
    let room = Room { limit, recent };
    let day = limit.saturating_mul(CYCLES_A_DAY);
    // What the directory changed goes first: what people change on Mattermost must use up neither
    // the limit nor the last third of the day.
    let too_many_meant = room.too_many(&[], &meant, day);
    let going: &[&Step] = match too_many_meant {
        None => &meant,
        Some(_) => &[],
    };
    let too_many_back = room.too_many(going, &given_back, day.saturating_sub(limit));
    match (too_many_meant, too_many_back) {
        (None, None) => None,
        (Some(cause), None) => Some(hold(key, cause, &meant)),
        (None, Some(cause)) => Some(hold(key, cause, &given_back)),
        (Some(mut cause), Some(_)) => {
            meant.extend(given_back);
            if let HoldCause::Limit { wanted, .. } | HoldCause::Day { wanted, .. } = &mut cause {
                *wanted = of_persons(meant.iter().copied());
            }
            Some(hold(key, cause, &meant))
        }
    }
}

/// What a class may do, and to whom it was done within a [`DAY`].
struct Room<'d> {
    limit: u64,
    recent: BTreeSet<&'d Fingerprint>,
}

impl Room<'_> {
    /// Why these steps are too many for one cycle, or for a day that may see so many people. The steps
    /// before them are done anyway.
    fn too_many(&self, before: &[&Step], steps: &[&Step], day: u64) -> Option<HoldCause> {
        let wanted = of_persons(steps.iter().copied());
        let limit = self
            .limit
            .saturating_sub(of_persons(before.iter().copied()));
        if wanted > limit {
            return Some(match before.is_empty() {
                true => HoldCause::Limit { limit, wanted },
                false => HoldCause::GivenBack { limit, wanted },
            });
        }
        // People who are among those of today are counted already.
        let all = before.iter().chain(steps).copied();
        let new = all.filter(|step| !self.recent.contains(&person(step)));
        let done = u64::try_from(self.recent.len()).unwrap_or(u64::MAX);
        let is_too_much = wanted > 0 && done.saturating_add(of_persons(new)) > day;
        is_too_much.then_some(HoldCause::Day {
            limit: day,
            done,
            wanted,
        })
    }
}

/// Whether a step gives somebody back what the directory never changed: they, or an administrator,
/// changed it on Mattermost. Not what a person takes back: until a later reading both sides are still
/// remembered with the value before.
fn gives_back(memory: &Memory, step: &Step) -> bool {
    if step.is_undo() {
        return false;
    }
    let link = step.action.account().and_then(|key| memory.link(key));
    let Some(agreed) = link.map(|link| &link.agreed) else {
        return false;
    };
    match &step.action {
        Action::Rename { username, .. } => agreed.username.as_ref() == Some(&username.to),
        Action::ChangeEmail { email, .. } => agreed.email.as_ref() == Some(&email.to),
        _ => false,
    }
}

/// To whom something of a class was done within a [`DAY`].
fn done_today<'d>(draft: &'d Draft<'_>, class: Class) -> BTreeSet<&'d Fingerprint> {
    let day = i64::try_from(DAY.as_millis()).unwrap_or(i64::MAX);
    let set_by = clock::set_by(draft.world.memory, draft.now);
    let since = draft.now.wall.0.saturating_sub(day).saturating_sub(set_by);
    let recent = draft
        .world
        .memory
        .done
        .iter()
        .filter(|d| d.class == class && d.at.0 >= since);
    // People are counted, not steps: a person who is put right again and again counts once.
    recent.map(|d| &d.whom).collect()
}

/// Counts the people whom these steps are about. A person whose username and address both change
/// counts once.
fn of_persons<'s>(steps: impl Iterator<Item = &'s Step>) -> u64 {
    let who = steps.map(|step| (step.action.account(), step.action.user()));
    u64::try_from(who.collect::<BTreeSet<_>>().len()).unwrap_or(u64::MAX)
}
