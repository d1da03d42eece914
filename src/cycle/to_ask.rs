//! About whom it is still to be asked what they leave alive, or what wakes up with them.

use std::collections::BTreeSet;

use crate::apply::Report;
use crate::model::{
    AccountKey, Action, Aftermath, Fate, Now, Outcome, RunId, Step, StepId, UserId,
};
use crate::plan::DAY;
use crate::state::{State, StateError};

/// Somebody whom a run deactivated or reactivated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LeftOrReturned {
    pub(super) run: RunId,
    pub(super) user: UserId,
    pub(super) name: String,
    pub(super) account: Option<AccountKey>,
    pub(super) fate: Fate,
}

impl LeftOrReturned {
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
    pub(super) fn of_run(run: Option<RunId>, steps: &[Step], report: &Report) -> Vec<Self> {
        let Some(run) = run else {
            return Vec::new();
        };
        let done: BTreeSet<StepId> = report.done.iter().copied().collect();
        let steps = steps.iter().filter(|s| done.contains(&s.id));
        steps.filter_map(|step| Self::of(run, step)).collect()
    }
}

/// About whom it is still to be asked.
#[derive(Debug, Default)]
pub(super) struct ToAsk {
    /// Whether it is known whom an earlier process had no time to ask about.
    pub(super) is_complete: bool,
    pub(super) people: Vec<LeftOrReturned>,
}

/// Returns whom the last run deactivated or reactivated within a day, and of whom nothing was noted.
pub(super) async fn not_asked(store: &State, now: &Now) -> Result<Vec<LeftOrReturned>, StateError> {
    let runs = store.runs(1).await?;
    let Some(run) = runs.first().filter(|r| now.wall.since(r.began) < DAY) else {
        return Ok(Vec::new());
    };
    let done = run.steps.iter();
    let done = done.filter(|record| record.outcome == Some(Outcome::Done));
    let mut people: Vec<LeftOrReturned> = done
        .filter_map(|record| LeftOrReturned::of(run.id, &record.step))
        .collect();
    if !people.is_empty() {
        let notes = store.notes(run.id).await?;
        let noted = |person: &LeftOrReturned| {
            let mut about = notes.iter().filter(|note| note.kind == Aftermath::NOTE);
            about.any(|note| note.user.as_ref() == Some(&person.user))
        };
        people.retain(|person| !noted(person));
    }
    Ok(people)
}
