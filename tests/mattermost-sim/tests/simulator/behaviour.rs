//! What clients rely on and no recording shows: order and pages, times, mail, seats, speed.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use mattermost_sim::{
    Answer, Call, Commit, Effect, Fate, Fault, MailKind, Mattermost, Options, PASSWORD, UserLimit,
    Version,
};
use serde_json::{Value, json};

struct Admin {
    server: Mattermost,
    token: String,
}

impl Admin {
    fn of(options: &Options) -> Admin {
        let server = Mattermost::new(options);
        let token = server.seed_admin("root.admin");
        Admin { server, token }
    }

    fn new(version: Version) -> Admin {
        Admin::of(&Options::new(version))
    }

    fn ask(&self, method: &str, path: &str, body: &Value) -> Answer {
        let call = Call::new(method, &format!("/api/v4{path}"));
        let call = call.token(&self.token).json(body);
        match self.server.ask(&call) {
            Fate::Answer(answer) => answer,
            other => panic!("{method} {path}: {other:?}"),
        }
    }

    /// Asks for something that must succeed.
    fn get(&self, path: &str) -> Value {
        let answer = self.ask("GET", path, &Value::Null);
        assert_eq!(answer.status, 200, "{path}: {}", answer.json());
        answer.json()
    }

    fn put(&self, path: &str, body: &Value) -> Value {
        let answer = self.ask("PUT", path, body);
        assert_eq!(answer.status, 200, "{path}: {}", answer.json());
        answer.json()
    }

    fn create(&self, name: &str, more: &Value) -> String {
        let mut body = json!({
            "username": name, "email": format!("{name}@example.org"), "password": PASSWORD,
        });
        for (key, value) in more.as_object().into_iter().flatten() {
            body[key] = value.clone();
        }
        let answer = self.ask("POST", "/users", &body);
        assert_eq!(answer.status, 201, "{name}: {}", answer.json());
        answer.json()["id"].as_str().unwrap().to_owned()
    }

    fn mails(&self) -> Vec<(MailKind, String)> {
        let mails = self.server.mails().into_iter();
        mails.map(|mail| (mail.kind, mail.to)).collect()
    }
}

const BOTH: [Version; 2] = [Version::V5_38, Version::V11];

#[test]
fn lists_are_sorted_by_username_and_pages_hold_each_once() {
    for version in BOTH {
        let admin = Admin::of(&Options {
            user_limit: None,
            ..Options::new(version)
        });
        for n in (0..450).rev() {
            let name = format!("u{n:03}");
            let email = format!("x{}@x.org", 449 - n);
            let fields = json!({"username": name, "email": email});
            admin.server.add_user(&fields).unwrap();
        }
        let mut names = Vec::new();
        for page in 0.. {
            let rows = admin.get(&format!("/users?page={page}&per_page=1000"));
            let rows = rows.as_array().unwrap().clone();
            assert!(rows.len() <= 200);
            if rows.is_empty() {
                break;
            }
            let row_names = rows.iter().map(|row| row["username"].as_str().unwrap());
            names.extend(row_names.map(str::to_owned));
        }
        assert_eq!(names.len(), 451);
        assert!(names.is_sorted());
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), 451);
    }
}

#[test]
fn an_equal_patch_moves_update_at_and_since_finds_what_changed() {
    for version in BOTH {
        let admin = Admin::new(version);
        let ids = ["a1", "a2", "a3"].map(|name| admin.create(name, &json!({})));
        let last = admin.server.user(&ids[2]).unwrap().update_at;
        let path = format!("/users/ids?since={last}");
        let none = admin.ask("POST", &path, &json!(ids));
        assert_eq!(none.json(), json!([]));
        admin.put(
            &format!("/users/{}/patch", ids[0]),
            &json!({"nickname": ""}),
        );
        admin.put(
            &format!("/users/{}/active", ids[1]),
            &json!({"active": false}),
        );
        let rows = admin.ask("POST", &path, &json!(ids)).json();
        let mut found: Vec<_> = rows.as_array().unwrap().iter().map(|r| &r["id"]).collect();
        found.sort_by_key(|id| id.to_string());
        let mut expected = vec![&ids[0], &ids[1]];
        expected.sort();
        assert_eq!(found, expected);
    }
}

