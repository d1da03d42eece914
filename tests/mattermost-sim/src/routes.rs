//! Which handler answers which call, and by which door.

use serde_json::{Value, json};

use crate::call::{Call, Door};
use crate::errors::{Answer, ApiError, Outcome, ok};
use crate::integrations::Kind;
use crate::options::Version;
use crate::users::{activity, change, create, read, rights, state};
use crate::world::World;
use crate::{
    auth, bots, channel_members, channels, config, integrations, limits, posts, sessions,
    team_members, teams,
};

/// Answers one call: the whole server but for faults and rate limiting.
pub(crate) fn answer(world: &mut World, call: &Call) -> Answer {
    if let (Door::Tcp(_), "POST", Some(hook)) = (
        call.door,
        call.method.as_str(),
        call.path().strip_prefix("/hooks/"),
    ) {
        let outcome = integrations::fire(world, call, hook);
        return marked(world, outcome);
    }
    let Some(segments) = call.segments() else {
        return Answer::no_route(world.version, call.path());
    };
    let parts: Vec<&str> = segments.iter().map(String::as_str).collect();
    if call.door == Door::Local && !is_local(world.version, &call.method, &parts) {
        return Answer::no_route(world.version, call.path());
    }
    let outcome = match parts.first() {
        Some(&"users") => users(world, call, &parts[1..]),
        Some(&"teams") => in_teams(world, call, &parts[1..]),
        Some(&"channels") => in_channels(world, call, &parts[1..]),
        _ => others(world, call, &parts),
    };
    let Some(outcome) = outcome else {
        return Answer::no_route(world.version, call.path());
    };
    marked(world, outcome)
}

/// The answer with the header that every handler's answer has.
fn marked(world: &mut World, outcome: Outcome) -> Answer {
    let answer = match outcome {
        Ok(answer) => answer,
        Err(error) => Answer::error(&error, &world.ids.make()),
    };
    let mark = format!("{}..{}.false", world.version.number(), world.config.mark());
    answer.with("x-version-id", mark)
}

fn others(world: &mut World, call: &Call, parts: &[&str]) -> Option<Outcome> {
    Some(match (call.method.as_str(), parts) {
        ("GET", ["system", "ping"]) => ok(&world.config.ping),
        ("GET", ["config"]) => config::get(world, call),
        ("PUT", ["config", "patch"]) => config::patch(world, call),
        ("GET", ["config", "client"]) => config::client(world, call),
        ("GET", ["license", "client"]) => state::license(),
        ("GET", ["limits", "server"]) if world.version >= Version::V10_9 => {
            limits::server(world, call)
        }
        ("GET", ["roles", "name", name]) => role(world, call, name),
        ("POST", ["bots"]) => bots::create(world, call),
        ("GET", ["bots"]) => bots::list(world, call),
        ("GET", ["bots", id]) => bots::get(world, call, id),
        ("POST", ["bots", id, "enable"]) => bots::switch(world, call, id, true),
        ("POST", ["bots", id, "disable"]) => bots::switch(world, call, id, false),
        ("POST", ["bots", id, "assign", owner]) => bots::assign(world, call, id, owner),
        ("POST", ["posts"]) => posts::create(world, call),
        ("POST", ["server_busy"]) => state::server_busy(world, call),
        _ => return built(world, call, parts),
    })
}

/// What people built.
fn built(world: &mut World, call: &Call, parts: &[&str]) -> Option<Outcome> {
    let (kind, rest) = match parts {
        ["hooks", "incoming", rest @ ..] => (Kind::Incoming, rest),
        ["hooks", "outgoing", rest @ ..] => (Kind::Outgoing, rest),
        ["commands", rest @ ..] => (Kind::Command, rest),
        ["oauth", "apps", rest @ ..] => (Kind::OAuthApp, rest),
        _ => return None,
    };
    Some(match (call.method.as_str(), rest) {
        ("GET", []) => integrations::list(world, call, kind),
        ("POST", []) => integrations::create(world, call, kind),
        ("DELETE", [id]) => integrations::delete(world, call, kind, id),
        _ => return None,
    })
}

