//! Which step is next.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::mattermost::TEAM_BATCH;
use crate::model::{AccountKey, Action, Memory, Phase, Step, StepId, TeamRef, UserId};

/// The same steps, with those creations last that were begun before and never done: a run that
/// ends early because of them has helped everybody else.
pub fn untried_first<'a>(steps: impl Iterator<Item = &'a Step>, memory: &Memory) -> Vec<&'a Step> {
    let tried = |step: &&Step| match &step.action {
        Action::CreateUser { account, .. } => memory.nonces.contains_key(account),
        _ => false,
    };
    let (tried, mut steps): (Vec<&Step>, Vec<&Step>) = steps.partition(tried);
    steps.extend(tried);
    steps
}

/// The steps that were not begun yet, by phase.
#[derive(Debug)]
pub struct Queue {
    phases: BTreeMap<Phase, VecDeque<Waiting>>,
    batch: usize,
    /// Whom the steps that were handed out and have no outcome yet are about.
    busy: BTreeMap<StepId, Whom>,
}

#[derive(Debug)]
struct Waiting {
    id: StepId,
    after: Vec<StepId>,
    team: Option<TeamRef>,
    whom: Whom,
}

/// Whom a step is about.
#[derive(Clone, Debug)]
struct Whom {
    user: Option<UserId>,
    account: Option<AccountKey>,
}

impl Whom {
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
    /// All steps, in the order of the plan.
    pub fn new(steps: &[&Step], team_batch: bool) -> Self {
        let mut phases: BTreeMap<Phase, VecDeque<Waiting>> = BTreeMap::new();
        for step in steps {
            let team = match &step.action {
                Action::JoinTeam { team, .. } => Some(team.clone()),
                _ => None,
            };
            phases
                .entry(step.action.phase())
                .or_default()
                .push_back(Waiting {
                    id: step.id,
                    after: step.after.clone(),
                    team,
                    whom: Whom::of(&step.action),
                });
        }
        let batch = if team_batch { TEAM_BATCH } else { 1 };
        Self {
            phases,
            batch,
            busy: BTreeMap::new(),
        }
    }

    /// The next steps of the present phase that go into one call: as a rule one; several that
    /// join the same team. Empty when none can begin before others have an outcome.
    ///
    /// Two steps about one person are never under way at once: over the local socket each writes
    /// the whole user, and would bring back what the other has just changed.
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

    /// At most `most` steps that come after those handed out.
    pub fn upcoming(&self, most: usize) -> impl Iterator<Item = StepId> {
        let phase = self.phases.first_key_value();
        phase
            .into_iter()
            .flat_map(|(_, waiting)| waiting.iter().map(|w| w.id))
            .take(most)
    }

    /// Goes on to the next phase with steps. What is left of the present one, because it can
    /// never begin, is returned; `None` when there are no more steps.
    pub fn advance(&mut self) -> Option<Vec<StepId>> {
        let (_, left) = self.phases.pop_first()?;
        Some(left.into_iter().map(|w| w.id).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{
        DirectoryId, NewUser, Nonce, Precondition, Profile, ProviderName, Reason, Subject,
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
            memory.nonces.insert(key, Nonce::new("n"));
        }
        let order = untried_first(steps.iter(), &memory);
        let mut queue = Queue::new(&order, false);
        let next: Vec<_> = (0..3).flat_map(|_| queue.next(&BTreeSet::new())).collect();
        assert_eq!(next, [StepId(3), StepId(1), StepId(2)]);
    }
}
