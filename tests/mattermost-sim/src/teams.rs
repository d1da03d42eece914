//! Teams.

use serde_json::{Value, json};

use crate::call::{Call, path_id};
use crate::errors::{ApiError, Outcome, created, done, ok};
use crate::options::Version;
use crate::world::{Who, World, text};

/// A team.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Team {
    /// The id.
    pub id: String,
    /// When it was created, in milliseconds since 1970; so all times here.
    pub create_at: i64,
    /// When it changed last.
    pub update_at: i64,
    /// When it was archived; 0 while it is not.
    pub delete_at: i64,
    /// The name that people see.
    pub display_name: String,
    /// The name in addresses.
    pub name: String,
    /// The description.
    pub description: String,
    /// The address of whoever made it.
    pub email: String,
    /// `O` open, `I` by invitation.
    pub kind: String,
    /// The domains whose addresses may join; empty: all.
    pub allowed_domains: String,
    /// The id of the invitation.
    pub invite_id: String,
    /// Whether anybody may join.
    pub allow_open_invite: bool,
    /// Whether groups decide who is in it; nobody said yet: `None`.
    pub group_constrained: Option<bool>,
    /// How many members it has.
    pub(crate) size: u64,
}

/// Somebody's membership in a team.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TeamMember {
    /// The team.
    pub team_id: String,
    /// The user.
    pub user_id: String,
    /// When they left; 0 while they have not.
    pub delete_at: i64,
    /// Whether they are an administrator of the team.
    pub is_admin: bool,
}

impl TeamMember {
    pub(crate) fn json(&self) -> Value {
        json!({
            "team_id": self.team_id, "user_id": self.user_id,
            "roles": if self.is_admin { "team_user team_admin" } else { "team_user" },
            "delete_at": self.delete_at, "scheme_guest": false, "scheme_user": true,
            "scheme_admin": self.is_admin, "explicit_roles": "",
        })
    }
}

impl Team {
    fn json(&self, version: Version, who: &Who) -> Value {
        let sees = who.is_admin();
        let mut shown = json!({
            "id": self.id, "create_at": self.create_at, "update_at": self.update_at,
            "delete_at": self.delete_at, "display_name": self.display_name, "name": self.name,
            "description": self.description, "email": self.email, "type": self.kind,
            "company_name": "", "allowed_domains": self.allowed_domains,
            "invite_id": if sees { self.invite_id.as_str() } else { "" },
            "allow_open_invite": self.allow_open_invite, "scheme_id": null,
            "group_constrained": self.group_constrained, "policy_id": null,
        });
        if let (false, Some(map)) = (version < Version::V9_1, shown.as_object_mut()) {
            map.insert("cloud_limits_archived".to_owned(), json!(false));
        }
        shown
    }
}

/// Beginnings that a team's name must not have (`model.reservedName`).
const RESERVED: [&str; 17] = [
    "admin",
    "api",
    "channel",
    "claim",
    "error",
    "files",
    "help",
    "landing",
    "login",
    "mfa",
    "oauth",
    "plug",
    "plugins",
    "post",
    "signup",
    "boards",
    "playbooks",
];

fn is_name(name: &str) -> bool {
    let ends = |c: Option<char>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    let legal = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    name.len() >= 2
        && name.bytes().all(legal)
        && ends(name.chars().next())
        && ends(name.chars().last())
}

fn check(team: &Team) -> Result<(), ApiError> {
    let invalid = |what: &str| {
        let id = format!("model.team.is_valid.{what}.app_error");
        Err(ApiError::new(400, &id, &format!("Invalid team: {what}.")))
    };
    let display = team.display_name.chars().count();
    if display == 0 || display > 64 {
        return invalid("name");
    }
    if team.name.len() > 64 {
        return invalid("url");
    }
    if RESERVED.iter().any(|word| team.name.starts_with(word)) {
        return invalid("reserved");
    }
    if !is_name(&team.name) {
        return invalid("characters");
    }
    if !["O", "I"].contains(&team.kind.as_str()) {
        return invalid("type");
    }
    Ok(())
}

/// `POST /teams`: members may, too; whoever makes it is in it, as its administrator.
pub(crate) fn create(world: &mut World, call: &Call) -> Outcome {
    let who = world.who(call)?;
    let body = call.object("team")?;
    let team = save(world, &who, &body)?;
    created(&team.json(world.version, &Who::Local))
}

/// Checks and stores a new team with its two channels, and puts its maker in.
pub(crate) fn save(world: &mut World, who: &Who, body: &Value) -> Result<Team, ApiError> {
    let now = world.clock.stamp();
    let maker = who.id().and_then(|id| world.users.get(id));
    let team = Team {
        email: maker.map(|user| user.email.clone()).unwrap_or_default(),
        create_at: now,
        update_at: now,
        delete_at: 0,
        display_name: text(body, "display_name").to_owned(),
        name: text(body, "name").to_owned(),
        description: text(body, "description").to_owned(),
        kind: text(body, "type").to_owned(),
        allowed_domains: text(body, "allowed_domains").to_owned(),
        allow_open_invite: body["allow_open_invite"] == json!(true),
        group_constrained: body["group_constrained"].as_bool(),
        size: 0,
        id: world.ids.make(),
        invite_id: world.ids.make(),
    };
    check(&team)?;
    if by_name_in(world, &team.name).is_some() {
        return Err(if world.version < Version::V10_9 {
            let id = "app.team.save.existing.app_error";
            ApiError::new(400, id, "Must call update for existing team.")
        } else {
            let id = "store.sql_team.save_team.existing.app_error";
            ApiError::new(400, id, "A team with this URL already exists.")
        });
    }
    world.teams.insert(team.id.clone(), team.clone());
    world.add_default_channels(&team.id);
    if let Some(maker) = who.id() {
        world.put_team_member(&team.id, maker, true);
    }
    Ok(team)
}