#[test]
fn deactivating_again_moves_delete_at_and_a_login_moves_update_at_on_11() {
    for version in BOTH {
        let admin = Admin::new(version);
        let id = admin.create("leaver", &json!({}));
        let before = admin.server.user(&id).unwrap();
        let login = json!({"login_id": "leaver", "password": PASSWORD});
        assert_eq!(admin.ask("POST", "/users/login", &login).status, 200);
        let moved = admin.server.user(&id).unwrap().update_at > before.update_at;
        assert_eq!(moved, version == Version::V11);

        let off = json!({"active": false});
        admin.put(&format!("/users/{id}/active"), &off);
        let first = admin.server.user(&id).unwrap().delete_at;
        admin.put(&format!("/users/{id}/active"), &off);
        let second = admin.server.user(&id).unwrap().delete_at;
        assert!(0 < first && first < second);
        admin.put(&format!("/users/{id}/active"), &json!({"active": true}));
        assert_eq!(admin.server.user(&id).unwrap().delete_at, 0);
    }
}

#[test]
fn strangers_sign_up_only_on_an_empty_server() {
    for version in BOTH {
        let server = Mattermost::new(&Options::new(version));
        let body = |name: &str| json!({"username": name, "email": format!("{name}@x.org"), "password": PASSWORD});
        let ask = |name: &str| {
            let call = Call::new("POST", "/api/v4/users").token("long gone");
            match server.ask(&call.json(&body(name))) {
                Fate::Answer(answer) => answer.status,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!((ask("first"), ask("second")), (201, 403));
        assert!(server.user_named("first").unwrap().is_admin());
    }
}

#[test]
fn mail_goes_out_for_what_an_administrator_does() {
    for version in BOTH {
        let admin = Admin::new(version);
        admin.create("quiet", &json!({"disable_welcome_email": true}));
        assert_eq!(admin.mails(), []);
        let id = admin.create("loud", &json!({}));
        let patch = format!("/users/{id}/patch");
        admin.put(&patch, &json!({"email": "new@example.org"}));
        admin.put(&patch, &json!({"username": "louder"}));
        admin.put(
            &patch,
            &json!({"email": "new@example.org", "username": "louder"}),
        );
        let password = json!({"new_password": "Other-Passw0rd!"});
        admin.put(&format!("/users/{id}/password"), &password);
        admin.put(&format!("/users/{id}/active"), &json!({"active": false}));
        assert_eq!(
            admin.mails(),
            [
                (MailKind::Welcome, "loud@example.org".to_owned()),
                (MailKind::EmailChanged, "loud@example.org".to_owned()),
                (MailKind::UsernameChanged, "new@example.org".to_owned()),
                (MailKind::PasswordChanged, "new@example.org".to_owned()),
            ]
        );
        assert!(!admin.server.user(&id).unwrap().email_verified);
    }
}

#[test]
fn where_addresses_are_verified_a_new_one_waits_for_its_click() {
    for version in BOTH {
        let admin = Admin::new(version);
        let quiet = json!({"email_verified": true, "disable_welcome_email": true});
        let id = admin.create("moves", &quiet);
        let asks = json!({"EmailSettings": {"RequireEmailVerification": true}});
        admin.server.set_config(&asks);
        let patch = format!("/users/{id}/patch");
        for _ in 0..2 {
            let answer = admin.put(&patch, &json!({"email": "new@example.org"}));
            assert_eq!(answer["email"], "moves@example.org");
        }
        let mails = admin.server.mails();
        let to_new = (MailKind::Verification, "new@example.org".to_owned());
        assert_eq!(admin.mails(), [to_new.clone(), to_new]);
        assert!(admin.server.click(&mails[1]));
        assert!(!admin.server.click(&mails[1]), "a link is good once");
        let user = admin.server.user(&id).unwrap();
        assert_eq!(user.email, "new@example.org");
        assert!(user.email_verified);

        admin.create("unverified", &json!({}));
        let login = json!({"login_id": "unverified", "password": PASSWORD});
        assert_eq!(admin.ask("POST", "/users/login", &login).status, 401);
        let welcome = admin.server.mails().pop().unwrap();
        assert!(admin.server.click(&welcome));
        assert_eq!(admin.ask("POST", "/users/login", &login).status, 200);
    }
}

#[test]
fn seats_are_counted_and_bots_need_none() {
    let admin = Admin::of(&Options {
        user_limit: Some(UserLimit { warn: 2, hard: 3 }),
        ..Options::new(Version::V11)
    });
    let second = admin.create("second", &json!({}));
    admin.create("third", &json!({}));
    let fourth = json!({"username": "fourth", "email": "f@x.org", "password": PASSWORD});
    let refused = admin.ask("POST", "/users", &fourth);
    assert_eq!(refused.status, 400);
    assert_eq!(
        refused.json()["id"],
        "api.user.create_user.user_limits.exceeded"
    );
    let _ = admin.server.make_bot(&second);
    assert_eq!(admin.get("/limits/server")["activeUserCount"], 2);
    assert_eq!(admin.ask("POST", "/users", &fourth).status, 201);
    admin.server.set_user_limit(None);
    assert_eq!(admin.get("/limits/server")["maxUsersHardLimit"], 0);
}

#[test]
fn a_full_team_refuses_its_rows_alone() {
    let admin = Admin::of(&Options {
        config: json!({"TeamSettings": {"MaxUsersPerTeam": 2}}),
        ..Options::new(Version::V11)
    });
    let body = json!({"name": "crew", "display_name": "Crew", "type": "I"});
    let team = admin.ask("POST", "/teams", &body).json()["id"].clone();
    let team = team.as_str().unwrap();
    let ids = ["m1", "m2"].map(|name| admin.create(name, &json!({})));
    let rows: Vec<_> = ids
        .iter()
        .map(|id| json!({"team_id": team, "user_id": id}))
        .collect();
    let path = format!("/teams/{team}/members/batch?graceful=true");
    let rows = admin.ask("POST", &path, &json!(rows)).json();
    assert!(rows[0]["error"].is_null());
    assert_eq!(
        rows[1]["error"]["id"],
        "app.team.join_user_to_team.save_member.max_accounts.app_error"
    );
    // Who leaves makes room.
    let one = format!("/teams/{team}/members/{}", ids[0]);
    assert_eq!(admin.ask("DELETE", &one, &Value::Null).status, 200);
    assert!(admin.server.join_team(team, &ids[1]).is_ok());
}

#[test]
fn the_same_seed_gives_the_same_world_and_the_clock_obeys() {
    let options = Options {
        now: Some(1_700_000_000_000),
        ..Options::new(Version::V11)
    };
    let worlds = [(); 2].map(|()| {
        let admin = Admin::of(&options);
        admin.server.stop_clock();
        let stopped = Instant::now();
        while stopped.elapsed() < Duration::from_millis(3) {}
        admin.server.set_now(1_700_000_100_000);
        while stopped.elapsed() < Duration::from_millis(6) {}
        assert_eq!(admin.server.now(), 1_700_000_100_000);
        let id = admin.create("same", &json!({}));
        admin.server.advance(Duration::from_secs(60));
        admin.server.set_active(&id, false);
        admin.server.user(&id).unwrap()
    });
    assert_eq!(worlds[0], worlds[1]);
    assert_eq!(worlds[0].create_at, 1_700_000_100_000);
    assert_eq!(worlds[0].delete_at, 1_700_000_160_000);
}

#[test]
fn faults_strike_what_they_name_and_count_from_when_they_are_set() {
    let admin = Admin::new(Version::V11);
    let ids = ["p1", "p2"].map(|name| admin.create(name, &json!({})));
    admin.server.reset_counters();
    let cut = Fault::new(Effect::Cut(Commit::After)).method("PUT");
    admin
        .server
        .add_fault(cut.path("/api/v4/users/*/patch").from(2).times(1));
    let patch = |id: &str, nickname: &str| {
        let call = Call::new("PUT", &format!("/api/v4/users/{id}/patch"));
        let call = call
            .token(&admin.token)
            .json(&json!({"nickname": nickname}));
        admin.server.ask(&call)
    };
    assert!(matches!(patch(&ids[0], "one"), Fate::Answer(_)));
    let _ = admin.get("/users");
    assert_eq!(patch(&ids[1], "two"), Fate::Cut);
    assert!(matches!(patch(&ids[0], "three"), Fate::Answer(_)));
    assert_eq!(admin.server.user(&ids[1]).unwrap().nickname, "two");
    assert_eq!((admin.server.requests(), admin.server.writes()), (4, 3));
}

/// A team with somebody who built one thing of each kind in it.
struct Maker {
    id: String,
    team: String,
    bot: String,
    hook: String,
}

fn maker(admin: &Admin) -> Maker {
    admin.server.set_config(&json!({"ServiceSettings": {
        "EnableUserAccessTokens": true, "EnableBotAccountCreation": true,
        "EnableOAuthServiceProvider": true,
    }}));
    let body = json!({"name": "works", "display_name": "Works", "type": "O"});
    let team = admin.ask("POST", "/teams", &body).json()["id"].clone();
    let team = team.as_str().unwrap().to_owned();
    let id = admin.create("maker", &json!({}));
    let roles = json!({"roles": "system_user system_admin"});
    admin.put(&format!("/users/{id}/roles"), &roles);
    let channel = admin.get(&format!("/teams/{team}/channels/name/town-square"))["id"].clone();
    let token = admin.server.token_for(&id);
    let theirs = Admin {
        server: admin.server.clone(),
        token,
    };
    let made = |path: &str, body: Value| {
        let answer = theirs.ask("POST", path, &body);
        assert!(answer.status < 300, "{path}: {}", answer.json());
        answer.json()
    };
    let bot = made("/bots", json!({"username": "makersbot"}))["user_id"].clone();
    made(
        &format!("/users/{id}/tokens"),
        json!({"description": "script"}),
    );
    let hook = made("/hooks/incoming", json!({"channel_id": channel}))["id"].clone();
    made(
        "/hooks/outgoing",
        json!({"team_id": team, "trigger_words": ["x"], "callback_urls": ["http://localhost/"]}),
    );
    made("/commands", json!({"team_id": team, "trigger": "x"}));
    made("/oauth/apps", json!({"name": "app"}));
    Maker {
        id,
        team,
        bot: bot.as_str().unwrap().to_owned(),
        hook: hook.as_str().unwrap().to_owned(),
    }
}

fn fire(server: &Mattermost, hook: &str, text: &str) -> u16 {
    let call = Call::new("POST", &format!("/hooks/{hook}")).json(&json!({"text": text}));
    match server.ask(&call) {
        Fate::Answer(answer) => answer.status,
        other => panic!("{other:?}"),
    }
}

/// How many of each kind an administrator sees: tokens, bots, webhooks in and out, commands,
/// applications.
fn seen(admin: &Admin, maker: &Maker) -> [usize; 6] {
    let commands = format!("/commands?team_id={}&custom_only=true", maker.team);
    [
        "/users/tokens",
        "/bots?include_deleted=true",
        "/hooks/incoming",
        "/hooks/outgoing",
        &commands,
        "/oauth/apps",
    ]
    .map(|path| admin.get(path).as_array().unwrap().len())
}

#[test]
fn a_webhook_posts_as_its_maker_also_after_he_left_until_he_is_deleted() {
    for version in BOTH {
        let admin = Admin::new(version);
        let maker = maker(&admin);
        assert_eq!(fire(&admin.server, &maker.hook, "first"), 200);
        admin.server.set_active(&maker.id, false);
        assert_eq!(fire(&admin.server, &maker.hook, "second"), 200);
        let posts = admin.server.posts().into_iter();
        let posts: Vec<_> = posts.map(|post| (post.user_id, post.message)).collect();
        let by = |text: &str| (maker.id.clone(), text.to_owned());
        assert_eq!(posts, [by("first"), by("second")]);

        admin
            .server
            .set_config(&json!({"ServiceSettings": {"EnableAPIUserDeletion": true}}));
        assert_eq!(seen(&admin, &maker), [1; 6]);
        let gone = format!("/users/{}?permanent=true", maker.id);
        assert_eq!(admin.ask("DELETE", &gone, &Value::Null).status, 200);
        // Measured on 5.38: the bot stays, disabled, and the application as it is.
        assert_eq!(seen(&admin, &maker), [0, 1, 0, 0, 0, 1]);
        assert_ne!(admin.get("/bots?include_deleted=true")[0]["delete_at"], 0);
        assert_eq!(fire(&admin.server, &maker.hook, "third"), 400);
        assert_eq!(admin.server.posts(), []);
        let again = admin.ask("DELETE", &gone, &Value::Null).status;
        let cached = version == Version::V5_38;
        assert_eq!(again, if cached { 400 } else { 404 });
    }
}

#[test]
fn bots_stay_disabled_when_their_owner_returns_unless_the_server_leaves_them_alone() {
    let admin = Admin::new(Version::V11);
    let maker = maker(&admin);
    let active = |id: &str| admin.server.user(id).unwrap().is_active();
    admin.server.set_active(&maker.id, false);
    admin.server.set_active(&maker.id, true);
    assert!(!active(&maker.bot) && active(&maker.id));
    let enable = format!("/bots/{}/enable", maker.bot);
    assert_eq!(admin.ask("POST", &enable, &Value::Null).status, 200);
    admin
        .server
        .set_config(&json!({"ServiceSettings": {"DisableBotsWhenOwnerIsDeactivated": false}}));
    admin.server.set_active(&maker.id, false);
    assert!(active(&maker.bot));
    let orphaned = admin.get("/bots?only_orphaned=true");
    assert_eq!(orphaned[0]["user_id"], maker.bot.as_str());
}

#[test]
fn what_is_switched_off_says_so() {
    let admin = Admin::new(Version::V5_38);
    let maker = maker(&admin);
    admin.server.set_config(&json!({"ServiceSettings": {
        "EnableIncomingWebhooks": false, "EnableOutgoingWebhooks": false,
        "EnableCommands": false, "EnableOAuthServiceProvider": false,
    }}));
    for path in [
        "/hooks/incoming",
        "/hooks/outgoing",
        "/commands?team_id=x",
        "/oauth/apps",
    ] {
        assert_eq!(admin.ask("GET", path, &Value::Null).status, 501, "{path}");
    }
    assert_eq!(fire(&admin.server, &maker.hook, "x"), 501);
}

#[test]
fn what_stands_between_changes_what_is_read_and_lets_writes_pass() {
    let sim = Mattermost::new(&Options::new(Version::V11));
    let token = sim.seed_admin("root.admin");
    let names = ["anna", "bert"];
    for name in names {
        let fields = json!({"username": name, "email": format!("{name}@example.org")});
        sim.add_user(&fields).unwrap();
    }
    let get = |path: &str| match sim.ask(&Call::new("GET", path).token(&token)) {
        Fate::Answer(answer) => answer,
        other => panic!("{other:?}"),
    };
    let rows = |path: &str| get(path).json().as_array().unwrap().len();
    let earlier = sim.replica();
    let anna = sim.user_named("anna").unwrap().id;
    let list = Fault::new(Effect::Earlier(earlier))
        .path("/api/v4/users")
        .times(2);
    sim.add_fault(list);
    let new = json!({"username": "carl", "email": "carl@example.org", "password": PASSWORD});
    let call = Call::new("POST", "/api/v4/users").token(&token).json(&new);
    assert!(matches!(sim.ask(&call), Fate::Answer(a) if a.status == 201));
    assert_eq!(rows("/api/v4/users?per_page=200"), 3, "as it was");
    assert_eq!(rows("/api/v4/users?per_page=200"), 4, "as it is");

    assert_eq!(rows("/api/v4/users?per_page=2&page=2"), 0);
    sim.add_fault(Fault::new(Effect::FirstPage));
    assert_eq!(rows("/api/v4/users?per_page=2&page=2"), 2);
    sim.add_fault(Fault::new(Effect::Shorten(1)).path("/api/v4/users"));
    assert_eq!(rows("/api/v4/users?per_page=2"), 1);
    sim.add_fault(Fault::new(Effect::Intercept(404)));
    let page = get("/api/v4/teams/name/none");
    assert_eq!((page.status, page.json()), (404, serde_json::Value::Null));
    assert_eq!(get(&format!("/api/v4/users/{anna}")).status, 200);
}

/// One row of many is garbled, and in an answer about that user alone, too.
#[test]
fn a_garbled_row_is_that_of_one_user_everywhere() {
    let admin = Admin::new(Version::V11);
    let anna = admin.create("anna", &json!({}));
    let garbled = Fault::new(Effect::garble(&anna, &["username"]));
    admin.server.add_fault(garbled);
    let list = admin.get("/users");
    let names = list.as_array().unwrap().iter().map(|row| &row["username"]);
    let names: Vec<&Value> = names.collect();
    assert_eq!(names, [&json!(7), &json!("root.admin")]);
    assert_eq!(admin.get("/users/username/anna")["username"], 7);
    assert_eq!(admin.get("/users/me")["username"], "root.admin");
}
