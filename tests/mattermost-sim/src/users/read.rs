//! Reading users: one by one, in lists, by ids and names, by searching.

use serde_json::{Value, json};

use super::valid::is_username;
use super::{Sight, User, UserJson, show};
use crate::call::{Call, Page, Query, path_id};
use crate::errors::{Answer, ApiError, Outcome, ok};
use crate::options::Version;
use crate::world::{Who, World, text};

fn sight(who: &Who, user: &User) -> Sight {
    match who {
        _ if who.is(&user.id) => Sight::Whole,
        Who::Member(_) => Sight::Profile,
        _ => Sight::ProfileForAdmin,
    }
}

fn list_sight(who: &Who) -> Sight {
    if who.is_admin() {
        Sight::ProfileForAdmin
    } else {
        Sight::Profile
    }
}

fn rows<'a>(world: &World, who: &Who, users: Vec<&'a User>) -> Vec<UserJson<'a>> {
    let sight = list_sight(who);
    let users = users.into_iter();
    users.map(|user| show(world.version, user, sight)).collect()
}

fn single(world: &World, who: &Who, user: &User) -> Outcome {
    let number = world.version.number();
    let etag = format!("{number}.{}.{}..0.true.true.0", user.id, user.update_at);
    Ok(ok(&show(world.version, user, sight(who, user)))?.with("etag", etag))
}

/// `GET /users/{id}`; 5.38 shows from its cache also whom it deleted for good.
pub(crate) fn by_id(world: &World, call: &Call, id: &str) -> Outcome {
    let who = world.who(call)?;
    let id = if id == "me" {
        who.id().unwrap_or(id)
    } else {
        id
    };
    let id = path_id(id, "user_id")?;
    let found = world.users.get(id).or_else(|| world.ghosts.get(id));
    single(world, &who, found.ok_or_else(ApiError::no_user)?)
}

/// `GET /users/username/{name}`: a name that none could have (upper case) is 400, not 404.
pub(crate) fn by_username(world: &World, call: &Call, name: &str) -> Outcome {
    let who = world.who(call)?;
    if !is_username(name) {
        return Err(ApiError::body("username"));
    }
    let unknown = || {
        ApiError::new(
            404,
            "app.user.get_by_username.app_error",
            "Unable to find an existing account matching your username for this team.",
        )
    };
    single(
        world,
        &who,
        world.users.by_username(name).ok_or_else(unknown)?,
    )
}

/// `GET /users/email/{address}`.
pub(crate) fn by_email(world: &World, call: &Call, email: &str) -> Outcome {
    let who = world.who(call)?;
    let found = world.users.by_email(&email.to_lowercase());
    single(world, &who, found.ok_or_else(ApiError::no_user)?)
}

/// `GET /users` with its filters, sorted by username, at most 200 a page.
pub(crate) fn list(world: &World, call: &Call) -> Outcome {
    let who = world.who(call)?;
    let query = call.query();
    if ![
        "",
        "last_activity_at",
        "create_at",
        "status",
        "admin",
        "display_name",
    ]
    .contains(&query.get("sort"))
    {
        return Err(ApiError::url("sort"));
    }
    if query.is("active") && query.is("inactive") {
        return Ok(both_states());
    }
    let wanted = filter(world, &query);
    let users = world.users.all().filter(|user| wanted(user));
    let page: Page = query.page();
    let answer = ok(&rows(world, &who, page.of(users)))?;
    let team = !query.get("in_team").is_empty() || !query.get("not_in_team").is_empty();
    Ok(if team {
        let etag = format!("{}.{}", world.version.number(), world.clock.now());
        answer.with("etag", etag)
    } else {
        answer
    })
}

/// The server's own accident: it has begun to answer when it notices.
fn both_states() -> Answer {
    let mut body = b"[]".to_vec();
    let error = ApiError::url("inactive").json(Some("simulated"));
    body.extend_from_slice(error.to_string().as_bytes());
    Answer {
        status: 200,
        headers: vec![("content-type".to_owned(), "application/json".to_owned())],
        body,
    }
}

