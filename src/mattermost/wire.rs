//! Mattermost's JSON, as far as it is read. Fields that are not named here are never read.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::model::{
    MailSettings, Member, NewUser, Nonce, PasswordPolicy, ProfileField, Rejected, Team, TeamId,
    Timestamp, User, UserId, Version, printable,
};

use super::error::ApiError;
use super::foreign;
use super::ids::is_id;
use super::transport::Response;

/// How many characters of a server's message are shown.
const MESSAGE_CHARS: usize = 300;

/// A user, in the answer of any call that returns one.
#[derive(Clone, Deserialize)]
pub(super) struct ApiUser {
    id: String,
    username: String,
    #[serde(default)]
    email: String,
    #[serde(default)]
    nickname: String,
    #[serde(default)]
    first_name: String,
    #[serde(default)]
    last_name: String,
    #[serde(default)]
    position: String,
    #[serde(default)]
    locale: String,
    #[serde(default)]
    roles: String,
    #[serde(default)]
    auth_service: String,
    #[serde(default)]
    is_bot: bool,
    /// Set for another server's user, who is shown here by a shared channel; otherwise empty.
    #[serde(default)]
    remote_id: Option<String>,
    #[serde(default)]
    create_at: i64,
    #[serde(default)]
    update_at: i64,
    #[serde(default)]
    delete_at: i64,
    #[serde(default)]
    props: Option<Map<String, Value>>,
    /// Only in answers to writes and in some single reads; left out when false.
    #[serde(default)]
    pub email_verified: bool,
}

impl ApiUser {
    /// The fields that are read of a user. Of a person's own `props` only the nonce is read.
    pub(super) const FIELDS: &'static [&'static str] = &[
        "id",
        "username",
        "email",
        "nickname",
        "first_name",
        "last_name",
        "position",
        "locale",
        "roles",
        "auth_service",
        "is_bot",
        "remote_id",
        "create_at",
        "update_at",
        "delete_at",
        "email_verified",
        "props.mattersync",
    ];

    /// Converts the user into the model's type.
    ///
    /// # Errors
    /// An error if its id is not an id.
    pub(super) fn into_user(self) -> Result<User, Rejected<UserId>> {
        if !is_id(&self.id) {
            return Err(Rejected {
                key: None,
                name: self.username,
                why: "the server gave a user id that is not one".into(),
            });
        }
        let profile = [
            (ProfileField::FirstName, self.first_name),
            (ProfileField::LastName, self.last_name),
            (ProfileField::Nickname, self.nickname),
            (ProfileField::Position, self.position),
            (ProfileField::Locale, self.locale),
        ]
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .collect();
        let props = self.props.unwrap_or_default().into_iter();
        Ok(User {
            id: UserId::new(self.id),
            username: self.username.to_lowercase(),
            email: self.email.to_lowercase(),
            profile,
            roles: self.roles.split_whitespace().map(str::to_owned).collect(),
            auth_service: self.auth_service,
            is_bot: self.is_bot,
            is_remote: self.remote_id.is_some_and(|id| !id.is_empty()),
            deactivated_at: moment(self.delete_at),
            created_at: Timestamp(self.create_at),
            updated_at: Timestamp(self.update_at),
            props: props
                .filter_map(|(key, value)| Some((key, value.as_str()?.to_owned())))
                .collect(),
        })
    }
}

#[derive(Deserialize)]
pub(super) struct ApiBot {
    /// The owner: the id of a user or of a plugin.
    #[serde(default)]
    pub owner_id: String,
}

#[derive(Deserialize)]
pub(super) struct ApiTeam {
    id: String,
    name: String,
    display_name: String,
    #[serde(default)]
    delete_at: i64,
    #[serde(default)]
    group_constrained: Option<bool>,
    #[serde(default)]
    allowed_domains: String,
}

impl ApiTeam {
    /// Converts the team into the model's type; `None` if its id is not an id.
    pub(super) fn into_team(self) -> Option<Team> {
        is_id(&self.id).then(|| Team {
            id: TeamId::new(self.id),
            name: self.name,
            display_name: self.display_name,
            archived_at: moment(self.delete_at),
            group_constrained: self.group_constrained == Some(true),
            allowed_domains: domains(&self.allowed_domains),
        })
    }
}

