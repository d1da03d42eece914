//! What each action is: its kind, class and phase, and whom it is about.

use super::{AccountKey, Action, ActionKind, ChangedPart, Class, Phase, UserId, UserRef};

impl Action {
    /// Returns the class that the guard counts it in; `None` for what needs no guard: profiles,
    /// teams, joining, and a person's order.
    pub fn class(&self) -> Option<Class> {
        match self {
            Self::CreateUser { .. } => Some(Class::Create),
            Self::Adopt { .. } => Some(Class::Adopt),
            Self::MoveLink { .. } => Some(Class::Move),
            Self::Rename { .. } => Some(Class::Rename),
            Self::ChangeEmail { .. } => Some(Class::Email),
            Self::Deactivate { class, .. } | Self::EndSessions { class, .. } => *class,
            Self::Reactivate { .. } => Some(Class::Reactivate),
            Self::Purge { .. } => Some(Class::Purge),
            Self::UpdateProfile { .. }
            | Self::CreateTeam { .. }
            | Self::JoinTeam { .. }
            | Self::AssignBot { .. }
            | Self::ResetAccess { .. }
            | Self::Unlink { .. } => None,
        }
    }

    /// Returns the phase of a run in which it is carried out.
    pub fn phase(&self) -> Phase {
        match self {
            Self::Adopt { .. } | Self::MoveLink { .. } | Self::Unlink { .. } => Phase::Link,
            Self::AssignBot { .. } => Phase::Keep,
            Self::Deactivate { .. } | Self::EndSessions { .. } | Self::Purge { .. } => Phase::Free,
            Self::Rename { .. } => Phase::Names,
            Self::ChangeEmail { .. } | Self::UpdateProfile { .. } | Self::ResetAccess { .. } => {
                Phase::Change
            }
            Self::CreateTeam { .. } => Phase::Places,
            Self::CreateUser { .. } | Self::Reactivate { .. } => Phase::Arrive,
            Self::JoinTeam { .. } => Phase::Join,
        }
    }

    /// Returns what it does, without to whom.
    pub fn kind(&self) -> ActionKind {
        match self {
            Self::CreateUser { .. } => ActionKind::Create,
            Self::Adopt { .. } => ActionKind::Adopt,
            Self::MoveLink { .. } => ActionKind::Move,
            Self::Unlink { .. } => ActionKind::Unlink,
            Self::Rename { .. } => ActionKind::Rename,
            Self::ChangeEmail { .. } => ActionKind::ChangeEmail,
            Self::UpdateProfile { .. } => ActionKind::Update,
            Self::Deactivate { .. } => ActionKind::Deactivate,
            Self::Reactivate { .. } => ActionKind::Reactivate,
            Self::Purge { .. } => ActionKind::Purge,
            Self::EndSessions { .. } => ActionKind::EndSessions,
            Self::ResetAccess { .. } => ActionKind::ResetAccess,
            Self::AssignBot { .. } => ActionKind::AssignBot,
            Self::CreateTeam { .. } => ActionKind::CreateTeam,
            Self::JoinTeam { .. } => ActionKind::JoinTeam,
        }
    }

    /// Returns the account that it is about.
    pub fn account(&self) -> Option<&AccountKey> {
        match self {
            Self::CreateUser { account, .. }
            | Self::Adopt { account, .. }
            | Self::MoveLink { account, .. }
            | Self::Unlink { account, .. }
            | Self::Rename { account, .. }
            | Self::ChangeEmail { account, .. }
            | Self::UpdateProfile { account, .. }
            | Self::Reactivate { account, .. }
            | Self::ResetAccess { account, .. }
            | Self::Purge { account, .. }
            | Self::JoinTeam { account, .. } => Some(account),
            Self::Deactivate { account, .. }
            | Self::EndSessions { account, .. }
            | Self::AssignBot { account, .. } => account.as_ref(),
            Self::CreateTeam { .. } => None,
        }
    }

    /// Returns the accounts that it names, to be given other ids.
    pub fn accounts_mut(&mut self) -> Vec<&mut AccountKey> {
        match self {
            Self::MoveLink { account, from, .. } => vec![account, from],
            Self::CreateUser { account, .. }
            | Self::Adopt { account, .. }
            | Self::Unlink { account, .. }
            | Self::Rename { account, .. }
            | Self::ChangeEmail { account, .. }
            | Self::UpdateProfile { account, .. }
            | Self::Reactivate { account, .. }
            | Self::ResetAccess { account, .. }
            | Self::Purge { account, .. }
            | Self::JoinTeam { account, .. } => vec![account],
            Self::Deactivate { account, .. }
            | Self::EndSessions { account, .. }
            | Self::AssignBot { account, .. } => account.iter_mut().collect(),
            Self::CreateTeam { .. } => Vec::new(),
        }
    }

    /// Returns the user that it is about, if that user exists already.
    pub fn user(&self) -> Option<&UserId> {
        match self {
            Self::Adopt { user, .. }
            | Self::MoveLink { user, .. }
            | Self::Unlink { user, .. }
            | Self::Rename { user, .. }
            | Self::ChangeEmail { user, .. }
            | Self::UpdateProfile { user, .. }
            | Self::Deactivate { user, .. }
            | Self::Reactivate { user, .. }
            | Self::Purge { user, .. }
            | Self::AssignBot { user, .. }
            | Self::EndSessions { user, .. }
            | Self::ResetAccess { user, .. }
            | Self::JoinTeam {
                user: UserRef::Existing(user),
                ..
            } => Some(user),
            Self::CreateUser { .. } | Self::CreateTeam { .. } | Self::JoinTeam { .. } => None,
        }
    }

    /// Returns the name of the team that it is about.
    pub fn team(&self) -> Option<&str> {
        match self {
            Self::CreateTeam { name, .. } => Some(name),
            Self::JoinTeam { team_name, .. } => Some(team_name),
            Self::CreateUser { .. }
            | Self::Adopt { .. }
            | Self::MoveLink { .. }
            | Self::Unlink { .. }
            | Self::Rename { .. }
            | Self::ChangeEmail { .. }
            | Self::UpdateProfile { .. }
            | Self::Deactivate { .. }
            | Self::Reactivate { .. }
            | Self::Purge { .. }
            | Self::EndSessions { .. }
            | Self::ResetAccess { .. }
            | Self::AssignBot { .. } => None,
        }
    }

    /// Returns what it changes, if people can change that on Mattermost themselves.
    pub fn changes(&self) -> Option<ChangedPart> {
        match self {
            Self::Rename { .. } => Some(ChangedPart::Username),
            Self::ChangeEmail { .. } => Some(ChangedPart::Email),
            Self::UpdateProfile { .. } => Some(ChangedPart::Profile),
            _ => None,
        }
    }
}
