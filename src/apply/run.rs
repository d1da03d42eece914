//! The course of a run: what is recorded and sent next, and when the run ends.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::sync::watch;

use super::applier::Applier;
use super::breaker::Breaker;
use super::call::Call;
use super::queue::Queue;
use super::report::{ApplyError, Report};
use super::seating::Seating;
use crate::model::{
    Action, ActionKind, Memory, MemoryDelta, RunId, Step, StepId, TeamId, TeamRef, UserId, UserRef,
};
use crate::plan::{before, begun, in_doubt};
use crate::state::{Outcome, StateError};

/// How many steps have their intents recorded in one transaction.
const INTENTS: usize = 50;

/// How long calls in flight may take after a request to stop. systemd must wait longer than this.
const GRACE: Duration = Duration::from_secs(4);

/// A run that is being carried out.
pub(super) struct Run<'a> {
    pub(super) applier: &'a Applier<'a>,
    pub(super) id: RunId,
    pub(super) steps: BTreeMap<StepId, &'a Step>,
    pub(super) memory: Memory,
    pub(super) queue: Queue,
    /// Users and teams that steps of this run created.
    pub(super) users: BTreeMap<StepId, UserId>,
    pub(super) teams: BTreeMap<StepId, TeamId>,
    pub(super) intended: BTreeSet<StepId>,
    /// Deactivations of which an earlier attempt may still arrive. What was recorded for that
    /// attempt stays, whatever the outcome of this one.
    pub(super) doubted: BTreeSet<StepId>,
    pub(super) begun: BTreeSet<StepId>,
    pub(super) settled: BTreeSet<StepId>,
    pub(super) done: BTreeSet<StepId>,
    pub(super) report: Report,
    pub(super) seating: Seating,
    pub(super) breaker: Breaker,
    /// Whether nothing more is sent.
    pub(super) ended: bool,
    /// Kinds of steps of which no more are sent.
    pub(super) given_up: BTreeSet<ActionKind>,
    /// Steps that are left for the next cycle because of that.
    pub(super) put_off: BTreeSet<StepId>,
    /// Outcomes that are being written: several share one wait for the disk. All are on disk before
    /// the next intents, and before the run ends.
    pub(super) settling: FuturesUnordered<BoxFuture<'a, Result<(), StateError>>>,
}

impl<'a> Run<'a> {
    pub(super) async fn go(&mut self) -> Result<(), ApplyError> {
        let mut flying = FuturesUnordered::new();
        let mut stop = self.applier.stop.clone();
        loop {
            while flying.len() < self.applier.concurrency.max(1) && self.may_go_on() {
                let next = self.queue.next(&self.settled);
                if next.is_empty() {
                    break;
                }
                let next = self.pass_over(next)?;
                if next.is_empty() {
                    continue;
                }
                self.intend(&next).await?;
                self.begun.extend(&next);
                flying.push(self.call(&next)?.make());
            }
            if flying.is_empty() {
                let more = if self.may_go_on() {
                    self.queue.advance()
                } else {
                    None
                };
                match more {
                    Some(stuck) => self.fail_stuck(stuck)?,
                    None => return self.record_unbegun(),
                }
                continue;
            }
            // Polled in this order, so that a request to stop and a failing disk are noticed before
            // anything more is sent, and the order of events is always the same.
            tokio::select! {
                biased;
                () = stopped(&mut stop), if self.may_go_on() => {
                    self.end("mattersync was asked to stop".into());
                    let land = async {
                        while let Some(results) = flying.next().await {
                            self.record_results(results)?;
                        }
                        Ok::<(), ApplyError>(())
                    };
                    // Calls that take longer are abandoned, and their outcomes stay unknown.
                    if let Ok(landed) = tokio::time::timeout(GRACE, land).await {
                        landed?;
                    }
                    return self.record_unbegun();
                }
                Some(written) = self.settling.next() => written?,
                Some(results) = flying.next() => self.record_results(results)?,
            }
        }
    }

    /// Records that these steps cannot be done, because they wait for a step that got no outcome.
    fn fail_stuck(&mut self, stuck: Vec<StepId>) -> Result<(), ApplyError> {
        for id in stuck {
            if let Some(step) = self.steps.get(&id).copied() {
                let why = "a step that must come first was not done".to_owned();
                self.give_up(step, why)?;
            }
        }
        Ok(())
    }

    /// Records that steps whose intents are on disk and that certainly were not sent were not
    /// begun. Abandoned calls keep an unknown outcome.
    fn record_unbegun(&mut self) -> Result<(), ApplyError> {
        let abandoned: Vec<StepId> = self.begun.difference(&self.settled).copied().collect();
        for id in abandoned {
            if let Some(step) = self.steps.get(&id).copied() {
                let why = "the run ended before the server answered".to_owned();
                self.record(step, Outcome::Unknown(why), Vec::new())?;
            }
        }
        let ids: Vec<StepId> = self.intended.difference(&self.begun).copied().collect();
        for id in ids {
            if let Some(step) = self.steps.get(&id).copied()
                && !self.settled.contains(&id)
            {
                // Nobody is told about it: the next cycle plans the step again.
                self.note(step, &Outcome::NotBegun, None, self.taken_back(step));
            }
        }
        Ok(())
    }

    pub(super) fn may_go_on(&self) -> bool {
        !self.ended
    }

    /// Ends the run: nothing more is sent.
    pub(super) fn end(&mut self, why: String) {
        self.ended = true;
        self.report.stopped = Some(why);
    }

