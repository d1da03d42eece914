//! Reads what the server says about itself and about us.

use crate::model::{Capabilities, OwnBot, Part, Seats, ServerFacts, Unread, User, Version};

use super::error::{ApiErrorKind, CallError};
use super::reader::{Reader, offered};
use super::transport::AccessKind;
use super::wire::{self, ApiClientConfig, ApiConfig, ApiCount, ApiLimits, ApiUser};

/// From this version on a server can limit its users and has `GET /limits/server`.
const LIMITS_SINCE: Version = Version {
    major: 9,
    minor: 5,
    patch: 0,
};
const VERSION_HEADER: &str = "x-version-id";

impl Reader {
    /// Reads what the server says about itself and about us, with four requests. The owners of our
    /// bot are asked for separately ([`Reader::bot_owners`]). What the server tells only
    /// administrators stays unknown with any other token.
    ///
    /// # Errors
    /// An error if the server could not be asked, or does not tell its version. For a rejected
    /// token it is [`ApiErrorKind::TokenRejected`].
    pub async fn facts(&self) -> Result<ServerFacts, CallError> {
        self.facts_and_owner().await.map(|(facts, _)| facts)
    }

    /// Reads the same, and requires the rights for the work: without them the server would refuse
    /// each person one by one.
    ///
    /// # Errors
    /// The errors of [`Reader::facts`], and [`CallError::NoRights`] if the token's owner is not a
    /// system administrator.
    pub async fn facts_for_work(&self) -> Result<ServerFacts, CallError> {
        let (facts, owner) = self.facts_and_owner().await?;
        match owner.filter(|owner| !owner.is_admin()) {
            Some(owner) => Err(CallError::NoRights {
                owner: owner.username,
            }),
            None => Ok(facts),
        }
    }

    async fn facts_and_owner(&self) -> Result<(ServerFacts, Option<User>), CallError> {
        let way = self.client().way();
        let (own, mut version) = match way {
            AccessKind::Local => (None, None),
            AccessKind::Token => {
                let (user, headers) = self
                    .client()
                    .get_with_headers::<ApiUser>("/users/me")
                    .await?;
                let user = user.into_user().map_err(|bad| CallError::Garbled {
                    call: "GET /users/me".into(),
                    why: bad.why,
                })?;
                (Some(user), headers.get(VERSION_HEADER).cloned())
            }
        };
        let all_rights = way == AccessKind::Local || own.as_ref().is_some_and(User::is_admin);
        let mut unread = Vec::new();
        let mut config = None;
        if all_rights {
            let read = self.client().get_with_headers::<ApiConfig>("/config").await;
            if let Some((read, headers)) = or_unread(read, Part::Settings, &mut unread)? {
                version = version.or_else(|| headers.get(VERSION_HEADER).cloned());
                config = Some(read);
            }
        }
        let version = match version.as_deref().and_then(wire::version) {
            Some(version) => version,
            None => self.version_without_header().await?,
        };
        let mut seats = Seats::Unknown;
        let mut users = None;
        if all_rights && way == AccessKind::Token {
            let read = self.seats(version).await;
            seats = or_unread(read, Part::UserLimit, &mut unread)?.unwrap_or(seats);
            let read = self.user_count().await;
            users = or_unread(read, Part::UserCount, &mut unread)?.flatten();
        }
        let config = config.unwrap_or_default();
        let facts = ServerFacts {
            version,
            own_user: own.as_ref().map(|user| user.id.clone()),
            own_bot: own.as_ref().filter(|own| own.is_bot).map(|own| OwnBot {
                name: own.username.clone(),
                owners: Vec::new(),
                dies_with_owner: config
                    .service_settings
                    .disable_bots_when_owner_is_deactivated,
            }),
            capabilities: capabilities(way),
            seats,
            require_email_verification: config.email_settings.require_email_verification,
            restrict_to_domains: wire::domains(&config.team_settings.restrict_creation_to_domains),
            max_users_per_team: config.team_settings.max_users_per_team,
            mail: config.mail(),
            password_policy: config
                .password_settings
                .map(|settings| settings.policy(version)),
            refused_password: None,
            // Over the socket the server does not check its setting.
            may_delete_users: match way {
                AccessKind::Local => Some(true),
                AccessKind::Token => config.service_settings.enable_api_user_deletion,
            },
            users,
            unread,
        };
        Ok((facts, own))
    }

    /// Reads the version where no answer has it in its header; a proxy may have removed it.
    async fn version_without_header(&self) -> Result<Version, CallError> {
        let path = "/config/client?format=old";
        let config: Result<ApiClientConfig, _> = self.client().get(path).await;
        let version = config
            .ok()
            .and_then(|config| wire::version(&config.version));
        version.ok_or_else(|| CallError::Garbled {
            call: "GET /users/me".into(),
            why: "no header X-Version-Id, and no Version in the client's configuration; is this a \
                  Mattermost, or does a proxy remove both?"
                .into(),
        })
    }

    /// Reads the number of users: deactivated users, bots and other servers' users included.
    async fn user_count(&self) -> Result<Option<u64>, CallError> {
        let all = "include_deleted=true&include_bots=true&include_remote_users=true";
        let path = format!("/users/stats/filtered?{all}");
        let count: Option<ApiCount> = offered(self.client().get(&path).await)?;
        Ok(count.map(|count| count.total_users_count))
    }

    /// Reads the seats. Only an administrator can: to anyone else the server answers zeros, which
    /// also mean "unlimited".
    async fn seats(&self, version: Version) -> Result<Seats, CallError> {
        let limits: ApiLimits = match self.client().get("/limits/server").await {
            Ok(limits) => limits,
            Err(error) if error.kind() == Some(ApiErrorKind::NotOffered) => {
                let too_old = version < LIMITS_SINCE;
                return Ok(if too_old {
                    Seats::Unlimited
                } else {
                    Seats::Unknown
                });
            }
            Err(error) => return Err(error),
        };
        let hard = limits.max_users_hard_limit;
        let limit = if hard > 0 {
            hard
        } else {
            limits.max_users_limit
        };
        Ok(if limit == 0 {
            Seats::Unlimited
        } else {
            Seats::Limited {
                limit,
                active: limits.active_user_count,
            }
        })
    }
}

/// Returns a part of the facts. If something else than Mattermost answered, the part is a gap, and
/// the rest still counts.
fn or_unread<T>(
    result: Result<T, CallError>,
    part: Part,
    unread: &mut Vec<Unread>,
) -> Result<Option<T>, CallError> {
    use ApiErrorKind as K;
    match result {
        // Without a valid token or a connection, nothing can be read at all.
        Err(error)
            if matches!(error, CallError::Garbled { .. })
                || error.kind().is_some_and(|kind| kind != K::TokenRejected) =>
        {
            let why = error.to_string();
            unread.push(Unread { part, why });
            Ok(None)
        }
        other => other.map(Some),
    }
}

/// Returns what each kind of access offers, the same from 5.38 to 11. If a server lacks a call
/// (404), reader and writer use the other one by themselves.
fn capabilities(way: AccessKind) -> Capabilities {
    let all = way == AccessKind::Token;
    Capabilities {
        patch: all,
        team_batch: all,
        team_members_list: all,
    }
}
