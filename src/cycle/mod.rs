//! Read, plan, guard, apply, record: once.
//!
//! [`Engine::look`] reads both sides and plans, and can do no more: it holds a client that cannot
//! write. [`Engine::run`] does the same and carries the plan out. There is one way from directory
//! to decision; a dry run cannot differ from a real one.

mod about;
mod contradiction;
mod errand;
mod exchanged;
mod history;
mod mails;
mod people;
mod person;
mod question;
mod read;
mod report;
mod saved;
mod state_check;
mod summary;
mod undo;
mod word;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::apply::{Applier, ApplyError, Listener, Report};
use crate::clock::Clock;
use crate::config::{SecretError, Settings};
use crate::mattermost::{ApiErrorKind, CallError, Client, ConnectError, Counts, WriteError};
use crate::model::{Action, Memory, MemoryDelta, Now, Origin, Plan, Remember, RunId, Step};
use crate::plan::{Settled, made_later, plan, undone};
use crate::provider::{Ask, Progress, Provider, ProviderError};
use crate::state::{Outcome, Settlement, StateError, Store, Unsettled};

pub use errand::{AnyErrand, Asker, Deactivate, Errand};
pub use exchanged::Exchanged;
pub use history::{
    ApprovalReport, Change, HistoryReport, Moment, NoteReport, RunReport, SCHEMA, StepReport,
};
pub use mails::Mails;
pub use people::*;
pub use person::PersonError;
pub use question::{History, Question, Show};
pub use read::View;
pub use report::{Adoption, PlanReport, Side, SyncReport};
pub use saved::{SavePlan, Saved, SavedError, SavedPlan, SyncSaved, SyncedSaved};
pub use state_check::{Finding, StateCheck, StateReport};
pub use summary::Summary;
pub use undo::{LeftStep, Redo, Redone, Undo, UndoReport};
pub use word::{Approved, WordError};

/// What a cycle is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Both sides are read.
    Reading,
    /// The plan is made.
    Planning,
    /// The plan is carried out.
    Applying {
        /// Steps with an outcome.
        settled: usize,
        /// Steps in all.
        total: usize,
    },
}

/// Which steps of a plan are carried out.
type Pick<'a> = dyn Fn(&Step) -> bool + Send + Sync + 'a;

/// So long after it was sent a deactivation without an answer may still arrive.
const LATE: Duration = Duration::from_secs(10 * 60);

/// Hears what a cycle is doing.
pub type Stages<'a> = dyn Fn(Stage) + Send + Sync + 'a;

