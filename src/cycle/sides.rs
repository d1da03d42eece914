//! What a question is answered from.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::config::Settings;
use crate::mattermost::{CallError, Client};
use crate::model::{Now, Timestamp, UserId};
use crate::state::State;

use super::read::View;

/// Both sides, what is remembered now, and the plan that follows.
pub struct Sides {
    /// Both sides and the plan.
    pub view: View,
    /// What time it is.
    pub now: Now,
    /// When both sides were read; `None` if they were read for this.
    pub read: Option<Timestamp>,
    pub(super) settings: Arc<Settings>,
    pub(super) client: Client,
    pub(super) store: Arc<State>,
}

impl Sides {
    /// Returns the settings with which both sides were read.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Returns the state.
    pub fn store(&self) -> &State {
        &self.store
    }

    /// Asks when these users were last active, where the server tells.
    ///
    /// # Errors
    /// When it does not.
    pub async fn last_activity(
        &self,
        users: &BTreeSet<UserId>,
    ) -> Result<BTreeMap<UserId, Timestamp>, CallError> {
        self.client.reader().last_activity(users).await
    }
}
