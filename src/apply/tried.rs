//! Finds changes that failed in the last runs.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{AccountKey, Action, ActionKind, StepRecord};
use crate::state::{Outcome, RunRecord};

/// How many of the last runs are looked at.
pub const RUNS: u32 = 4;
/// In how many of them a change must have failed.
const TIMES: usize = 2;

/// A kind of change for one account.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Attempt {
    kind: ActionKind,
    account: AccountKey,
}

impl Attempt {
    /// Returns what an action attempts; `None` if it is about no account.
    pub fn of(action: &Action) -> Option<Self> {
        Some(Self {
            kind: action.kind(),
            account: action.account()?.clone(),
        })
    }
}

/// Returns what failed in at least two of these runs.
pub fn failed_twice(runs: &[RunRecord]) -> BTreeSet<Attempt> {
    let mut times: BTreeMap<Attempt, usize> = BTreeMap::new();
    for run in runs {
        let failed = run.steps.iter().filter(|record| failed(record));
        let attempts: BTreeSet<Attempt> =
            failed.filter_map(|r| Attempt::of(&r.step.action)).collect();
        for attempt in attempts {
            *times.entry(attempt).or_default() += 1;
        }
    }
    let often = times.into_iter().filter(|(_, times)| *times >= TIMES);
    often.map(|(attempt, _)| attempt).collect()
}

/// Returns whether a step was tried and did not succeed.
fn failed(record: &StepRecord) -> bool {
    match &record.outcome {
        // A step that never arrived has failed too, for an unknown reason.
        Some(Outcome::NotDone(_) | Outcome::NeverArrived(_) | Outcome::Unknown(_)) => true,
        Some(Outcome::Done | Outcome::NotBegun) | None => false,
    }
}
