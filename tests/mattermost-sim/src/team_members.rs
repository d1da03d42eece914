//! Who is in a team.

use serde_json::{Value, json};

use crate::call::{Call, path_id};
use crate::errors::{ApiError, Outcome, created, done, ok};
use crate::teams::TeamMember;
use crate::users::in_domains;
use crate::world::{World, text};

/// At most so many members a batch.
const BATCH: usize = 256;

fn missing() -> ApiError {
    ApiError::new(
        404,
        "app.team.get_member.missing.app_error",
        "No team member found for that user ID and team ID.",
    )
}

impl World {
    /// The membership of somebody who is or was in the team.
    pub(crate) fn team_member(&self, team: &str, user: &str) -> Result<&TeamMember, ApiError> {
        let key = (team.to_owned(), user.to_owned());
        self.team_members.get(&key).ok_or_else(missing)
    }

    /// The membership of somebody who is in the team.
    pub(crate) fn team_member_now(&self, team: &str, user: &str) -> Result<(), ApiError> {
        if self.in_team(team, user) {
            Ok(())
        } else {
            Err(missing())
        }
    }

    /// Puts somebody in, without any check: also into the two channels that everybody is in.
    pub(crate) fn put_team_member(&mut self, team: &str, user: &str, is_admin: bool) {
        let was_in = self.in_team(team, user);
        let row = TeamMember {
            team_id: team.to_owned(),
            user_id: user.to_owned(),
            delete_at: 0,
            is_admin,
        };
        self.team_members
            .insert((team.to_owned(), user.to_owned()), row);
        if let (false, Some(team)) = (was_in, self.teams.get_mut(team)) {
            team.size += 1;
        }
        self.join_default_channels(team, user);
        self.touch(user);
    }

    /// Refuses everybody where groups decide: no group is simulated.
    fn must_be_open(&self, team: &str) -> Result<(), ApiError> {
        if self.team(team)?.group_constrained == Some(true) {
            return Err(ApiError::new(
                400,
                "api.team.add_members.user_denied",
                "This team is managed by groups. This user is not part of a group that is synced \
                 to this team.",
            ));
        }
        Ok(())
    }

    /// Adds somebody as the API does. Who is in already stays as they are.
    pub(crate) fn join_team(&mut self, team: &str, user: &str) -> Result<TeamMember, ApiError> {
        let email = self.user(user)?.email.clone();
        let target = self.team(team)?;
        let restricted = self
            .config
            .words("TeamSettings", "RestrictCreationToDomains");
        let welcome = [target.allowed_domains.as_str(), restricted];
        if !welcome.iter().all(|domains| in_domains(&email, domains)) {
            return Err(ApiError::new(
                400,
                "api.team.join_user_to_team.allowed_domains.app_error",
                "The user cannot be added as the domain associated with the account is not \
                 permitted.",
            ));
        }
        if !self.in_team(team, user) {
            let most = self.config.number("TeamSettings", "MaxUsersPerTeam");
            if target.size >= most {
                return Err(ApiError::new(
                    400,
                    "app.team.join_user_to_team.save_member.max_accounts.app_error",
                    "Unable to create the new team membership because the team has reached its \
                     limit of members.",
                ));
            }
            self.put_team_member(team, user, false);
        }
        self.team_member(team, user).cloned()
    }
}

/// `POST /teams/{id}/members`.
pub(crate) fn add(world: &mut World, call: &Call, team: &str) -> Outcome {
    let who = world.who(call)?;
    let team = path_id(team, "team_id")?;
    let body = call.object("team_member")?;
    if text(&body, "team_id") != team {
        return Err(ApiError::body("team_id"));
    }
    let user = text(&body, "user_id");
    if user.is_empty() {
        return Err(ApiError::body("user_id"));
    }
    who.must_be_admin()?;
    world.must_be_open(team)?;
    created(&world.join_team(team, user)?.json())
}

