//! From a plan to what was done: the run, and what follows it.

use std::collections::BTreeSet;

use super::course::Course;
use super::engine::{Engine, Stage};
use super::error::CycleError;
use super::facts::{Summary, approvals, cycle_facts};
use super::read::View;
use crate::apply::{Applier, RUNS, Report, failed_twice};
use crate::mattermost::Counts;
use crate::model::{ActionKind, Now, Plan, RunId};
use crate::observe::{FirstPassword, PlanFacts};
use crate::plan::taken;

/// A cycle that has started.
pub(super) struct Started {
    /// When.
    pub(super) now: Now,
    /// How much Mattermost had been asked before.
    pub(super) requests: Counts,
    /// Whether it is about everybody.
    pub(super) is_whole: bool,
}

impl Engine {
    /// Carries the plan of a view out, asks what leavers leave alive, and sums up.
    pub(super) async fn carry(
        &mut self,
        view: View,
        started: Started,
        course: Course<'_>,
    ) -> Result<Summary, CycleError> {
        let Started {
            now,
            requests,
            is_whole,
        } = started;
        let stop = course.stop.clone();
        let plan = view.facts(&now);
        if is_whole {
            self.keep_reading(&view, &now).await;
        }
        if let Some(last_reading) = &self.last_reading {
            last_reading.begin(view.plan.released()).await;
        }
        let done = self.apply(&view, &plan, course, &now).await;
        if let Some(last_reading) = &self.last_reading {
            last_reading.end(view.plan.released()).await;
        }
        let done = done?;
        if is_whole {
            self.forget_old(&view.memory, &now).await;
        }
        let aftermath = self.aftermath(&view, &done, is_whole, stop).await;
        let (run, report) = done;
        let counts = self.client.counts().since(requests);
        let took = self.clock.now().certainly_since(&now);
        let mut facts = cycle_facts(plan, run, report, aftermath, (counts, took));
        if facts.done.contains_key(&ActionKind::Create) {
            facts.first_password = Some(match self.settings.mattermost.initial_password {
                Some(_) => FirstPassword::Initial,
                None => FirstPassword::AskedFor,
            });
        }
        Ok(Summary { view, facts })
    }

    async fn apply(
        &self,
        view: &View,
        facts: &PlanFacts,
        course: Course<'_>,
        now: &Now,
    ) -> Result<(Option<RunId>, Report), CycleError> {
        let Course {
            origin,
            stop,
            stages,
            listener,
            ..
        } = course;
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
        let tried = match total {
            1 => BTreeSet::new(),
            _ => failed_twice(&self.store.runs(RUNS).await?),
        };
        let about = facts.about(origin, approvals(view, &released.steps, now));
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
            password_policy: view.server.password_policy,
            users: &view.users,
            own_bot: view.server.own_bot_in_danger(),
            tried,
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
