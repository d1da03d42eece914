//! The errors of calls, and what they mean for a change in progress.

use std::fmt;
use std::time::Duration;

use crate::model::User;

/// A request that got no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// There was no connection: the request certainly was not sent.
    #[error("could not connect to {to}: {why}")]
    NotConnected {
        /// The address or socket.
        to: String,
        /// The chain of causes.
        why: String,
    },
    /// The connection broke after the request had, or may have, been sent.
    #[error("the connection broke before the answer was complete: {why}")]
    Broken {
        /// The chain of causes.
        why: String,
    },
    /// There was no complete answer in time; the server may still be working on it.
    #[error("no answer within {:.0} s", .after.as_secs_f64())]
    Timeout {
        /// How long the request was allowed to take. It is not how long it took, so that the same
        /// failure has the same text each time.
        after: Duration,
    },
    /// The answer is longer than any that is expected.
    #[error("the answer is longer than {limit} bytes, which no Mattermost answer to us is")]
    TooLarge {
        /// The limit in bytes.
        limit: usize,
    },
}

impl SendError {
    /// Returns whether the server cannot have seen the request.
    pub(super) fn surely_not_sent(&self) -> bool {
        matches!(self, Self::NotConnected { .. })
    }
}

/// An answer that refuses. `status` and `id` decide; `message` is in the server's language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiError {
    /// The HTTP status.
    pub status: u16,
    /// Mattermost's id of the error; empty when something else answered, for example a proxy.
    pub id: String,
    /// The message for people: at most 300 characters, without control characters.
    pub message: String,
    /// How another token takes the place of this one, if the token is refused and that is known.
    pub renewal: Option<String>,
}

/// Why a token may be refused. The server gives all these causes the same answer.
const TOKEN_REJECTED: &str = "the token is wrong, expired or revoked, or its owner is deactivated. \
    Is it a bot's, look in Mattermost under Integrations > Bot Accounts: a server disables bots \
    together with the person who owns them; enable the bot, and give it to somebody who stays \
    (`mmctl bot enable`, `mmctl bot assign`). Or it is the token's id, which looks the same (the token \
    itself is shown only once, when it is made); or it is a person's, and ServiceSettings.\
    EnableUserAccessTokens is off; or a proxy removes or replaces the header Authorization on the \
    way. Otherwise make a new token and ";
/// Where a new token belongs, if nothing more is known.
const NEW_TOKEN: &str = "put it where mattermost.token says";

/// The meaning of a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ApiErrorKind {
    /// The token is wrong, expired or revoked, or its owner is deactivated. Everything stops.
    TokenRejected,
    /// We lack the right: a full system administrator is needed.
    NoPermission,
    /// There is no such user, team or membership.
    NotFound,
    /// The call is not offered over this transport.
    NotOffered,
    /// It is not Mattermost that answers, but something in front of it: a proxy, a firewall, a
    /// sign-on portal. That says nothing about what the server would have answered.
    Foreign,
    /// A user, who may be deactivated, or a group has the username.
    UsernameTaken,
    /// A user, who may be deactivated, has the address.
    EmailTaken,
    /// The server allows no more active users.
    UserLimit,
    /// The domain of the address is not one that the server or the team accepts.
    DomainRefused,
    /// The team has `MaxUsersPerTeam` members.
    TeamFull,
    /// A team with that name exists, and may be archived.
    TeamExists,
    /// The password is too short, too long or lacks a class of characters.
    PasswordPolicy,
    /// A login service owns what was to be changed (409, or 403 for `auth_service=ldap`).
    LoginServiceOwns,
    /// Users cannot deactivate themselves, and this user is ours.
    Ourselves,
    /// The server does not allow users to be deleted for ever (`EnableAPIUserDeletion`).
    DeletionNotEnabled,
    /// The server's administrator has switched the feature off.
    SwitchedOff,
    /// The server does not accept the value of a field.
    Invalid,
    /// There were too many requests. The call certainly was not carried out.
    RateLimited,
    /// The server failed at this call.
    ServerFailed,
    /// Any other refusal.
    Other,
}

