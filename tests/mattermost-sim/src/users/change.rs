//! `PUT /users/{id}/patch` and the whole `PUT /users/{id}`.

use serde_json::{Value, json};

use super::create::{filled, map};
use super::valid::{check, in_domains};
use super::{Sight, User, default_notify_props, show};
use crate::call::{Call, path_id};
use crate::errors::{ApiError, Outcome, ok};
use crate::mail::MailKind;
use crate::options::Version;
use crate::world::{Taken, Who, World, text};

/// `PUT /users/{id}/patch`: only what the body names.
pub(crate) fn patch(world: &mut World, call: &Call, id: &str) -> Outcome {
    let who = world.who(call)?;
    let id = path_id(id, "user_id")?;
    let body = call.object("user")?;
    let unknown = || ApiError::body("user_id");
    let old = world.users.get(id).ok_or_else(unknown)?.clone();
    may_change(&who, &old)?;
    if let Some(field) = provider_field(world, &old, &body) {
        return Err(ApiError::new(
            409,
            "api.user.patch_user.login_provider_attribute_set.app_error",
            &format!("Field '{field}' must be set through user's login provider."),
        ));
    }
    let moves = body["email"].as_str().is_some_and(|e| e != old.email);
    if who.is(id) && moves && text(&body, "password") != old.password {
        return Err(ApiError::body("password"));
    }
    let mut new = old.clone();
    for (key, field) in [
        ("username", &mut new.username),
        ("nickname", &mut new.nickname),
        ("first_name", &mut new.first_name),
        ("last_name", &mut new.last_name),
        ("position", &mut new.position),
        ("email", &mut new.email),
        ("locale", &mut new.locale),
    ] {
        if let Some(value) = body[key].as_str() {
            value.clone_into(field);
        }
    }
    new.props = map(&body, "props").unwrap_or(new.props);
    new.notify_props = map(&body, "notify_props").unwrap_or(new.notify_props);
    new.timezone = map(&body, "timezone").unwrap_or(new.timezone);
    let user = update(world, &old, new)?;
    ok(&show(world.version, &user, Sight::Whole))
}

/// `PUT /users/{id}`: the whole user, as a read gave it.
pub(crate) fn put(world: &mut World, call: &Call, id: &str) -> Outcome {
    let who = world.who(call)?;
    let id = path_id(id, "user_id")?;
    let body = call.object("user")?;
    if text(&body, "id") != id {
        return Err(ApiError::body("user_id"));
    }
    let old = world.user(id)?.clone();
    may_change(&who, &old)?;
    if world.version < Version::V9_1 && body["create_at"].as_i64().unwrap_or(0) == 0 {
        return Err(ApiError::new(
            400,
            "model.user.is_valid.create_at.app_error",
            "Create at must be a valid time.",
        ));
    }
    let new = User {
        username: text(&body, "username").to_owned(),
        email: text(&body, "email").to_owned(),
        nickname: text(&body, "nickname").to_owned(),
        first_name: text(&body, "first_name").to_owned(),
        last_name: text(&body, "last_name").to_owned(),
        position: text(&body, "position").to_owned(),
        locale: text(&body, "locale").to_owned(),
        props: map(&body, "props").unwrap_or_default(),
        notify_props: filled(map(&body, "notify_props"))
            .unwrap_or_else(|| default_notify_props(world.version)),
        timezone: filled(map(&body, "timezone")).unwrap_or_else(super::default_timezone),
        ..old.clone()
    };
    let user = update(world, &old, new)?;
    ok(&show(world.version, &user, Sight::Whole))
}

/// Oneself, or anybody for an administrator; an administrator only for their like.
pub(crate) fn may_change(who: &Who, user: &User) -> Result<(), ApiError> {
    if who.is(&user.id) || who.is_admin() {
        Ok(())
    } else {
        Err(ApiError::forbidden())
    }
}

/// Which field of a patch belongs to the user's login service.
fn provider_field(world: &World, old: &User, body: &Value) -> Option<&'static str> {
    let changes = |key: &str, now: &str| body[key].as_str().is_some_and(|value| value != now);
    if old.auth_service.is_empty() {
        None
    } else if changes("username", &old.username) {
        Some("username")
    } else {
        let names = changes("first_name", &old.first_name) || changes("last_name", &old.last_name);
        (world.version >= Version::V10_9 && old.is_oauth() && names).then_some("full name")
    }
}

/// Stores a changed user as `App.UpdateUser` does, with its rules about addresses and its mail.
fn update(world: &mut World, old: &User, mut new: User) -> Result<User, ApiError> {
    new.username = new.username.to_lowercase();
    new.email = new.email.to_lowercase();
    let asked = new.email.clone();
    if new.email != old.email {
        guard_address(world, old, &mut new)?;
    }
    new.update_at = world.clock.stamp();
    check(&new)?;
    if new.is_oauth() {
        new.email.clone_from(&old.email);
    } else if new.email != old.email {
        new.email_verified = false;
    }
    if let Some(taken) = world.users.taken(&new) {
        return Err(taken.error());
    }
    if new.username != old.username {
        renamed(world, old, &mut new);
    }
    new.stale_human = false;
    world.users.put(new.clone());
    notify(world, old, &new, &asked);
    Ok(new)
}

/// A change of address: the domain must be admitted, and where addresses are verified the old
/// one stays until the new one was clicked.
fn guard_address(world: &World, old: &User, new: &mut User) -> Result<(), ApiError> {
    let domains = world
        .config
        .words("TeamSettings", "RestrictCreationToDomains");
    let free = ["ldap", "saml"].contains(&old.auth_service.as_str());
    if !free && !in_domains(&new.email, domains) {
        return Err(ApiError::new(
            400,
            "api.user.update_user.accepted_domain.app_error",
            "The email you provided does not belong to an accepted domain.",
        ));
    }
    if world
        .config
        .flag("EmailSettings", "RequireEmailVerification")
    {
        if world.users.by_email(&new.email).is_some() {
            return Err(Taken::Email.error());
        }
        if !new.is_bot {
            check(new)?;
            new.email.clone_from(&old.email);
        }
    }
    Ok(())
}

/// What a new username brings with it: mention keys without the old one, and after 5.38 a new
/// default picture.
fn renamed(world: &World, old: &User, new: &mut User) {
    let keys = text(&json!(new.notify_props), "mention_keys").to_owned();
    let at_old = format!("@{}", old.username);
    let kept = keys
        .split(',')
        .filter(|key| *key != old.username && *key != at_old)
        .collect::<Vec<_>>();
    new.notify_props
        .insert("mention_keys".to_owned(), json!(kept.join(",")));
    if world.version >= Version::V9_1 && new.last_picture_update <= 0 {
        new.last_picture_update = -new.update_at;
    }
}

fn notify(world: &mut World, old: &User, new: &User, asked: &str) {
    if asked != old.email && !new.is_oauth() {
        if world
            .config
            .flag("EmailSettings", "RequireEmailVerification")
        {
            world.send(MailKind::Verification, new, asked);
        } else {
            world.send(MailKind::EmailChanged, new, &old.email);
        }
    }
    if new.username != old.username {
        world.send(MailKind::UsernameChanged, new, &new.email);
    }
}
