//! Sessions.

use serde_json::{Value, json};

use crate::call::{Call, path_id};
use crate::errors::{Outcome, done, ok};
use crate::world::World;

/// So long a session lasts: 180 days, in milliseconds.
const LASTS: i64 = 180 * 24 * 60 * 60 * 1000;

/// A session, opened by a login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Session {
    id: String,
    pub user_id: String,
    create_at: i64,
    csrf: String,
}

impl World {
    /// Opens a session for somebody; gives its token.
    pub(crate) fn open_session(&mut self, user_id: &str) -> String {
        let token = self.ids.make();
        let session = Session {
            id: self.ids.make(),
            user_id: user_id.to_owned(),
            create_at: self.clock.now(),
            csrf: self.ids.make(),
        };
        self.sessions.insert(token.clone(), session);
        token
    }

    /// Ends all sessions of somebody.
    pub(crate) fn end_sessions(&mut self, user_id: &str) {
        self.sessions
            .retain(|_, session| session.user_id != user_id);
    }

    fn session_json(&self, session: &Session) -> Value {
        let user = self.users.get(&session.user_id);
        let teams = self.team_members.values();
        let teams = teams.filter(|row| row.user_id == session.user_id && row.delete_at == 0);
        json!({
            "id": session.id, "token": "", "create_at": session.create_at,
            "expires_at": session.create_at + LASTS, "last_activity_at": session.create_at,
            "user_id": session.user_id, "device_id": "",
            "roles": user.map_or("", |user| user.roles.as_str()),
            "is_oauth": false, "expired_notify": false,
            "props": {
                "browser": "Unknown/0.0", "csrf": session.csrf, "isMobile": "false",
                "isOAuthUser": "false", "isSaml": "false", "is_guest": "false", "os": "",
                "platform": "Unknown",
            },
            "team_members": teams.map(|row| row.json()).collect::<Vec<_>>(),
            "local": false,
        })
    }
}

/// `GET /users/{id}/sessions`: those of logins. What a token opened is not simulated.
pub(crate) fn list(world: &World, call: &Call, id: &str) -> Outcome {
    let who = world.who(call)?;
    let id = path_id(id, "user_id")?;
    if !who.is(id) {
        who.must_be_admin()?;
    }
    let theirs = world.sessions.values().filter(|s| s.user_id == id);
    let rows: Vec<Value> = theirs.map(|session| world.session_json(session)).collect();
    ok(&rows)
}

/// `POST /users/{id}/sessions/revoke/all`.
pub(crate) fn revoke_all(world: &mut World, call: &Call, id: &str) -> Outcome {
    let who = world.who(call)?;
    let id = path_id(id, "user_id")?;
    if !who.is(id) {
        who.must_be_admin()?;
    }
    world.end_sessions(id);
    done()
}
