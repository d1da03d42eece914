//! When Mattermost fails whatever it is asked, nobody is helped by asking it for each person.

use crate::mattermost::{ApiErrorKind, CallError, WriteError};
use crate::model::Step;
use crate::plan::Effect;

/// After so many calls in a row that failed for a reason that would meet the next person too, the
/// rest is left for a later cycle.
const PATIENCE: u32 = 5;

/// Counts such calls.
#[derive(Debug, Default)]
pub struct Breaker {
    failures: u32,
}

impl Breaker {
    /// Takes note of what came of one call. Why the run must end, if it must.
    pub fn weigh(&mut self, results: &[(&Step, Result<Effect, WriteError>)]) -> Option<String> {
        let failed = |(_, result): &(&Step, Result<Effect, WriteError>)| {
            result.as_ref().is_err_and(is_general)
        };
        if !results.iter().all(failed) {
            self.failures = 0;
            return None;
        }
        let (_, Err(error)) = results.last()? else {
            return None;
        };
        self.failures = self.failures.saturating_add(1);
        (self.failures >= PATIENCE).then(|| {
            format!(
                "{} calls in a row failed, the last one so: {error}",
                self.failures
            )
        })
    }
}

/// Whether a failure would meet the next person too: no answer, a server that fails, or a right
/// that we do not have.
fn is_general(error: &WriteError) -> bool {
    let general = [ApiErrorKind::ServerFailed, ApiErrorKind::NoPermission];
    match error {
        WriteError::NotSent(CallError::Send { .. })
        | WriteError::Unknown(CallError::Send { .. }) => true,
        error => error.kind().is_some_and(|kind| general.contains(&kind)),
    }
}