fn users(world: &mut World, call: &Call, parts: &[&str]) -> Option<Outcome> {
    Some(match (call.method.as_str(), parts) {
        ("GET", []) => read::list(world, call),
        ("POST", []) => create::create(world, call),
        ("POST", ["login"]) => auth::login(world, call),
        ("POST", ["logout"]) => auth::logout(world, call),
        ("POST", ["ids"]) => read::by_ids(world, call),
        ("POST", ["status", "ids"]) => activity::by_ids(world, call),
        ("POST", ["usernames"]) => read::by_usernames(world, call),
        ("POST", ["search"]) => read::search(world, call),
        ("GET", ["stats"] | ["stats", "filtered"]) => read::stats(world, call),
        ("GET", ["username", name]) => read::by_username(world, call, name),
        ("GET", ["email", email]) => read::by_email(world, call, email),
        ("POST", ["email", "verify"]) => rights::verify_by_link(world, call),
        ("POST", ["password", "reset", "send"]) => rights::send_reset(world, call),
        ("GET", ["tokens"]) if call.door != Door::Local => auth::tokens(world, call, None),
        ("POST", ["tokens", "revoke"]) => auth::revoke_token(world, call),
        ("POST", ["tokens", "disable"]) => auth::switch_token(world, call, false),
        ("POST", ["tokens", "enable"]) => auth::switch_token(world, call, true),
        ("GET", [id]) => read::by_id(world, call, id),
        ("PUT", [id]) => change::put(world, call, id),
        ("DELETE", [id]) => state::delete(world, call, id),
        ("PUT", [id, "patch"]) => change::patch(world, call, &own(world, call, id)),
        ("PUT", [id, "active"]) => state::active(world, call, id),
        ("PUT", [id, "roles"]) => rights::roles(world, call, id),
        ("PUT", [id, "password"]) => rights::password(world, call, id),
        ("PUT", [id, "auth"]) => rights::auth(world, call, id),
        ("POST", [id, "email", "verify", "member"]) => rights::verify(world, call, id),
        ("POST", [id, "demote" | "promote"]) => state::guest(world, call, id),
        ("POST", [id, "convert_to_bot"]) => bots::convert(world, call, id),
        ("POST", [id, "tokens"]) => auth::create_token(world, call, id),
        ("GET", [id, "tokens"]) => auth::tokens(world, call, Some(id)),
        ("GET", [id, "sessions"]) => sessions::list(world, call, id),
        ("POST", [id, "sessions", "revoke", "all"]) => sessions::revoke_all(world, call, id),
        ("POST", [id, "image"]) => state::set_image(world, call, id),
        ("DELETE", [id, "image"]) => state::delete_image(world, call, id),
        ("GET", [id, "teams"]) => teams::of_user(world, call, &own(world, call, id)),
        ("GET", [id, "teams", "members"]) => {
            team_members::of_user(world, call, &own(world, call, id))
        }
        ("GET", [id, "teams", team, "channels", "members"]) => {
            channel_members::of_user(world, call, &own(world, call, id), team)
        }
        _ => return None,
    })
}

/// The caller's own id for `me`.
fn own(world: &World, call: &Call, id: &str) -> String {
    let who = (id == "me").then(|| world.who(call).ok()).flatten();
    who.and_then(|who| who.id().map(str::to_owned))
        .unwrap_or_else(|| id.to_owned())
}

fn in_teams(world: &mut World, call: &Call, parts: &[&str]) -> Option<Outcome> {
    Some(match (call.method.as_str(), parts) {
        ("GET", []) => teams::list(world, call),
        ("POST", []) => teams::create(world, call),
        ("GET", ["name", name]) => teams::by_name(world, call, name),
        ("GET", ["name", name, "exists"]) => teams::exists(world, call, name),
        ("GET", [id]) => teams::by_id(world, call, id),
        ("DELETE", [id]) => teams::archive(world, call, id),
        ("PUT", [id, "patch"]) => teams::patch(world, call, id),
        ("POST", [id, "restore"]) => teams::restore(world, call, id),
        ("GET", [id, "members"]) => team_members::list(world, call, id),
        ("POST", [id, "members"]) => team_members::add(world, call, id),
        ("POST", [id, "members", "batch"]) => team_members::add_batch(world, call, id),
        ("POST", [id, "members", "ids"]) => team_members::by_ids(world, call, id),
        ("GET", [id, "members", user]) => team_members::get(world, call, id, user),
        ("DELETE", [id, "members", user]) => team_members::remove(world, call, id, user),
        ("PUT", [id, "members", user, "schemeRoles"]) => {
            team_members::scheme_roles(world, call, id, user)
        }
        ("GET", [id, "channels", "name", name]) => channels::by_name(world, call, id, name),
        _ => return None,
    })
}

