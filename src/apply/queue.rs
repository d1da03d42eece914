//! The order in which steps are begun.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::mattermost::TEAM_BATCH;
use crate::model::{AccountKey, Action, Memory, Phase, Step, StepId, TeamRef, UserId};

use super::tried::Attempt;

/// Returns the same steps, with creations last that were begun before and never done. A run that
/// ends early because of them has done everything else.
pub fn untried_first<'a>(steps: impl Iterator<Item = &'a Step>, memory: &Memory) -> Vec<&'a Step> {
    let tried = |step: &&Step| match &step.action {
        Action::CreateUser { account, .. } => memory.account(account).begun.is_some(),
        _ => false,
    };
    let (tried, mut steps): (Vec<&Step>, Vec<&Step>) = steps.partition(tried);
    steps.extend(tried);
    steps
}

/// Returns the steps that come after all others: those in `tried`, and those that wait for them.
pub fn last(steps: &[&Step], tried: &BTreeSet<Attempt>) -> BTreeSet<StepId> {
    let mut last = BTreeSet::new();
    loop {
        let before = last.len();
        for step in steps {
            let failed = || Attempt::of(&step.action).is_some_and(|a| tried.contains(&a));
            if step.after.iter().any(|id| last.contains(id)) || failed() {
                last.insert(step.id);
            }
        }
        if last.len() == before {
            return last;
        }
    }
}

/// The steps that were not begun yet, by phase. Steps that come after all others follow, by phase
/// again.
#[derive(Debug)]
pub struct Queue {
    phases: BTreeMap<(bool, Phase), VecDeque<Waiting>>,
    batch: usize,
    /// The people whom the steps are about that were handed out and have no outcome yet.
    busy: BTreeMap<StepId, Person>,
}

#[derive(Debug)]
struct Waiting {
    id: StepId,
    after: Vec<StepId>,
    team: Option<TeamRef>,
    whom: Person,
}

/// The account and user that a step is about.
#[derive(Clone, Debug)]
struct Person {
    user: Option<UserId>,
    account: Option<AccountKey>,
}

impl Person {
    fn of(action: &Action) -> Self {
        Self {
            user: action.user().cloned(),
            account: action.account().cloned(),
        }
    }

    fn is(&self, other: &Self) -> bool {
        (self.user.is_some() && self.user == other.user)
            || (self.account.is_some() && self.account == other.account)
    }
}

impl Queue {
    /// Makes a queue of all steps, in the order of the plan; those in `last` come after all others.
    pub fn new(steps: &[&Step], last: &BTreeSet<StepId>, team_batch: bool) -> Self {
        let mut phases: BTreeMap<(bool, Phase), VecDeque<Waiting>> = BTreeMap::new();
        for step in steps {
            let team = match &step.action {
                Action::JoinTeam { team, .. } => Some(team.clone()),
                _ => None,
            };
            phases
                .entry((last.contains(&step.id), step.action.phase()))
                .or_default()
                .push_back(Waiting {
                    id: step.id,
                    after: step.after.clone(),
                    team,
                    whom: Person::of(&step.action),
                });
        }
        let batch = if team_batch { TEAM_BATCH } else { 1 };
        Self {
            phases,
            batch,
            busy: BTreeMap::new(),
        }
    }

    /// Returns the next steps of the present phase that go into one call: one step as a rule, or
    /// several that join the same team. Empty when none can begin before others have an outcome.
    ///
    /// Two steps about one person are never in flight at once: over the local socket each writes
    /// the whole user, and would undo the other's change.
    pub fn next(&mut self, settled: &BTreeSet<StepId>) -> Vec<StepId> {
        self.busy.retain(|id, _| !settled.contains(id));
        let busy = &self.busy;
        let Some(mut phase) = self.phases.first_entry() else {
            return Vec::new();
        };
        let waiting = phase.get_mut();
        let ready = |w: &Waiting| {
            w.after.iter().all(|id| settled.contains(id)) && !busy.values().any(|b| b.is(&w.whom))
        };
        let Some(first) = waiting.iter().position(ready) else {
            return Vec::new();
        };
        let Some(first) = waiting.remove(first) else {
            return Vec::new();
        };
        let mut ids = vec![first.id];
        let mut whom = vec![(first.id, first.whom)];
        while first.team.is_some() && ids.len() < self.batch {
            match waiting.front() {
                Some(next) if next.team == first.team && ready(next) => {
                    ids.push(next.id);
                    whom.push((next.id, next.whom.clone()));
                    waiting.pop_front();
                }
                _ => break,
            }
        }
        self.busy.extend(whom);
        ids
    }