/// A membership of a team.
#[derive(Deserialize)]
pub(super) struct ApiMember {
    user_id: String,
    #[serde(default)]
    delete_at: i64,
}

impl ApiMember {
    /// The fields that are read of a membership.
    pub(super) const FIELDS: &'static [&'static str] = &["user_id", "delete_at"];

    /// Returns the member's user id.
    pub(super) fn user(&self) -> UserId {
        UserId::new(self.user_id.as_str())
    }

    /// Converts the membership into the model's type.
    pub(super) fn member(&self) -> Member {
        Member {
            left_at: moment(self.delete_at),
        }
    }
}

/// A row of the answer to a batch with `graceful`.
#[derive(Deserialize)]
pub(super) struct ApiBatchRow {
    /// The id of the user whom the row is about.
    pub user_id: String,
    /// Why this user was refused.
    #[serde(default)]
    pub error: Option<ApiErrorBody>,
}

/// `GET /limits/server`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ApiLimits {
    /// The number of users at which the server warns.
    #[serde(default)]
    pub max_users_limit: u64,
    /// The number at which the server refuses (from 9.9 on); zero: the same number, or no limit.
    #[serde(default)]
    pub max_users_hard_limit: u64,
    /// The number of active users; bots do not count.
    #[serde(default)]
    pub active_user_count: u64,
}

/// `GET /users/stats/filtered`.
#[derive(Deserialize)]
pub(super) struct ApiCount {
    /// How many users there are of the kinds that were asked for.
    pub total_users_count: u64,
}

/// The part of `GET /config/client` that is read.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ApiClientConfig {
    /// The server's version, as `11.6.0`.
    pub version: String,
}

/// The part of `GET /config` that is read.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct ApiConfig {
    /// The settings for e-mail.
    pub email_settings: ApiEmailSettings,
    /// The settings for teams and for who may join.
    pub team_settings: ApiTeamSettings,
    /// The settings for what the server offers.
    pub service_settings: ApiServiceSettings,
    /// The rules for passwords; `None` where they are not told.
    pub password_settings: Option<ApiPasswordSettings>,
}

impl ApiConfig {
    /// Returns how the server sends e-mail, where it tells.
    pub(super) fn mail(&self) -> Option<MailSettings> {
        let server = self.email_settings.smtp_server.as_ref()?;
        Some(MailSettings {
            server: server.trim().to_owned(),
            port: self.email_settings.smtp_port.trim().to_owned(),
            site_url: self.service_settings.site_url.trim().to_owned(),
        })
    }
}

#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct ApiPasswordSettings {
    /// The smallest number of bytes.
    pub minimum_length: usize,
    /// Whether a lower-case letter is needed.
    pub lowercase: bool,
    /// Whether an upper-case letter is needed.
    pub uppercase: bool,
    /// Whether a digit is needed.
    pub number: bool,
    /// Whether a symbol is needed.
    pub symbol: bool,
}

