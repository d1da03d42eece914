//! Users: what a user is, and how one is shown to whom.

pub(crate) mod activity;
pub(crate) mod change;
pub(crate) mod create;
pub(crate) mod read;
pub(crate) mod rights;
pub(crate) mod state;
mod valid;

pub(crate) use valid::in_domains;

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::options::Version;

/// A user, with everything that the server knows of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The id, 26 letters and digits.
    pub id: String,
    /// When they were created, in milliseconds since 1970; so all times here.
    pub create_at: i64,
    /// When anything about them changed last.
    pub update_at: i64,
    /// When they were deactivated; 0 while active.
    pub delete_at: i64,
    /// The username, lower case.
    pub username: String,
    /// The password in clear, as nothing is hashed here; empty when they have none.
    pub password: String,
    /// Who they are at the login service.
    pub auth_data: Option<String>,
    /// The login service; empty for a login with password.
    pub auth_service: String,
    /// The address, lower case.
    pub email: String,
    /// Whether the address was verified.
    pub email_verified: bool,
    /// The nickname.
    pub nickname: String,
    /// The first name.
    pub first_name: String,
    /// The last name.
    pub last_name: String,
    /// The position.
    pub position: String,
    /// Roles, separated by spaces.
    pub roles: String,
    /// Free properties.
    pub props: Map<String, Value>,
    /// Notification settings.
    pub notify_props: Map<String, Value>,
    /// When the password was set.
    pub last_password_update: i64,
    /// When they logged in last, in milliseconds since 1970; 0 before, and on 5.38 and 9.1.
    pub last_login: i64,
    /// When the picture was set; negative: when the default one was made; 0: never.
    pub last_picture_update: i64,
    /// The locale.
    pub locale: String,
    /// The time zone.
    pub timezone: Map<String, Value>,
    /// Whether this is a bot's account.
    pub is_bot: bool,
    /// The other server that the user is of, for a channel that is shared; `None` as a rule.
    pub remote_id: Option<String>,
    /// Converted to a bot while the server's cache still has the human (5.38 only).
    pub(crate) stale_human: bool,
    /// Made as a bot, not converted to one: then 11 shows no `remote_id`.
    pub(crate) born_bot: bool,
}

impl User {
    /// Whether they may log in, as far as `delete_at` says.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.delete_at == 0
    }

    /// Whether they are a system administrator.
    #[must_use]
    pub fn is_admin(&self) -> bool {
        self.has_role("system_admin")
    }

    pub(crate) fn has_role(&self, role: &str) -> bool {
        self.roles.split(' ').any(|r| r == role)
    }

    /// Login services whose users get names and address from there (`User.IsOAuthUser`).
    pub(crate) fn is_oauth(&self) -> bool {
        ["gitlab", "google", "office365", "openid"].contains(&self.auth_service.as_str())
    }
}

/// The notification settings of a new user.
pub(crate) fn default_notify_props(version: Version) -> Map<String, Value> {
    let five = json!({
        "channel": "true", "comments": "never", "desktop": "mention", "desktop_sound": "true",
        "email": "true", "first_name": "false", "mention_keys": "", "push": "mention",
        "push_status": "away",
    });
    let status = if version < Version::V10_9 {
        "away"
    } else {
        "online"
    };
    let later = json!({
        "channel": "true", "comments": "never", "desktop": "mention", "desktop_sound": "true",
        "desktop_threads": "all", "email": "true", "email_threads": "all", "first_name": "false",
        "mention_keys": "", "push": "mention", "push_status": status, "push_threads": "all",
    });
    object(if version < Version::V9_1 { five } else { later })
}

pub(crate) fn default_timezone() -> Map<String, Value> {
    object(json!({
        "automaticTimezone": "", "manualTimezone": "", "useAutomaticTimezone": "true",
    }))
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

/// How much of a user is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sight {
    /// To the user themselves, and in the answers of creating and changing.
    Whole,
    /// In lists and single reads, to an administrator.
    ProfileForAdmin,
    /// In lists and single reads, to anybody else.
    Profile,
    /// In the answer of all but 11 to the verification of an address: with the password's hash.
    Leaky,
}

fn is_false(value: &bool) -> bool {
    !value
}

fn is_zero(value: &i64) -> bool {
    *value == 0
}

fn is_empty(map: &&Map<String, Value>) -> bool {
    map.is_empty()
}

/// A user as JSON. The order of the fields is the server's.
#[derive(Debug, Serialize)]
pub(crate) struct UserJson<'a> {
    id: &'a str,
    create_at: i64,
    update_at: i64,
    delete_at: i64,
    username: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    password: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    auth_data: Option<&'a str>,
    auth_service: &'a str,
    email: &'a str,
    #[serde(skip_serializing_if = "is_false")]
    email_verified: bool,
    nickname: &'a str,
    first_name: &'a str,
    last_name: &'a str,
    position: &'a str,
    roles: &'a str,
    #[serde(skip_serializing_if = "is_empty")]
    props: &'a Map<String, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    notify_props: Option<&'a Map<String, Value>>,
    #[serde(skip_serializing_if = "is_zero")]
    last_password_update: i64,
    #[serde(skip_serializing_if = "is_zero")]
    last_picture_update: i64,
    locale: &'a str,
    timezone: &'a Map<String, Value>,
    #[serde(skip_serializing_if = "is_zero")]
    last_login: i64,
    #[serde(skip_serializing_if = "is_false")]
    is_bot: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    remote_id: Option<&'a str>,
    pub(crate) disable_welcome_email: bool,
}

/// What stands for the hash of a password where the server shows it.
const HASH: &str = "$2a$10$simulated.simulated.simulated.simulated.simulated.sim";

/// The user as this version shows them with this much to be seen.
pub(crate) fn show(version: Version, user: &User, sight: Sight) -> UserJson<'_> {
    let auth_data = user.auth_data.as_deref();
    let auth_data = match sight {
        Sight::Leaky => auth_data,
        Sight::Whole | Sight::ProfileForAdmin if version >= Version::V11 => auth_data,
        _ => Some(""),
    };
    let notify_props = match sight {
        Sight::Whole | Sight::Leaky => Some(&user.notify_props),
        Sight::ProfileForAdmin if version >= Version::V10_9 => Some(&user.notify_props),
        _ => None,
    };
    let whole = matches!(sight, Sight::Whole | Sight::Leaky);
    UserJson {
        id: &user.id,
        create_at: user.create_at,
        update_at: user.update_at,
        delete_at: user.delete_at,
        username: &user.username,
        password: (sight == Sight::Leaky).then_some(HASH),
        auth_data,
        auth_service: &user.auth_service,
        email: &user.email,
        email_verified: whole && user.email_verified,
        nickname: &user.nickname,
        first_name: &user.first_name,
        last_name: &user.last_name,
        position: &user.position,
        roles: &user.roles,
        props: &user.props,
        notify_props: notify_props.filter(|map| !map.is_empty()),
        last_password_update: if whole { user.last_password_update } else { 0 },
        last_picture_update: user.last_picture_update,
        locale: &user.locale,
        timezone: &user.timezone,
        last_login: if sight == Sight::Leaky {
            user.last_login
        } else {
            0
        },
        is_bot: user.is_bot,
        remote_id: (version >= Version::V10_9 && !user.born_bot)
            .then(|| user.remote_id.as_deref().unwrap_or_default()),
        disable_welcome_email: false,
    }
}
