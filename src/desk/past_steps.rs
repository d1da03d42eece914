//! What happened to one person before.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::model::{Outcome, RunId, Step, Timestamp, UserId};
use crate::plan::Sentence;
use crate::state::PastStep;

use super::parties::UserSide;
use crate::cycle::Sides;

/// A step of an earlier run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Happened {
    /// The run.
    pub run: RunId,
    /// When.
    pub at: Timestamp,
    /// What, to whom, why.
    pub what: String,
    /// What became of it; none if it was never begun.
    pub outcome: Option<Outcome>,
    /// The step, for programs.
    pub step: Step,
}

impl From<PastStep> for Happened {
    fn from(past: PastStep) -> Self {
        let record = past.record;
        Self {
            run: past.run,
            at: record.settled.or(record.intended).unwrap_or(past.began),
            what: Sentence(&record.step).to_string(),
            outcome: record.outcome,
            step: record.step,
        }
    }
}

/// Adds when the users were last active, where the server tells. Nothing depends on it: where it
/// cannot be asked for, it is left out.
pub(super) async fn add_activity(sides: &Sides, users: Vec<&mut UserSide>) {
    if users.is_empty() {
        return;
    }
    let ids: BTreeSet<UserId> = users.iter().map(|user| user.id.clone()).collect();
    match sides.last_activity(&ids).await {
        Ok(active) => {
            for user in users {
                user.last_activity = active.get(&user.id).copied();
            }
        }
        Err(error) => tracing::debug!("when users were last active is not known: {error}"),
    }
}
