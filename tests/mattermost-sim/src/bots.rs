//! Bots.

use serde_json::{Value, json};

use crate::call::{Call, path_id};
use crate::errors::{ApiError, Outcome, created, ok};
use crate::options::Version;
use crate::world::{World, text};

/// A bot, beside its user account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bot {
    pub user_id: String,
    pub owner_id: String,
    pub create_at: i64,
    pub update_at: i64,
    pub delete_at: i64,
}

impl World {
    fn bot_json(&self, bot: &Bot, display: &str) -> Value {
        let name = self.users.get(&bot.user_id).map(|user| &user.username);
        let mut shown = json!({
            "user_id": bot.user_id, "username": name, "owner_id": bot.owner_id,
            "create_at": bot.create_at, "update_at": bot.update_at, "delete_at": bot.delete_at,
        });
        if let (false, Some(map)) = (display.is_empty(), shown.as_object_mut()) {
            map.insert("display_name".to_owned(), json!(display));
        }
        shown
    }

    /// Makes the account with this id a bot.
    pub(crate) fn add_bot(&mut self, user_id: &str, owner_id: &str) -> Bot {
        let now = self.clock.stamp();
        let bot = Bot {
            user_id: user_id.to_owned(),
            owner_id: owner_id.to_owned(),
            create_at: now,
            update_at: now,
            delete_at: 0,
        };
        self.bots.insert(user_id.to_owned(), bot.clone());
        bot
    }
}

/// `POST /bots`: refused by default.
pub(crate) fn create(world: &mut World, call: &Call) -> Outcome {
    let who = world.who(call)?;
    let body = call.object("bot")?;
    if !world
        .config
        .flag("ServiceSettings", "EnableBotAccountCreation")
    {
        return Err(ApiError::new(
            403,
            "api.bot.create_disabled",
            "Bot creation has been disabled.",
        ));
    }
    who.must_be_admin()?;
    let display = text(&body, "display_name");
    let user = world.save_bot_user(&text(&body, "username").to_lowercase(), display)?;
    let bot = world.add_bot(&user.id, who.id().unwrap_or_default());
    created(&world.bot_json(&bot, display))
}

/// `GET /bots`.
pub(crate) fn list(world: &World, call: &Call) -> Outcome {
    world.who(call)?.must_be_admin()?;
    let query = call.query();
    let orphaned = |bot: &&Bot| {
        let owner = world.users.get(&bot.owner_id);
        owner.is_some_and(|owner| !owner.is_active())
    };
    let wanted = |bot: &&Bot| {
        (bot.delete_at == 0 || query.is("include_deleted"))
            && (!query.is("only_orphaned") || orphaned(bot))
    };
    let shown = world.bots.values().filter(wanted).map(|bot| {
        let user = world.users.get(&bot.user_id);
        world.bot_json(bot, user.map_or("", |user| &user.first_name))
    });
    ok(&query.page().of(shown))
}

/// `POST /users/{id}/convert_to_bot`: the account is its own owner, and frees its seat.
pub(crate) fn convert(world: &mut World, call: &Call, id: &str) -> Outcome {
    world.who(call)?.must_be_admin()?;
    let id = path_id(id, "user_id")?;
    let name = world.user(id)?.username.clone();
    let stale = world.version < Version::V10_9;
    let bot = world.add_bot(id, id);
    world.users.edit(id, |user| {
        user.is_bot = true;
        user.stale_human = stale;
    });
    ok(&world.bot_json(&bot, &name))
}

fn missing() -> ApiError {
    ApiError::new(
        404,
        "store.sql_bot.get.missing.app_error",
        "Bot does not exist.",
    )
}

impl World {
    fn bot(&self, id: &str) -> Result<&Bot, ApiError> {
        self.bots.get(id).ok_or_else(missing)
    }

    fn shown_bot(&self, id: &str) -> Outcome {
        let bot = self.bot(id)?;
        let user = self.users.get(&bot.user_id);
        ok(&self.bot_json(bot, user.map_or("", |user| &user.first_name)))
    }
}

/// `GET /bots/{id}`: a disabled one only with `include_deleted`.
pub(crate) fn get(world: &World, call: &Call, id: &str) -> Outcome {
    world.who(call)?.must_be_admin()?;
    let id = path_id(id, "bot_user_id")?;
    if world.bot(id)?.delete_at != 0 && !call.query().is("include_deleted") {
        return Err(missing());
    }
    world.shown_bot(id)
}

/// `POST /bots/{id}/enable` and `/disable`.
pub(crate) fn switch(world: &mut World, call: &Call, id: &str, active: bool) -> Outcome {
    world.who(call)?.must_be_admin()?;
    let id = path_id(id, "bot_user_id")?;
    world.bot(id)?;
    world.set_active(id, active);
    world.shown_bot(id)
}

/// `POST /bots/{id}/assign/{owner}`: who it belongs to from now on. It stays as it is. A bot gets
/// none, itself not either.
pub(crate) fn assign(world: &mut World, call: &Call, id: &str, owner: &str) -> Outcome {
    world.who(call)?.must_be_admin()?;
    let id = path_id(id, "bot_user_id")?;
    let owner = path_id(owner, "user_id")?;
    world.bot(id)?;
    if world.users.get(owner).is_some_and(|user| user.is_bot) {
        return Err(ApiError::forbidden());
    }
    let now = world.clock.stamp();
    if let Some(bot) = world.bots.get_mut(id) {
        owner.clone_into(&mut bot.owner_id);
        bot.update_at = now;
    }
    world.shown_bot(id)
}
