//! Sessions and personal access tokens.

use serde_json::{Value, json};

use crate::call::{Call, path_id};
use crate::errors::{ApiError, Outcome, done, ok};
use crate::options::Version;
use crate::users::{Sight, User, show};
use crate::world::{World, text};

/// A personal access token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    pub id: String,
    pub user_id: String,
    pub description: String,
    pub active: bool,
}

impl Token {
    fn json(&self, secret: Option<&str>) -> Value {
        let mut shown = json!({
            "id": self.id, "user_id": self.user_id, "description": self.description,
            "is_active": self.active,
        });
        if let (Some(secret), Some(map)) = (secret, shown.as_object_mut()) {
            map.insert("token".to_owned(), json!(secret));
        }
        shown
    }
}

impl World {
    /// Whose token this is, if it is good: tokens of inactive users are not, until they are
    /// active again; personal ones of people only while they are switched on.
    pub(crate) fn owner_of(&self, token: &str) -> Option<&User> {
        if let Some(session) = self.sessions.get(token) {
            let user = self.users.get(&session.user_id);
            return user.filter(|user| user.is_active());
        }
        let personal = self.tokens.get(token).filter(|token| token.active)?;
        let user = self.users.get(&personal.user_id)?;
        let on = self
            .config
            .flag("ServiceSettings", "EnableUserAccessTokens");
        (user.is_active() && (on || user.is_bot)).then_some(user)
    }

    fn token(&mut self, id: &str) -> Result<&mut Token, ApiError> {
        let unknown = || {
            ApiError::new(
                404,
                "app.user_access_token.get_by_user.app_error",
                "Unable to get the personal access tokens by user.",
            )
        };
        let mut found = self.tokens.values_mut().filter(|token| token.id == id);
        found.next().ok_or_else(unknown)
    }

    pub(crate) fn make_token(&mut self, user_id: &str, description: &str) -> (Token, String) {
        let token = Token {
            id: self.ids.make(),
            user_id: user_id.to_owned(),
            description: description.to_owned(),
            active: true,
        };
        let secret = self.ids.make();
        self.tokens.insert(secret.clone(), token.clone());
        (token, secret)
    }
}

/// `POST /users/login`: the session's token is in the header `Token`.
pub(crate) fn login(world: &mut World, call: &Call) -> Outcome {
    let body = call.object("login_id")?;
    let name = text(&body, "login_id").to_lowercase();
    let found = world.users.by_username(&name);
    let found = found.or_else(|| world.users.by_email(&name));
    let fits = |user: &&User| {
        !user.password.is_empty() && user.password == text(&body, "password") && !user.is_bot
    };
    let Some(user) = found.filter(fits).cloned() else {
        return Err(ApiError::new(
            401,
            "api.user.login.invalid_credentials_email_username",
            "Enter a valid email or username and/or password.",
        ));
    };
    if !user.is_active() {
        return Err(ApiError::new(
            401,
            "api.user.login.inactive.app_error",
            "Login failed because your account has been deactivated.",
        ));
    }
    let asks = world
        .config
        .flag("EmailSettings", "RequireEmailVerification");
    if asks && !user.email_verified {
        return Err(ApiError::new(
            401,
            "api.user.login.not_verified.app_error",
            "Login failed because email address has not been verified.",
        ));
    }
    let token = world.open_session(&user.id);
    let answer = ok(&show(world.version, &user, Sight::Whole))?.with("token", token);
    if world.version >= Version::V10_9 {
        // A login moves `update_at` there: it writes the time of the last login.
        let now = world.clock.now();
        world.users.edit(&user.id, |user| user.last_login = now);
        world.touch(&user.id);
    }
    Ok(answer)
}

/// `POST /users/logout`.
pub(crate) fn logout(world: &mut World, call: &Call) -> Outcome {
    if let Some(token) = call.bearer() {
        world.sessions.remove(token);
    }
    done()
}

/// `POST /users/{id}/tokens`. While personal tokens are switched off only bots get one; 5.38
/// does not know of a conversion to a bot until the account is changed once more.
pub(crate) fn create_token(world: &mut World, call: &Call, id: &str) -> Outcome {
    let who = world.who(call)?;
    let id = path_id(id, "user_id")?;
    let body = call.object("user_access_token")?;
    let description = text(&body, "description");
    if description.is_empty() {
        return Err(ApiError::body("description"));
    }
    who.must_be_admin()?;
    let user = world.user(id)?;
    let bot = user.is_bot && !user.stale_human;
    if !bot
        && !world
            .config
            .flag("ServiceSettings", "EnableUserAccessTokens")
    {
        return Err(ApiError::new(
            501,
            "app.user_access_token.disabled",
            "Personal access tokens are disabled on this server.",
        ));
    }
    let (token, secret) = world.make_token(id, description);
    ok(&token.json(Some(&secret)))
}

/// `GET /users/{id}/tokens`, and with no id `GET /users/tokens`: all.
pub(crate) fn tokens(world: &World, call: &Call, id: Option<&str>) -> Outcome {
    let who = world.who(call)?;
    if !id.is_some_and(|id| who.is(id)) {
        who.must_be_admin()?;
    }
    let wanted = |token: &&Token| id.is_none_or(|id| token.user_id == id);
    let found = world.tokens.values().filter(wanted);
    let rows: Vec<Value> = call.query().page().of(found.map(|token| token.json(None)));
    ok(&rows)
}

/// `POST /users/tokens/revoke`.
pub(crate) fn revoke_token(world: &mut World, call: &Call) -> Outcome {
    world.who(call)?.must_be_admin()?;
    let body = call.object("token_id")?;
    let id = text(&body, "token_id").to_owned();
    world.token(&id)?;
    world.tokens.retain(|_, token| token.id != id);
    done()
}

/// `POST /users/tokens/disable` and `/enable`: a token that is switched off stays listed.
pub(crate) fn switch_token(world: &mut World, call: &Call, active: bool) -> Outcome {
    world.who(call)?.must_be_admin()?;
    let body = call.object("token_id")?;
    world.token(text(&body, "token_id"))?.active = active;
    done()
}