/// `POST /teams/{id}/members/batch`: with `graceful` each row has its own error; without, the
/// first error ends it, and those before it stay in.
pub(crate) fn add_batch(world: &mut World, call: &Call, team: &str) -> Outcome {
    let who = world.who(call)?;
    let team = path_id(team, "team_id")?;
    let rows = serde_json::from_slice::<Vec<Value>>(&call.body);
    let rows = rows.map_err(|_| ApiError::body("members"))?;
    if rows.len() > BATCH {
        return Err(ApiError::body("too many members in batch"));
    }
    if rows.is_empty() {
        return Err(ApiError::body("no members in batch"));
    }
    if rows.iter().any(|row| text(row, "team_id") != team) {
        return Err(ApiError::body("team_id for member"));
    }
    who.must_be_admin()?;
    world.must_be_open(team)?;
    let graceful = call.query().is("graceful");
    let mut answers = Vec::with_capacity(rows.len());
    for row in &rows {
        let user = text(row, "user_id");
        answers.push(match (world.join_team(team, user), graceful) {
            (Ok(member), false) => member.json(),
            (Err(error), false) => return Err(error),
            (Ok(member), true) => {
                json!({"user_id": user, "member": member.json(), "error": null})
            }
            (Err(error), true) => {
                json!({"user_id": user, "member": null, "error": error.json(None)})
            }
        });
    }
    created(&answers)
}

/// `GET /teams/{id}/members`, by user id.
pub(crate) fn list(world: &World, call: &Call, team: &str) -> Outcome {
    let who = world.who(call)?;
    let team = path_id(team, "team_id")?;
    if !who.is_admin() && !who.id().is_some_and(|id| world.in_team(team, id)) {
        return Err(ApiError::forbidden());
    }
    let query = call.query();
    let active_only = query.is("exclude_deleted_users");
    let from = (team.to_owned(), String::new());
    let rows = world.team_members.range(from..);
    let rows = rows.take_while(|((of, _), _)| of == team);
    let rows = rows.map(|(_, row)| row).filter(|row| {
        let active = || world.users.get(&row.user_id).is_some_and(|u| u.is_active());
        row.delete_at == 0 && (!active_only || active())
    });
    ok(&query.page().show(rows, TeamMember::json))
}

/// `POST /teams/{id}/members/ids`: of the given users those who are in.
pub(crate) fn by_ids(world: &World, call: &Call, team: &str) -> Outcome {
    world.who(call)?;
    let team = path_id(team, "team_id")?;
    let ids = call.strings("user_ids")?;
    let rows = ids.iter().filter(|id| world.in_team(team, id));
    let rows = rows.filter_map(|id| world.team_member(team, id).ok());
    ok(&rows.map(TeamMember::json).collect::<Vec<_>>())
}

/// `GET /teams/{id}/members/{user}`: also who left, with `delete_at`.
pub(crate) fn get(world: &World, call: &Call, team: &str, user: &str) -> Outcome {
    world.who(call)?;
    let (team, user) = (path_id(team, "team_id")?, path_id(user, "user_id")?);
    ok(&world.team_member(team, user)?.json())
}

/// `PUT /teams/{id}/members/{user}/schemeRoles`.
pub(crate) fn scheme_roles(world: &mut World, call: &Call, team: &str, user: &str) -> Outcome {
    world.who(call)?.must_be_admin()?;
    let (team, user) = (path_id(team, "team_id")?, path_id(user, "user_id")?);
    let body = call.object("scheme_roles")?;
    world.team_member(team, user)?;
    let key = (team.to_owned(), user.to_owned());
    if let Some(row) = world.team_members.get_mut(&key) {
        row.is_admin = body["scheme_admin"] == json!(true);
    }
    done()
}

/// `DELETE /teams/{id}/members/{user}`: twice is as good as once; the row stays.
pub(crate) fn remove(world: &mut World, call: &Call, team: &str, user: &str) -> Outcome {
    let who = world.who(call)?;
    let (team, user) = (path_id(team, "team_id")?, path_id(user, "user_id")?);
    if !who.is(user) {
        who.must_be_admin()?;
    }
    world.user(user)?;
    let was_in = world.team_member(team, user)?.delete_at == 0;
    let now = world.clock.stamp();
    if let Some(row) = world
        .team_members
        .get_mut(&(team.to_owned(), user.to_owned()))
    {
        row.delete_at = now;
    }
    if let (true, Some(team)) = (was_in, world.teams.get_mut(team)) {
        team.size = team.size.saturating_sub(1);
    }
    world.leave_channels(team, user);
    world.touch(user);
    done()
}

/// `GET /users/{id}/teams/members`: also of teams that they left.
pub(crate) fn of_user(world: &World, call: &Call, user: &str) -> Outcome {
    let who = world.who(call)?;
    let user = path_id(user, "user_id")?;
    if !who.is(user) {
        who.must_be_admin()?;
    }
    let rows = world.teams.keys();
    let rows = rows.filter_map(|team| world.team_member(team, user).ok());
    ok(&rows.map(TeamMember::json).collect::<Vec<_>>())
}
