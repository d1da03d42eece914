//! No mass change without a person: limits for each class, holds, approvals.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::model::{
    Action, Approval, Class, Fingerprint, Hold, HoldCause, HoldKey, Memory, Now, ProviderName,
    Step, StepId,
};

use super::doubts::Doubts;
use super::draft::Draft;
use super::undo::is_undo;
use super::{Limit, Policy, dates, flaps, places};

/// The time over which done steps are summed.
pub const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// How long an approval stays good.
pub const APPROVAL: Duration = Duration::from_secs(72 * 60 * 60);

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

/// The most people of a class in one cycle; `None` for no limit. `active` is the number of active
/// linked users.
pub fn limit(policy: &Policy, class: Class, active: u64) -> Option<u64> {
    if class == Class::Purge {
        // What cannot be taken back is asked for each time.
        return Some(0);
    }
    match policy.guard.get(&class).copied().unwrap_or_default() {
        Limit::Auto => Some(auto(class, active)),
        Limit::Number(number) => Some(number),
        Limit::BasisPoints(points) => {
            Some(active.saturating_mul(u64::from(points)).div_ceil(10_000))
        }
        Limit::Off => None,
    }
}

fn auto(class: Class, n: u64) -> u64 {
    match class {
        Class::Missing => root(n, 16),
        Class::Locked => root(n, 4),
        Class::Reactivate | Class::Rename | Class::Email | Class::Move => root(n, 10).max(2),
        Class::MembershipRemoval => n.div_ceil(50).max(3),
        Class::Create => n.div_ceil(10).max(20),
        Class::Adopt | Class::Grant | Class::Privileged | Class::Purge => 0,
    }
}

/// The square root of `n / divisor`, rounded up.
fn root(n: u64, divisor: u64) -> u64 {
    let down = (n / divisor).isqrt();
    let enough = |k: u64| k.saturating_mul(k).saturating_mul(divisor) >= n;
    if enough(down) { down } else { down + 1 }
}

/// The steps that an approval releases, if there is one and it has not ended.
pub fn approved<'m>(
    memory: &'m Memory,
    key: &HoldKey,
    now: &Now,
) -> Option<&'m BTreeSet<Fingerprint>> {
    let approval = memory.hold(key).approval.as_ref()?;
    (!has_ended(approval, now)).then_some(&approval.steps)
}

/// Whether an approval is good no more: its time is over, or it was given by a clock that was
/// ahead, and nobody knows how long ago.
pub fn has_ended(approval: &Approval, now: &Now) -> bool {
    let ahead = approval.at.0.saturating_sub(now.wall.0);
    approval.until <= now.wall || ahead > dates::TOLERANCE
}

/// What is held of the steps planned so far.
pub fn holds(draft: &Draft<'_>, doubts: &Doubts, active: u64) -> Vec<Hold> {
    let mut holds = doubted(draft, doubts);
    holds.extend(flaps::hold(draft));
    holds.extend(dates::hold(draft));
    holds.extend(places::holds(draft));
    let mut limited: BTreeMap<Class, Vec<&Step>> = BTreeMap::new();
    let expected = dates::expected(draft, active);
    for step in &draft.plan.steps {
        // Who flaps is looked at by himself, and a date that was announced surprises nobody.
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

fn doubted(draft: &Draft<'_>, doubts: &Doubts) -> Vec<Hold> {
    let mut held: Vec<Vec<&Step>> = vec![Vec::new(); doubts.list.len()];
    // What a person takes back does not rest on the reading.
    let steps = draft.plan.steps.iter().filter(|step| !is_undo(step));
    for step in steps {
        for at in doubts.about(draft, step) {
            let released = approved(draft.world.memory, &doubts.list[at].key, draft.now);
            if !released.is_some_and(|r| r.contains(&step.action.fingerprint())) {
                held[at].push(step);
            }
        }
    }
    let pairs = doubts.list.iter().zip(held);
    pairs
        .filter(|(_, steps)| !steps.is_empty())
        .map(|(doubt, steps)| hold(doubt.key.clone(), doubt.cause.clone(), &steps))
        .collect()
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
        // Who is among those of today is counted already.
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
/// changed it on Mattermost.
fn gives_back(memory: &Memory, step: &Step) -> bool {
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
    let set_by = dates::set_by(draft.world.memory, draft.now);
    let since = draft.now.wall.0.saturating_sub(day).saturating_sub(set_by);
    let recent = draft
        .world
        .memory
        .done
        .iter()
        .filter(|d| d.class == class && d.at.0 >= since);
    // People are counted, not steps: who is put right again and again is one.
    recent.map(|d| &d.whom).collect()
}

/// How many people these steps are about: whose username and address change is one.
fn of_persons<'s>(steps: impl Iterator<Item = &'s Step>) -> u64 {
    let who = steps.map(|step| (step.action.account(), step.action.user()));
    u64::try_from(who.collect::<BTreeSet<_>>().len()).unwrap_or(u64::MAX)
}

/// Whom a step is about, for the sum over a day.
pub fn person(step: &Step) -> Fingerprint {
    let account = step.action.account().map(ToString::to_string);
    let user = || step.action.user().map(ToString::to_string);
    let person = account.or_else(user).map(Fingerprint::new);
    person.unwrap_or_else(|| step.action.fingerprint())
}

/// Whether a step is a creation of its provider's first fill: not limited, and no measure for a
/// day. Beside links of another provider there is no first fill: it may be the same directory
/// under a new name, and everybody would be made twice.
pub fn first_fill(memory: &Memory, step: &Step) -> bool {
    let first = |provider: &ProviderName| {
        // Keys are sorted by provider: the ends tell of all between.
        let ends = [
            memory.links().map(|(key, _)| key).next(),
            memory.links().map(|(key, _)| key).last(),
        ];
        let alone = ends.into_iter().flatten().all(|k| &k.provider == provider);
        !memory.provider(provider).filled && alone
    };
    step.class() == Some(Class::Create)
        && step
            .action
            .account()
            .is_some_and(|key| first(&key.provider))
}

/// A hold of these steps.
pub fn hold(key: HoldKey, cause: HoldCause, steps: &[&Step]) -> Hold {
    let ids: Vec<StepId> = steps.iter().map(|s| s.id).collect();
    let fingerprints = steps.iter().map(|s| s.action.fingerprint()).collect();
    Hold {
        key,
        cause,
        steps: ids,
        fingerprints,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auto_limits_grow_with_the_square_root() {
        for (class, n, want) in [
            (Class::Missing, 0, 0),
            (Class::Missing, 1, 1),
            (Class::Missing, 16, 1),
            (Class::Missing, 17, 2),
            (Class::Missing, 1_200, 9),
            (Class::Missing, 100_000, 80),
            (Class::Locked, 100, 5),
            (Class::Locked, 101, 6),
            (Class::Rename, 10, 2),
            (Class::Move, 1_000, 10),
            (Class::Rename, 1_000, 10),
            (Class::Rename, 1_001, 11),
            (Class::MembershipRemoval, 100, 3),
            (Class::MembershipRemoval, 1_000, 20),
            (Class::Create, 50, 20),
            (Class::Create, 1_000, 100),
            (Class::Adopt, 1_000, 0),
            (Class::Grant, 1_000, 0),
            (Class::Privileged, 1_000, 0),
        ] {
            assert_eq!(auto(class, n), want, "{class} of {n}");
        }
    }
}
