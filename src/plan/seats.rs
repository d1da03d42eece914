//! A server that takes no more active users is never asked to.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{
    AccountKey, AccountState, Action, Evidence, Remember, Seats, Step, StepId, Timestamp, UserId,
    UserRef, Why,
};

use super::draft::Draft;

/// Takes those who find no seat out of the plan: the longest waiting come first, then those who
/// come back, then new ones. A seat that a held deactivation would free is not free, and who is held
/// needs none. The plan's holds must be known.
pub fn allot(draft: &mut Draft<'_>, made: &mut BTreeMap<AccountKey, UserRef>) -> BTreeSet<UserId> {
    let mut unseated = BTreeSet::new();
    forget_waiting(draft);
    let Seats::Limited { limit, active } = draft.world.server.seats else {
        return unseated;
    };
    let held = draft.plan.held();
    let released = || draft.plan.steps.iter().filter(|s| !held.contains(&s.id));
    let freed = released()
        .filter(|s| matches!(s.action, Action::Deactivate { .. }))
        .count();
    let freed = u64::try_from(freed).unwrap_or(0);
    let free = limit.saturating_sub(active.saturating_sub(freed));
    let free = usize::try_from(free).unwrap_or(usize::MAX);
    let arrivals = || released().filter_map(|s| Some((s, arrival(draft, s)?)));
    let arriving: BTreeSet<StepId> = arrivals().map(|(s, _)| s.id).collect();
    // The first administrator, for whom all others wait, goes before them.
    let waits = |s: &Step| s.after.iter().any(|id| arriving.contains(id));
    let mut queue: Vec<_> = arrivals().map(|(s, rank)| (waits(s), rank, s.id)).collect();
    queue.sort();
    let late = queue.split_off(queue.len().min(free)).into_iter();
    let mut late: BTreeSet<StepId> = late.map(|(_, _, id)| id).collect();
    for step in std::mem::take(&mut draft.plan.steps) {
        // Who may only come after somebody without a seat has none either.
        if !late.contains(&step.id) && !step.after.iter().any(|id| late.contains(id)) {
            draft.plan.steps.push(step);
            continue;
        }
        late.insert(step.id);
        unseated.extend(step.action.user().cloned());
        if let Some(key) = step.action.account() {
            made.remove(key);
            if !draft.world.memory.waiting.contains_key(key) {
                draft.learn(Remember::Waiting(key.clone(), Some(draft.now.wall)));
            }
        }
        draft.leave(step.subject, Why::NoSeat { limit });
    }
    unseated
}

/// The place in the queue of somebody who needs a seat: less is earlier.
fn arrival(draft: &Draft<'_>, step: &Step) -> Option<(Timestamp, u8, AccountKey)> {
    let (rank, key) = match &step.action {
        Action::Reactivate { account, .. } => (0, account),
        Action::CreateUser { account, .. } => (1, account),
        _ => return None,
    };
    let since = draft.world.memory.waiting.get(key).copied();
    Some((since.unwrap_or(Timestamp(i64::MAX)), rank, key.clone()))
}

/// Who has a seat, and who certainly wants none any more, does not wait.
fn forget_waiting(draft: &mut Draft<'_>) {
    let world = draft.world;
    let over = |key: &&AccountKey| {
        let link = world.memory.links.get(key);
        let user = link.map(|link| world.users.look(&link.user));
        if matches!(user, Some(Evidence::Present(user)) if user.is_active()) {
            return true;
        }
        let directory = world.directories.get(&key.provider);
        match directory.map(|d| d.accounts.look(&key.id)) {
            Some(Evidence::Present(a)) => matches!(
                a.state,
                AccountState::Locked { .. } | AccountState::NotAPerson { .. }
            ),
            Some(Evidence::Absent(_)) => true,
            Some(Evidence::Unknown(_)) | None => false,
        }
    };
    let keys: Vec<AccountKey> = world.memory.waiting.keys().filter(over).cloned().collect();
    for key in keys {
        draft.learn(Remember::Waiting(key, None));
    }
}
