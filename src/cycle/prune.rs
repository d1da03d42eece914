//! Forgets old runs.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::model::{Memory, Now, RunId, Timestamp};
use crate::state::{State, StateError};

use super::engine::Engine;

impl Engine {
    /// Forgets runs that are older than `state.keep`, some in each cycle. A failure is reported,
    /// and the next cycle tries again.
    pub(super) async fn forget_old(&self, memory: &Memory, now: &Now) {
        let Some(keep) = self.settings.keep else {
            return;
        };
        if let Err(error) = forget_old(self.store.as_ref(), memory, now, keep).await {
            tracing::warn!("old runs were not forgotten: {error}");
        }
    }
}

async fn forget_old(
    store: &State,
    memory: &Memory,
    now: &Now,
    keep: Duration,
) -> Result<(), StateError> {
    let millis = i64::try_from(keep.as_millis()).unwrap_or(i64::MAX);
    let before = Timestamp(now.wall.0.saturating_sub(millis));
    // A run of which something is still taken back must stay on record.
    let undone = memory.accounts.values().flat_map(|account| &account.undone);
    let named: BTreeSet<RunId> = undone.map(|undone| undone.run).collect();
    store.prune(before, named).await?;
    Ok(())
}