    /// Returns at most `most` steps that come after those handed out.
    pub fn upcoming(&self, most: usize) -> impl Iterator<Item = StepId> {
        let phase = self.phases.first_key_value();
        phase
            .into_iter()
            .flat_map(|(_, waiting)| waiting.iter().map(|w| w.id))
            .take(most)
    }

    /// Goes on to the next phase that has steps. Returns the steps left of the present phase, which
    /// can never begin; `None` when there are no more steps.
    pub fn advance(&mut self) -> Option<Vec<StepId>> {
        let (_, left) = self.phases.pop_first()?;
        Some(left.into_iter().map(|w| w.id).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{
        AccountChange, DirectoryId, NewUser, Nonce, Precondition, Profile, ProviderName, Reason,
        Remember, Subject, UserRef,
    };

    fn create(number: u32) -> Step {
        let account = AccountKey {
            provider: ProviderName::new("company"),
            id: DirectoryId::new(number.to_string()),
        };
        let name = format!("p{number}");
        let user = NewUser {
            email: format!("{name}@example.org"),
            username: name.clone(),
            profile: Profile::default(),
        };
        Step {
            id: StepId(number),
            subject: Subject::default(),
            action: Action::CreateUser {
                account,
                user,
                directory_username: name,
                verified: true,
            },
            expects: Precondition::Nothing,
            reason: Reason::NoUserYet,
            mails: 0,
            after: Vec::new(),
            privileged: false,
        }
    }

    #[test]
    fn who_failed_before_comes_last() {
        let steps = [create(1), create(2), create(3)];
        let mut memory = Memory::default();
        for step in &steps[..2] {
            let key = step.action.account().unwrap().clone();
            let nonce = AccountChange::Begun(Some(Nonce::new("n").into()));
            memory.remember(&Remember::Account(key, nonce));
        }
        let order = untried_first(steps.iter(), &memory);
        let mut queue = Queue::new(&order, &BTreeSet::new(), false);
        let next: Vec<_> = (0..3).flat_map(|_| queue.next(&BTreeSet::new())).collect();
        assert_eq!(next, [StepId(3), StepId(1), StepId(2)]);
    }

    #[test]
    fn who_failed_again_and_again_comes_after_everybody_elses_memberships() {
        let (bad, good) = (create(1), create(2));
        let join = |id: u32, after: &Step| {
            let mut step = create(id);
            step.action = Action::JoinTeam {
                account: after.action.account().unwrap().clone(),
                user: UserRef::Made(after.id),
                team: TeamRef::Existing(crate::model::TeamId::new("t")),
                team_name: "team".into(),
            };
            step.after = vec![after.id];
            step
        };
        let joins = [join(3, &bad), join(4, &good)];
        let steps = [&bad, &good, &joins[0], &joins[1]];
        let tried = Attempt::of(&bad.action).into_iter().collect();
        let mut queue = Queue::new(&steps, &last(&steps, &tried), false);
        let (mut order, mut settled) = (Vec::new(), BTreeSet::new());
        loop {
            let next = queue.next(&settled);
            settled.extend(next.iter().copied());
            order.extend(next.iter().map(|id| id.0));
            if next.is_empty() && queue.advance().is_none() {
                break;
            }
        }
        assert_eq!(order, [2, 4, 1, 3]);
    }
}
