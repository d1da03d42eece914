//! The state of a server: everything that it knows, behind one lock.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::auth::Token;
use crate::bots::Bot;
use crate::call::{Call, Door};
use crate::channels::{Channel, ChannelMember};
use crate::clock::{Clock, Ids};
use crate::config::Config;
use crate::errors::ApiError;
use crate::faults::Record;
use crate::integrations::Integrations;
use crate::limits::Buckets;
use crate::mail::Mail;
use crate::options::{Options, UserLimit, Version};
use crate::posts::Post;
use crate::sessions::Session;
use crate::teams::{Team, TeamMember};
use crate::users::User;

/// The state of one server.
#[derive(Clone, Debug)]
pub(crate) struct World {
    pub version: Version,
    pub clock: Clock,
    pub ids: Ids,
    pub config: Config,
    pub user_limit: Option<UserLimit>,
    pub mail_server: bool,
    pub latency: std::time::Duration,
    pub users: Users,
    /// Users deleted for good whom the cache of 5.38 goes on to show by id.
    pub ghosts: BTreeMap<String, User>,
    pub bots: BTreeMap<String, Bot>,
    /// Sessions by their token.
    pub sessions: BTreeMap<String, Session>,
    /// Personal access tokens, by their secret.
    pub tokens: BTreeMap<String, Token>,
    pub integrations: Integrations,
    pub posts: Vec<Post>,
    pub teams: BTreeMap<String, Team>,
    pub team_members: BTreeMap<(String, String), TeamMember>,
    pub channels: BTreeMap<String, Channel>,
    pub channel_members: BTreeMap<(String, String), ChannelMember>,
    pub mails: Vec<Mail>,
    /// When users were last active, by id.
    pub activity: BTreeMap<String, i64>,
    pub buckets: Buckets,
    pub record: Record,
}

impl World {
    pub(crate) fn new(options: &Options) -> World {
        let mut config = Config::new(options.version);
        config.patch(&options.config);
        World {
            version: options.version,
            clock: Clock::new(options.now),
            ids: Ids::new(options.seed),
            config,
            user_limit: options.user_limit,
            mail_server: options.mail_server,
            latency: options.latency,
            users: Users::default(),
            ghosts: BTreeMap::new(),
            bots: BTreeMap::new(),
            sessions: BTreeMap::new(),
            tokens: BTreeMap::new(),
            integrations: Integrations::new(),
            posts: Vec::new(),
            teams: BTreeMap::new(),
            team_members: BTreeMap::new(),
            channels: BTreeMap::new(),
            channel_members: BTreeMap::new(),
            mails: Vec::new(),
            activity: BTreeMap::new(),
            buckets: Buckets::default(),
            record: Record::default(),
        }
    }

    /// The user with this id, or the refusal that a single read gives.
    pub(crate) fn user(&self, id: &str) -> Result<&User, ApiError> {
        self.users.get(id).ok_or_else(ApiError::no_user)
    }

    /// Says that the user changed now.
    pub(crate) fn touch(&mut self, id: &str) {
        let now = self.clock.stamp();
        self.users.edit(id, |user| user.update_at = now);
    }

    /// How many hold a seat: active users that are no bots.
    pub(crate) fn seats_taken(&self) -> u64 {
        let taken = self.users.all().filter(|u| u.is_active() && !u.is_bot);
        u64::try_from(taken.count()).unwrap_or(u64::MAX)
    }

    pub(crate) fn is_full(&self) -> bool {
        self.user_limit
            .is_some_and(|limit| limit.hard > 0 && self.seats_taken() >= limit.hard)
    }

    /// Who asks. Over the socket nobody in particular, with full rights.
    pub(crate) fn who(&self, call: &Call) -> Result<Who, ApiError> {
        if call.door == Door::Local {
            return Ok(Who::Local);
        }
        let user = call.bearer().and_then(|token| self.owner_of(token));
        let user = user.ok_or_else(ApiError::session)?;
        Ok(if user.is_admin() {
            Who::Admin(user.id.clone())
        } else {
            Who::Member(user.id.clone())
        })
    }
}

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    /// Whoever may open the socket.
    Local,
    /// A system administrator.
    Admin(String),
    /// Anybody else.
    Member(String),
}

