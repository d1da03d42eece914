//! What a step changes, in columns: for history, and to see that a later step does it again.

use crate::model::{AccountKey, Action, Class, Step, UserId};

/// What a step changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    /// The kind of action.
    pub action: &'static str,
    /// The class that the guard counts it in.
    pub class: Option<Class>,
    /// The account.
    pub account: Option<AccountKey>,
    /// The user, if it exists already.
    pub user: Option<UserId>,
    /// The team's name.
    pub team: Option<String>,
}

impl Target {
    /// The target of a step.
    pub(super) fn of(step: &Step) -> Self {
        let action = &step.action;
        let team = match action {
            Action::CreateTeam { name, .. } => Some(name.clone()),
            Action::JoinTeam { team_name, .. } => Some(team_name.clone()),
            _ => None,
        };
        Self {
            action: action.kind(),
            class: step.class(),
            account: action.account().cloned(),
            user: action.user().cloned(),
            team,
        }
    }

    /// Whether both change the same thing of the same person or team. Of a person with an account
    /// the account decides: the user may not have existed yet.
    pub(super) fn repeats(&self, other: &Self) -> bool {
        self.action == other.action
            && self.team == other.team
            && self.account == other.account
            && (self.account.is_some() || self.user == other.user)
    }
}
