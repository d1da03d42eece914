//! The course of a cycle, for whomever it is: read, plan, choose, remember, apply.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::sync::watch;

use crate::apply::Listener;
use crate::model::{Action, HoldChange, MemoryDelta, Now, Origin, Remember, UserId};
use crate::plan::Settled;

use super::apply_plan::Started;
use super::course::{Course, Planned, Scope};
use super::engine::{Engine, Stage, Stages};
use super::error::CycleError;
use super::exchanged;
use super::facts::Summary;
use super::learn::remember;
use super::read::View;
use super::sides::Sides;

impl Engine {
    /// Runs one whole cycle, by the schedule. `stop` ends it early, `listener` hears of every step.
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

    /// Runs one whole cycle, and records for whom.
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
        let course = Course {
            origin,
            scope: Scope::Everybody,
            stop,
            stages,
            listener,
        };
        let run = self.run_chosen(course, |_| Ok::<_, CycleError>(()));
        Ok(run.await?.0)
    }

    /// Runs a cycle of which `choose` says, once the plan is made, what is carried out; where it
    /// refuses, nothing is. Returns what `choose` returned, too.
    ///
    /// # Errors
    /// What `choose` says, and as [`Engine::run`].
    pub async fn run_chosen<T, E: From<CycleError>>(
        &mut self,
        course: Course<'_>,
        choose: impl FnOnce(Planned<'_>) -> Result<T, E> + Send,
    ) -> Result<(Summary, T), E> {
        let started = Started {
            now: self.clock.now(),
            requests: self.client.counts(),
            is_whole: course.scope == Scope::Everybody,
        };
        let now = &started.now;
        let mut view = self.read_and_plan(&course, now, true).await?;
        let chosen = choose(Planned {
            view: &mut view,
            settings: &self.settings,
            now,
        })?;
        self.remember_findings(&mut view, &started).await?;
        Ok((self.carry(view, started, course).await?, chosen))
    }

    /// Reads both sides and plans. Changes nothing anywhere: the client that it uses cannot write.
    ///
    /// # Errors
    /// When a side or the state cannot be read.
    pub async fn look(&mut self, stages: &Stages<'_>) -> Result<View, CycleError> {
        let course = Course {
            origin: Origin::default(),
            scope: Scope::Everybody,
            stop: watch::channel(false).1,
            stages,
            listener: &|_| {},
        };
        let now = self.clock.now();
        let mut view = self.read_and_plan(&course, &now, false).await?;
        self.keep_reading(&view, &now).await;
        self.add_activity(&mut view).await;
        Ok(view)
    }

    /// Keeps what was read of both sides for questions.
    pub(super) async fn keep_reading(&self, view: &View, now: &Now) {
        if let Some(last_reading) = &self.last_reading {
            last_reading
                .keep(view, now, &self.settings, &self.client)
                .await;
        }
    }

    /// Reads both sides for a question, as [`Engine::look`] does.
    ///
    /// # Errors
    /// When a side or the state cannot be read.
    pub async fn read_sides(&mut self, stages: &Stages<'_>) -> Result<Sides, CycleError> {
        let view = self.look(stages).await?;
        Ok(Sides {
            view,
            now: self.clock.now(),
            read: None,
            settings: Arc::clone(&self.settings),
            client: self.client.clone(),
            store: Arc::clone(&self.store),
        })
    }

    /// Reads what the course is about, finds out what became of steps in doubt, and plans.
    /// `records` says whether what became of them is written down.
    async fn read_and_plan(
        &mut self,
        course: &Course<'_>,
        now: &Now,
        records: bool,
    ) -> Result<View, CycleError> {
        let memory = self.store.load().await?;
        let unsettled = self.store.unsettled().await?;
        let mut view = match course.scope {
            Scope::Named {
                with_directory: false,
            } => {
                self.read_mattermost(memory, &unsettled, now, course.stages)
                    .await?
            }
            _ => {
                self.read_both(memory, &unsettled, now, course.stages)
                    .await?
            }
        };
        exchanged::check(&view, &self.settings)?;
        if records {
            self.recover(&mut view, &unsettled, now).await?;
        } else {
            for doubt in &unsettled {
                if let Settled::Done(delta) | Settled::Perhaps { delta, .. } =
                    view.outcome_of(&doubt.step, now)
                {
                    remember(&mut view.memory, &delta);
                }
            }
        }
        (course.stages)(Stage::Planning);
        self.decide(&mut view, now).await?;
        view.orphans = view.count_orphans(&self.settings.policy);
        Ok(view)
    }

    /// Remembers what follows from the reading. What is held counts as shown only when a person
    /// sees it, and who sees a part learns nothing of what else is held.
    async fn remember_findings(
        &mut self,
        view: &mut View,
        started: &Started,
    ) -> Result<(), CycleError> {
        let counts = |change: &&Remember| match change {
            Remember::Hold(_, HoldChange::Shown(shown)) => started.is_whole && shown.is_none(),
            _ => true,
        };
        let learned = view.newest.iter().chain(&view.plan.learned);
        let learned: MemoryDelta = learned.filter(counts).cloned().collect();
        if !learned.is_empty() {
            self.learn(&mut view.memory, learned).await?;
        }
        if started.is_whole {
            self.note_holds(&view.plan, started.now.wall).await?;
        }
        Ok(())
    }

    /// Asks when those were last active whose adoption a person looks at. Without an answer the
    /// person sees less.
    async fn add_activity(&self, view: &mut View) {
        let steps = view.plan.steps.iter();
        let users = steps.filter_map(|step| match &step.action {
            Action::Adopt { user, .. } => Some(user.clone()),
            _ => None,
        });
        let users: BTreeSet<UserId> = users.collect();
        if users.is_empty() {
            return;
        }
        match self.last_activity(&users).await {
            Ok(last_active) => view.last_active = Some(last_active),
            Err(error) => {
                tracing::warn!("when users were last active could not be asked: {error}");
            }
        }
    }
}