impl ApiError {
    /// Returns the meaning of the refusal. The ids are those of 5.38 and 11.6.
    pub fn kind(&self) -> ApiErrorKind {
        use ApiErrorKind as K;
        match (self.status, self.id.as_str()) {
            (429, _) => K::RateLimited,
            (_, "") => K::Foreign,
            (
                401,
                "api.context.session_expired.app_error" | "api.context.token_provided.app_error",
            ) => K::TokenRejected,
            (401, "api.user.update_active.not_enable.app_error") => K::Ourselves,
            (
                401,
                "api.user.delete_user.not_enabled.app_error"
                | "api.user.delete_user.not_enabled.for_admin.app_error",
            ) => K::DeletionNotEnabled,
            (
                403,
                "api.user.update_active.cannot_modify_status_when_user_is_managed_by_ldap.app_error",
            )
            | (409, _) => K::LoginServiceOwns,
            (403, _) => K::NoPermission,
            (404, "api.context.404.app_error") => K::NotOffered,
            (404, _) => K::NotFound,
            (400, id) => refused_value(id),
            (501, _) => K::SwitchedOff,
            (500.., _) => K::ServerFailed,
            _ => K::Other,
        }
    }

    /// Returns whether a call that writes was cleanly refused, so that nothing was changed.
    /// Anything else (a failing server, a proxy's page) leaves the outcome unknown.
    pub(super) fn is_clean_refusal(&self) -> bool {
        self.status == 429 || ((400..500).contains(&self.status) && !self.id.is_empty())
    }
}

fn refused_value(id: &str) -> ApiErrorKind {
    use ApiErrorKind as K;
    match id {
        "app.user.save.username_exists.app_error" => K::UsernameTaken,
        "app.user.save.email_exists.app_error" => K::EmailTaken,
        // 5.38 answers this for a user who was deleted for ever and is still in its cache.
        "app.user.update.find.app_error" => K::NotFound,
        "api.user.create_user.user_limits.exceeded"
        | "app.user.update_active.user_limit.exceeded" => K::UserLimit,
        "api.user.create_user.accepted_domain.app_error"
        | "api.user.update_user.accepted_domain.app_error"
        | "api.team.join_user_to_team.allowed_domains.app_error" => K::DomainRefused,
        "app.team.join_user_to_team.save_member.max_accounts.app_error" => K::TeamFull,
        "app.team.save.existing.app_error" | "store.sql_team.save_team.existing.app_error" => {
            K::TeamExists
        }
        "api.user.check_user_password.invalid.app_error" => K::PasswordPolicy,
        _ if id.starts_with("model.user.is_valid.pwd_") => K::PasswordPolicy,
        _ if id.starts_with("model.") || id.starts_with("api.context.invalid_") => K::Invalid,
        _ => K::Other,
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let advice = match self.kind() {
            ApiErrorKind::TokenRejected => TOKEN_REJECTED,
            ApiErrorKind::NoPermission => {
                "the token's owner must be a system administrator of the server"
            }
            ApiErrorKind::NotOffered => {
                "Mattermost does not offer this call here: is it a version that was never tried?"
            }
            ApiErrorKind::DeletionNotEnabled => {
                "the server deletes nobody for good: set ServiceSettings.EnableAPIUserDeletion in \
                 its configuration, or delete by hand"
            }
            ApiErrorKind::RateLimited => {
                "too many requests, also after waiting: a smaller mattermost.requests-per-second \
                 keeps below the limit"
            }
            _ => self.message.as_str(),
        };
        f.write_str(advice)?;
        if self.kind() == ApiErrorKind::TokenRejected {
            f.write_str(self.renewal.as_deref().unwrap_or(NEW_TOKEN))?;
        }
        write!(f, " (status {}", self.status)?;
        if !self.id.is_empty() {
            write!(f, ", {}", self.id)?;
        }
        f.write_str(")")
    }
}

/// Why a reading call has no result, or why a writing call has none that can be trusted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// There was no answer.
    #[error("{call}: {error}")]
    Send {
        /// Method and path.
        call: String,
        /// What happened.
        error: SendError,
    },
    /// The answer refuses.
    #[error("{call}: {error}")]
    Api {
        /// Method and path.
        call: String,
        /// The refusal.
        error: ApiError,
    },
    /// The token's owner lacks the rights for the work.
    #[error(
        "the token belongs to {owner}, who is no system administrator: make {owner} one in the \
         System Console, or use the token of one who is"
    )]
    NoRights {
        /// The owner's username.
        owner: String,
    },
    /// The answer is not one of Mattermost's.
    #[error("{call}: the answer is not understood: {why}")]
    Garbled {
        /// Method and path.
        call: String,
        /// What is wrong with it; the text never contains a part of the body.
        why: String,
    },
}

impl CallError {
    /// Returns the meaning of the refusal; `None` if it is not one.
    pub fn kind(&self) -> Option<ApiErrorKind> {
        match self {
            Self::Api { error, .. } => Some(error.kind()),
            Self::NoRights { .. } => Some(ApiErrorKind::NoPermission),
            _ => None,
        }
    }
}

