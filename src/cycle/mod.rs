//! Read, plan, guard, apply, record: once.
//!
//! [`Engine::look`] reads both sides and plans, and can do no more: it holds a client that cannot
//! write. [`Engine::run`] does the same and carries the plan out. There is one way from directory
//! to decision; a dry run cannot differ from a real one.

mod about;
mod aftermath;
mod carry;
mod contradiction;
mod decide;
mod errand;
mod error;
mod exchanged;
mod forget;
mod held;
mod history;
mod mails;
mod migrate;
mod older;
mod people;
mod person;
mod question;
mod read;
mod recover;
mod report;
mod same;
mod saved;
mod state_check;
mod summary;
mod undo;
mod unread;
mod wait;
mod word;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::apply::Listener;
use crate::clock::Clock;
use crate::config::Settings;
use crate::mattermost::{Client, Counts};
use crate::model::{Action, Memory, MemoryDelta, Now, Origin, Plan, RunId, Step, StepId, UserId};
use crate::plan::{Settled, plan};
use crate::provider::{Ask, Progress, Providers, open_all};
use crate::state::{State, Unsettled};

pub use crate::plan::{Migration, Renumbered, Stuck};
use aftermath::Owed;
pub use errand::{AnyErrand, Asker, Deactivate, Errand};
pub use error::CycleError;
pub use exchanged::Exchanged;
pub use forget::{Forget, Forgotten};
pub use held::still_held;
pub use history::{
    ApprovalReport, Change, HistoryReport, NoteReport, RunReport, SCHEMA, StepReport,
};
pub use mails::Mails;
pub use migrate::{MigrateIds, MigrationReport};
pub use people::*;
pub use person::PersonError;
pub use question::{History, Question, Show};
pub use read::{View, known, places};
pub use report::{Adoption, PlanReport, Side, SyncReport};
pub use same::{same_people, strangers, unseen};
pub use saved::{SavePlan, Saved, SavedError, SavedPlan, SyncSaved, SyncedSaved};
pub use state_check::{Finding, StateCheck, StateReport};
pub use summary::Summary;
pub use undo::{LeftStep, Redo, Redone, Undo, UndoReport};
pub use unread::{unread_accounts, unread_locks, unread_teams, unread_users};
pub use wait::Wait;
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

/// Hears what a cycle is doing.
pub type Stages<'a> = dyn Fn(Stage) + Send + Sync + 'a;

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
    providers: Providers,
    client: Client,
    store: Arc<State>,
    clock: Arc<dyn Clock>,
    progress: Progress,
    owed: Owed,
    /// What is written down as held; none until that was read.
    held: Option<BTreeSet<String>>,
    /// Steps in doubt: when each was first seen so, and how long after it was sent.
    doubted: BTreeMap<(RunId, StepId), (Now, Duration)>,
}

impl Engine {
    /// Prepares both sides; nothing is sent yet.
    ///
    /// # Errors
    /// When the token or the certificates cannot be read.
    pub fn new(
        settings: Settings,
        store: Arc<State>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, CycleError> {
        let client = Client::connect(&settings.mattermost)?;
        let providers = open_all(&settings.providers);
        Ok(Self::assemble(settings, providers, client, store, clock))
    }

    /// An engine over given parts.
    pub fn assemble(
        settings: Settings,
        providers: Providers,
        client: Client,
        store: Arc<State>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            settings,
            providers,
            client,
            store,
            clock,
            progress: Progress::default(),
            owed: Owed::default(),
            held: None,
            doubted: BTreeMap::new(),
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
    pub fn store(&self) -> &Arc<State> {
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
            if let Settled::Done(delta) | Settled::Perhaps { delta, .. } =
                view.settle(&doubt.step, &now)
            {
                remember(&mut view.memory, &delta);
            }
        }
        stages(Stage::Planning);
        self.decide(&mut view, &now).await?;
        view.orphans = view.count_orphans(&self.settings.policy);
        self.meet(&mut view).await;
        Ok(view)
    }

    /// Asks when those were last active whose adoption a person looks at. Without an answer the
    /// person sees less.
    async fn meet(&self, view: &mut View) {
        let steps = view.plan.steps.iter();
        let users = steps.filter_map(|step| match &step.action {
            Action::Adopt { user, .. } => Some(user.clone()),
            _ => None,
        });
        let users: BTreeSet<UserId> = users.collect();
        if users.is_empty() {
            return;
        }
        match self.client.reader().last_activity(&users).await {
            Ok(last_active) => view.last_active = Some(last_active),
            Err(error) => {
                tracing::warn!("when users were last active could not be asked: {error}");
            }
        }
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
        let now = self.clock.now();
        read::mattermost_alone(&self.settings, &reader, memory, &unsettled, &now).await
    }

    async fn read(
        &mut self,
        memory: &mut Memory,
        unsettled: &[Unsettled],
        now: &Now,
        stages: &Stages<'_>,
    ) -> Result<View, CycleError> {
        same_people(memory, &self.settings)?;
        stages(Stage::Reading);
        let reader = self.client.reader();
        let memory = std::mem::take(memory);
        read::both(
            &self.settings,
            &mut self.providers,
            &reader,
            memory,
            unsettled,
            Ask {
                known: BTreeSet::new(),
                heard: Default::default(),
                now: now.clone(),
                progress: self.progress.clone(),
            },
        )
        .await
    }

    /// The plan that follows from what was read, without another question.
    fn plan(&self, view: &View, now: &Now) -> Plan {
        plan(&view.world(), &self.settings.policy, now)
    }
}

fn remember(memory: &mut Memory, delta: &MemoryDelta) {
    for change in delta {
        memory.remember(change);
    }
}
