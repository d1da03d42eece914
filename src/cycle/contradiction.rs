//! What was found out contradicts what is remembered: that must not stop every cycle from now on.

use std::collections::BTreeSet;

use crate::model::{LeftAlone, Memory, MemoryDelta, Plan, Remember, StepId, Subject, Why};
use crate::state::StateError;

use super::{CycleError, Engine, View, remember};

impl View {
    /// Notes which accounts claim one user, so that what was found out cannot be recorded.
    pub(super) fn contest(&mut self, found: &MemoryDelta) {
        for change in found {
            let Remember::Link(key, link) = change else {
                continue;
            };
            let links = self.memory.links.iter();
            let mut holders = links.filter(|(other, l)| l.user == link.user && *other != key);
            if let Some((holder, _)) = holders.next() {
                let (key, user) = (key.clone(), link.user.clone());
                self.contested
                    .insert(key.clone(), (holder.clone(), user.clone()));
                self.contested.insert(holder.clone(), (key, user));
            }
        }
    }

    /// Leaves those who claim one user alone, with all that waits for them: a person decides whose
    /// it is, and everybody else goes on.
    pub(super) fn spare(&self, plan: &mut Plan) {
        let mut gone: BTreeSet<StepId> = BTreeSet::new();
        loop {
            let before = gone.len();
            for step in &plan.steps {
                let account = step.action.account();
                let user = step.action.user();
                let claimed = account.is_some_and(|key| self.contested.contains_key(key))
                    || self.contested.values().any(|(_, own)| Some(own) == user);
                if claimed || step.after.iter().any(|id| gone.contains(id)) {
                    gone.insert(step.id);
                }
            }
            if gone.len() == before {
                break;
            }
        }
        plan.steps.retain(|step| !gone.contains(&step.id));
        for hold in &mut plan.holds {
            hold.steps.retain(|id| !gone.contains(id));
        }
        plan.holds.retain(|hold| !hold.steps.is_empty());
        for (key, (other, user)) in &self.contested {
            let user = self.users.get(user);
            let name = user.map_or("", |user| &user.username);
            plan.left_alone.push(LeftAlone {
                subject: Subject {
                    account: Some(key.clone()),
                    user: user.map(|user| user.id.clone()),
                    name: name.to_owned(),
                    ..Subject::default()
                },
                why: Why::Duplicate {
                    what: "user".to_owned(),
                    value: name.to_owned(),
                    other: format!("{other}; `mattersync conflicts` says what to do"),
                },
            });
        }
    }
}

impl Engine {
    /// Remembers what a reading taught. What contradicts the rest is left out and told, so that it
    /// does not stop every cycle from now on.
    pub(super) async fn learn(
        &self,
        memory: &mut Memory,
        learned: MemoryDelta,
    ) -> Result<(), CycleError> {
        match self.store.observe(learned.clone()).await {
            Ok(()) => {
                remember(memory, &learned);
                return Ok(());
            }
            Err(StateError::Refused(_)) => {}
            Err(error) => return Err(error.into()),
        }
        for change in learned {
            let one = vec![change];
            match self.store.observe(one.clone()).await {
                Ok(()) => remember(memory, &one),
                Err(StateError::Refused(why)) => tracing::warn!(
                    "something that was found out cannot be recorded ({why}); `mattersync state \
                     check` tells more"
                ),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}
