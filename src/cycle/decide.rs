//! From what was read to a plan, with one more question where the list of users left a name open.

use std::collections::BTreeSet;

use crate::mattermost::is_username;
use crate::model::{Action, Now};

use super::{CycleError, Engine, View};

impl Engine {
    /// Makes the plan of a view. Where a row of the list of users does not tell the user's name,
    /// each name that would be given to somebody new is asked for first: nobody is to be made under
    /// a name that somebody has. A request for each creation, and only as long as such a row stands
    /// there.
    ///
    /// # Errors
    /// When a name could not be asked for.
    pub(super) async fn decide(&self, view: &mut View, now: &Now) -> Result<(), CycleError> {
        let mut asked = BTreeSet::new();
        loop {
            view.plan = self.plan(view, now);
            if !view.has_a_nameless_user() {
                return Ok(());
            }
            let names = view.names_to_give();
            let open: BTreeSet<String> = names.difference(&asked).cloned().collect();
            if open.is_empty() {
                return Ok(());
            }
            let reader = self.client.reader();
            reader.fill_in_named(&mut view.users, &open).await?;
            asked.extend(open);
        }
    }
}

impl View {
    fn has_a_nameless_user(&self) -> bool {
        let mut rejected = self.users.rejected().iter();
        rejected.any(|bad| !is_username(&bad.name.to_lowercase()))
    }

    /// The names of the users who are to be made now. What is held is not tried.
    fn names_to_give(&self) -> BTreeSet<String> {
        let names = self.plan.released().filter_map(|step| match &step.action {
            Action::CreateUser { user, .. } => Some(user.username.clone()),
            _ => None,
        });
        names.collect()
    }
}
