//! Posts and direct channels.

use serde_json::{Value, json};

use crate::call::Call;
use crate::errors::{ApiError, Outcome, created};
use crate::options::Version;
use crate::world::{World, text};

/// A post.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Post {
    /// The id.
    pub id: String,
    /// When it was made, in milliseconds since 1970.
    pub create_at: i64,
    /// Where it stands.
    pub channel_id: String,
    /// Who wrote it.
    pub user_id: String,
    /// What it says.
    pub message: String,
}

impl Post {
    fn json(&self, version: Version) -> Value {
        let mut shown = json!({
            "id": self.id, "create_at": self.create_at, "update_at": self.create_at,
            "edit_at": 0, "delete_at": 0, "is_pinned": false, "user_id": self.user_id,
            "channel_id": self.channel_id, "root_id": "", "original_id": "",
            "message": self.message, "type": "", "props": {}, "hashtags": "",
            "pending_post_id": "", "reply_count": 0, "last_reply_at": 0, "participants": null,
            "metadata": {},
        });
        if version < Version::V9_1 {
            shown["parent_id"] = json!("");
        }
        if version >= Version::V10_9 {
            shown["file_ids"] = json!([]);
            shown["remote_id"] = json!("");
        }
        shown
    }
}

impl World {
    pub(crate) fn post(&mut self, channel: &str, user: &str, message: &str) -> Post {
        let post = Post {
            id: self.ids.make(),
            create_at: self.clock.stamp(),
            channel_id: channel.to_owned(),
            user_id: user.to_owned(),
            message: message.to_owned(),
        };
        self.posts.push(post.clone());
        post
    }
}

/// `POST /posts`. A channel that is not there is one in which nobody may post.
pub(crate) fn create(world: &mut World, call: &Call) -> Outcome {
    let who = world.who(call)?;
    let body = call.object("post")?;
    let channel = text(&body, "channel_id").to_owned();
    let (Some(author), true) = (who.id(), world.channels.contains_key(&channel)) else {
        return Err(ApiError::forbidden());
    };
    let member = (channel.clone(), author.to_owned());
    if !world.channel_members.contains_key(&member) {
        who.must_be_admin()?;
    }
    let post = world.post(&channel, author, text(&body, "message"));
    created(&post.json(world.version))
}

/// `POST /channels/direct`: the channel of these two, made where it is not there yet.
pub(crate) fn direct(world: &mut World, call: &Call) -> Outcome {
    let who = world.who(call)?;
    let pair = call.strings("user_ids")?;
    let [first, second] = pair.as_slice() else {
        return Err(ApiError::body("user_ids"));
    };
    if !pair.iter().any(|id| who.is(id)) {
        who.must_be_admin()?;
    }
    for id in &pair {
        world.user(id)?;
    }
    let id = world.direct_channel(first, second);
    created(&world.channel(&id)?.json(world.version))
}
