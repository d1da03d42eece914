//! Channels.

use serde_json::{Value, json};

use crate::call::{Call, path_id};
use crate::errors::{ApiError, Outcome, created, done, ok};
use crate::options::Version;
use crate::world::{World, text};

/// A channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Channel {
    /// The id.
    pub id: String,
    /// When it was created, in milliseconds since 1970; so all times here.
    pub create_at: i64,
    /// When it changed last.
    pub update_at: i64,
    /// When it was archived; 0 while it is not.
    pub delete_at: i64,
    /// The team it belongs to.
    pub team_id: String,
    /// `O` public, `P` private.
    pub kind: String,
    /// The name that people see.
    pub display_name: String,
    /// The name in addresses.
    pub name: String,
    /// Who made it; empty when it came with the team.
    pub creator_id: String,
}

/// Somebody's membership in a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelMember {
    /// The channel.
    pub channel_id: String,
    /// The user.
    pub user_id: String,
    /// Whether they are an administrator of the channel.
    pub is_admin: bool,
    /// When it changed last, in milliseconds since 1970.
    pub update_at: i64,
}

impl ChannelMember {
    pub(crate) fn json(&self, version: Version) -> Value {
        let mut shown = json!({
            "channel_id": self.channel_id, "user_id": self.user_id,
            "roles": if self.is_admin { "channel_user channel_admin" } else { "channel_user" },
            "last_viewed_at": 0, "msg_count": 0, "mention_count": 0, "mention_count_root": 0,
            "msg_count_root": 0, "last_update_at": self.update_at, "scheme_guest": false,
            "scheme_user": true, "scheme_admin": self.is_admin, "explicit_roles": "",
            "notify_props": {
                "desktop": "default", "email": "default", "ignore_channel_mentions": "default",
                "mark_unread": "all", "push": "default",
            },
        });
        if version >= Version::V9_1 {
            shown["urgent_mention_count"] = json!(0);
            shown["notify_props"]["channel_auto_follow_threads"] = json!("off");
        }
        if version >= Version::V11 {
            shown["autotranslation_disabled"] = json!(false);
        }
        shown
    }
}

impl Channel {
    pub(crate) fn json(&self, version: Version) -> Value {
        let mut shown = json!({
            "id": self.id, "create_at": self.create_at, "update_at": self.update_at,
            "delete_at": self.delete_at, "team_id": self.team_id, "type": self.kind,
            "display_name": self.display_name, "name": self.name, "header": "", "purpose": "",
            "last_post_at": 0, "total_msg_count": 0, "extra_update_at": 0,
            "creator_id": self.creator_id, "scheme_id": null, "props": null,
            "group_constrained": null, "shared": null, "total_msg_count_root": 0,
            "policy_id": null,
        });
        if self.kind == "D" {
            shown["shared"] = json!(false);
        }
        if version >= Version::V9_1 {
            shown["last_root_post_at"] = json!(0);
        }
        if version >= Version::V10_9 {
            shown["banner_info"] = Value::Null;
        }
        if version >= Version::V11 {
            shown["autotranslation"] = json!(false);
            shown["policy_enforced"] = json!(false);
            shown["policy_is_active"] = json!(false);
            shown["default_category_name"] = json!("");
        }
        shown
    }

    /// The channel that everybody in a team is in and nobody can leave.
    pub(crate) fn is_default(&self) -> bool {
        self.name == "town-square"
    }
}

fn is_name(version: Version, name: &str) -> bool {
    let alnum = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let legal = |b: u8| alnum(b) || b == b'-' || b == b'_';
    let bytes = name.as_bytes();
    let ends = |at: Option<&u8>| at.is_some_and(|b| alnum(*b));
    let long_enough = bytes.len() >= if version < Version::V9_1 { 2 } else { 1 };
    long_enough && name.bytes().all(legal) && ends(bytes.first()) && ends(bytes.last())
}

/// `POST /channels`: whoever makes it is in it, as its administrator.
pub(crate) fn create(world: &mut World, call: &Call) -> Outcome {
    let who = world.who(call)?;
    let body = call.object("channel")?;
    let team = text(&body, "team_id").to_owned();
    if team.is_empty() {
        return Err(ApiError::body("team_id"));
    }
    if !who.id().is_some_and(|id| world.in_team(&team, id)) {
        who.must_be_admin()?;
    }
    world.team(&team)?;
    let name = text(&body, "name");
    if !is_name(world.version, name) {
        let count = if world.version < Version::V9_1 {
            "2"
        } else {
            "1"
        };
        return Err(ApiError::new(
            400,
            &format!("model.channel.is_valid.{count}_or_more.app_error"),
            &format!("Name must be {count} or more lowercase alphanumeric characters."),
        ));
    }
    if name.len() > 64 {
        // The server's own accident: its check admits it, its database does not.
        return Err(ApiError::new(
            500,
            "app.channel.create_channel.internal_error",
            "Unable to save channel.",
        ));
    }
    if world
        .channels
        .values()
        .any(|c| c.team_id == team && c.name == name)
    {
        return Err(ApiError::new(
            400,
            "store.sql_channel.save_channel.exists.app_error",
            "A channel with that name already exists on the same team.",
        ));
    }
    let display = text(&body, "display_name");
    let creator = who.id().unwrap_or_default();
    let id = world.add_channel(&team, name, display, text(&body, "type"), creator);
    if let Some(creator) = who.id() {
        world.put_channel_member(&id, creator, true);
    }
    created(&world.channel(&id)?.json(world.version))
}

