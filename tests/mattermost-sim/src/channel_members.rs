//! Who is in a channel.

use serde_json::{Value, json};

use crate::call::{Call, path_id};
use crate::channels::ChannelMember;
use crate::errors::{ApiError, Outcome, created, done, ok};
use crate::options::Version;
use crate::world::{World, text};

/// At most so many users a call.
const BATCH: usize = 1000;

/// `POST /channels/{id}/members`: one user, or from 6.x on several.
pub(crate) fn add(world: &mut World, call: &Call, channel: &str) -> Outcome {
    let who = world.who(call)?;
    let channel = path_id(channel, "channel_id")?;
    let body = call.object("channel_member")?;
    let one = text(&body, "user_id").to_owned();
    if !one.is_empty() {
        who.must_be_admin()?;
        join(world, channel, &one)?;
        return created(&shown(world, channel, &one)?);
    }
    if world.version < Version::V10_9 {
        return Err(ApiError::body("user_id"));
    }
    let many = body["user_ids"].as_array().cloned().unwrap_or_default();
    if many.is_empty() || many.len() > BATCH {
        return Err(ApiError::body("user_ids"));
    }
    who.must_be_admin()?;
    let mut rows = Vec::new();
    let mut last = None;
    for user in many.iter().filter_map(Value::as_str) {
        match join(world, channel, user) {
            Ok(()) => rows.push(shown(world, channel, user)?),
            Err(error) => last = Some(error),
        }
    }
    // Who cannot be added is left out silently, unless nobody could.
    match last.filter(|_| rows.is_empty()) {
        Some(error) => Err(error),
        None => created(&rows),
    }
}

fn join(world: &mut World, channel: &str, user: &str) -> Result<(), ApiError> {
    world.user(user)?;
    let team = world.channel(channel)?.team_id.clone();
    world.team_member_now(&team, user)?;
    world.put_channel_member(channel, user, false);
    Ok(())
}

fn shown(world: &World, channel: &str, user: &str) -> Result<Value, ApiError> {
    let key = (channel.to_owned(), user.to_owned());
    let row = world.channel_members.get(&key).ok_or_else(missing)?;
    Ok(row.json(world.version))
}

fn missing() -> ApiError {
    ApiError::new(
        404,
        "app.channel.get_member.missing.app_error",
        "No channel member found for that user ID and channel ID.",
    )
}

/// `GET /channels/{id}/members`, by user id.
pub(crate) fn list(world: &World, call: &Call, channel: &str) -> Outcome {
    world.who(call)?.must_be_admin()?;
    let channel = path_id(channel, "channel_id")?;
    let from = (channel.to_owned(), String::new());
    let rows = world.channel_members.range(from..);
    let rows = rows.take_while(|((of, _), _)| of == channel);
    let shown = |(_, row): (_, &ChannelMember)| row.json(world.version);
    ok(&call.query().page().show(rows, shown))
}

/// `POST /channels/{id}/members/ids`: of the given users those who are in.
pub(crate) fn by_ids(world: &World, call: &Call, channel: &str) -> Outcome {
    world.who(call)?.must_be_admin()?;
    let channel = path_id(channel, "channel_id")?;
    let ids = call.strings("user_ids")?;
    let rows = ids.iter().filter_map(|id| shown(world, channel, id).ok());
    ok(&rows.collect::<Vec<_>>())
}

/// `GET /channels/{id}/members/{user}`.
pub(crate) fn get(world: &World, call: &Call, channel: &str, user: &str) -> Outcome {
    world.who(call)?.must_be_admin()?;
    let (channel, user) = (path_id(channel, "channel_id")?, path_id(user, "user_id")?);
    ok(&shown(world, channel, user)?)
}

/// `PUT /channels/{id}/members/{user}/schemeRoles`.
pub(crate) fn scheme_roles(world: &mut World, call: &Call, channel: &str, user: &str) -> Outcome {
    world.who(call)?.must_be_admin()?;
    let key = (path_id(channel, "channel_id")?, path_id(user, "user_id")?);
    let key = (key.0.to_owned(), key.1.to_owned());
    let body = call.object("scheme_roles")?;
    let row = world.channel_members.get_mut(&key).ok_or_else(missing)?;
    row.is_admin = body["scheme_admin"] == json!(true);
    done()
}

/// `DELETE /channels/{id}/members/{user}`: the second time it is 404.
pub(crate) fn remove(world: &mut World, call: &Call, channel: &str, user: &str) -> Outcome {
    let who = world.who(call)?;
    let (channel, user) = (path_id(channel, "channel_id")?, path_id(user, "user_id")?);
    if !who.is(user) {
        who.must_be_admin()?;
    }
    world.user(user)?;
    if world.channel(channel)?.is_default() {
        return Err(ApiError::new(
            400,
            "api.channel.remove.default.app_error",
            "Unable to remove user from the default channel town-square.",
        ));
    }
    let key = (channel.to_owned(), user.to_owned());
    world.channel_members.remove(&key).ok_or_else(missing)?;
    done()
}

/// `GET /users/{id}/teams/{team}/channels/members`.
pub(crate) fn of_user(world: &World, call: &Call, user: &str, team: &str) -> Outcome {
    let who = world.who(call)?;
    let (user, team) = (path_id(user, "user_id")?, path_id(team, "team_id")?);
    if !who.is(user) {
        who.must_be_admin()?;
    }
    let channels = world
        .channels
        .values()
        .filter(|channel| channel.team_id == team);
    let rows = channels.filter_map(|channel| shown(world, &channel.id, user).ok());
    ok(&rows.collect::<Vec<_>>())
}
