//! Why a cycle could not be finished, and what that means for who asked.

use crate::apply::ApplyError;
use crate::config::SecretError;
use crate::mattermost::{ApiErrorKind, CallError, ConnectError};
use crate::provider::ProviderError;
use crate::state::StateError;

/// Why a cycle could not be finished.
#[derive(Debug, thiserror::Error)]
pub enum CycleError {
    /// The directory could not be read.
    #[error("directory: {0}")]
    Provider(#[from] ProviderError),
    /// Mattermost could not be read.
    #[error("Mattermost: {0}")]
    Mattermost(#[from] CallError),
    /// The way to Mattermost could not be prepared.
    #[error("{0}")]
    Connect(#[from] ConnectError),
    /// It is not the server that the state knows.
    #[error("{0}")]
    Exchanged(#[from] Exchanged),
    /// A secret could not be read.
    #[error("{0}")]
    Secret(#[from] SecretError),
    /// The configuration names another provider than those whose accounts are linked.
    #[error(
        "the provider is called {now:?} now, and every account with a user is of {known}: as \
         accounts of {now:?} everybody would be somebody else, so nothing is done. If it is the \
         same directory, put name = {back:?} back. If it truly is another one: with \
         accounts.second-anchor keep the old name all the same, and people move by the anchor \
         (`mattersync approve move`). Without one stop mattersync, move everything in {directory} \
         away and begin anew; users are then found by username and address, and wait as adoptions"
    )]
    OtherProvider {
        /// The provider that the configuration names.
        now: String,
        /// Providers that have links, with how many accounts each.
        known: String,
        /// The one of them that has the most.
        back: String,
        /// The state directory.
        directory: String,
    },
    /// The state could not be used.
    #[error("state: {0}")]
    State(#[from] StateError),
    /// The run was stopped.
    #[error("{0}")]
    Apply(#[from] ApplyError),
}

impl CycleError {
    /// A word for it, for the journal and for deciding whether it is the same failure as before.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Provider(ProviderError::WrongPassword { .. }) => "directory-password",
            Self::Provider(_) => "directory",
            Self::Mattermost(_) | Self::Connect(_) => "mattermost",
            Self::Exchanged(_) => "other-mattermost",
            Self::Secret(_) => "secret",
            Self::OtherProvider { .. } => "other-provider",
            Self::State(_) => "state",
            Self::Apply(_) => "apply",
        }
    }

    /// The exit code of a command that failed with it (sysexits.h): 69 a side cannot be reached
    /// or read, 74 the state cannot be used, 75 another mattersync has it, 77 a right is missing,
    /// 78 a secret or the configuration.
    pub fn exit_code(&self) -> u8 {
        let refused = [ApiErrorKind::TokenRejected, ApiErrorKind::NoPermission];
        match self {
            Self::Secret(secret) | Self::Connect(ConnectError::Token(secret)) => {
                if secret.is_denied() { 77 } else { 78 }
            }
            Self::Provider(ProviderError::SecretDenied(_)) => 77,
            Self::Provider(ProviderError::Secret(_) | ProviderError::Certificates { .. })
            | Self::Connect(ConnectError::NotAToken { .. } | ConnectError::Tls(_)) => 78,
            Self::Mattermost(call) if call.kind().is_some_and(|k| refused.contains(&k)) => 77,
            Self::Provider(_) | Self::Mattermost(_) | Self::Connect(_) | Self::Exchanged(_) => 69,
            Self::OtherProvider { .. } => 78,
            Self::State(StateError::Busy { .. }) => 75,
            Self::State(_) | Self::Apply(_) => 74,
        }
    }

    /// Whether another secret may end it: one was refused, or cannot be used.
    pub fn is_about_secret(&self) -> bool {
        match self {
            Self::Secret(_)
            | Self::Connect(ConnectError::Token(_) | ConnectError::NotAToken { .. }) => true,
            Self::Provider(error) => matches!(
                error,
                ProviderError::WrongPassword { .. }
                    | ProviderError::Secret(_)
                    | ProviderError::SecretDenied(_)
            ),
            Self::Mattermost(call) => call.kind() == Some(ApiErrorKind::TokenRejected),
            _ => false,
        }
    }

    /// Whether trying soon again can do harm: an account can be locked by wrong passwords.
    pub fn must_not_hurry(&self) -> bool {
        matches!(self, Self::Provider(ProviderError::WrongPassword { .. }))
    }
}

/// A server on which none of the linked users exists: it was emptied, or it is another one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "this is another Mattermost than the one that the state knows, or it was emptied: none of its \
     {linked} linked users exists at {server}. Nothing was created or changed. If that is a \
     mistake, correct the address in [mattermost], or restore the server's database. If this \
     server shall take the old one's place, stop mattersync, move {state} away together with the \
     files that end in -wal and -shm, and start again: users who are there already are then \
     adopted, which waits for approval, and the others created"
)]
pub struct Exchanged {
    /// How many users the state links accounts to.
    pub linked: usize,
    /// The server's address.
    pub server: String,
    /// The state file.
    pub state: String,
}
