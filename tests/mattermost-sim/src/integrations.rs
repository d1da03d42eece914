//! What people build on the server: incoming and outgoing webhooks, slash commands and OAuth
//! applications. They outlive their maker's deactivation.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::call::{Call, path_id};
use crate::errors::{Answer, ApiError, Outcome, created, done, ok};
use crate::options::Version;
use crate::world::{Who, World, text};

/// The kinds of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Incoming,
    Outgoing,
    Command,
    OAuthApp,
}

impl Kind {
    /// The setting that switches it on, and the id of the refusal where it is off.
    fn switch(self) -> (&'static str, &'static str) {
        match self {
            Kind::Incoming => (
                "EnableIncomingWebhooks",
                "api.incoming_webhook.disabled.app_error",
            ),
            Kind::Outgoing => (
                "EnableOutgoingWebhooks",
                "api.outgoing_webhook.disabled.app_error",
            ),
            Kind::Command => ("EnableCommands", "api.command.disabled.app_error"),
            Kind::OAuthApp => (
                "EnableOAuthServiceProvider",
                "api.oauth.allow_oauth.turn_off.app_error",
            ),
        }
    }

    fn missing(self) -> ApiError {
        let id = match self {
            Kind::Incoming => "app.webhooks.get_incoming.app_error",
            Kind::Outgoing => "app.webhooks.get_outgoing.app_error",
            Kind::Command => "store.sql_command.save.get.app_error",
            Kind::OAuthApp => "app.oauth.get_app.find.app_error",
        };
        ApiError::new(404, id, "Unable to get it.")
    }

    fn id_name(self) -> &'static str {
        match self {
            Kind::Incoming | Kind::Outgoing => "hook_id",
            Kind::Command => "command_id",
            Kind::OAuthApp => "app_id",
        }
    }
}

/// One of them.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Integration {
    pub kind: Kind,
    /// Who made it.
    pub owner: String,
    /// Its team; empty for an OAuth application, which has none.
    team: String,
    /// As the server shows it to an administrator.
    shown: Value,
}

/// All of them, by id.
pub(crate) type Integrations = BTreeMap<String, Integration>;

fn enabled(world: &World, kind: Kind) -> Result<(), ApiError> {
    let (setting, off) = kind.switch();
    if world.config.flag("ServiceSettings", setting) {
        Ok(())
    } else {
        Err(ApiError::new(
            501,
            off,
            "The system admin has switched this off.",
        ))
    }
}

/// `POST /hooks/incoming`, `/hooks/outgoing`, `/commands` and `/oauth/apps`. Over the socket the
/// body says whose it shall be.
pub(crate) fn create(world: &mut World, call: &Call, kind: Kind) -> Outcome {
    let who = world.who(call)?;
    let body = call.object("integration")?;
    enabled(world, kind)?;
    who.must_be_admin()?;
    let owner = match &who {
        Who::Local if kind == Kind::Incoming => text(&body, "user_id"),
        Who::Local => text(&body, "creator_id"),
        Who::Admin(id) | Who::Member(id) => id,
    };
    let owner = owner.to_owned();
    let team = match kind {
        Kind::Incoming => world.channel(text(&body, "channel_id"))?.team_id.clone(),
        Kind::Outgoing | Kind::Command => {
            world.team(text(&body, "team_id"))?;
            text(&body, "team_id").to_owned()
        }
        Kind::OAuthApp => String::new(),
    };
    let id = world.ids.make();
    let secret = world.ids.make();
    let mut shown = match kind {
        Kind::Incoming => incoming(&body, &owner, &team),
        Kind::Outgoing => outgoing(&body, &owner, &team, &secret),
        Kind::Command => command(&body, &owner, &team, &secret),
        Kind::OAuthApp => oauth_app(world.version, &body, &owner, &secret),
    };
    let now = world.clock.stamp();
    shown["id"] = json!(id);
    shown["create_at"] = json!(now);
    shown["update_at"] = json!(now);
    if kind != Kind::OAuthApp {
        shown["delete_at"] = json!(0);
    }
    let made = Integration {
        kind,
        owner,
        team,
        shown: shown.clone(),
    };
    world.integrations.insert(id, made);
    created(&shown)
}

