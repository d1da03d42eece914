//! When Mattermost fails whatever it is asked, nobody is helped by asking it for each person.

use std::collections::{BTreeMap, BTreeSet};

use crate::mattermost::{ApiErrorKind, CallError, WriteError};
use crate::model::{ActionKind, Step};
use crate::plan::Effect;

/// After so many calls in a row that failed for a reason that would meet the next person too, the
/// rest is left for a later cycle. After as many different ways in which Mattermost itself failed,
/// too.
const PATIENCE: u32 = 5;
/// After so many calls of one kind in a row at which Mattermost itself failed, in one way, the
/// rest of this kind is left for a later cycle: so many bad people stand seldom in a row.
const PATIENCE_WITH_PEOPLE: u32 = 25;

/// What follows from what came of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The run goes on.
    GoOn,
    /// The run goes on without steps of this kind, because of this.
    PutOff(ActionKind, String),
    /// The run ends, because of this.
    Stop(String),
}

/// Counts calls that failed.
#[derive(Debug, Default)]
pub struct Breaker {
    /// Calls in a row that would have failed for anybody.
    general: u32,
    /// Calls of each kind in a row at which Mattermost itself failed.
    failed: BTreeMap<ActionKind, u32>,
    /// In which different ways.
    ways: BTreeSet<String>,
}

/// Whose failure it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Whose {
    /// Everybody's: no answer, an answer that is not Mattermost's, a right that we do not have.
    Everybodys,
    /// Mattermost's own at this call, as its error says: this person's as a rule.
    ThisPersons,
    /// Nobody's: the server works, and judged.
    Nobodys,
}

impl Breaker {
    /// Takes note of what came of one call.
    pub fn weigh(&mut self, results: &[(&Step, Result<Effect, WriteError>)]) -> Verdict {
        let Some((step, Err(error))) = results.last() else {
            *self = Self::default();
            return Verdict::GoOn;
        };
        let all = |whose| results.iter().all(|(_, result)| whose_is(result) == whose);
        if all(Whose::Everybodys) {
            self.general = self.general.saturating_add(1);
            return match self.general >= PATIENCE {
                true => Verdict::Stop(format!(
                    "{} calls in a row failed, the last one so: {error}",
                    self.general
                )),
                false => Verdict::GoOn,
            };
        }
        if all(Whose::ThisPersons) {
            return self.failed_at(step, error);
        }
        *self = Self::default();
        Verdict::GoOn
    }

    fn failed_at(&mut self, step: &Step, error: &WriteError) -> Verdict {
        let kind = step.action.kind();
        let failed = self.failed.entry(kind).or_default();
        *failed = failed.saturating_add(1);
        self.ways.insert(way(error));
        if self.ways.len() >= PATIENCE as usize {
            return Verdict::Stop(format!(
                "Mattermost failed in {} different ways, at last so: {error}",
                self.ways.len()
            ));
        }
        if *failed >= PATIENCE_WITH_PEOPLE {
            let why = format!(
                "Mattermost failed at {failed} steps of the kind `{kind}` in a row, at the last \
                 one so: {error}. The others of this kind were left for the next cycle"
            );
            return Verdict::PutOff(kind, why);
        }
        Verdict::GoOn
    }
}

fn whose_is(result: &Result<Effect, WriteError>) -> Whose {
    use ApiErrorKind as K;
    let Err(error) = result else {
        return Whose::Nobodys;
    };
    match error {
        WriteError::NotSent(CallError::Send { .. } | CallError::Garbled { .. })
        | WriteError::Unknown(CallError::Send { .. } | CallError::Garbled { .. }) => {
            Whose::Everybodys
        }
        error => match error.kind() {
            Some(K::Foreign | K::NoPermission | K::RateLimited) => Whose::Everybodys,
            Some(K::ServerFailed) => Whose::ThisPersons,
            _ => Whose::Nobodys,
        },
    }
}

/// The way in which Mattermost failed, whoever it was about.
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
