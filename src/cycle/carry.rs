//! From a plan to what was done: what is learned, the run, and what follows it.

use std::collections::BTreeSet;

use tokio::sync::watch;

use super::{CycleError, Engine, Pick, Stage, Stages, Summary, View, about, exchanged, read};
use crate::apply::{Applier, Listener, RUNS, Report, failed_twice};
use crate::mattermost::Counts;
use crate::model::{Action, HoldChange, MemoryDelta, Now, Origin, Plan, Remember, RunId, StepId};
use crate::plan::taken;

/// A run that is about to begin.
pub(super) struct Begun {
    /// Why, and who asked.
    pub(super) origin: Origin,
    /// When both sides were read.
    pub(super) now: Now,
    /// How much Mattermost had been asked before.
    pub(super) before: Counts,
    /// Whether it is about what a person named alone.
    pub(super) alone: bool,
}

impl Engine {
    /// A cycle of which only some steps are carried out, on a person's word. For these the
    /// directory is not read.
    pub(super) async fn run_only(
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
                read::mattermost_alone(&self.settings, &reader, memory, &unsettled, &now).await?
            }
        };
        exchanged::check(&view, &self.settings)?;
        self.recover(&mut view, &unsettled, &now).await?;
        stages(Stage::Planning);
        self.decide(&mut view, &now).await?;
        view.orphans = view.count_orphans(&self.settings.policy);
        // What is held counts as shown only when a person sees it.
        // And who sees a part learns nothing of what else is held.
        let of_part =
            |l: &Remember| only.is_some() && matches!(l, Remember::Hold(_, HoldChange::Shown(..)));
        let learned = view.newest.iter().chain(&view.plan.learned);
        let learned = learned.filter(|l| !is_show(l) && !of_part(l));
        let learned: MemoryDelta = learned.cloned().collect();
        if !learned.is_empty() {
            self.learn(&mut view.memory, learned).await?;
        }
        if only.is_none() {
            self.note_holds(&view.plan, now.wall).await?;
        }
        if let Some(pick) = only {
            let picked = view.plan.steps.iter().filter(|step| pick(step));
            let before: BTreeSet<StepId> = picked.flat_map(|step| step.after.clone()).collect();
            // Without the hand-over of our bot that they wait for, these would wait for ever.
            view.plan.steps.retain(|step| {
                let keeps_us = matches!(step.action, Action::AssignBot { .. });
                pick(step) || (keeps_us && before.contains(&step.id))
            });
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
    pub(super) async fn carry(
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
        let tried = match total {
            1 => BTreeSet::new(),
            _ => failed_twice(&self.store.runs(RUNS).await?),
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

/// Whether this says that something is held now.
pub(super) fn is_show(change: &Remember) -> bool {
    matches!(change, Remember::Hold(_, HoldChange::Shown(Some(_))))
}
