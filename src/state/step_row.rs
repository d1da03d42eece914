//! A step as its row has it: what it changes, and its outcome.

use super::fault::Fault;
use super::json::to_json;
use crate::model::{
    AccountKey, ActionKind, Class, Made, Outcome, OutcomeKind, RunId, Step, StepId, StepRecord,
    Timestamp, UserId,
};

const NOT_RECORDED: &str = "begun, and the outcome was not recorded";

/// A step of a run that begins.
#[derive(Clone, Debug)]
pub struct NewStep {
    /// Its number.
    pub id: StepId,
    /// The name of the person or team it is about, for people.
    pub name: String,
    /// The class that the guard counts it in.
    pub class: Option<Class>,
    /// The whole step as JSON.
    pub json: String,
    /// How many e-mails it causes.
    pub mails: u8,
    /// What the step changes; it has no outcome yet.
    pub row: StepRow,
}

impl NewStep {
    /// Returns the rows of a plan's steps.
    ///
    /// # Errors
    /// When a step cannot be written as JSON.
    pub(super) fn all(steps: &[Step]) -> Result<Vec<Self>, Fault> {
        let rows = steps.iter().map(|step| {
            Ok(Self {
                id: step.id,
                name: step.subject.name.clone(),
                class: step.class(),
                json: to_json(step)?,
                mails: step.mails,
                row: StepRow::of(step),
            })
        });
        rows.collect()
    }
}

/// What a step changes, in columns, and its outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepRow {
    /// The kind of action.
    pub action: ActionKind,
    /// The account.
    pub account: Option<AccountKey>,
    /// The user; for a step that creates one, as soon as it is known.
    pub user: Option<UserId>,
    /// The team's name.
    pub team: Option<String>,
    /// When the intent was recorded.
    pub intended: Option<Timestamp>,
    /// The outcome, if one was recorded.
    pub outcome: Option<Outcome>,
    /// When the outcome was recorded.
    pub settled: Option<Timestamp>,
    /// What the server made of the step.
    pub made: Option<Made>,
    /// The later run that began the same change again.
    pub superseded_by: Option<RunId>,
}

impl StepRow {
    fn of(step: &Step) -> Self {
        let action = &step.action;
        Self {
            action: action.kind(),
            account: action.account().cloned(),
            user: action.user().cloned(),
            team: action.team().map(str::to_owned),
            intended: None,
            outcome: None,
            settled: None,
            made: None,
            superseded_by: None,
        }
    }

    /// Returns whether the outcome is known and final.
    pub(super) fn is_settled(&self) -> bool {
        matches!(
            self.outcome,
            Some(
                Outcome::Done | Outcome::NotDone(_) | Outcome::NotBegun | Outcome::NeverArrived(_)
            )
        )
    }

    /// Returns whether the step was begun, and its outcome may still be found out.
    pub(super) fn is_unsettled(&self) -> bool {
        let asked = self.made.as_ref().is_some_and(|made| made.asked);
        let is_open = !asked && !self.is_settled() && self.superseded_by.is_none();
        self.intended.is_some() && is_open
    }

    /// Returns the kind of the outcome, as [`StepRecord::outcome_kind`] does.
    pub(super) fn outcome_kind(&self) -> OutcomeKind {
        match &self.outcome {
            Some(outcome) => outcome.kind(),
            None if self.intended.is_some() => OutcomeKind::Unknown,
            None => OutcomeKind::NotBegun,
        }
    }

    /// Returns the step with its outcome, as it is reported.
    pub(super) fn record(self, step: Step) -> StepRecord {
        let outcome = match self.outcome {
            None if self.intended.is_some() => Some(Outcome::Unknown(NOT_RECORDED.into())),
            outcome => outcome,
        };
        StepRecord {
            step,
            outcome,
            intended: self.intended,
            settled: self.settled,
            made: self.made,
        }
    }
}
