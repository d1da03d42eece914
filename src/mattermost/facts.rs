//! What the server says of itself and of us.

use crate::model::{Capabilities, OwnBot, Seats, ServerFacts, User, Version};

use super::error::{ApiErrorKind, CallError};
use super::reader::Reader;
use super::transport::Way;
use super::wire::{self, ApiConfig, ApiLimits, ApiUser};

/// From this version on a server knows a limit of users and `GET /limits/server`.
const LIMITS_SINCE: Version = Version {
    major: 9,
    minor: 5,
    patch: 0,
};
const VERSION_HEADER: &str = "x-version-id";

impl Reader {
    /// What the server says of itself and of us: three requests. Whose our bot is is another
    /// question ([`Reader::bot_owners`]). What only an administrator is
    /// told stays unknown with any other token; see [`Reader::own_user`] for its roles.
    ///
    /// # Errors
    /// When the server could not be asked, or does not say its version. A dead token is
    /// [`ApiErrorKind::TokenRejected`].
    pub async fn facts(&self) -> Result<ServerFacts, CallError> {
        self.facts_and_owner().await.map(|(facts, _)| facts)
    }

    /// The same before there is work to do: without the rights for it each person would be
    /// refused one by one.
    ///
    /// # Errors
    /// As [`Reader::facts`], and [`CallError::NoRights`] with the token of anybody but a system
    /// administrator.
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
            Way::Local => (None, None),
            Way::Token => {
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
        let all_rights = way == Way::Local || own.as_ref().is_some_and(User::is_admin);
        let mut config = None;
        if all_rights {
            let (read, headers) = self
                .client()
                .get_with_headers::<ApiConfig>("/config")
                .await?;
            version = version.or_else(|| headers.get(VERSION_HEADER).cloned());
            config = Some(read);
        }
        let version =
            version
                .as_deref()
                .and_then(wire::version)
                .ok_or_else(|| CallError::Garbled {
                    call: "GET /users/me".into(),
                    why: "no header X-Version-Id; is this a Mattermost, or does a proxy remove it?"
                        .into(),
                })?;
        let seats = if all_rights && way == Way::Token {
            self.seats(version).await?
        } else {
            Seats::Unknown
        };
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
            // Over the socket the server does not ask its switch.
            may_delete_users: match way {
                Way::Local => Some(true),
                Way::Token => config.service_settings.enable_api_user_deletion,
            },
        };
        Ok((facts, own))
    }

    /// The seats, asked as an administrator: to anyone else the server says zeros, which also
    /// mean "unlimited".
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

/// What each way offers, the same from 5.38 to 11. Where a server turns out to lack a call (404),
/// reader and writer go the other way by themselves.
fn capabilities(way: Way) -> Capabilities {
    let all = way == Way::Token;
    Capabilities {
        patch: all,
        team_batch: all,
        team_members_list: all,
    }
}