fn missing() -> ApiError {
    ApiError::new(
        404,
        "app.channel.get.existing.app_error",
        "Unable to find the existing channel.",
    )
}

impl World {
    pub(crate) fn channel(&self, id: &str) -> Result<&Channel, ApiError> {
        self.channels.get(id).ok_or_else(missing)
    }

    fn add_channel(
        &mut self,
        team: &str,
        name: &str,
        display: &str,
        kind: &str,
        creator: &str,
    ) -> String {
        let now = self.clock.stamp();
        let id = self.ids.make();
        let channel = Channel {
            id: id.clone(),
            create_at: now,
            update_at: now,
            delete_at: 0,
            team_id: team.to_owned(),
            kind: kind.to_owned(),
            display_name: display.to_owned(),
            name: name.to_owned(),
            creator_id: creator.to_owned(),
        };
        self.channels.insert(id.clone(), channel);
        id
    }

    /// The direct channel of two, made where it is not there yet.
    pub(crate) fn direct_channel(&mut self, first: &str, second: &str) -> String {
        let (low, high) = if first <= second {
            (first, second)
        } else {
            (second, first)
        };
        let name = format!("{low}__{high}");
        let mut found = self
            .channels
            .values()
            .filter(|channel| channel.name == name);
        if let Some(channel) = found.next() {
            return channel.id.clone();
        }
        let id = self.add_channel("", &name, "", "D", first);
        self.put_channel_member(&id, first, false);
        self.put_channel_member(&id, second, false);
        id
    }

    /// The two channels that come with every team.
    pub(crate) fn add_default_channels(&mut self, team: &str) {
        self.add_channel(team, "town-square", "Town Square", "O", "");
        self.add_channel(team, "off-topic", "Off-Topic", "O", "");
    }

    pub(crate) fn put_channel_member(&mut self, channel: &str, user: &str, is_admin: bool) {
        let key = (channel.to_owned(), user.to_owned());
        let row = ChannelMember {
            channel_id: key.0.clone(),
            user_id: key.1.clone(),
            is_admin,
            update_at: self.clock.now(),
        };
        self.channel_members.entry(key).or_insert(row);
    }

    pub(crate) fn join_default_channels(&mut self, team: &str, user: &str) {
        let wanted = self.channels.values().filter(|channel| {
            channel.team_id == team && ["town-square", "off-topic"].contains(&&*channel.name)
        });
        let wanted: Vec<String> = wanted.map(|channel| channel.id.clone()).collect();
        for channel in wanted {
            self.put_channel_member(&channel, user, false);
        }
    }

    /// Who leaves a team leaves its channels.
    pub(crate) fn leave_channels(&mut self, team: &str, user: &str) {
        let of_team = self
            .channels
            .values()
            .filter(|channel| channel.team_id == team);
        for channel in of_team {
            self.channel_members
                .remove(&(channel.id.clone(), user.to_owned()));
        }
    }
}

/// `GET /teams/{id}/channels/name/{name}`: archived ones only when asked for.
pub(crate) fn by_name(world: &World, call: &Call, team: &str, name: &str) -> Outcome {
    let who = world.who(call)?;
    let team = path_id(team, "team_id")?;
    let gone = call.query().is("include_deleted");
    let mut found = world.channels.values().filter(|channel| {
        channel.team_id == team && channel.name == name && (gone || channel.delete_at == 0)
    });
    let unknown = || {
        ApiError::new(
            404,
            "app.channel.get_by_name.missing.app_error",
            "Channel does not exist.",
        )
    };
    let channel = found.next().ok_or_else(unknown)?;
    let key = |id: &str| (channel.id.clone(), id.to_owned());
    let inside = who
        .id()
        .is_some_and(|id| world.channel_members.contains_key(&key(id)));
    if !inside && channel.kind != "O" {
        who.must_be_admin()?;
    }
    ok(&channel.json(world.version))
}

/// `GET /channels/{id}`.
pub(crate) fn by_id(world: &World, call: &Call, id: &str) -> Outcome {
    world.who(call)?.must_be_admin()?;
    let channel = world.channel(path_id(id, "channel_id")?)?;
    ok(&channel.json(world.version))
}

/// `DELETE /channels/{id}`: archives it.
pub(crate) fn archive(world: &mut World, call: &Call, id: &str) -> Outcome {
    world.who(call)?.must_be_admin()?;
    let id = path_id(id, "channel_id")?;
    if world.channel(id)?.is_default() {
        return Err(ApiError::new(
            400,
            "api.channel.delete_channel.cannot.app_error",
            "Unable to delete the default channel town-square.",
        ));
    }
    let now = world.clock.stamp();
    if let Some(channel) = world.channels.get_mut(id) {
        channel.delete_at = now;
        channel.update_at = now;
    }
    done()
}