/// Why a change is not known to have been made as asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    /// The server refused: nothing was changed.
    #[error("{0}")]
    Refused(ApiError),
    /// The request did not leave this machine: nothing was changed.
    #[error("not sent: {0}")]
    NotSent(CallError),
    /// The user was no longer as the plan saw them, so nothing was sent.
    #[error("not sent: {field} is no longer \"{expected}\" but \"{found}\"")]
    Stale {
        /// The field.
        field: String,
        /// What the plan saw.
        expected: String,
        /// What was found.
        found: String,
    },
    /// It is not known whether it was made. Only reading decides that, never a repetition.
    #[error("the outcome is unknown: {0}")]
    Unknown(CallError),
    /// It was made, but not as asked.
    #[error("done, but not as asked: {what}")]
    Otherwise {
        /// The user after the change.
        user: Box<User>,
        /// What differs.
        what: String,
    },
}

impl WriteError {
    /// Returns the meaning of the refusal; `None` if it is not one.
    pub fn kind(&self) -> Option<ApiErrorKind> {
        match self {
            Self::Refused(error) => Some(error.kind()),
            Self::NotSent(error) | Self::Unknown(error) => error.kind(),
            Self::Stale { .. } | Self::Otherwise { .. } => None,
        }
    }

    /// Returns whether certainly nothing was changed.
    pub fn surely_unchanged(&self) -> bool {
        matches!(
            self,
            Self::Refused(_) | Self::NotSent(_) | Self::Stale { .. }
        )
    }

    /// Returns what the error of a call that writes means.
    pub(super) fn from_write(error: CallError) -> Self {
        match error {
            CallError::Api { error, .. } if error.is_clean_refusal() => Self::Refused(error),
            CallError::Send {
                error: ref sent, ..
            } if sent.surely_not_sent() => Self::NotSent(error),
            other => Self::Unknown(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(status: u16, id: &str) -> ApiError {
        ApiError {
            status,
            id: id.into(),
            message: "words".into(),
            renewal: None,
        }
    }

    fn write(error: ApiError) -> WriteError {
        WriteError::from_write(CallError::Api {
            call: "PUT /x".into(),
            error,
        })
    }

    #[test]
    fn the_kinds_of_401_are_told_apart_by_id() {
        assert_eq!(
            error(401, "api.context.session_expired.app_error").kind(),
            ApiErrorKind::TokenRejected
        );
        assert_eq!(
            error(401, "api.user.update_active.not_enable.app_error").kind(),
            ApiErrorKind::Ourselves
        );
        assert_eq!(
            error(401, "api.user.delete_user.not_enabled.app_error").kind(),
            ApiErrorKind::DeletionNotEnabled
        );
        assert_eq!(
            error(401, "api.anything.else.app_error").kind(),
            ApiErrorKind::Other
        );
    }

    #[test]
    fn only_a_clean_refusal_and_no_connection_prove_that_nothing_happened() {
        assert!(write(error(400, "app.user.save.username_exists.app_error")).surely_unchanged());
        assert!(write(error(429, "")).surely_unchanged());
        for unsure in [
            error(500, "app.user.save.app_error"),
            error(502, ""),
            error(403, ""),
            error(301, ""),
        ] {
            assert!(matches!(write(unsure), WriteError::Unknown(_)));
        }
        let send = |error| {
            WriteError::from_write(CallError::Send {
                call: "PUT /x".into(),
                error,
            })
        };
        let not_connected = SendError::NotConnected {
            to: "x".into(),
            why: "refused".into(),
        };
        assert!(matches!(send(not_connected), WriteError::NotSent(_)));
        for unsure in [
            SendError::Broken {
                why: "reset".into(),
            },
            SendError::Timeout {
                after: Duration::from_secs(1),
            },
            SendError::TooLarge { limit: 1 },
        ] {
            assert!(matches!(send(unsure), WriteError::Unknown(_)));
        }
    }

    #[test]
    fn a_timeout_is_told_in_whole_seconds() {
        let after = Duration::from_millis(30_004);
        let message = SendError::Timeout { after }.to_string();
        assert_eq!(message, "no answer within 30 s");
    }

    #[test]
    fn a_missing_call_is_not_a_missing_user() {
        assert_eq!(
            error(404, "api.context.404.app_error").kind(),
            ApiErrorKind::NotOffered
        );
        // A proxy's page tells nothing about what the server offers.
        assert_eq!(error(404, "").kind(), ApiErrorKind::Foreign);
        assert_eq!(
            error(404, "app.user.missing_account.const").kind(),
            ApiErrorKind::NotFound
        );
    }
}
