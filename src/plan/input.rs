//! The input of a plan.

use crate::model::{Directories, Memory, Now, Places, Roster, ServerFacts, User, UserId};

/// Everything that a plan is made from.
#[derive(Clone, Copy, Debug)]
pub struct World<'a> {
    /// What each provider returned.
    pub directories: &'a Directories,
    /// Mattermost's users.
    pub users: &'a Roster<UserId, User>,
    /// The teams that the policy names.
    pub places: &'a Places,
    /// What the server says about itself.
    pub server: &'a ServerFacts,
    /// What is remembered.
    pub memory: &'a Memory,
    /// When this reading was taken, if an earlier plan may have counted it among those that lack
    /// somebody, or that show somebody again; `None` for a reading that is new.
    pub counted: Option<&'a Now>,
}