fn by_name_in<'a>(world: &'a World, name: &str) -> Option<&'a Team> {
    world.teams.values().find(|team| team.name == name)
}

impl World {
    pub(crate) fn team(&self, id: &str) -> Result<&Team, ApiError> {
        self.teams.get(id).ok_or_else(|| {
            ApiError::new(
                404,
                "app.team.get.find.app_error",
                "Unable to find the existing team.",
            )
        })
    }

    pub(crate) fn in_team(&self, team: &str, user: &str) -> bool {
        let row = self.team_members.get(&(team.to_owned(), user.to_owned()));
        row.is_some_and(|row| row.delete_at == 0)
    }
}

fn may_see(world: &World, who: &Who, team: &Team) -> Result<(), ApiError> {
    let member = who.id().is_some_and(|id| world.in_team(&team.id, id));
    if who.is_admin() || member || team.allow_open_invite {
        Ok(())
    } else {
        Err(ApiError::forbidden())
    }
}

/// `GET /teams/name/{name}`: archived ones too.
pub(crate) fn by_name(world: &World, call: &Call, name: &str) -> Outcome {
    let who = world.who(call)?;
    let unknown = || {
        ApiError::new(
            404,
            "app.team.get_by_name.missing.app_error",
            "Unable to find the existing team.",
        )
    };
    let team = by_name_in(world, name).ok_or_else(unknown)?;
    may_see(world, &who, team)?;
    ok(&team.json(world.version, &who))
}

/// `GET /teams/name/{name}/exists`.
pub(crate) fn exists(world: &World, call: &Call, name: &str) -> Outcome {
    world.who(call)?;
    ok(&json!({"exists": by_name_in(world, name).is_some()}))
}

/// `GET /teams/{id}`.
pub(crate) fn by_id(world: &World, call: &Call, id: &str) -> Outcome {
    let who = world.who(call)?;
    let team = world.team(path_id(id, "team_id")?)?;
    may_see(world, &who, team)?;
    ok(&team.json(world.version, &who))
}

/// `GET /teams`, sorted by the name that people see.
pub(crate) fn list(world: &World, call: &Call) -> Outcome {
    let who = world.who(call)?;
    let query = call.query();
    let mut teams: Vec<&Team> = world.teams.values().collect();
    teams.retain(|team| may_see(world, &who, team).is_ok());
    teams.sort_by(|a, b| a.display_name.cmp(&b.display_name));
    let count = teams.len();
    let shown = teams.iter().map(|team| team.json(world.version, &who));
    let rows = query.page().of(shown);
    if query.is("include_total_count") {
        ok(&json!({"teams": rows, "total_count": count}))
    } else {
        ok(&rows)
    }
}

/// `GET /users/{id}/teams`.
pub(crate) fn of_user(world: &World, call: &Call, id: &str) -> Outcome {
    let who = world.who(call)?;
    let id = path_id(id, "user_id")?;
    if !who.is(id) {
        who.must_be_admin()?;
    }
    let mine = world.teams.values();
    let mine = mine.filter(|team| team.delete_at == 0 && world.in_team(&team.id, id));
    let rows: Vec<Value> = mine.map(|team| team.json(world.version, &who)).collect();
    ok(&rows)
}

/// `PUT /teams/{id}/patch`.
pub(crate) fn patch(world: &mut World, call: &Call, id: &str) -> Outcome {
    let body = call.object("team")?;
    edit(world, call, id, |team| {
        for (key, field) in [
            ("display_name", &mut team.display_name),
            ("description", &mut team.description),
            ("allowed_domains", &mut team.allowed_domains),
        ] {
            if let Some(value) = body[key].as_str() {
                value.clone_into(field);
            }
        }
        let open = body["allow_open_invite"].as_bool();
        team.allow_open_invite = open.unwrap_or(team.allow_open_invite);
        let constrained = body["group_constrained"].as_bool();
        team.group_constrained = constrained.or(team.group_constrained);
    })
}

/// `POST /teams/{id}/restore`.
pub(crate) fn restore(world: &mut World, call: &Call, id: &str) -> Outcome {
    edit(world, call, id, |team| team.delete_at = 0)
}

/// `DELETE /teams/{id}`: archives it.
pub(crate) fn archive(world: &mut World, call: &Call, id: &str) -> Outcome {
    let now = world.clock.stamp();
    edit(world, call, id, |team| team.delete_at = now)?;
    done()
}

fn edit(world: &mut World, call: &Call, id: &str, change: impl FnOnce(&mut Team)) -> Outcome {
    let who = world.who(call)?;
    who.must_be_admin()?;
    let id = path_id(id, "team_id")?;
    let mut team = world.team(id)?.clone();
    change(&mut team);
    check(&team)?;
    team.update_at = world.clock.stamp();
    let shown = team.json(world.version, &who);
    world.teams.insert(id.to_owned(), team);
    ok(&shown)
}
