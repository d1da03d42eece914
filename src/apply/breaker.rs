//! Stops a run in which every call to Mattermost fails: more calls would not help.

use std::collections::{BTreeMap, BTreeSet};

use crate::mattermost::{ApiErrorKind, CallError, WriteError};
use crate::model::{ActionKind, Step};
use crate::plan::Effect;

/// The number of calls in a row that fail for a reason that concerns everybody, after which the
/// rest is left for a later cycle. The same number of different ways in which Mattermost itself
/// fails has the same effect.
const MAX_FAILURES: u32 = 5;
/// The number of calls of one kind in a row at which Mattermost itself fails in one way, after
/// which the rest of this kind is left for a later cycle. As many bad entries in a row are
/// unlikely.
const MAX_FAILURES_OF_KIND: u32 = 25;

/// What follows from the result of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BreakerDecision {
    /// The run goes on.
    GoOn,
    /// The run goes on without steps of this kind, for this reason.
    PutOff(ActionKind, String),
    /// The run ends, for this reason.
    Stop(String),
}

/// Counts failed calls.
#[derive(Debug, Default)]
pub struct Breaker {
    /// How many calls in a row failed for a reason that concerns everybody.
    general: u32,
    /// How many calls of each kind in a row failed in Mattermost itself.
    failed: BTreeMap<ActionKind, u32>,
    /// The different ways in which they failed.
    ways: BTreeSet<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Concerns {
    /// Everybody: there was no answer, the answer was not Mattermost's, or we lack a right.
    Everybody,
    /// As a rule only this person: Mattermost itself failed at this call, as its error says.
    OnePerson,
    /// Nobody: the server works, and refused the call.
    Nobody,
}

impl Breaker {
    /// Counts the results of one call.
    pub fn count(&mut self, results: &[(&Step, Result<Effect, WriteError>)]) -> BreakerDecision {
        let Some((step, Err(error))) = results.last() else {
            *self = Self::default();
            return BreakerDecision::GoOn;
        };
        let all = |whose| results.iter().all(|(_, result)| concerns(result) == whose);
        if all(Concerns::Everybody) {
            self.general = self.general.saturating_add(1);
            return match self.general >= MAX_FAILURES {
                true => BreakerDecision::Stop(format!(
                    "{} calls in a row failed, the last one with: {error}",
                    self.general
                )),
                false => BreakerDecision::GoOn,
            };
        }
        if all(Concerns::OnePerson) {
            return self.failed_at(step, error);
        }
        *self = Self::default();
        BreakerDecision::GoOn
    }

    fn failed_at(&mut self, step: &Step, error: &WriteError) -> BreakerDecision {
        let kind = step.action.kind();
        let failed = self.failed.entry(kind).or_default();
        *failed = failed.saturating_add(1);
        self.ways.insert(way(error));
        if self.ways.len() >= MAX_FAILURES as usize {
            return BreakerDecision::Stop(format!(
                "Mattermost failed in {} different ways, the last one being: {error}",
                self.ways.len()
            ));
        }
        if *failed >= MAX_FAILURES_OF_KIND {
            let why = format!(
                "Mattermost failed at {failed} steps of the kind `{kind}` in a row, the last time \
                 with: {error}. The others of this kind were left for the next cycle"
            );
            return BreakerDecision::PutOff(kind, why);
        }
        BreakerDecision::GoOn
    }
}

fn concerns(result: &Result<Effect, WriteError>) -> Concerns {
    use ApiErrorKind as K;
    let Err(error) = result else {
        return Concerns::Nobody;
    };
    match error {
        WriteError::NotSent(CallError::Send { .. } | CallError::Garbled { .. })
        | WriteError::Unknown(CallError::Send { .. } | CallError::Garbled { .. }) => {
            Concerns::Everybody
        }
        error => match error.kind() {
            Some(K::Foreign | K::NoPermission | K::RateLimited) => Concerns::Everybody,
            Some(K::ServerFailed) => Concerns::OnePerson,
            _ => Concerns::Nobody,
        },
    }
}

/// Returns the way in which Mattermost failed, without the person it was about.
fn way(error: &WriteError) -> String {
    match error {
        WriteError::Refused(error)
        | WriteError::NotSent(CallError::Api { error, .. })
        | WriteError::Unknown(CallError::Api { error, .. }) => {
            format!("{} {}", error.status, error.id)
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
#[path = "breaker_tests.rs"]
mod tests;
