//! `POST /users`.

use serde_json::{Map, Value, json};

use super::valid::{check, check_password, in_domains, is_locale};
use super::{Sight, User, default_notify_props, default_timezone, show};
use crate::call::Call;
use crate::errors::{ApiError, Outcome, created};
use crate::mail::MailKind;
use crate::options::Version;
use crate::world::{Taken, Who, World, text};

/// `POST /users`: by an administrator, over the socket, or by whoever comes first to an empty
/// server. The route asks for no session (`api4.InitUser`), so that a token that is no longer
/// good is refused as a stranger is, with 403 and not 401.
pub(crate) fn create(world: &mut World, call: &Call) -> Outcome {
    let who = world.who(call).unwrap_or(Who::Member(String::new()));
    let body = call.object("user")?;
    if !who.is_admin() && !world.users.is_empty() {
        return Err(closed_server(world));
    }
    let quiet = body["disable_welcome_email"] == json!(true);
    let user = save(world, &who, &body)?;
    if !quiet {
        world.send(MailKind::Welcome, &user, &user.email);
    }
    let mut shown = show(world.version, &user, Sight::Whole);
    shown.disable_welcome_email = quiet;
    created(&shown)
}

/// The refusal for somebody who would sign up without help.
fn closed_server(world: &World) -> ApiError {
    let open = world.config.flag("TeamSettings", "EnableOpenServer");
    if open {
        ApiError::forbidden()
    } else {
        ApiError::new(
            403,
            "api.user.create_user.no_open_server",
            "This server does not allow open signups.",
        )
    }
}

/// Checks and stores a new user, without mail.
pub(crate) fn save(world: &mut World, who: &Who, body: &Value) -> Result<User, ApiError> {
    if world.is_full() {
        return Err(ApiError::new(
            400,
            "api.user.create_user.user_limits.exceeded",
            "Can't create user. Server exceeds maximum licensed users.",
        ));
    }
    let user = fresh(world, who, body);
    let free_of_domains = ["ldap", "saml"].contains(&user.auth_service.as_str());
    let domains = world
        .config
        .words("TeamSettings", "RestrictCreationToDomains");
    if !free_of_domains && !in_domains(&user.email, domains) {
        return Err(ApiError::new(
            400,
            "api.user.create_user.accepted_domain.app_error",
            "The email you provided does not belong to an accepted domain.",
        ));
    }
    if user.auth_service.is_empty() {
        check_password(world.version, &world.config, &user.password)?;
    }
    check(&user)?;
    if let Some(taken) = world.users.taken(&user) {
        return Err(taken.error());
    }
    world.users.put(user.clone());
    Ok(user)
}

/// The user that a body asks for, before any check.
fn fresh(world: &mut World, who: &Who, body: &Value) -> User {
    let now = world.clock.stamp();
    let first = world.users.is_empty();
    let mut username = text(body, "username").to_lowercase();
    if username.is_empty() {
        // The server's own accident: nobody asked for a random name.
        let prefix = if world.version < Version::V9_1 {
            ""
        } else {
            "a"
        };
        username = format!("{prefix}{}", world.ids.make());
    }
    let default = world
        .config
        .words("LocalizationSettings", "DefaultClientLocale");
    let locale = text(body, "locale");
    let locale = if is_locale(locale) { locale } else { default };
    let auth_data = text(body, "auth_data");
    User {
        create_at: now,
        update_at: now,
        delete_at: 0,
        username,
        password: text(body, "password").to_owned(),
        auth_data: (!auth_data.is_empty()).then(|| auth_data.to_owned()),
        auth_service: text(body, "auth_service").to_owned(),
        email: text(body, "email").to_lowercase(),
        email_verified: who.is_admin() && body["email_verified"] == json!(true),
        nickname: text(body, "nickname").to_owned(),
        first_name: text(body, "first_name").to_owned(),
        last_name: text(body, "last_name").to_owned(),
        position: text(body, "position").to_owned(),
        roles: if first {
            "system_admin system_user"
        } else {
            "system_user"
        }
        .to_owned(),
        props: map(body, "props").unwrap_or_default(),
        notify_props: filled(map(body, "notify_props"))
            .unwrap_or_else(|| default_notify_props(world.version)),
        last_password_update: now,
        last_login: 0,
        last_picture_update: 0,
        locale: locale.to_owned(),
        timezone: filled(map(body, "timezone")).unwrap_or_else(default_timezone),
        is_bot: false,
        stale_human: false,
        born_bot: false,
        remote_id: None,
        id: world.ids.make(),
    }
}

pub(crate) fn map(body: &Value, key: &str) -> Option<Map<String, Value>> {
    body.get(key).and_then(Value::as_object).cloned()
}

pub(crate) fn filled(map: Option<Map<String, Value>>) -> Option<Map<String, Value>> {
    map.filter(|map| !map.is_empty())
}

impl World {
    /// Stores a bot's account with this name; it needs no seat and no password.
    pub(crate) fn save_bot_user(&mut self, name: &str, display: &str) -> Result<User, ApiError> {
        let body = json!({
            "username": name, "email": format!("{name}@localhost"), "first_name": display,
        });
        let mut user = fresh(self, &Who::Local, &body);
        user.is_bot = true;
        user.born_bot = true;
        check(&user)?;
        match self.users.taken(&user) {
            Some(Taken::Username | Taken::Email) => Err(Taken::Username.error()),
            Some(taken) => Err(taken.error()),
            None => {
                self.users.put(user.clone());
                Ok(user)
            }
        }
    }
}
