//! What a cycle needs, kept between cycles.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use crate::clock::Clock;
use crate::config::Settings;
use crate::mattermost::{CallError, Client, Counts};
use crate::model::{Memory, Now, Plan, RunId, StepId, Timestamp, UserId};
use crate::plan::plan;
use crate::provider::{Ask, Progress, Providers, open_all};
use crate::state::{State, Unsettled};

use super::error::CycleError;
use super::last_reading::LastReading;
use super::read::{self, View};
use super::same::same_people;
use super::to_ask::ToAsk;

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

/// Hears what a cycle is doing.
pub type Stages<'a> = dyn Fn(Stage) + Send + Sync + 'a;

/// Tells a cycle that goes on from one that hangs.
#[derive(Clone, Debug)]
pub struct Pulse {
    pub(super) progress: Progress,
    pub(super) client: Client,
}

impl Pulse {
    /// Returns a number that grows while anything arrives from either side.
    pub fn count(&self) -> u64 {
        self.progress
            .count()
            .saturating_add(self.client.counts().requests)
    }
}

/// Everything that a cycle needs, kept between cycles.
pub struct Engine {
    pub(super) settings: Arc<Settings>,
    pub(super) providers: Providers,
    pub(super) client: Client,
    pub(super) store: Arc<State>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) progress: Progress,
    pub(super) to_ask: ToAsk,
    /// What is written down as held; none until that was read.
    pub(super) held: Option<BTreeSet<String>>,
    /// Steps in doubt: when each was first seen so, and how long after it was sent.
    pub(super) doubted: BTreeMap<(RunId, StepId), (Now, Duration)>,
    /// Where what is read of both sides is kept for questions, if it is.
    pub(super) last_reading: Option<LastReading>,
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

    /// Makes an engine of given parts.
    pub fn assemble(
        settings: Settings,
        providers: Providers,
        client: Client,
        store: Arc<State>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            settings: Arc::new(settings),
            providers,
            client,
            store,
            clock,
            progress: Progress::default(),
            to_ask: ToAsk::default(),
            held: None,
            doubted: BTreeMap::new(),
            last_reading: None,
        }
    }

    /// Returns the engine that keeps there what it reads of both sides.
    #[must_use]
    pub fn keeping(mut self, last_reading: LastReading) -> Self {
        self.last_reading = Some(last_reading);
        self
    }

    /// Returns what tells whether a cycle of this engine goes on.
    pub fn pulse(&self) -> Pulse {
        Pulse {
            progress: self.progress.clone(),
            client: self.client.clone(),
        }
    }

    /// Returns the settings that it was made from.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Returns where it remembers.
    pub fn store(&self) -> &Arc<State> {
        &self.store
    }

    /// Returns its clock.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// Tells how much Mattermost was asked so far.
    #[cfg(any(test, feature = "rooms"))]
    pub fn counts(&self) -> Counts {
        self.client.counts()
    }

    /// Makes the plan that follows from what was read, without another question.
    pub fn plan(&self, view: &View, now: &Now) -> Plan {
        plan(&view.world(), &self.settings.policy, now)
    }

    /// Asks when these users were last active, where the server tells.
    ///
    /// # Errors
    /// When it does not.
    pub async fn last_activity(
        &self,
        users: &BTreeSet<UserId>,
    ) -> Result<BTreeMap<UserId, Timestamp>, CallError> {
        self.client.reader().last_activity(users).await
    }

    /// Reads Mattermost alone, for finding whom a person means. There is no plan yet.
    ///
    /// # Errors
    /// When Mattermost or the state cannot be read.
    pub async fn look_at_mattermost(&self, stages: &Stages<'_>) -> Result<View, CycleError> {
        let memory = self.store.load().await?;
        let unsettled = self.store.unsettled().await?;
        let now = self.clock.now();
        self.read_mattermost(memory, &unsettled, &now, stages).await
    }

    pub(super) async fn read_mattermost(
        &self,
        memory: Memory,
        unsettled: &[Unsettled],
        now: &Now,
        stages: &Stages<'_>,
    ) -> Result<View, CycleError> {
        stages(Stage::Reading);
        let reader = self.client.reader();
        read::mattermost_alone(&self.settings, &reader, memory, unsettled, now).await
    }

    pub(super) async fn read_both(
        &mut self,
        memory: Memory,
        unsettled: &[Unsettled],
        now: &Now,
        stages: &Stages<'_>,
    ) -> Result<View, CycleError> {
        same_people(&memory, &self.settings)?;
        if let Some(last_reading) = &self.last_reading {
            last_reading.make_room().await;
        }
        stages(Stage::Reading);
        let reader = self.client.reader();
        let ask = self.ask(now);
        let providers = &mut self.providers;
        read::both(&self.settings, providers, &reader, memory, unsettled, ask).await
    }

    /// Returns what the provider is asked for; whom it must look up is added where memory is known.
    pub fn ask(&self, now: &Now) -> Ask {
        Ask {
            progress: self.progress.clone(),
            ..Ask::about(BTreeSet::new(), now.clone())
        }
    }
}