    /// Gives up steps of a kind: no more of them are sent.
    pub(super) fn give_up_kind(&mut self, kind: ActionKind, why: String) {
        if self.given_up.insert(kind) && self.report.stopped.is_none() {
            self.report.stopped = Some(why);
        }
    }

    /// Leaves a step for the next cycle, which plans it again.
    fn put_off(&mut self, step: &Step) {
        self.put_off.insert(step.id);
        if self.intended.contains(&step.id) {
            self.note(step, &Outcome::NotBegun, None, self.taken_back(step));
        }
        // Steps that wait for it need not wait any longer.
        self.settled.insert(step.id);
    }

    /// Leaves out steps that cannot be done any more, because a step before them failed or the
    /// server is full.
    fn pass_over(&mut self, steps: Vec<StepId>) -> Result<Vec<StepId>, ApplyError> {
        let mut go = Vec::with_capacity(steps.len());
        for id in steps {
            let Some(step) = self.steps.get(&id).copied() else {
                continue;
            };
            let arrives = matches!(
                step.action,
                Action::CreateUser { .. } | Action::Reactivate { .. }
            );
            let failed = step.after.iter().find(|before| !self.done.contains(before));
            let left = |id: &StepId| self.put_off.contains(id);
            if self.given_up.contains(&step.action.kind()) || step.after.iter().any(left) {
                self.put_off(step);
            } else if failed.is_some_and(|before| self.report.waiting.contains(before)) {
                self.leave_waiting(step, "it is for a user who has no seat", Vec::new())?;
            } else if failed.is_some() {
                let why = "a step that must come first was not done".to_owned();
                self.give_up(step, why)?;
            } else if arrives && self.seating.is_full() {
                let why = "the server takes no more active users";
                self.leave_waiting(step, why, Vec::new())?;
            } else {
                go.push(id);
            }
        }
        Ok(go)
    }

    /// Records the intents of these steps, and of the next ones with them. A step that causes an
    /// e-mail is recorded alone, right before it is sent.
    async fn intend(&mut self, next: &[StepId]) -> Result<(), ApplyError> {
        if next.iter().all(|id| self.intended.contains(id)) {
            return Ok(());
        }
        let mut ids = next.to_vec();
        if !next.iter().any(|id| self.mails(*id)) {
            let room = INTENTS.saturating_sub(ids.len());
            let more: Vec<StepId> = self
                .queue
                .upcoming(room)
                .filter(|id| !self.intended.contains(id) && !self.mails(*id))
                .collect();
            ids.extend(more);
        }
        let mut delta = MemoryDelta::new();
        for id in &ids {
            let Some(step) = self.steps.get(id) else {
                continue;
            };
            if in_doubt(step, &self.memory) {
                self.doubted.insert(*id);
            }
            delta.extend(before(step, &self.memory));
            delta.extend(begun(step, &self.memory, crate::mattermost::nonce)?);
        }
        for change in &delta {
            self.memory.remember(change);
        }
        self.write_down().await?;
        let now = self.applier.clock.now().wall;
        self.applier.store.intend(self.id, &ids, delta, now).await?;
        self.intended.extend(ids);
        Ok(())
    }

    /// Waits until all outcomes so far are on disk.
    pub(super) async fn write_down(&mut self) -> Result<(), StateError> {
        while let Some(written) = self.settling.next().await {
            written?;
        }
        Ok(())
    }

    fn mails(&self, id: StepId) -> bool {
        self.steps.get(&id).is_some_and(|s| s.mails > 0)
    }

    fn call(&self, ids: &[StepId]) -> Result<Call<'a>, ApplyError> {
        let steps: Vec<&'a Step> = ids
            .iter()
            .filter_map(|id| self.steps.get(id).copied())
            .collect();
        let resets = |step: &&Step| matches!(step.action, Action::ResetAccess { .. });
        let password = match (&self.applier.initial_password, steps.first()) {
            // A user with the initial password knows it, so a reset needs a new one.
            (_, Some(step)) if resets(step) => Some(crate::mattermost::password()?),
            (Some(password), _) => Some(password.clone()),
            (None, Some(step)) if matches!(step.action, Action::CreateUser { .. }) => {
                let policy = self.applier.password_policy.as_ref();
                Some(crate::mattermost::password_for(policy)?)
            }
            _ => None,
        };
        let nonce = steps
            .first()
            .and_then(|s| s.action.account())
            .and_then(|key| self.memory.account(key).begun.as_ref())
            .map(|begun| begun.nonce.clone());
        Ok(Call {
            writer: self.applier.writer,
            users: steps.iter().map(|s| self.user_of(s)).collect(),
            own_bot: self.applier.own_bot,
            seen: steps
                .first()
                .and_then(|s| s.action.user())
                .and_then(|id| self.applier.users.get(id)),
            team: steps.first().and_then(|s| self.team_of(s)),
            steps,
            password,
            nonce,
        })
    }

    fn user_of(&self, step: &Step) -> Option<UserId> {
        match &step.action {
            Action::JoinTeam {
                user: UserRef::Made(by),
                ..
            } => self.users.get(by).cloned(),
            action => action.user().cloned(),
        }
    }

    fn team_of(&self, step: &Step) -> Option<TeamId> {
        match &step.action {
            Action::JoinTeam { team, .. } => match team {
                TeamRef::Existing(id) => Some(id.clone()),
                TeamRef::Made(by) => self.teams.get(by).cloned(),
            },
            _ => None,
        }
    }
}

async fn stopped(stop: &mut watch::Receiver<bool>) {
    if stop.wait_for(|stop| *stop).await.is_err() {
        // Nobody is left who could request it.
        std::future::pending::<()>().await;
    }
}
