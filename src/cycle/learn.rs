//! Remembers what a cycle found out. What contradicts the rest of the memory must not stop every
//! cycle from now on.

use crate::model::{AccountChange, Action, Memory, MemoryDelta, Remember};
use crate::state::{Outcome, StateError, Unsettled};

use super::engine::Engine;
use super::error::CycleError;

impl Engine {
    /// Closes a step in doubt whose outcome contradicts what is remembered: nothing follows from
    /// it, and the plan decides by what it sees.
    pub(super) async fn give_up_on(
        &self,
        memory: &mut Memory,
        doubt: &Unsettled,
        why: String,
    ) -> Result<(), CycleError> {
        let about = &doubt.step.subject;
        tracing::warn!(
            "what became of an earlier step for {about} cannot be recorded ({why}); `mattersync \
             state check` tells more"
        );
        let mut delta = MemoryDelta::new();
        if let Action::CreateUser { account, .. } = &doubt.step.action {
            delta.push(Remember::Account(
                account.clone(),
                AccountChange::Begun(None),
            ));
        }
        let outcome = Outcome::NotDone(format!("it contradicts what is remembered: {why}"));
        let (run, id) = (doubt.run, doubt.step.id);
        let at = self.clock.now().wall;
        let settled = self.store.settle(run, id, outcome, delta.clone(), at);
        match settled.await {
            Ok(()) => remember(memory, &delta),
            // Its outcome was recorded meanwhile.
            Err(StateError::Refused(_)) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    /// Remembers what follows from a reading. What contradicts the rest is left out and reported.
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

/// Changes what is remembered here as it was changed in the state.
pub fn remember(memory: &mut Memory, delta: &MemoryDelta) {
    for change in delta {
        memory.remember(change);
    }
}
