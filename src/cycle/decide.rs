//! Makes the plan, and asks first for names and addresses that the list of users left open.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::mattermost::is_username;
use crate::model::{Action, Now};

use super::engine::Engine;
use super::error::CycleError;
use super::read::View;

impl Engine {
    /// Makes the plan of a view. Where a row of the list of users does not tell the user's name and
    /// address, asks the server first for each name and address that the plan gives to somebody:
    /// nobody gets one that another user has. That costs two requests for each creation and one for
    /// each other such change, as long as there is such a row.
    ///
    /// # Errors
    /// When a name or an address could not be asked for.
    pub(super) async fn decide(&self, view: &mut View, now: &Now) -> Result<(), CycleError> {
        let mut asked = BTreeSet::new();
        loop {
            view.plan = self.plan(view, now);
            let Given { names, addresses } = view.open_to_give();
            let names: BTreeSet<String> = names.difference(&asked).cloned().collect();
            let addresses: BTreeSet<String> = addresses.difference(&asked).cloned().collect();
            if names.is_empty() && addresses.is_empty() {
                return Ok(());
            }
            let reader = self.client.reader();
            let users = Arc::make_mut(&mut view.users);
            reader.fill_in_named(users, &names).await?;
            reader.fill_in_addressed(users, &addresses).await?;
            asked.extend(names.into_iter().chain(addresses));
        }
    }
}

/// What users are to get.
#[derive(Default)]
struct Given {
    names: BTreeSet<String>,
    addresses: BTreeSet<String>,
}

impl View {
    fn has_a_nameless_user(&self) -> bool {
        let mut rejected = self.users.rejected().iter();
        rejected.any(|bad| !is_username(&bad.name.to_lowercase()))
    }

    /// The usernames and addresses that users are to get now, and of which nobody knows whether
    /// somebody who could not be read has them. What is held is not tried.
    fn open_to_give(&self) -> Given {
        let mut given = Given::default();
        // No row that cannot be used tells its address.
        if self.users.rejected().is_empty() {
            return given;
        }
        let mut give = |username: Option<&String>, address: Option<&String>| {
            given.names.extend(username.cloned());
            given.addresses.extend(address.cloned());
        };
        for step in self.plan.released() {
            match &step.action {
                Action::CreateUser { user, .. } => give(Some(&user.username), Some(&user.email)),
                Action::Rename { username, .. } => give(Some(&username.to), None),
                Action::ChangeEmail { email, .. } => give(None, Some(&email.to)),
                _ => {}
            }
        }
        if !self.has_a_nameless_user() {
            given.names.clear();
        }
        given
    }
}
