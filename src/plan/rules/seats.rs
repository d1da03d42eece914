//! A server that takes no more active users is never asked to.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::model::{
    AccountChange, AccountKey, AccountState, Action, Evidence, GroupId, ProviderName, Remember,
    Roster, SeatOrderFault, Seats, ServerChange, Step, StepId, Subject, Timestamp, User, UserId,
    UserRef, Why,
};
use crate::plan::facts::limits::DAY;
use crate::plan::ledger::draft::Draft;

/// A server that told its limit only by refusing is tried again, with one person, after this time:
/// an administrator may have raised the limit.
const TRY_AGAIN: Duration = DAY;

/// How many active users take a seat on the server; bots and other servers' users take none.
pub fn taken(users: &Roster<UserId, User>) -> u64 {
    let seated = users.iter().filter(|(_, u)| u.is_active() && u.is_human());
    u64::try_from(seated.count()).unwrap_or(u64::MAX)
}

/// How many seats there are.
struct Room {
    /// The most active users, as the server told or as its refusal taught.
    limit: u64,
    /// How many more may come.
    free: usize,
}

/// Takes those who find no seat out of the plan. First come the members of the groups that
/// `policy.seat-order` names, in its order; then the longest waiting, then those who come back,
/// then new ones. Who had a turn and was refused goes behind all others: one whom the server does
/// not take keeps nobody out. A seat that a held deactivation would free is not free, and who is held needs
/// none. The plan's holds must be known.
pub fn allot(draft: &mut Draft<'_>, made: &mut BTreeMap<AccountKey, UserRef>) -> BTreeSet<UserId> {
    let mut unseated = BTreeSet::new();
    forget_waiting(draft);
    let order = Order::of(draft);
    let Some(Room { limit, free }) = room(draft) else {
        return unseated;
    };
    let held = draft.plan.held();
    let released = || draft.plan.steps.iter().filter(|s| !held.contains(&s.id));
    let arrivals = || released().filter_map(|s| Some((s, arrival(draft, &order, s)?)));
    let arriving: BTreeSet<StepId> = arrivals().map(|(s, _)| s.id).collect();
    // The first administrator, for whom all others wait, goes before them.
    let waits = |s: &Step| s.after.iter().any(|id| arriving.contains(id));
    let mut queue: Vec<_> = arrivals().map(|(s, rank)| (waits(s), rank, s.id)).collect();
    queue.sort();
    let late = queue.split_off(queue.len().min(free)).into_iter();
    let places: BTreeMap<StepId, usize> = late.map(|(_, _, id)| id).zip(0..).collect();
    let mut late: BTreeSet<StepId> = places.keys().copied().collect();
    let mut waiting: Vec<(usize, Subject)> = Vec::new();
    for step in std::mem::take(&mut draft.plan.steps) {
        // A person who may only come after somebody without a seat has none either.
        if !late.contains(&step.id) && !step.after.iter().any(|id| late.contains(id)) {
            draft.plan.steps.push(step);
            continue;
        }
        late.insert(step.id);
        unseated.extend(step.action.user().cloned());
        if let Some(key) = step.action.account() {
            made.remove(key);
            if draft.world.memory.account(key).waiting.is_none() {
                draft.learn(Remember::Account(
                    key.clone(),
                    AccountChange::Waiting(Some(draft.now.wall.into())),
                ));
            }
        }
        let place = places.get(&step.id).copied().unwrap_or(usize::MAX);
        waiting.push((place, step.subject));
    }
    // Told in the order in which they will come.
    waiting.sort_by_key(|(place, _)| *place);
    for (_, subject) in waiting {
        draft.leave(subject, Why::NoSeat { limit });
    }
    unseated
}