impl Who {
    pub(crate) fn id(&self) -> Option<&str> {
        match self {
            Who::Local => None,
            Who::Admin(id) | Who::Member(id) => Some(id),
        }
    }

    pub(crate) fn is_admin(&self) -> bool {
        !matches!(self, Who::Member(_))
    }

    pub(crate) fn is(&self, user_id: &str) -> bool {
        self.id() == Some(user_id)
    }

    /// Refuses anybody but an administrator.
    pub(crate) fn must_be_admin(&self) -> Result<(), ApiError> {
        if self.is_admin() {
            Ok(())
        } else {
            Err(ApiError::forbidden())
        }
    }
}

/// All users, found by id, username, address and auth data, each of which is unique.
#[derive(Clone, Debug, Default)]
pub(crate) struct Users {
    by_id: BTreeMap<String, User>,
    by_username: BTreeMap<String, String>,
    by_email: BTreeMap<String, String>,
    by_auth_data: BTreeMap<String, String>,
}

impl Users {
    pub(crate) fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    pub(crate) fn get(&self, id: &str) -> Option<&User> {
        self.by_id.get(id)
    }

    pub(crate) fn by_username(&self, name: &str) -> Option<&User> {
        self.by_username.get(name).and_then(|id| self.get(id))
    }

    pub(crate) fn by_email(&self, email: &str) -> Option<&User> {
        self.by_email.get(email).and_then(|id| self.get(id))
    }

    pub(crate) fn by_auth_data(&self, data: &str) -> Option<&User> {
        self.by_auth_data.get(data).and_then(|id| self.get(id))
    }

    /// All, sorted by username, as lists are.
    pub(crate) fn all(&self) -> impl Iterator<Item = &User> {
        self.by_username.values().filter_map(|id| self.get(id))
    }

    /// Puts a user in, or in place of the one with their id. The caller has checked uniqueness.
    pub(crate) fn put(&mut self, user: User) {
        self.remove(&user.id);
        let id = user.id.clone();
        self.by_username.insert(user.username.clone(), id.clone());
        self.by_email.insert(user.email.clone(), id.clone());
        if let Some(data) = &user.auth_data {
            self.by_auth_data.insert(data.clone(), id.clone());
        }
        self.by_id.insert(id, user);
    }

    /// Changes a user in place; `None` when there is no such user.
    pub(crate) fn edit<T>(&mut self, id: &str, change: impl FnOnce(&mut User) -> T) -> Option<T> {
        let mut user = self.by_id.get(id)?.clone();
        let result = change(&mut user);
        self.put(user);
        Some(result)
    }

    pub(crate) fn remove(&mut self, id: &str) -> Option<User> {
        let user = self.by_id.remove(id)?;
        self.by_username.remove(&user.username);
        self.by_email.remove(&user.email);
        if let Some(data) = &user.auth_data {
            self.by_auth_data.remove(data);
        }
        Some(user)
    }

    /// Whose username, auth data or address this user would take, in the order in which the
    /// database checks its unique indexes.
    pub(crate) fn taken(&self, user: &User) -> Option<Taken> {
        let other = |found: Option<&User>| found.is_some_and(|f| f.id != user.id);
        if other(self.by_username(&user.username)) {
            return Some(Taken::Username);
        }
        let data = user.auth_data.as_deref();
        if data.is_some_and(|data| other(self.by_auth_data(data))) {
            return Some(Taken::AuthData);
        }
        other(self.by_email(&user.email)).then_some(Taken::Email)
    }
}

/// What two users cannot both have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    Username,
    AuthData,
    Email,
}

impl Taken {
    pub(crate) fn error(self) -> ApiError {
        match self {
            Taken::Username => ApiError::new(
                400,
                "app.user.save.username_exists.app_error",
                "An account with that username already exists.",
            ),
            Taken::Email => ApiError::new(
                400,
                "app.user.save.email_exists.app_error",
                "An account with that email already exists.",
            ),
            Taken::AuthData => ApiError::new(
                500,
                "app.user.save.app_error",
                "Unable to save the account.",
            ),
        }
    }
}

/// A text of a JSON object, empty where it is missing or no text.
pub(crate) fn text<'a>(body: &'a Value, key: &str) -> &'a str {
    body.get(key).and_then(Value::as_str).unwrap_or_default()
}
