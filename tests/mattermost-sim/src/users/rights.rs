//! Roles, passwords, verified addresses, login services.

use serde_json::json;

use super::valid::check_password;
use super::{Sight, show};
use crate::call::{Call, path_id};
use crate::errors::{ApiError, Outcome, done, ok};
use crate::mail::MailKind;
use crate::options::Version;
use crate::world::{World, text};

const ROLES: [&str; 7] = [
    "system_user",
    "system_admin",
    "system_guest",
    "system_post_all",
    "system_post_all_public",
    "system_user_access_token",
    "system_user_manager",
];

/// Roles that the free edition has and does not give.
const LICENSED: [&str; 3] = [
    "system_user_manager",
    "system_read_only_admin",
    "system_manager",
];

/// `PUT /users/{id}/roles`.
pub(crate) fn roles(world: &mut World, call: &Call, id: &str) -> Outcome {
    let who = world.who(call)?;
    let id = path_id(id, "user_id")?;
    let body = call.object("roles")?;
    let Some(roles) = body["roles"].as_str() else {
        return Err(ApiError::body("roles"));
    };
    who.must_be_admin()?;
    let names = || roles.split_whitespace();
    if names().any(|role| LICENSED.contains(&role)) {
        return Err(ApiError::new(
            400,
            "api.user.update_user_roles.license.app_error",
            "This role cannot be assigned to a user without a valid license.",
        ));
    }
    let groups = world.version >= Version::V9_1;
    let known = |role: &str| ROLES.contains(&role) || groups && role == "system_custom_group_admin";
    let user = world.user(id)?;
    if !names().all(known) || names().next().is_none() {
        return Err(ApiError::new(
            400,
            "app.role.check_roles_exist.role_not_found",
            "The provided role does not exist",
        ));
    }
    let keeps = names().any(|role| role == "system_admin");
    if world.version >= Version::V10_9 && user.is_admin() && !keeps {
        let mut others = world
            .users
            .all()
            .filter(|u| u.is_admin() && u.is_active() && u.id != id);
        if others.next().is_none() {
            return Err(ApiError::new(
                400,
                "app.user.update.lastAdmin.app_error",
                "Cannot demote last System Admin.",
            ));
        }
    }
    let now = world.clock.stamp();
    world.users.edit(id, |user| {
        roles.clone_into(&mut user.roles);
        user.update_at = now;
        user.stale_human = false;
    });
    done()
}

/// `POST /users/{id}/email/verify/member`. The answer shows the user as they were before, and on
/// 5.38 with the hash of their password.
pub(crate) fn verify(world: &mut World, call: &Call, id: &str) -> Outcome {
    world.who(call)?.must_be_admin()?;
    let id = path_id(id, "user_id")?;
    let before = world.user(id)?.clone();
    let now = world.clock.stamp();
    world.users.edit(id, |user| {
        user.email_verified = true;
        user.update_at = now;
    });
    let sight = if world.version < Version::V11 {
        Sight::Leaky
    } else {
        Sight::ProfileForAdmin
    };
    ok(&show(world.version, &before, sight))
}

/// `POST /users/email/verify`: the link of a verification mail.
pub(crate) fn verify_by_link(world: &mut World, call: &Call) -> Outcome {
    let body = call.object("token")?;
    if world.click(text(&body, "token")) {
        done()
    } else {
        Err(ApiError::new(
            400,
            "api.user.verify_email.bad_link.app_error",
            "Bad verify email link.",
        ))
    }
}

/// `PUT /users/{id}/password`: by an administrator without the old one. A user bound to a login
/// service logs in by password from then on (`UserStore.UpdatePassword` clears the binding).
pub(crate) fn password(world: &mut World, call: &Call, id: &str) -> Outcome {
    let who = world.who(call)?;
    let id = path_id(id, "user_id")?;
    let body = call.object("new_password")?;
    let new = text(&body, "new_password").to_owned();
    let user = world.user(id)?.clone();
    if who.is(id) {
        let given = text(&body, "current_password");
        if given.is_empty() {
            return Err(ApiError::body("current_password"));
        }
        if given != user.password {
            return Err(ApiError::new(
                400,
                "api.user.update_password.incorrect.app_error",
                "The \"Current Password\" you entered is incorrect.",
            ));
        }
    } else {
        who.must_be_admin()?;
    }
    check_password(world.version, &world.config, &new)?;
    let now = world.clock.stamp();
    world.users.edit(id, |user| {
        user.password = new;
        user.auth_data = None;
        user.auth_service.clear();
        user.last_password_update = now;
        user.update_at = now;
    });
    world.send(MailKind::PasswordChanged, &user, &user.email);
    done()
}

/// `PUT /users/{id}/auth`: binds a user to a login service; there is no way back to e-mail.
pub(crate) fn auth(world: &mut World, call: &Call, id: &str) -> Outcome {
    world.who(call)?.must_be_admin()?;
    let id = path_id(id, "user_id")?;
    let body = call.object("user")?;
    let (service, data) = (text(&body, "auth_service"), text(&body, "auth_data"));
    if service.is_empty() || data.is_empty() {
        return Err(ApiError::new(
            400,
            "api.user.update_user_auth.invalid_request",
            "Request is missing either AuthData or AuthService parameter.",
        ));
    }
    world.user(id)?;
    if world
        .users
        .by_auth_data(data)
        .is_some_and(|other| other.id != id)
    {
        return Err(ApiError::new(
            400,
            "app.user.update_auth_data.email_exists.app_error",
            "Unable to switch account to <no value>.",
        ));
    }
    let now = world.clock.stamp();
    let verified = world.version >= Version::V11;
    world.users.edit(id, |user| {
        user.auth_data = Some(data.to_owned());
        service.clone_into(&mut user.auth_service);
        user.password.clear();
        user.email_verified |= verified;
        user.update_at = now;
    });
    ok(&json!({"auth_data": data, "auth_service": service}))
}

/// `POST /users/password/reset/send`: 200 for unknown addresses and bound users too.
pub(crate) fn send_reset(world: &mut World, call: &Call) -> Outcome {
    let body = call.object("email")?;
    let email = text(&body, "email").to_lowercase();
    if email.is_empty() {
        return Err(ApiError::body("email"));
    }
    let found = world.users.by_email(&email).cloned();
    let Some(user) = found.filter(|user| user.auth_service.is_empty()) else {
        return done();
    };
    if !world.mail_server {
        return Err(ApiError::new(
            500,
            "api.user.send_password_reset.send.app_error",
            "Failed to send password reset email successfully.",
        ));
    }
    world.send(MailKind::PasswordReset, &user, &user.email);
    done()
}
