//! Finds out what became of steps whose answer was lost.

use std::time::Duration;

use crate::mattermost::WriteError;
use crate::model::{
    AccountChange, Action, Made, Memory, MemoryDelta, Now, Outcome, Remember, Step, Timestamp,
};
use crate::plan::{Settled, made_later, set_by, undone};
use crate::state::{Settlement, StateError, Unsettled};

use super::engine::{Engine, Stages};
use super::error::CycleError;
use super::learn::remember;
use super::read::View;
use super::to_ask::PersonToAsk;

/// A deactivation whose answer was lost may still take effect this long after it was sent.
const LATE: Duration = Duration::from_secs(10 * 60);

impl Engine {
    /// Finds out what became of steps in doubt, by reading Mattermost, and records it.
    ///
    /// # Errors
    /// When Mattermost cannot be read, or the state cannot be read or written.
    pub async fn conclude_doubts(&mut self, stages: &Stages<'_>) -> Result<(), CycleError> {
        let unsettled = self.store.unsettled().await?;
        if unsettled.is_empty() {
            return Ok(());
        }
        let mut view = self.look_at_mattermost(stages).await?;
        let now = self.clock.now();
        self.recover(&mut view, &unsettled, &now).await
    }

    /// Records what became of steps of earlier runs whose answer was lost, by what was read now.
    pub(super) async fn recover(
        &mut self,
        view: &mut View,
        unsettled: &[Unsettled],
        now: &Now,
    ) -> Result<(), CycleError> {
        self.load_not_asked(now).await;
        self.doubted
            .retain(|place, _| unsettled.iter().any(|u| *place == (u.run, u.step.id)));
        for doubt in unsettled {
            let (outcome, delta) = match view.outcome_of(&doubt.step, now) {
                Settled::Done(delta) => {
                    if !self.verify_again(&doubt.step, &delta).await {
                        continue;
                    }
                    (Outcome::Done, delta)
                }
                Settled::NotDone => {
                    let deactivation = matches!(doubt.step.action, Action::Deactivate { .. });
                    if deactivation && self.waited(doubt, &view.memory, now) < LATE {
                        continue;
                    }
                    let or = match doubt.step.action {
                        Action::CreateUser { .. } => ", or another account has its user",
                        _ => "",
                    };
                    let why = format!("it never arrived{or}, as the next reading showed");
                    // An administrator's deactivation from now on is not ours.
                    (
                        Outcome::NeverArrived(why),
                        undone(&doubt.step, &view.memory),
                    )
                }
                Settled::Perhaps { why, delta } => (Outcome::Unknown(why), delta),
                Settled::Unknown => continue,
            };
            let done = outcome == Outcome::Done;
            let made = match outcome {
                Outcome::Done => made_later(&doubt.step, &delta),
                Outcome::NotDone(_) | Outcome::NotBegun | Outcome::NeverArrived(_) => None,
                Outcome::Unknown(_) => Some(Made {
                    asked: true,
                    ..Made::default()
                }),
            };
            let settlement = Settlement {
                made,
                outcome,
                at: now.wall,
            };
            let (run, id) = (doubt.run, doubt.step.id);
            match self
                .store
                .conclude(run, id, settlement, delta.clone())
                .await
            {
                Ok(()) => {
                    self.ask_later(PersonToAsk::of(run, &doubt.step).filter(|_| done));
                    remember(&mut view.memory, &delta);
                }
                Err(StateError::Refused(why)) => {
                    self.give_up_on(&mut view.memory, doubt, why).await?;
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Returns how long ago a step was sent. The time since this process first saw it in doubt is
    /// certain; the time before that is by the wall clock, corrected if that was set since.
    fn waited(&mut self, doubt: &Unsettled, memory: &Memory, now: &Now) -> Duration {
        let sent = Timestamp(doubt.at.0.saturating_add(set_by(memory, now)));
        let place = (doubt.run, doubt.step.id);
        let first = || (now.clone(), now.wall.since(sent));
        let (seen, before) = self.doubted.entry(place).or_insert_with(first);
        before.saturating_add(now.certainly_since(seen))
    }

    /// Repeats the second call of a step that gives an address, which marks the address as
    /// verified: its answer may be the one that was lost. It causes no mail. Returns `false` when
    /// it must be tried again in the next cycle.
    async fn verify_again(&self, step: &Step, delta: &MemoryDelta) -> bool {
        let made = || {
            delta.iter().find_map(|change| match change {
                Remember::Account(_, AccountChange::Link(Some(link))) => Some(link.user.clone()),
                _ => None,
            })
        };
        let user = match &step.action {
            Action::CreateUser { verified: true, .. } => made(),
            Action::ChangeEmail {
                user,
                waits_for_click: false,
                ..
            } => Some(user.clone()),
            _ => None,
        };
        let Some(user) = user else {
            return true;
        };
        match self.client.writer().verify_email(&user).await {
            // A server that refuses would refuse again.
            Ok(_) | Err(WriteError::Refused(_)) => true,
            Err(_) => false,
        }
    }
}