/// Why a cycle could not be finished.
#[derive(Debug, thiserror::Error)]
pub enum CycleError {
    /// The directory could not be read.
    #[error("directory: {0}")]
    Provider(#[from] ProviderError),
    /// Mattermost could not be read.
    #[error("Mattermost: {0}")]
    Mattermost(#[from] CallError),
    /// The way to Mattermost could not be prepared.
    #[error("{0}")]
    Connect(#[from] ConnectError),
    /// It is not the server that the state knows.
    #[error("{0}")]
    Exchanged(#[from] Exchanged),
    /// A secret could not be read.
    #[error("{0}")]
    Secret(#[from] SecretError),
    /// The state could not be used.
    #[error("state: {0}")]
    State(#[from] StateError),
    /// The run was stopped.
    #[error("{0}")]
    Apply(#[from] ApplyError),
}

impl CycleError {
    /// A word for it, for the journal and for deciding whether it is the same failure as before.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Provider(ProviderError::WrongPassword { .. }) => "directory-password",
            Self::Provider(_) => "directory",
            Self::Mattermost(_) | Self::Connect(_) => "mattermost",
            Self::Exchanged(_) => "other-mattermost",
            Self::Secret(_) => "secret",
            Self::State(_) => "state",
            Self::Apply(_) => "apply",
        }
    }

    /// The exit code of a command that failed with it (sysexits.h): 69 a side cannot be reached
    /// or read, 74 the state cannot be used, 75 another mattersync has it, 77 a right is missing,
    /// 78 a secret.
    pub fn exit_code(&self) -> u8 {
        let refused = [ApiErrorKind::TokenRejected, ApiErrorKind::NoPermission];
        match self {
            Self::Secret(secret) | Self::Connect(ConnectError::Token(secret)) => {
                let denied = matches!(secret, SecretError::Unreadable { error, .. }
                    if error.kind() == std::io::ErrorKind::PermissionDenied);
                if denied { 77 } else { 78 }
            }
            Self::Mattermost(call) if call.kind().is_some_and(|k| refused.contains(&k)) => 77,
            Self::Provider(_) | Self::Mattermost(_) | Self::Connect(_) | Self::Exchanged(_) => 69,
            Self::State(StateError::Busy { .. }) => 75,
            Self::State(_) | Self::Apply(_) => 74,
        }
    }

    /// Whether trying soon again can do harm: an account can be locked by wrong passwords.
    pub fn must_not_hurry(&self) -> bool {
        matches!(self, Self::Provider(ProviderError::WrongPassword { .. }))
    }
}

/// Tells a cycle that goes on from one that hangs.
#[derive(Clone, Debug)]
pub struct Pulse {
    progress: Progress,
    client: Client,
}

impl Pulse {
    /// A number that grows while anything arrives from either side.
    pub fn count(&self) -> u64 {
        self.progress
            .count()
            .saturating_add(self.client.counts().requests)
    }
}

/// Everything that a cycle needs, kept between cycles.
pub struct Engine {
    settings: Settings,
    provider: Box<dyn Provider>,
    client: Client,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    progress: Progress,
}

impl Engine {
    /// Prepares both sides; nothing is sent yet.
    ///
    /// # Errors
    /// When the token or the certificates cannot be read.
    pub fn new(
        settings: Settings,
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, CycleError> {
        let client = Client::connect(&settings.mattermost)?;
        let provider = crate::provider::open(&settings.provider);
        Ok(Self::assemble(settings, provider, client, store, clock))
    }

    /// An engine over given parts.
    pub fn assemble(
        settings: Settings,
        provider: Box<dyn Provider>,
        client: Client,
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            settings,
            provider,
            client,
            store,
            clock,
            progress: Progress::default(),
        }
    }

    /// A count that goes up while a cycle goes on: entries from the directory. Requests to
    /// Mattermost are in [`Client::counts`].
    pub fn pulse(&self) -> Pulse {
        Pulse {
            progress: self.progress.clone(),
            client: self.client.clone(),
        }
    }

    /// What it was made from.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Where it remembers.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// Its clock.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// How much Mattermost was asked so far.
    pub fn counts(&self) -> Counts {
        self.client.counts()
    }

    /// Reads both sides and plans. Changes nothing anywhere.
    ///
    /// # Errors
    /// When a side or the state cannot be read.
    pub async fn look(&mut self, stages: &Stages<'_>) -> Result<View, CycleError> {
        let mut memory = self.store.load().await?;
        let unsettled = self.store.unsettled().await?;
        let now = self.clock.now();
        let mut view = self.read(&mut memory, &unsettled, &now, stages).await?;
        exchanged::check(&view, &self.settings)?;
        for doubt in &unsettled {
            if let Settled::Done(delta) = view.settle(&doubt.step, &now) {
                remember(&mut view.memory, &delta);
            }
        }
        stages(Stage::Planning);
        view.plan = self.plan(&view, &now);
        view.orphans = view.count_orphans(&self.settings.policy);
        Ok(view)
    }

    /// One whole cycle, by the schedule. `stop` ends a run early, `listener` hears of every step.
    /// If a person gets to see what it held, [`Engine::shown`] is to be called.
    ///
    /// # Errors
    /// When a side or the state cannot be read or written. What was done until then is recorded.
    pub async fn run(
        &mut self,
        stop: watch::Receiver<bool>,
        stages: &Stages<'_>,
        listener: &Listener<'_>,
    ) -> Result<Summary, CycleError> {
        self.run_for(Origin::default(), stop, stages, listener)
            .await
    }

    /// One whole cycle, and for whom it is.
    ///
    /// # Errors
    /// As [`Engine::run`].
    pub async fn run_for(
        &mut self,
        origin: Origin,
        stop: watch::Receiver<bool>,
        stages: &Stages<'_>,
        listener: &Listener<'_>,
    ) -> Result<Summary, CycleError> {
        self.run_only(None, origin, stop, stages, listener).await
    }

    /// Mattermost's side as it is now, for finding whom a person means.
    async fn look_at_mattermost(&mut self, stages: &Stages<'_>) -> Result<View, CycleError> {
        stages(Stage::Reading);
        let memory = self.store.load().await?;
        let unsettled = self.store.unsettled().await?;
        let reader = self.client.reader();
        read::mattermost_alone(&self.settings, &reader, memory, &unsettled).await
    }

    /// A cycle of which only some steps are carried out, on a person's word. For these the
    /// directory is not read.
    async fn run_only(
        &mut self,
        only: Option<&Pick<'_>>,
        origin: Origin,
        stop: watch::Receiver<bool>,
        stages: &Stages<'_>,
        listener: &Listener<'_>,
    ) -> Result<Summary, CycleError> {
        let before = self.client.counts();
        let mut memory = self.store.load().await?;
        let unsettled = self.store.unsettled().await?;
        let now = self.clock.now();
        let mut view = match only {
            None => self.read(&mut memory, &unsettled, &now, stages).await?,
            // A person's word needs nothing of the directory.
            Some(_) => {
                stages(Stage::Reading);
                let reader = self.client.reader();
                read::mattermost_alone(&self.settings, &reader, memory, &unsettled).await?
            }
        };
        exchanged::check(&view, &self.settings)?;
        self.recover(&mut view, &unsettled, &now).await?;
        stages(Stage::Planning);
        view.plan = self.plan(&view, &now);
        view.orphans = view.count_orphans(&self.settings.policy);
        // What is held counts as shown only when a person sees it.
        // And who sees a part learns nothing of what else is held.
        let of_part = |l: &Remember| only.is_some() && matches!(l, Remember::Held(..));
        let learned = view.plan.learned.iter();
        let learned = learned.filter(|l| !is_show(l) && !of_part(l));
        let learned: MemoryDelta = learned.cloned().collect();
        if !learned.is_empty() {
            self.learn(&mut view.memory, learned).await?;
        }
        if let Some(pick) = only {
            view.plan.steps.retain(pick);
        }
        let (run, report) = self
            .apply(&view, origin, &now, stop, stages, listener)
            .await?;
        let took = self.clock.now().certainly_since(&now);
        let counts = self.client.counts().since(before);
        Ok(Summary::new(view, run, report, counts, took))
    }

    async fn read(
        &mut self,
        memory: &mut Memory,
        unsettled: &[Unsettled],
        now: &Now,
        stages: &Stages<'_>,
    ) -> Result<View, CycleError> {
        stages(Stage::Reading);
        let reader = self.client.reader();
        let memory = std::mem::take(memory);
        read::both(
            &self.settings,
            self.provider.as_mut(),
            &reader,
            memory,
            unsettled,
            Ask {
                known: BTreeSet::new(),
                now: now.clone(),
                progress: self.progress.clone(),
            },
        )
        .await
    }

    fn plan(&self, view: &View, now: &Now) -> Plan {
        plan(&view.world(), &self.settings.policy, now)
    }

    /// Settles what an earlier run left in doubt, from what was read now.
    async fn recover(
        &self,
        view: &mut View,
        unsettled: &[Unsettled],
        now: &Now,
    ) -> Result<(), CycleError> {
        for doubt in unsettled {
            let (outcome, delta) = match view.settle(&doubt.step, now) {
                Settled::Done(delta) => {
                    if !self.verify_again(&doubt.step, &delta).await {
                        continue;
                    }
                    (Outcome::Done, delta)
                }
                Settled::NotDone => {
                    let deactivation = matches!(doubt.step.action, Action::Deactivate { .. });
                    if deactivation && now.wall.since(doubt.at) < LATE {
                        continue;
                    }
                    let why = match doubt.step.action {
                        Action::CreateUser { .. } => {
                            "it never arrived, or another account has its user, as the next \
                             reading showed"
                        }
                        _ => "it never arrived, as the next reading showed",
                    };
                    let why = why.to_owned();
                    // An administrator's deactivation from now on is not ours.
                    (Outcome::NotDone(why), undone(&doubt.step, &view.memory))
                }
                Settled::Unknown => continue,
            };
            let settlement = Settlement {
                made: made_later(&doubt.step, &delta).filter(|_| outcome == Outcome::Done),
                outcome,
                at: now.wall,
            };
            let (run, id) = (doubt.run, doubt.step.id);
            match self
                .store
                .conclude(run, id, settlement, delta.clone())
                .await
            {
                Ok(()) => remember(&mut view.memory, &delta),
                Err(StateError::Refused(why)) => {
                    self.give_up_on(&mut view.memory, doubt, why).await?;
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// A step that gives an address ends with a second call, which marks it as verified: that one
    /// may be what was lost. It can be repeated, and causes no mail. `false` when it must be tried
    /// again in the next cycle.
    async fn verify_again(&self, step: &Step, delta: &MemoryDelta) -> bool {
        let made = || {
            delta.iter().find_map(|change| match change {
                Remember::Link(_, link) => Some(link.user.clone()),
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

    async fn apply(
        &self,
        view: &View,
        origin: Origin,
        now: &Now,
        stop: watch::Receiver<bool>,
        stages: &Stages<'_>,
        listener: &Listener<'_>,
    ) -> Result<(Option<RunId>, Report), CycleError> {
        let total = view.plan.released().count();
        if total == 0 {
            return Ok((None, Report::default()));
        }
        let settings = &self.settings.mattermost;
        let initial_password = match &settings.initial_password {
            Some(source) => Some(source.load()?.0),
            None => None,
        };
        // What is held is planned anew in each cycle; a run is what is carried out.
        let released = Plan {
            steps: view.plan.released().cloned().collect(),
            ..Plan::default()
        };
        let about = about::about(view, &released.steps, origin, now);
        let run = self
            .store
            .open_run(&released, &self.settings.digest, Some(&about), now)
            .await?;
        stages(Stage::Applying { settled: 0, total });
        let writer = self.client.writer();
        let hear = |event: crate::apply::Event<'_>| {
            stages(Stage::Applying {
                settled: event.settled,
                total: event.total,
            });
            listener(event);
        };
        let applier = Applier {
            writer: &writer,
            store: self.store.as_ref(),
            clock: self.clock.as_ref(),
            initial_password,
            concurrency: usize::try_from(settings.concurrency).unwrap_or(1),
            team_batch: view.server.capabilities.team_batch,
            stop,
            listener: &hear,
        };
        let report = applier
            .carry_out(&view.plan, run, view.memory.clone())
            .await?;
        let changed = !report.done.is_empty() || !report.unknown.is_empty();
        self.store
            .finish(run, changed, self.clock.now().wall)
            .await?;
        Ok((Some(run), report))
    }
}

/// Whether this says that something is held now.
fn is_show(change: &Remember) -> bool {
    matches!(change, Remember::Held(_, Some(_)))
}

fn remember(memory: &mut Memory, delta: &MemoryDelta) {
    for change in delta {
        memory.remember(change);
    }
}
