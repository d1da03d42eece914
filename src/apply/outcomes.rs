//! Records the outcomes of steps and what follows from them.

use super::breaker::BreakerDecision;
use super::report::{ApplyError, Event};
use super::run::Run;
use futures_util::FutureExt;

use crate::mattermost::{ApiErrorKind, WriteError};
use crate::model::{
    AccountChange, Action, Made, MemoryDelta, Newest, Remember, SeatWait, Step, UserChange,
};
use crate::plan::{Effect, made, remember, undone};
use crate::state::{Outcome, Settlement, State};

impl<'a> Run<'a> {
    pub(super) fn record_results(
        &mut self,
        results: Vec<(&'a Step, Result<Effect, WriteError>)>,
    ) -> Result<(), ApplyError> {
        match self.breaker.count(&results) {
            BreakerDecision::Stop(why) if self.may_go_on() => self.end(why),
            BreakerDecision::PutOff(kind, why) => self.give_up_kind(kind, why),
            BreakerDecision::Stop(_) | BreakerDecision::GoOn => {}
        }
        for (step, result) in results {
            self.record_result(step, result)?;
        }
        Ok(())
    }

    fn record_result(
        &mut self,
        step: &Step,
        result: Result<Effect, WriteError>,
    ) -> Result<(), ApplyError> {
        match result {
            Ok(effect) => {
                match &effect {
                    Effect::Created(user) => {
                        self.users.insert(step.id, user.id.clone());
                    }
                    Effect::TeamMade(team) => {
                        self.teams.insert(step.id, team.clone());
                    }
                    _ => {}
                }
                let now = self.applier.clock.now();
                let mut delta = remember(step, &effect, &self.memory, &now);
                if self.doubted.contains(&step.id) {
                    leave_in_doubt(&mut delta);
                }
                delta.extend(self.newest(step, &effect));
                delta.extend(self.seating.count(&effect, self.applier.clock));
                self.record_made(step, Outcome::Done, made(step, &effect), delta);
                if effect == Effect::EmailAsked {
                    // The old address is not free until the person confirms the new one: nobody
                    // else gets it in this run.
                    self.done.remove(&step.id);
                }
                Ok(())
            }
            Err(error) => self.failed(step, &error),
        }
    }

    /// Returns how new the user is after the step, so that an older state is not believed any more.
    fn newest(&self, step: &Step, effect: &Effect) -> Option<Remember> {
        let user = match effect {
            Effect::Created(user) => &user.id,
            _ => step.action.user()?,
        };
        let at = self.applier.writer.take_answered(user)?;
        let older = None;
        Some(Remember::User(
            user.clone(),
            UserChange::Newest(Some(Newest { at, older })),
        ))
    }

    fn failed(&mut self, step: &Step, error: &WriteError) -> Result<(), ApplyError> {
        if error.kind() == Some(ApiErrorKind::TokenRejected) {
            self.end(format!("Mattermost no longer accepts the token: {error}"));
        }
        if error.kind() == Some(ApiErrorKind::PasswordPolicy) {
            // The next creation would get the same answer.
            let whose = match self.applier.initial_password {
                Some(_) => "mattermost.initial-password does not meet the server's password policy",
                None => "the server accepts none of the passwords that mattersync makes",
            };
            let why = format!("{whose}: {error}. Nobody else was created in this run");
            self.give_up_kind(step.action.kind(), why);
        }
        if error.surely_unchanged() {
            let mut delta = self.taken_back(step);
            if let Some(lesson) = self.seating.refused(error, self.applier.clock) {
                delta.push(lesson);
                return self.leave_waiting(step, &error.to_string(), delta);
            }
            delta.extend(self.turn(step));
            self.record(step, Outcome::NotDone(error.to_string()), delta)
        } else {
            let delta = self.turn(step).into_iter().collect();
            self.record(step, Outcome::Unknown(error.to_string()), delta)
        }
    }

    /// Returns the fact that an account waiting for a seat had its turn: it got a seat, and failed
    /// for another reason.
    fn turn(&self, step: &Step) -> Option<Remember> {
        let (Action::CreateUser { account: key, .. } | Action::Reactivate { account: key, .. }) =
            &step.action
        else {
            return None;
        };
        let now = self.applier.clock.now().wall;
        let since = self
            .memory
            .account(key)
            .waiting
            .map_or(now, |wait| wait.since);
        let turn = Some(now);
        let wait = SeatWait { since, turn };
        let mut waiting = self.memory.accounts_with(|account| account.waiting);
        waiting
            .next()
            .map(|_| Remember::Account(key.clone(), AccountChange::Waiting(Some(wait))))
    }

    pub(super) fn give_up(&mut self, step: &Step, why: String) -> Result<(), ApplyError> {
        let delta = if self.intended.contains(&step.id) {
            self.taken_back(step)
        } else {
            Vec::new()
        };
        self.record(step, Outcome::NotDone(why), delta)
    }

    /// Records that an account found no seat, which is not a failure.
    pub(super) fn leave_waiting(
        &mut self,
        step: &Step,
        why: &str,
        delta: MemoryDelta,
    ) -> Result<(), ApplyError> {
        let outcome = Outcome::NotDone(format!("waits for a seat: {why}"));
        self.note(step, &outcome, None, delta);
        self.report.waiting.push(step.id);
        Ok(())
    }

    /// Returns what must be forgotten of what was recorded before a step that was not carried out.
    pub(super) fn taken_back(&self, step: &Step) -> MemoryDelta {
        if self.doubted.contains(&step.id) {
            Vec::new()
        } else {
            undone(step, &self.memory)
        }
    }

    pub(super) fn record(
        &mut self,
        step: &Step,
        outcome: Outcome,
        delta: MemoryDelta,
    ) -> Result<(), ApplyError> {
        self.record_made(step, outcome, None, delta);
        Ok(())
    }

    fn record_made(
        &mut self,
        step: &Step,
        outcome: Outcome,
        made: Option<Made>,
        delta: MemoryDelta,
    ) {
        self.note(step, &outcome, made, delta);
        if outcome == Outcome::Done {
            self.done.insert(step.id);
        }
        let report = &mut self.report;
        match &outcome {
            Outcome::Done => report.done.push(step.id),
            Outcome::NotDone(why) | Outcome::NeverArrived(why) => {
                report.not_done.push((step.id, why.clone()));
            }
            Outcome::NotBegun => {}
            Outcome::Unknown(why) => report.unknown.push((step.id, why.clone())),
        }
        let settled = report.done.len() + report.not_done.len() + report.unknown.len();
        (self.applier.listener)(Event {
            step,
            outcome: &outcome,
            settled,
            total: self.steps.len(),
        });
    }

    /// Records the outcome of a step.
    pub(super) fn note(
        &mut self,
        step: &Step,
        outcome: &Outcome,
        made: Option<Made>,
        delta: MemoryDelta,
    ) {
        for change in &delta {
            self.memory.remember(change);
        }
        let store: &'a State = self.applier.store;
        let settlement = Settlement {
            outcome: outcome.clone(),
            made,
            at: self.applier.clock.now().wall,
        };
        let writing = store.conclude(self.id, step.id, settlement, delta);
        self.settling.push(writing.boxed());
        self.settled.insert(step.id);
    }
}

/// Leaves out when the user was deactivated: an earlier attempt may still arrive, and deactivate them
/// once more. The next reading tells when we deactivated them, not this answer.
fn leave_in_doubt(delta: &mut MemoryDelta) {
    for change in delta {
        if let Remember::Account(_, AccountChange::Link(Some(link))) = change
            && let Some(deactivation) = link.deactivated.as_mut()
        {
            deactivation.delete_at = None;
        }
    }
}