fn in_channels(world: &mut World, call: &Call, parts: &[&str]) -> Option<Outcome> {
    Some(match (call.method.as_str(), parts) {
        ("POST", []) => channels::create(world, call),
        ("POST", ["direct"]) => posts::direct(world, call),
        ("GET", [id]) => channels::by_id(world, call, id),
        ("DELETE", [id]) => channels::archive(world, call, id),
        ("GET", [id, "members"]) => channel_members::list(world, call, id),
        ("POST", [id, "members"]) => channel_members::add(world, call, id),
        ("POST", [id, "members", "ids"]) => channel_members::by_ids(world, call, id),
        ("GET", [id, "members", user]) => channel_members::get(world, call, id, user),
        ("DELETE", [id, "members", user]) => channel_members::remove(world, call, id, user),
        ("PUT", [id, "members", user, "schemeRoles"]) => {
            channel_members::scheme_roles(world, call, id, user)
        }
        _ => return None,
    })
}

/// What the socket serves (`Init…Local` in the server's `api4`), as far as it is simulated.
fn is_local(version: Version, method: &str, parts: &[&str]) -> bool {
    match (method, parts) {
        ("GET", ["system", "ping"] | ["config"] | ["roles", "name", _] | ["bots"])
        | ("PUT", ["config", "patch"])
        | ("GET" | "POST", ["users"] | ["teams"])
        | ("POST", ["users", "ids"] | ["users", "password", "reset", "send"])
        | ("POST", ["users", "tokens", "revoke"])
        | ("GET", ["users", "username" | "email", _]) => true,
        // `/users/tokens` is not served there: it is taken for a user's id.
        ("GET", ["users", "stats"]) => false,
        ("GET", ["bots", _])
        | ("POST", ["bots", _, "enable" | "disable"] | ["bots", _, "assign", _])
        | ("GET" | "POST", ["hooks", "incoming" | "outgoing"] | ["commands"])
        | ("DELETE", ["hooks", "incoming" | "outgoing", _] | ["commands", _]) => true,
        ("GET" | "PUT" | "DELETE", ["users", _])
        | ("PUT", ["users", _, "active" | "roles" | "password"])
        | ("POST", ["users", _, "email", "verify", "member"])
        | ("POST", ["users", _, "convert_to_bot" | "promote" | "demote"])
        | ("GET" | "POST", ["users", _, "tokens"])
        | ("GET", ["teams", "name", _] | ["teams", _])
        | ("DELETE", ["teams", _])
        | ("PUT", ["teams", _, "patch"])
        | ("POST", ["teams", _, "restore" | "members"])
        | ("DELETE", ["teams", _, "members", _])
        | ("GET", ["teams", _, "channels", "name", _])
        | ("POST", ["channels"] | ["channels", _, "members"])
        | ("GET" | "DELETE", ["channels", _])
        | ("GET", ["channels", _, "members"])
        | ("DELETE", ["channels", _, "members", _]) => true,
        ("GET", ["config", "client"]) | ("PUT", ["users", _, "auth"]) => version >= Version::V10_9,
        _ => false,
    }
}

/// `GET /roles/name/{name}`: the one that was recorded.
fn role(world: &mut World, call: &Call, name: &str) -> Outcome {
    world.who(call)?;
    if name != "system_user" {
        return Err(ApiError::new(
            404,
            "app.role.get_by_name.app_error",
            "Unable to get role.",
        ));
    }
    let mut shown: Value = world.config.system_user.clone();
    let now = world.clock.now();
    shown["id"] = json!(world.ids.make());
    shown["create_at"] = json!(now);
    shown["update_at"] = json!(now);
    ok(&shown)
}