fn filter<'a>(world: &'a World, query: &'a Query) -> impl Fn(&User) -> bool + 'a {
    let in_team = |team: &str, user: &User| {
        let key = (team.to_owned(), user.id.clone());
        world
            .team_members
            .get(&key)
            .is_some_and(|m| m.delete_at == 0)
    };
    let in_channel = |channel: &str, user: &User| {
        let key = (channel.to_owned(), user.id.clone());
        world.channel_members.contains_key(&key)
    };
    let in_any_team = move |user: &User| world.teams.keys().any(|team| in_team(team, user));
    move |user| {
        let asked = |name: &'static str| Some(query.get(name)).filter(|value| !value.is_empty());
        asked("in_team").is_none_or(|team| in_team(team, user))
            && asked("not_in_team").is_none_or(|team| !in_team(team, user))
            && asked("in_channel").is_none_or(|channel| in_channel(channel, user))
            && asked("not_in_channel").is_none_or(|channel| !in_channel(channel, user))
            && asked("role").is_none_or(|role| user.has_role(role))
            && (!query.is("without_team") || !in_any_team(user))
            && (!query.is("active") || user.is_active())
            && (!query.is("inactive") || !user.is_active())
    }
}

/// `POST /users/ids?since=`: of the given users those that changed since; unknown ids are left
/// out silently.
pub(crate) fn by_ids(world: &World, call: &Call) -> Outcome {
    let who = world.who(call)?;
    let ids = call.strings("user_ids")?;
    let since = call.query().number("since").unwrap_or(0);
    let ids: std::collections::BTreeSet<String> = ids.into_iter().collect();
    let users = ids.iter().filter_map(|id| world.users.get(id));
    let users = users.filter(|user| user.update_at > since).collect();
    ok(&rows(world, &who, users))
}

/// `POST /users/usernames`.
pub(crate) fn by_usernames(world: &World, call: &Call) -> Outcome {
    let who = world.who(call)?;
    let names: std::collections::BTreeSet<String> =
        call.strings("usernames")?.into_iter().collect();
    let users = names
        .iter()
        .filter_map(|name| world.users.by_username(name));
    ok(&rows(world, &who, users.collect()))
}

/// `POST /users/search`: 5.38 compares the beginnings of names and address, 11 any part.
pub(crate) fn search(world: &World, call: &Call) -> Outcome {
    let who = world.who(call)?;
    let body = call.object("")?;
    let term = text(&body, "term").to_lowercase();
    if term.is_empty() {
        return Err(ApiError::body("term"));
    }
    let from_start = world.version < Version::V9_1;
    let fits = |field: &str| {
        let field = field.to_lowercase();
        if from_start {
            field.starts_with(&term)
        } else {
            field.contains(&term)
        }
    };
    let gone = body["allow_inactive"] == json!(true);
    let limit = body["limit"].as_u64().unwrap_or(100);
    let users = world.users.all().filter(|user| {
        let names = [
            &user.username,
            &user.first_name,
            &user.last_name,
            &user.nickname,
        ];
        (gone || user.is_active())
            && (names.into_iter().any(|name| fits(name)) || who.is_admin() && fits(&user.email))
    });
    let users = users.take(usize::try_from(limit).unwrap_or(100)).collect();
    ok(&rows(world, &who, users))
}

/// `GET /users/stats`: active users without bots; `/stats/filtered` adds whom the query names.
pub(crate) fn stats(world: &World, call: &Call) -> Outcome {
    world.who(call)?;
    let query = call.query();
    let users = world.users.all().filter(|user| {
        (user.is_active() || query.is("include_deleted"))
            && (!user.is_bot || query.is("include_bots"))
    });
    let count: Value = json!(users.count());
    ok(&json!({"total_users_count": count}))
}