/// How many may come; `None` where there is no limit, or none that anybody knows of.
fn room(draft: &mut Draft<'_>) -> Option<Room> {
    let held = draft.plan.held();
    let leaves = |s: &&Step| matches!(s.action, Action::Deactivate { .. }) && !held.contains(&s.id);
    let freed = draft.plan.steps.iter().filter(leaves).count();
    let freed = u64::try_from(freed).unwrap_or(0);
    let refusal = draft.world.memory.server.seat_refusal.clone();
    let (limit, active, least) = match (draft.world.server.seats, refusal) {
        (Seats::Limited { limit, active }, refusal) => {
            if refusal.is_some() {
                draft.learn(Remember::Server(ServerChange::SeatRefusal(None)));
            }
            (limit, active, 0)
        }
        (_, None) => return None,
        // The server's refusal counts for more than a limit of zero that it told.
        (Seats::Unknown | Seats::Unlimited, Some(refusal)) => {
            let active = taken(draft.world.users);
            if active > refusal.active {
                // It takes more than it took then.
                draft.learn(Remember::Server(ServerChange::SeatRefusal(None)));
                return None;
            }
            let again = draft.now.wall.since(refusal.at) >= TRY_AGAIN;
            (refusal.active, active, u64::from(again))
        }
    };
    let free = limit.saturating_sub(active.saturating_sub(freed));
    Some(Room {
        limit,
        free: usize::try_from(free.max(least)).unwrap_or(usize::MAX),
    })
}

/// The groups of `policy.seat-order`, as far as they were found.
struct Order<'a> {
    ranks: BTreeMap<(&'a ProviderName, &'a GroupId), usize>,
    last: usize,
}

impl<'a> Order<'a> {
    /// Finds the groups by name or DN, and tells of those that are not there, or do not
    /// show who is in them.
    fn of(draft: &mut Draft<'a>) -> Self {
        let wanted = &draft.policy.seat_order;
        let mut order = Self {
            ranks: BTreeMap::new(),
            last: wanted.len(),
        };
        let directories = draft.world.directories;
        for (rank, name) in wanted.iter().enumerate() {
            let mut found = false;
            let mut unread = None;
            let mut unsaid = Vec::new();
            for (provider, directory) in directories {
                unread = unread.or(directory.groups.gaps().first());
                let groups = directory.groups.iter();
                for (id, group) in groups.filter(|(_, group)| group.is_called(name)) {
                    found = true;
                    order.ranks.entry((provider, id)).or_insert(rank);
                    unsaid.extend(group.why_unseen().map(SeatOrderFault::MembersUnseen));
                }
            }
            if !found {
                unsaid.push(match unread {
                    None => SeatOrderFault::NoGroup,
                    Some(gap) => SeatOrderFault::Unread(gap.clone()),
                });
            }
            for why in unsaid {
                let subject = Subject {
                    name: name.clone(),
                    ..Subject::default()
                };
                let group = name.clone();
                draft.leave(subject, Why::SeatOrder { group, why });
            }
        }
        order
    }

    fn rank(&self, draft: &Draft<'_>, key: &AccountKey) -> usize {
        let directory = draft.world.directories.get(&key.provider);
        let account = directory.and_then(|d| d.accounts.get(&key.id));
        let groups = account.into_iter().flat_map(|a| &a.groups);
        let ranks = groups.filter_map(|id| self.ranks.get(&(&key.provider, id)));
        ranks.min().copied().unwrap_or(self.last)
    }
}

/// The place in the queue of somebody who needs a seat: less is earlier.
fn arrival(
    draft: &Draft<'_>,
    order: &Order<'_>,
    step: &Step,
) -> Option<(Option<Timestamp>, usize, Timestamp, u8, AccountKey)> {
    let (rank, key) = match &step.action {
        Action::Reactivate { account, .. } => (0, account),
        Action::CreateUser { account, .. } => (1, account),
        _ => return None,
    };
    let wait = draft.world.memory.account(key).waiting.as_ref();
    let turn = wait.and_then(|wait| wait.turn);
    let since = wait.map_or(Timestamp(i64::MAX), |wait| wait.since);
    Some((turn, order.rank(draft, key), since, rank, key.clone()))
}

/// Forgets the waiting of people who have a seat, or certainly need none any more.
fn forget_waiting(draft: &mut Draft<'_>) {
    let world = draft.world;
    let over = |key: &&AccountKey| {
        let link = world.memory.link(key);
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
    let waiting = world.memory.accounts_with(|account| account.waiting);
    let keys = waiting.map(|(key, _)| key).filter(over).cloned();
    let keys: Vec<AccountKey> = keys.collect();
    for key in keys {
        draft.learn(Remember::Account(key, AccountChange::Waiting(None)));
    }
}
