//! What those leave alive whom a run deactivated, and what wakes up with those who returned.
//!
//! Asked once, when the run has ended, and written down. Nothing depends on it: whatever fails
//! here is told, and neither ends a cycle nor counts as its failure.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::watch;

use crate::apply::Report;
use crate::mattermost::Reader;
use crate::model::{
    AccountKey, Action, Aftermath, BelongingKind, Belongings, Fate, Note, Now, Outcome, RunId,
    Step, StepId, UserId,
};
use crate::observe;
use crate::plan::DAY;
use crate::state::{State, StateError};

use super::{Engine, View};

/// How long a cycle waits for the answers. What has not come by then is told as not asked.
const PATIENCE: Duration = Duration::from_secs(60);

/// Somebody whom a run deactivated or reactivated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Parted {
    run: RunId,
    user: UserId,
    name: String,
    account: Option<AccountKey>,
    fate: Fate,
}

impl Parted {
    /// Whom a step that is done deactivated or reactivated.
    pub(super) fn of(run: RunId, step: &Step) -> Option<Self> {
        let (user, fate) = match &step.action {
            Action::Deactivate { user, .. } => (user, Fate::Left),
            Action::Reactivate { user, .. } => (user, Fate::Returned),
            _ => return None,
        };
        Some(Self {
            run,
            user: user.clone(),
            name: step.subject.name.clone(),
            account: step.action.account().cloned(),
            fate,
        })
    }

    /// All of them whom a run has just done.
    pub(super) fn of_run(run: Option<RunId>, view: &View, report: &Report) -> Vec<Self> {
        let Some(run) = run else {
            return Vec::new();
        };
        let done: BTreeSet<StepId> = report.done.iter().copied().collect();
        let steps = view.plan.steps.iter().filter(|s| done.contains(&s.id));
        steps.filter_map(|step| Self::of(run, step)).collect()
    }
}

/// About whom it is still to be asked.
#[derive(Debug, Default)]
pub(super) struct Owed {
    /// Whether it is known what an earlier process owes.
    inherited: bool,
    parted: Vec<Parted>,
}

impl Engine {
    /// Before the first run of this engine: about whom an earlier process should have asked, and
    /// could not, because it ended.
    pub(super) async fn inherit_debts(&mut self, now: &Now) {
        if self.owed.inherited {
            return;
        }
        self.owed.inherited = true;
        match debts(self.store.as_ref(), now).await {
            Ok(parted) => self.owe(parted),
            Err(error) => tracing::debug!(%error, "what the last run owes is not known"),
        }
    }

    /// Remembers about whom to ask.
    pub(super) fn owe(&mut self, parted: impl IntoIterator<Item = Parted>) {
        self.owed.parted.extend(parted);
    }

    /// Asks about those whom a run parted with, and, unless that run was for `only_some`, about
    /// all of whom it is owed. A run that was stopped has no time: then the next one asks.
    pub(super) async fn aftermath(
        &mut self,
        view: &View,
        (run, report): &(Option<RunId>, Report),
        only_some: bool,
        mut stop: watch::Receiver<bool>,
    ) -> Vec<Aftermath> {
        let mut asked = Parted::of_run(*run, view, report);
        if report.stopped.is_some() {
            self.owe(asked);
            return Vec::new();
        }
        if !only_some {
            // Those of earlier runs first: what happened since counts.
            let owed = std::mem::take(&mut self.owed.parted);
            asked = owed.into_iter().chain(asked).collect();
        }
        if asked.is_empty() {
            return Vec::new();
        }
        let kinds: Vec<BelongingKind> = BelongingKind::ALL
            .into_iter()
            .filter(|kind| asked.iter().any(|p| p.fate.kinds().contains(kind)))
            .collect();
        let people = asked.iter().map(|p| p.user.clone()).collect();
        let reader = self.client.reader();
        let Some(all) = ask(&reader, &people, &kinds, &mut stop).await else {
            self.owe(asked);
            return Vec::new();
        };
        // Whoever left and returned since is told about as of now.
        let last: BTreeMap<UserId, Parted> = asked
            .into_iter()
            .map(|parted| (parted.user.clone(), parted))
            .collect();
        let mut told: Vec<(RunId, Aftermath)> = last
            .into_values()
            .map(|p| {
                let of = Aftermath::of(p.fate, &p.user, &p.name, p.account.as_ref(), &all);
                (p.run, of)
            })
            .collect();
        told.sort_by(|(_, a), (_, b)| a.name.cmp(&b.name));
        for (run, after) in &told {
            observe::aftermath(*run, after);
        }
        self.write_down(&told).await;
        told.into_iter().map(|(_, after)| after).collect()
    }

    async fn write_down(&self, told: &[(RunId, Aftermath)]) {
        let at = self.clock.now().wall;
        let notes = told.iter().map(|(run, after)| Note {
            run: Some(*run),
            at,
            account: after.account.clone(),
            user: Some(after.user.clone()),
            kind: Aftermath::NOTE.to_owned(),
            value: serde_json::to_value(after).unwrap_or_default(),
        });
        // Together they cost one wait for the disk.
        let written = join_all(notes.map(|note| self.store.note(note))).await;
        if let Some(Err(error)) = written.into_iter().find(Result::is_err) {
            tracing::warn!(
                "what leavers leave alive could not be written down, and `mattersync show` will \
                 not tell it: {error}"
            );
        }
    }
}

/// What there is; `None` when the run shall end before that is known.
async fn ask(
    reader: &Reader,
    people: &BTreeSet<UserId>,
    kinds: &[BelongingKind],
    stop: &mut watch::Receiver<bool>,
) -> Option<Belongings> {
    let mut all = Belongings::unasked(kinds, "there was no answer in time");
    let asking = reader.belongings(people, kinds, &mut all);
    tokio::select! {
        biased;
        () = asked_to_stop(stop) => return None,
        _ = tokio::time::timeout(PATIENCE, asking) => {}
    }
    Some(all)
}

/// Never ends where nobody can ask any more.
async fn asked_to_stop(stop: &mut watch::Receiver<bool>) {
    if stop.wait_for(|stop| *stop).await.is_err() {
        std::future::pending().await
    }
}

/// Whom the last run parted with within a day, and of whom nothing was noted.
async fn debts(store: &State, now: &Now) -> Result<Vec<Parted>, StateError> {
    let runs = store.runs(1).await?;
    let Some(run) = runs.first().filter(|r| now.wall.since(r.began) < DAY) else {
        return Ok(Vec::new());
    };
    let done = run.steps.iter();
    let done = done.filter(|record| record.outcome == Some(Outcome::Done));
    let mut owed: Vec<Parted> = done
        .filter_map(|record| Parted::of(run.id, &record.step))
        .collect();
    if !owed.is_empty() {
        let notes = store.notes(run.id).await?;
        let noted = |parted: &Parted| {
            let mut about = notes.iter().filter(|note| note.kind == Aftermath::NOTE);
            about.any(|note| note.user.as_ref() == Some(&parted.user))
        };
        owed.retain(|parted| !noted(parted));
    }
    Ok(owed)
}
