//! Carrying a plan out: order, batching, concurrency, preconditions, what happened.
//!
//! Phase by phase, and within a phase step by step as soon as the steps before are done. Before
//! anything is sent its intent is on disk, afterwards its outcome. What was sent and not answered
//! stays unknown until the next cycle has read it.

mod breaker;
mod call;
mod queue;
mod seating;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt};
use secrecy::SecretString;
use tokio::sync::watch;

use crate::clock::Clock;
use crate::mattermost::{ApiErrorKind, RandomError, WriteError, Writer};
use crate::model::{
    Action, Made, Memory, MemoryDelta, Plan, Remember, RunId, Step, StepId, TeamId, UserId,
};
use crate::plan::{Effect, before, in_doubt, made, remember, undone};
use crate::state::{Outcome, Settlement, StateError, Store};

use breaker::Breaker;
use call::Call;
use queue::{Queue, untried_first};
use seating::Seating;

/// Steps whose intents are recorded in one transaction.
const INTENTS: usize = 50;

/// How long calls in flight may still take once we were asked to stop. systemd is told to wait
/// longer than this.
const GRACE: Duration = Duration::from_secs(4);

/// What happened to one step.
#[derive(Clone, Debug)]
pub struct Event<'a> {
    /// Which step.
    pub step: &'a Step,
    /// What became of it.
    pub outcome: &'a Outcome,
    /// How many steps have an outcome now.
    pub settled: usize,
    /// How many steps there are.
    pub total: usize,
}

/// Hears of every step, for the journal and the terminal.
pub type Listener<'a> = dyn Fn(Event<'_>) + Send + Sync + 'a;

/// What became of a run.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Steps that were carried out.
    pub done: Vec<StepId>,
    /// Steps that were not, and why.
    pub not_done: Vec<(StepId, String)>,
    /// Steps of which nobody knows.
    pub unknown: Vec<(StepId, String)>,
    /// Why the run ended early, if it did. Steps that are in none of the lists were not begun.
    pub stopped: Option<String>,
}

/// A run could not be recorded or prepared. Nothing more was sent.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// The state refused.
    #[error("the run was stopped because it could not be written down: {0}")]
    State(#[from] StateError),
    /// No random numbers for a password or nonce.
    #[error("the run was stopped: {0}")]
    Random(#[from] RandomError),
}

/// What a run needs.
pub struct Applier<'a> {
    /// The way to the server.
    pub writer: &'a Writer,
    /// Where intents and outcomes are recorded.
    pub store: &'a dyn Store,
    /// What time it is.
    pub clock: &'a dyn Clock,
    /// The initial password of new users; random for each if not given.
    pub initial_password: Option<SecretString>,
    /// Calls that may be under way at once.
    pub concurrency: usize,
    /// How many users took a seat when the plan was made.
    pub seats_taken: u64,
    /// Whether several users go into one call that adds team members.
    pub team_batch: bool,
    /// Becomes true when the run shall end.
    pub stop: watch::Receiver<bool>,
    /// Hears of every step.
    pub listener: &'a Listener<'a>,
}

/// A run under way.
struct Run<'a> {
    applier: &'a Applier<'a>,
    id: RunId,
    steps: BTreeMap<StepId, &'a Step>,
    memory: Memory,
    queue: Queue,
    /// Users and teams that steps of this run made.
    users: BTreeMap<StepId, UserId>,
    teams: BTreeMap<StepId, TeamId>,
    intended: BTreeSet<StepId>,
    /// Deactivations of which an earlier attempt may still arrive: what was written down for it
    /// stays, whatever becomes of this one.
    doubted: BTreeSet<StepId>,
    begun: BTreeSet<StepId>,
    settled: BTreeSet<StepId>,
    done: BTreeSet<StepId>,
    report: Report,
    seating: Seating,
    breaker: Breaker,
    /// Outcomes on their way to the disk: several share one wait for it. All are there before
    /// the next intents, and before the run ends.
    settling: FuturesUnordered<BoxFuture<'a, Result<(), StateError>>>,
}

