//! The people of whom a cycle still has to ask what they leave alive, or what works again with
//! them.

use std::collections::BTreeSet;

use crate::apply::Report;
use crate::model::{AccountKey, Action, Fate, Noted, Now, Outcome, RunId, Step, StepId, UserId};
use crate::plan::DAY;
use crate::state::{State, StateError};

/// Somebody whom a run deactivated or reactivated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PersonToAsk {
    pub(super) run: RunId,
    pub(super) user: UserId,
    pub(super) name: String,
    pub(super) account: Option<AccountKey>,
    pub(super) fate: Fate,
}

impl PersonToAsk {
    /// Returns the person whom a step deactivated or reactivated.
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

    /// Returns everybody whom a run has just deactivated or reactivated.
    pub(super) fn of_run(run: Option<RunId>, steps: &[Step], report: &Report) -> Vec<Self> {
        let Some(run) = run else {
            return Vec::new();
        };
        let done: BTreeSet<StepId> = report.done.iter().copied().collect();
        let steps = steps.iter().filter(|s| done.contains(&s.id));
        steps.filter_map(|step| Self::of(run, step)).collect()
    }
}

/// The people of whom nobody asked yet.
#[derive(Debug, Default)]
pub(super) struct ToAsk {
    /// Whether those are loaded of whom an earlier process had no time to ask.
    pub(super) is_complete: bool,
    pub(super) people: Vec<PersonToAsk>,
}

/// Returns everybody whom the last run deactivated or reactivated within a day, and of whom no
/// answer is recorded.
pub(super) async fn not_asked(store: &State, now: &Now) -> Result<Vec<PersonToAsk>, StateError> {
    let runs = store.runs(1).await?;
    let Some(run) = runs.first().filter(|r| now.wall.since(r.began) < DAY) else {
        return Ok(Vec::new());
    };
    let done = run.steps.iter();
    let done = done.filter(|record| record.outcome == Some(Outcome::Done));
    let mut people: Vec<PersonToAsk> = done
        .filter_map(|record| PersonToAsk::of(run.id, &record.step))
        .collect();
    if !people.is_empty() {
        let notes = store.notes(run.id).await?;
        let noted = |person: &PersonToAsk| {
            notes.iter().any(|note| {
                matches!(note.what, Noted::Aftermath(_)) && note.user.as_ref() == Some(&person.user)
            })
        };
        people.retain(|person| !noted(person));
    }
    Ok(people)
}
