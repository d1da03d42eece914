//! Read, plan, guard, apply, record: once.
//!
//! [`Engine::look`] reads both sides and plans, and can do no more: it holds a client that cannot
//! write. [`Engine::run`] does the same and carries the plan out. There is one way from directory
//! to decision; a dry run cannot differ from a real one.

mod about;
mod aftermath;
mod contradiction;
mod errand;
mod exchanged;
mod forget;
mod history;
mod mails;
mod migrate;
mod people;
mod person;
mod question;
mod read;
mod recover;
mod report;
mod saved;
mod state_check;
mod summary;
mod undo;
mod word;

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::sync::watch;

use crate::apply::{Applier, ApplyError, Listener, Report};
use crate::clock::Clock;
use crate::config::{SecretError, Settings};
use crate::mattermost::{ApiErrorKind, CallError, Client, ConnectError, Counts};
use crate::model::{Memory, MemoryDelta, Now, Origin, Plan, Remember, RunId, Step};
use crate::plan::{Settled, plan, taken};
use crate::provider::{Ask, Progress, Provider, ProviderError};
use crate::state::{StateError, Store, Unsettled};

pub use crate::plan::{Migration, Renumbered, Stuck};
use aftermath::Owed;
pub use errand::{AnyErrand, Asker, Deactivate, Errand};
pub use exchanged::Exchanged;
pub use forget::{Forget, Forgotten};
pub use history::{
    ApprovalReport, Change, HistoryReport, Moment, NoteReport, RunReport, SCHEMA, StepReport,
};
pub use mails::Mails;
pub use migrate::{MigrateIds, MigrationReport};
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

/// A run that is about to begin.
struct Begun {
    /// Why, and who asked.
    origin: Origin,
    /// When both sides were read.
    now: Now,
    /// How much Mattermost had been asked before.
    before: Counts,
    /// Whether it is about what a person named alone.
    alone: bool,
}

/// Which steps of a plan are carried out.
type Pick<'a> = dyn Fn(&Step) -> bool + Send + Sync + 'a;

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
    /// The configuration names another id attribute than the one by which people are known.
    #[error(
        "accounts.id is {to} now, and people are known by {from}: by other ids everybody would be \
         somebody else, so nothing is done. Look who gets which id: mattersync migrate-ids; or \
         write {from} back"
    )]
    OtherIds {
        /// The attribute by which people are known.
        from: String,
        /// The attribute that the configuration names.
        to: String,
    },
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
            Self::OtherIds { .. } => "ids",
            Self::State(_) => "state",
            Self::Apply(_) => "apply",
        }
    }

    /// The exit code of a command that failed with it (sysexits.h): 69 a side cannot be reached
    /// or read, 74 the state cannot be used, 75 another mattersync has it, 77 a right is missing,
    /// 78 a secret or the configuration.
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
            Self::OtherIds { .. } => 78,
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
    owed: Owed,
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
            owed: Owed::default(),
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

    /// Goes up while the directory is read.
    fn progress(&self) -> Progress {
        self.progress.clone()
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
        let begun = Begun {
            origin,
            now,
            before,
            alone: only.is_some(),
        };
        self.carry(view, begun, stop, stages, listener).await
    }

    /// Carries the plan of a view out, asks what leavers leave alive, and sums up.
    async fn carry(
        &mut self,
        view: View,
        begun: Begun,
        stop: watch::Receiver<bool>,
        stages: &Stages<'_>,
        listener: &Listener<'_>,
    ) -> Result<Summary, CycleError> {
        let Begun {
            origin,
            now,
            before,
            alone,
        } = begun;
        let done = self
            .apply(&view, origin, &now, stop.clone(), stages, listener)
            .await?;
        if !alone {
            self.forget_old(&view.memory, &now).await;
        }
        let aftermath = self.aftermath(&view, &done, alone, stop).await;
        let (run, report) = done;
        Ok(Summary {
            view,
            run,
            report,
            aftermath,
            counts: self.client.counts().since(before),
            took: self.clock.now().certainly_since(&now),
        })
    }

    async fn read(
        &mut self,
        memory: &mut Memory,
        unsettled: &[Unsettled],
        now: &Now,
        stages: &Stages<'_>,
    ) -> Result<View, CycleError> {
        self.same_ids(memory)?;
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
            seats_taken: taken(&view.users),
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
