//! When users were last active.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::model::{Timestamp, UserId};

use super::error::CallError;
use super::reader::{Reader, offered};
use super::rows::{batches, ids_body};

/// A row of `POST /users/status/ids`.
#[derive(Deserialize)]
struct ApiStatus {
    user_id: String,
    /// Milliseconds since 1970; zero for a user who was never active.
    #[serde(default)]
    last_activity_at: i64,
}

impl Reader {
    /// Returns when each of these users was last active, as the server's presence knows it: the
    /// last login, post or other action. Users who were never active, or of whom the server
    /// knows nothing, are left out; over the local socket, which is not asked for this, all are.
    /// Costs a request for each 200 users.
    ///
    /// # Errors
    /// An error if a request failed.
    pub async fn last_activity(
        &self,
        ids: &BTreeSet<UserId>,
    ) -> Result<BTreeMap<UserId, Timestamp>, CallError> {
        const IDS: usize = 200;
        let mut active = BTreeMap::new();
        for batch in batches(ids.iter()).iter().flat_map(|ids| ids.chunks(IDS)) {
            let rows = self
                .client()
                .ask("/users/status/ids", ids_body(batch))
                .await;
            let Some(rows): Option<Vec<ApiStatus>> = offered(rows)? else {
                return Ok(active);
            };
            let seen = rows.into_iter().filter(|row| row.last_activity_at > 0);
            active.extend(
                seen.map(|row| (UserId::new(row.user_id), Timestamp(row.last_activity_at))),
            );
        }
        Ok(active)
    }
}
