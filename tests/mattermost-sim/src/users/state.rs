//! Activating, deactivating and deleting users.

use serde_json::json;

use crate::call::{Call, Door, path_id};
use crate::errors::{ApiError, Outcome, done};
use crate::integrations::Kind;
use crate::options::Version;
use crate::world::{Who, World};

/// `PUT /users/{id}/active`.
pub(crate) fn active(world: &mut World, call: &Call, id: &str) -> Outcome {
    let who = world.who(call)?;
    let id = path_id(id, "user_id")?;
    let body = call.object("active")?;
    let Some(active) = body["active"].as_bool() else {
        return Err(ApiError::body("active"));
    };
    may_end(world, &who, id, active)?;
    let user = world.user(id)?;
    if world.version >= Version::V10_9 && user.auth_service == "ldap" {
        return Err(ApiError::new(
            403,
            "api.user.update_active.cannot_modify_status_when_user_is_managed_by_ldap.app_error",
            "You cannot modify user status. User is managed by LDAP.",
        ));
    }
    if active && !user.is_active() && !user.is_bot && world.is_full() {
        return Err(ApiError::new(
            400,
            "app.user.update_active.user_limit.exceeded",
            "Can't activate user. Server exceeds maximum licensed users.",
        ));
    }
    world.set_active(id, active);
    done()
}

/// Who may activate and deactivate whom: administrators anybody but themselves.
fn may_end(world: &World, who: &Who, id: &str, active: bool) -> Result<(), ApiError> {
    let by_himself = who.is(id) && !active;
    if by_himself && !world.config.flag("TeamSettings", "EnableUserDeactivation") {
        return Err(ApiError::new(
            401,
            "api.user.update_active.not_enable.app_error",
            "You cannot deactivate yourself because this feature is not enabled.",
        ));
    }
    if !by_himself && !who.is_admin() {
        return Err(ApiError::new(
            403,
            "api.user.update_active.permissions.app_error",
            "You do not have the appropriate permissions.",
        ));
    }
    Ok(())
}

/// `DELETE /users/{id}`: deactivates; with `permanent=true` deletes for good, where that is
/// allowed.
pub(crate) fn delete(world: &mut World, call: &Call, id: &str) -> Outcome {
    let who = world.who(call)?;
    let id = path_id(id, "user_id")?;
    may_end(world, &who, id, false)?;
    if world.ghosts.contains_key(id) {
        // The cache knows them still, the database does not (measured on 5.38).
        return Err(ApiError::new(
            400,
            "app.user.update.find.app_error",
            "Unable to find the existing account to update.",
        ));
    }
    world.user(id)?;
    if !call.query().is("permanent") {
        world.set_active(id, false);
        return done();
    }
    let allowed = world
        .config
        .flag("ServiceSettings", "EnableAPIUserDeletion");
    if !allowed && call.door != Door::Local {
        let error_id = if world.version < Version::V11 {
            "api.user.delete_user.not_enabled.app_error"
        } else {
            "api.user.delete_user.not_enabled.for_admin.app_error"
        };
        return Err(ApiError::new(
            401,
            error_id,
            "Permanent user deletion feature is not enabled.",
        ));
    }
    world.set_active(id, false);
    world.delete_for_good(id);
    done()
}

/// `POST /users/{id}/demote` and `/promote`: not in the free edition.
pub(crate) fn guest(world: &World, call: &Call, id: &str) -> Outcome {
    let who = world.who(call)?;
    path_id(id, "user_id")?;
    who.must_be_admin()?;
    Err(ApiError::new(
        501,
        "api.team.demote_user_to_guest.license.error",
        "Your license does not support guest accounts.",
    ))
}

impl World {
    /// Sets the state. Deactivating again moves `delete_at` again.
    pub(crate) fn set_active(&mut self, id: &str, active: bool) {
        let now = self.clock.stamp();
        self.users.edit(id, |user| {
            user.update_at = now;
            user.delete_at = if active { 0 } else { now };
            user.stale_human = false;
        });
        if let Some(bot) = self.bots.get_mut(id) {
            bot.update_at = now;
            bot.delete_at = if active { 0 } else { now };
        }
        if !active {
            self.end_sessions(id);
            self.disable_bots_of(id);
        }
    }

    fn disable_bots_of(&mut self, owner: &str) {
        if !self
            .config
            .flag("ServiceSettings", "DisableBotsWhenOwnerIsDeactivated")
        {
            return;
        }
        let mine = self
            .bots
            .values()
            .filter(|bot| bot.owner_id == owner && bot.user_id != owner && bot.delete_at == 0);
        let mine: Vec<String> = mine.map(|bot| bot.user_id.clone()).collect();
        for bot in mine {
            self.set_active(&bot, false);
        }
    }

    pub(crate) fn delete_for_good(&mut self, id: &str) {
        let Some(user) = self.users.remove(id) else {
            return;
        };
        self.bots.remove(id);
        self.tokens.retain(|_, token| token.user_id != id);
        // OAuth applications stay, with a maker who is no more (measured on 5.38).
        self.integrations
            .retain(|_, made| made.owner != id || made.kind == Kind::OAuthApp);
        self.posts.retain(|post| post.user_id != id);
        for ((team, member), row) in &self.team_members {
            if member == id
                && row.delete_at == 0
                && let Some(team) = self.teams.get_mut(team)
            {
                team.size = team.size.saturating_sub(1);
            }
        }
        self.team_members.retain(|(_, member), _| member != id);
        self.channel_members.retain(|(_, member), _| member != id);
        if self.version < Version::V9_1 {
            self.ghosts.insert(id.to_owned(), user);
        }
    }
}

/// `POST /users/{id}/image`: what begins like a PNG, a JPEG or a GIF passes for a picture.
pub(crate) fn set_image(world: &mut World, call: &Call, id: &str) -> Outcome {
    let who = world.who(call)?;
    let id = path_id(id, "user_id")?;
    let user = world.user(id)?.clone();
    super::change::may_change(&who, &user)?;
    let marks: [&[u8]; 3] = [b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF8"];
    let holds = |mark: &[u8]| call.body.windows(mark.len()).any(|part| part == mark);
    if !marks.iter().any(|mark| holds(mark)) {
        return Err(ApiError::new(
            400,
            "api.user.upload_profile_user.check_image_limits.app_error",
            "Image limits check failed. Resolution is too high.",
        ));
    }
    let now = world.clock.stamp();
    world.users.edit(id, |user| {
        user.last_picture_update = now;
        user.update_at = now;
    });
    done()
}

/// `DELETE /users/{id}/image`: the default picture again.
pub(crate) fn delete_image(world: &mut World, call: &Call, id: &str) -> Outcome {
    let who = world.who(call)?;
    let id = path_id(id, "user_id")?;
    let user = world.user(id)?.clone();
    super::change::may_change(&who, &user)?;
    let now = world.clock.stamp();
    let picture = if world.version < Version::V9_1 {
        0
    } else {
        -now
    };
    world.users.edit(id, |user| {
        user.last_picture_update = picture;
        user.update_at = now;
    });
    done()
}

/// `POST /server_busy`: noticed, without effect on answers.
pub(crate) fn server_busy(world: &World, call: &Call) -> Outcome {
    world.who(call)?.must_be_admin()?;
    done()
}

/// `GET /license/client?format=old`.
pub(crate) fn license() -> Outcome {
    crate::errors::ok(&json!({"IsLicensed": "false"}))
}