impl Applier<'_> {
    /// Carries out the released steps of a plan whose run was begun as `id`.
    ///
    /// # Errors
    /// When the state cannot be written: then nothing more is sent.
    pub async fn carry_out(
        &self,
        plan: &Plan,
        id: RunId,
        memory: Memory,
    ) -> Result<Report, ApplyError> {
        let steps = untried_first(plan.released(), &memory);
        let mut run = Run {
            applier: self,
            id,
            queue: Queue::new(&steps, self.team_batch),
            steps: steps.into_iter().map(|s| (s.id, s)).collect(),
            memory,
            users: BTreeMap::new(),
            teams: BTreeMap::new(),
            intended: BTreeSet::new(),
            doubted: BTreeSet::new(),
            begun: BTreeSet::new(),
            settled: BTreeSet::new(),
            done: BTreeSet::new(),
            report: Report::default(),
            seating: Seating::new(self.seats_taken),
            breaker: Breaker::default(),
            settling: FuturesUnordered::new(),
        };
        run.go().await?;
        run.write_down().await?;
        Ok(run.report)
    }
}

impl<'a> Run<'a> {
    async fn go(&mut self) -> Result<(), ApplyError> {
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
                    Some(stuck) => self.strand(stuck)?,
                    None => return self.unbegun(),
                }
                continue;
            }
            // In this order, so that a word to stop and a disk that fails are heard before anything
            // more is sent, and the same things happen in the same order each time.
            tokio::select! {
                biased;
                () = stopped(&mut stop), if self.may_go_on() => {
                    self.report.stopped = Some("mattersync was asked to stop".into());
                    let land = async {
                        while let Some(results) = flying.next().await {
                            self.settle_all(results)?;
                        }
                        Ok::<(), ApplyError>(())
                    };
                    // Calls that take longer are abandoned: their outcome stays unknown.
                    if let Ok(landed) = tokio::time::timeout(GRACE, land).await {
                        landed?;
                    }
                    return self.unbegun();
                }
                Some(written) = self.settling.next() => written?,
                Some(results) = flying.next() => self.settle_all(results)?,
            }
        }
    }

    /// Steps that wait for something that never got an outcome.
    fn strand(&mut self, stuck: Vec<StepId>) -> Result<(), ApplyError> {
        for id in stuck {
            if let Some(step) = self.steps.get(&id).copied() {
                let why = "what must happen before did not happen".to_owned();
                self.give_up(step, why)?;
            }
        }
        Ok(())
    }

    /// What was written down ahead and surely never sent is not left in doubt; a call that was
    /// abandoned is.
    fn unbegun(&mut self) -> Result<(), ApplyError> {
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
                // Nothing to tell anybody: the next cycle plans it again.
                let outcome = Outcome::NotDone("the run ended before its turn".to_owned());
                self.note(step, &outcome, None, self.taken_back(step));
            }
        }
        Ok(())
    }

    fn settle_all(
        &mut self,
        results: Vec<(&'a Step, Result<Effect, WriteError>)>,
    ) -> Result<(), ApplyError> {
        if let Some(why) = self.breaker.weigh(&results)
            && self.may_go_on()
        {
            self.report.stopped = Some(why);
        }
        for (step, result) in results {
            self.settle(step, result)?;
        }
        Ok(())
    }

    fn may_go_on(&self) -> bool {
        self.report.stopped.is_none()
    }

    /// Leaves out what cannot be done any more: its forerunner failed, or the server is full.
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
            if failed.is_some() {
                let why = "what must happen before did not happen".to_owned();
                self.give_up(step, why)?;
            } else if arrives && self.seating.is_full() {
                let why = "the server takes no more active users".to_owned();
                self.give_up(step, why)?;
            } else {
                go.push(id);
            }
        }
        Ok(go)
    }

    fn give_up(&mut self, step: &Step, why: String) -> Result<(), ApplyError> {
        let delta = if self.intended.contains(&step.id) {
            self.taken_back(step)
        } else {
            Vec::new()
        };
        self.record(step, Outcome::NotDone(why), delta)
    }

    /// What must be forgotten of what was written down before the step, which surely was not
    /// carried out.
    fn taken_back(&self, step: &Step) -> MemoryDelta {
        if self.doubted.contains(&step.id) {
            Vec::new()
        } else {
            undone(step, &self.memory)
        }
    }

    /// Writes down what is about to be sent: these steps, and the next ones while at it. Whatever
    /// causes a mail is written down alone, right before it is sent.
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
            if let Action::CreateUser { account, .. } = &step.action
                && !self.memory.nonces.contains_key(account)
            {
                let nonce = crate::mattermost::nonce()?;
                delta.push(Remember::Nonce(account.clone(), Some(nonce)));
            }
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
    async fn write_down(&mut self) -> Result<(), StateError> {
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
        let password = match (&self.applier.initial_password, steps.first()) {
            (Some(password), _) => Some(password.clone()),
            (None, Some(step)) if matches!(step.action, Action::CreateUser { .. }) => {
                Some(crate::mattermost::password()?)
            }
            _ => None,
        };
        let nonce = steps
            .first()
            .and_then(|s| s.action.account())
            .and_then(|key| self.memory.nonces.get(key))
            .cloned();
        Ok(Call {
            writer: self.applier.writer,
            users: steps.iter().map(|s| self.user_of(s)).collect(),
            team: steps.first().and_then(|s| self.team_of(s)),
            steps,
            password,
            nonce,
        })
    }

    fn user_of(&self, step: &Step) -> Option<UserId> {
        match &step.action {
            Action::JoinTeam {
                user: crate::model::UserRef::Made(by),
                ..
            } => self.users.get(by).cloned(),
            action => action.user().cloned(),
        }
    }

    fn team_of(&self, step: &Step) -> Option<TeamId> {
        match &step.action {
            Action::JoinTeam { team, .. } => match team {
                crate::model::TeamRef::Existing(id) => Some(id.clone()),
                crate::model::TeamRef::Made(by) => self.teams.get(by).cloned(),
            },
            _ => None,
        }
    }

    fn settle(
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
                delta.extend(self.seating.count(&effect, self.applier.clock));
                self.record_made(step, Outcome::Done, made(step, &effect), delta);
                if effect == Effect::EmailAsked {
                    // The old address is not free before the click: nobody gets it in this run.
                    self.done.remove(&step.id);
                }
                Ok(())
            }
            Err(error) => self.failed(step, &error),
        }
    }

    fn failed(&mut self, step: &Step, error: &WriteError) -> Result<(), ApplyError> {
        if error.kind() == Some(ApiErrorKind::TokenRejected) {
            let why = "Mattermost no longer accepts the token: make a new one";
            self.report.stopped = Some(why.into());
        }
        if error.surely_unchanged() {
            let mut delta = self.taken_back(step);
            delta.extend(self.seating.refused(error, self.applier.clock));
            self.record(step, Outcome::NotDone(error.to_string()), delta)
        } else {
            self.record(step, Outcome::Unknown(error.to_string()), Vec::new())
        }
    }

    fn record(
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
            Outcome::NotDone(why) => report.not_done.push((step.id, why.clone())),
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

    /// Writes down what became of a step.
    fn note(&mut self, step: &Step, outcome: &Outcome, made: Option<Made>, delta: MemoryDelta) {
        for change in &delta {
            self.memory.remember(change);
        }
        let store: &'a dyn Store = self.applier.store;
        let settlement = Settlement {
            outcome: outcome.clone(),
            made,
            at: self.applier.clock.now().wall,
        };
        let writing = store.conclude(self.id, step.id, settlement, delta);
        self.settling.push(writing);
        self.settled.insert(step.id);
    }
}

async fn stopped(stop: &mut watch::Receiver<bool>) {
    if stop.wait_for(|stop| *stop).await.is_err() {
        // Nobody is left who could ask for it.
        std::future::pending::<()>().await;
    }
}