fn incoming(body: &Value, owner: &str, team: &str) -> Value {
    json!({
        "user_id": owner, "channel_id": text(body, "channel_id"), "team_id": team,
        "display_name": text(body, "display_name"), "description": text(body, "description"),
        "username": text(body, "username"), "icon_url": text(body, "icon_url"),
        "channel_locked": body["channel_locked"].as_bool().unwrap_or(false),
    })
}

fn outgoing(body: &Value, owner: &str, team: &str, secret: &str) -> Value {
    json!({
        "token": secret, "creator_id": owner, "channel_id": text(body, "channel_id"),
        "team_id": team, "trigger_words": body["trigger_words"], "trigger_when": 0,
        "callback_urls": body["callback_urls"], "display_name": text(body, "display_name"),
        "description": text(body, "description"), "content_type": text(body, "content_type"),
        "username": text(body, "username"), "icon_url": text(body, "icon_url"),
    })
}

fn command(body: &Value, owner: &str, team: &str, secret: &str) -> Value {
    json!({
        "token": secret, "creator_id": owner, "team_id": team, "trigger": text(body, "trigger"),
        "method": text(body, "method"), "username": text(body, "username"),
        "icon_url": text(body, "icon_url"), "auto_complete": false, "auto_complete_desc": "",
        "auto_complete_hint": "", "display_name": text(body, "display_name"),
        "description": text(body, "description"), "url": text(body, "url"), "plugin_id": "",
    })
}

fn oauth_app(version: Version, body: &Value, owner: &str, secret: &str) -> Value {
    let mut shown = json!({
        "creator_id": owner, "client_secret": secret, "name": text(body, "name"),
        "description": text(body, "description"), "icon_url": text(body, "icon_url"),
        "callback_urls": body["callback_urls"], "homepage": text(body, "homepage"),
        "is_trusted": false,
    });
    if version >= Version::V9_1 {
        shown["mattermost_app_id"] = json!("");
    }
    shown
}

/// The lists of them: paged but for commands, which are listed for one team and in one piece.
/// A team that is not there has none.
pub(crate) fn list(world: &World, call: &Call, kind: Kind) -> Outcome {
    let who = world.who(call)?;
    let query = call.query();
    let team = query.get("team_id");
    if kind == Kind::Command && team.is_empty() {
        return Err(ApiError::body("team_id"));
    }
    who.must_be_admin()?;
    enabled(world, kind)?;
    let wanted = world.integrations.values().filter(|integration| {
        integration.kind == kind && (team.is_empty() || integration.team == team)
    });
    let rows = wanted.map(|integration| &integration.shown);
    if kind == Kind::Command {
        ok(&rows.collect::<Vec<_>>())
    } else {
        ok(&query.page().of(rows))
    }
}

/// `DELETE` of one of them.
pub(crate) fn delete(world: &mut World, call: &Call, kind: Kind, id: &str) -> Outcome {
    let who = world.who(call)?;
    let id = path_id(id, kind.id_name())?;
    enabled(world, kind)?;
    who.must_be_admin()?;
    let there = world.integrations.get(id);
    if there.is_none_or(|integration| integration.kind != kind) {
        return Err(kind.missing());
    }
    world.integrations.remove(id);
    done()
}

/// `POST /hooks/{id}`, without credentials: the id is the right to post as the hook's maker,
/// active or not.
pub(crate) fn fire(world: &mut World, call: &Call, id: &str) -> Outcome {
    enabled(world, Kind::Incoming).map_err(|error| {
        ApiError::new(
            501,
            "web.incoming_webhook.disabled.app_error",
            &error.message,
        )
    })?;
    let unknown = ApiError::new(
        400,
        "web.incoming_webhook.invalid.app_error",
        "Invalid webhook.",
    );
    let Ok(body) = call.object("payload") else {
        return Err(ApiError::new(
            400,
            "model.incoming_hook.parse_data.app_error",
            "Unable to parse incoming data.",
        ));
    };
    let hook = world.integrations.get(id);
    let hook = hook.filter(|hook| hook.kind == Kind::Incoming);
    let hook = hook.ok_or(unknown)?.clone();
    let channel = text(&hook.shown, "channel_id").to_owned();
    world.post(&channel, &hook.owner, text(&body, "text"));
    Ok(Answer::plain("ok"))
}
