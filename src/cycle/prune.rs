//! Forgets old runs.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::model::{Memory, Now, Remember, RunId, ServerChange, Timestamp};
use crate::state::{State, StateError};

use super::engine::Engine;

/// For how long runs must have been too old before they are forgotten. What is forgotten nothing
/// brings back, and a clock that jumped ahead makes everything old until somebody sets it right.
const WAIT: Duration = Duration::from_secs(6 * 60 * 60);

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
    let remember = |since| Remember::Server(ServerChange::OldRuns(since));
    let is_old = store.has_old(before, named.clone()).await?;
    match (&memory.server.old_runs, is_old) {
        (None, false) => {}
        (Some(_), false) => store.observe(vec![remember(None)]).await?,
        (None, true) => store.observe(vec![remember(Some(now.clone()))]).await?,
        (Some(since), true) => {
            if now.certainly_since(since) >= WAIT {
                store.prune(before, named).await?;
            }
        }
    }
    Ok(())
}
