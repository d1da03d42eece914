//! A run and its steps, as the rows of the state file would have them.

use std::collections::BTreeMap;

use crate::model::{About, Made, RunId, Step, StepId, StepRecord, Timestamp};
use crate::state::rows::runs::NOT_RECORDED;
use crate::state::target::Target;
use crate::state::{Outcome, RunHead, RunRecord, RunState, Who};

#[derive(Debug)]
pub(super) struct Run {
    pub(super) began: Timestamp,
    pub(super) ended: Option<Timestamp>,
    pub(super) open: bool,
    pub(super) config: String,
    pub(super) about: Option<About>,
    pub(super) steps: Vec<Record>,
    pub(super) places: BTreeMap<StepId, usize>,
}

#[derive(Debug)]
pub(super) struct Record {
    pub(super) step: Step,
    pub(super) target: Target,
    pub(super) intended: Option<Timestamp>,
    pub(super) outcome: Option<Outcome>,
    pub(super) settled: Option<Timestamp>,
    pub(super) made: Option<Made>,
    pub(super) superseded: bool,
}

impl Record {
    pub(super) fn is_settled(&self) -> bool {
        matches!(self.outcome, Some(Outcome::Done | Outcome::NotDone(_)))
    }

    pub(super) fn is_unsettled(&self) -> bool {
        let asked = self.made.as_ref().is_some_and(|made| made.asked);
        let is_open = !asked && !self.is_settled() && !self.superseded;
        self.intended.is_some() && is_open
    }

    pub(super) fn recorded(&self) -> StepRecord {
        StepRecord {
            step: self.step.clone(),
            outcome: self.told(),
            intended: self.intended,
            settled: self.settled,
            made: self.made.clone(),
        }
    }

    fn told(&self) -> Option<Outcome> {
        match &self.outcome {
            None if self.intended.is_some() => Some(Outcome::Unknown(NOT_RECORDED.into())),
            outcome => outcome.clone(),
        }
    }
}

impl Run {
    fn state(&self) -> RunState {
        match (self.open, self.ended) {
            (true, _) => RunState::Open,
            (false, Some(_)) => RunState::Finished,
            (false, None) => RunState::Abandoned,
        }
    }

    pub(super) fn record(&self, id: RunId) -> RunRecord {
        let steps = self.steps.iter().map(Record::recorded);
        RunRecord {
            id,
            began: self.began,
            ended: self.ended,
            state: self.state(),
            config: self.config.clone(),
            about: self.about.clone(),
            steps: steps.collect(),
        }
    }

    pub(super) fn head(&self, id: RunId, who: Option<&Who>) -> Option<RunHead> {
        let record = self.record(id);
        let Some(who) = who else {
            return Some(record.head());
        };
        let meant = |step: &StepRecord| who.has(step.account(), step.user());
        let any = record.steps.iter().any(meant);
        any.then(|| record.head_about(meant))
    }
}