impl ApiPasswordSettings {
    /// Converts the policy into the model's type. The longest password is not told: up to 9.1 it
    /// has 64 bytes, from 10.9 on 72 (measured).
    pub(super) fn policy(&self, version: Version) -> PasswordPolicy {
        let old = (version.major, version.minor) <= (9, 1);
        PasswordPolicy {
            shortest: self.minimum_length,
            longest: if old { 64 } else { PasswordPolicy::LONGEST },
            lowercase: self.lowercase,
            uppercase: self.uppercase,
            number: self.number,
            symbol: self.symbol,
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct ApiServiceSettings {
    /// Whether a user can be deleted for ever.
    #[serde(rename = "EnableAPIUserDeletion")]
    pub enable_api_user_deletion: Option<bool>,
    /// The address with which links in e-mails begin.
    #[serde(rename = "SiteURL")]
    pub site_url: String,
    /// Whether a bot is disabled together with its owner.
    pub disable_bots_when_owner_is_deactivated: Option<bool>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct ApiEmailSettings {
    /// Whether an address must be verified before the first login.
    pub require_email_verification: Option<bool>,
    /// The server to which e-mails are given; `None` where that is not told.
    #[serde(rename = "SMTPServer")]
    pub smtp_server: Option<String>,
    /// Its port.
    #[serde(rename = "SMTPPort")]
    pub smtp_port: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct ApiTeamSettings {
    /// The largest number of members of a team.
    pub max_users_per_team: Option<u64>,
    /// Domains of addresses that may be used, separated by commas or spaces.
    pub restrict_creation_to_domains: String,
}

#[derive(Clone, Default, Deserialize)]
pub(super) struct ApiErrorBody {
    #[serde(default)]
    id: String,
    #[serde(default)]
    message: String,
    #[serde(default)]
    status_code: u16,
}

impl ApiErrorBody {
    /// Converts the body into an error. `status` is that of the answer, used if the body has none.
    pub(super) fn into_error(self, status: u16) -> ApiError {
        ApiError {
            status: if self.status_code == 0 {
                status
            } else {
                self.status_code
            },
            id: self
                .id
                .chars()
                .filter(|c| !c.is_control())
                .take(100)
                .collect(),
            message: printable(&self.message)
                .chars()
                .take(MESSAGE_CHARS)
                .collect(),
            renewal: None,
        }
    }
}

/// Returns the error that an answer of the server at `base` with another status than 2xx means. An
/// answer that is not Mattermost's own JSON has no id.
pub(super) fn refusal(response: &Response, base: &str) -> ApiError {
    let body: ApiErrorBody = serde_json::from_slice(&response.body).unwrap_or_default();
    let mut error = ApiErrorBody {
        status_code: 0,
        ..body
    }
    .into_error(response.status);
    if !is_error_id(&error.id) {
        error.id.clear();
        error.message = foreign::explain(response, base);
    }
    error
}

/// Returns whether a text is an id of Mattermost's errors, such as `app.user.save.app_error`. Other
/// programs put ids of requests there. If a group has the name of a user, Mattermost itself gives
/// no id.
fn is_error_id(text: &str) -> bool {
    const NONE: &str = "<untranslated>";
    if text == NONE {
        return true;
    }
    let is_part = |part: &str| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
    };
    text.contains('.') && text.split('.').all(is_part)
}

/// Parses a body. The error tells the position of the fault, never the text there.
///
/// # Errors
/// An error if the body is not the expected JSON.
pub(super) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, String> {
    serde_json::from_slice(body).map_err(|e| {
        let what = match e.classify() {
            serde_json::error::Category::Eof => "it ends too early",
            serde_json::error::Category::Data => "it has another form than expected",
            _ => "it is not JSON; does something in front of Mattermost answer instead?",
        };
        format!("{what} (line {}, column {})", e.line(), e.column())
    })
}

/// Returns the body that creates a user.
pub(super) fn new_user(user: &NewUser, password: &str, nonce: &Nonce, verified: bool) -> Value {
    let mut body = Map::new();
    let texts = [
        ("username", user.username.as_str()),
        ("email", user.email.as_str()),
        ("password", password),
    ];
    let fields = user.profile.iter().map(|(f, v)| (f.api_name(), v.as_str()));
    for (name, value) in texts.into_iter().chain(fields) {
        body.insert(name.into(), value.into());
    }
    if verified {
        body.insert("email_verified".into(), true.into());
    }
    body.insert("disable_welcome_email".into(), true.into());
    let props = BTreeMap::from([(User::NONCE_PROP, nonce.as_str())]);
    body.insert("props".into(), serde_json::json!(props));
    body.into()
}

/// Parses the version in a header like `11.6.0..6a04918b….false`.
pub(super) fn version(header: &str) -> Option<Version> {
    let mut numbers = header.split('.').map(str::parse);
    let mut next = || numbers.next()?.ok();
    Some(Version {
        major: next()?,
        minor: next()?,
        patch: next()?,
    })
}

/// Splits `RestrictCreationToDomains` as the server does.
pub(super) fn domains(setting: &str) -> Vec<String> {
    setting
        .to_lowercase()
        .split(|c: char| c == ',' || c == '@' || c.is_whitespace())
        .filter(|domain| !domain.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Encodes a text as one segment of a path (RFC 3986, 3.3).
pub(super) fn segment(text: &str) -> String {
    text.bytes()
        .map(|b| match b {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'@' => {
                char::from(b).to_string()
            }
            _ => format!("%{b:02X}"),
        })
        .collect()
}

fn moment(millis: i64) -> Option<Timestamp> {
    (millis > 0).then_some(Timestamp(millis))
}
