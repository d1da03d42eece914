//! `mattersync check`: each line says ok, note or PROBLEM, and what to do.

use mattermost_sim::{Effect, Fault, UserLimit};
use serde_json::json;

use testkit::place::Place;

fn company() -> Place {
    let mut place = Place::new(crate::BINARY);
    place.add("alice", "Alice", "Able");
    place.add("bob", "Bob", "Bold");
    place
}

/// The marks of all findings about something that say something.
fn marks(place: &Place, about: &str, words: &str) -> Vec<String> {
    let report = place.run(&["check", "--json"]).json();
    let findings = report["findings"].as_array().unwrap().clone();
    findings
        .into_iter()
        .filter(|f| f["about"] == about && f["says"].as_str().unwrap().contains(words))
        .map(|f| f["mark"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn all_is_well_and_nothing_is_changed() {
    let place = company();
    let said = place.run(&["check"]).exits(0);
    let said = said
        .says("the filters find 2 accounts")
        .says("can be seen for every person's account: 0 locked, 2 active")
        .says("version 11.6.0")
        .says("root.admin is system administrator")
        .says("1 of 250 taken, about 2 more wanted")
        .says("TeamSettings.MaxUsersPerTeam is 50, for 2")
        .says("No problem was found. Next:\n  mattersync plan\n")
        .says_not("PROBLEM");
    let attribute = said
        .out
        .lines()
        .find(|l| l.trim_start().starts_with("mail "));
    assert!(attribute.unwrap().ends_with("2 of 2"), "{}", said.out);
    assert_eq!(place.sim.writes(), 0);
    assert!(!place.path("state").exists());
}

/// mattersync works as a bot that this user owns.
fn bot_of(place: &Place, owner: &str) {
    let bot = place.stranger("syncbot", "syncbot");
    let admin = "system_user system_admin";
    assert!(place.sim.edit_user(&bot, |user| user.roles = admin.into()));
    let token = place.sim.make_bot(&bot);
    place.secret("token", &token);
    place.sim.set_bot_owner(&bot, owner);
}

#[test]
fn whose_bot_it_is_and_whether_they_leave_is_told() {
    let mut place = company();
    let alice = place.stranger("alice", "alice");
    bot_of(&place, &alice);
    assert_eq!(
        marks(&place, "bot", "syncbot belongs to alice; if they leave"),
        ["ok"]
    );
    place.edit("alice", |person| person.expires = 1);
    let words = "before they are deactivated, mattersync hands";
    assert_eq!(marks(&place, "bot", words), ["note"]);
    let root = place.sim.user_named("root.admin").unwrap().id;
    place.sim.set_active(&root, false);
    assert_eq!(marks(&place, "bot", "make somebody one"), ["problem"]);
    place.run(&["check"]).exits(1);
    place.edit("alice", |person| person.expires = 99_999);
    assert_eq!(
        marks(&place, "bot", "no other active human system"),
        ["note"]
    );
    place
        .sim
        .set_config(&json!({"ServiceSettings": {"DisableBotsWhenOwnerIsDeactivated": false}}));
    place.sim.set_active(&alice, false);
    assert_eq!(marks(&place, "bot", "alice, who is deactivated"), ["note"]);
}

#[test]
fn a_bot_that_owns_itself_and_a_person_who_leaves_are_told() {
    let mut place = company();
    let alice = place.stranger("alice", "alice");
    let token = place.sim.token_for(&alice);
    let admin = "system_user system_admin";
    assert!(
        place
            .sim
            .edit_user(&alice, |user| user.roles = admin.into())
    );
    place.secret("token", &token);
    assert_eq!(
        marks(
            &place,
            "rights",
            "alice is system administrator, but a person"
        ),
        ["note"]
    );
    place.edit("alice", |person| person.expires = 1);
    assert_eq!(
        marks(&place, "rights", "alice, whose account is locked"),
        ["problem"]
    );
    assert!(marks(&place, "bot", "").is_empty());
    let bot = place.stranger("syncbot", "syncbot");
    assert!(place.sim.edit_user(&bot, |user| user.roles = admin.into()));
    place.secret("token", &place.sim.make_bot(&bot));
    assert_eq!(
        marks(&place, "bot", "belongs to nobody who could leave"),
        ["ok"]
    );
}

#[test]
fn a_bot_that_was_disabled_with_its_owner_says_what_may_have_happened() {
    let place = company();
    let alice = place.stranger("alice", "alice");
    bot_of(&place, &alice);
    place.sim.set_active(&alice, false);
    place
        .run(&["sync"])
        .exits(77)
        .says("a server disables bots together with the person who owns them");
}

#[test]
fn what_the_server_lacks_is_a_problem() {
    let place = company();
    let person = json!({"username": "carol", "email": "carol@example.org"});
    let carol = place.sim.add_user(&person).unwrap();
    place
        .sim
        .set_user_limit(Some(UserLimit { warn: 1, hard: 3 }));
    place.sim.set_config(&json!({"TeamSettings": {
        "MaxUsersPerTeam": 1, "RestrictCreationToDomains": "example.com",
    }}));
    assert_eq!(
        marks(&place, "seats", "2 of 3 taken, about 2 more"),
        ["problem"]
    );
    assert_eq!(marks(&place, "teams", "at least 2"), ["problem"]);
    assert_eq!(
        marks(&place, "addresses", "accepts only example.com"),
        ["problem"]
    );
    place
        .run(&["check"])
        .exits(1)
        .says("3 problems were found. Mend what is marked PROBLEM, and look again:");

    place.secret("token", &place.sim.token_for(&carol));
    assert_eq!(
        marks(&place, "rights", "no system administrator"),
        ["problem"]
    );
    place.secret("token", "wrongtokenwrongtokenwrong1");
    assert_eq!(
        marks(&place, "Mattermost", "the token is wrong"),
        ["problem"]
    );
}

#[test]
fn what_the_directory_lacks_is_told() {
    let mut place = company();
    place.add("Böb", "Other", "Bold").mail = Some("ALICE@example.org".into());
    place.add("nomail", "No", "Mail").mail = None;
    place.add("away", "A", "Way").expires = 0;
    place.write();
    assert_eq!(marks(&place, "usernames", "uid=Böb,ou=People"), ["note"]);
    assert_eq!(
        marks(&place, "addresses", "alice@example.org (uid="),
        ["note"]
    );
    assert_eq!(
        marks(&place, "addresses", "1 account has no usable"),
        ["note"]
    );
    assert_eq!(
        marks(&place, "locks", "it cannot be seen whether they are locked"),
        ["problem"]
    );
    for uid in ["alice", "bob", "away"] {
        place.edit(uid, |person| person.mail = None);
    }
    assert_eq!(
        marks(&place, "addresses", "4 accounts have no usable"),
        ["problem"]
    );
}

/// No user is made for such an account, so that it counts neither way.
#[test]
fn locks_are_counted_of_people_alone() {
    let mut place = company();
    let says = "can be seen for every person's account: 0 locked, 2 active";
    place.add("root", "root", "root").expires = 0;
    place.write();
    place.run(&["check"]).exits(0).says(says);
    place.add("away", "A", "Way").expires = 0;
    place.write();
    place
        .run(&["check"])
        .exits(1)
        .says("for 1 account it cannot be seen whether they are locked (away)");
}

#[test]
fn who_does_not_answer_is_told_with_where_to_look() {
    let mut place = company();
    let config = std::fs::read_to_string(place.path("config.toml")).unwrap();
    let lines = config.lines().map(|line| match line.starts_with("url = ") {
        true => "url = \"http://127.0.0.1:1\"",
        false => line,
    });
    let elsewhere = lines.collect::<Vec<_>>().join("\n");
    std::fs::write(place.path("config.toml"), elsewhere).unwrap();
    for words in ["check", "plan"] {
        place
            .run(&[words])
            .says("onnection refused")
            .says("does Mattermost run, and are host and port in mattermost.url right?");
    }
    for (url, advice) in [
        (
            "ldap://127.0.0.1:1",
            "does the directory server run, and are host and port",
        ),
        ("ldapi:///nowhere/ldapi", "is this the path of its socket"),
        (
            "ldap://nowhere.invalid",
            "is the name of the host in provider.urls right",
        ),
    ] {
        place.provider = Some(format!("urls = [\"{url}\"]"));
        place.write();
        for words in ["check", "plan"] {
            place.run(&[words]).says(advice);
        }
    }
}

#[test]
fn one_side_down_does_not_hide_the_other() {
    let place = company();
    std::fs::remove_file(place.path("people.ldif")).unwrap();
    assert_eq!(marks(&place, "directory", "no such file"), ["problem"]);
    assert_eq!(marks(&place, "Mattermost", "version 11.6.0"), ["ok"]);
    place.write();
    place.sim.add_fault(Fault::new(Effect::status(502)));
    assert_eq!(marks(&place, "Mattermost", "502"), ["problem"]);
    assert_eq!(
        marks(&place, "directory", "the filters find 2 accounts"),
        ["ok"]
    );
}

#[test]
fn a_secret_that_cannot_be_used_is_a_problem_with_a_remedy() {
    let place = company();
    std::fs::remove_file(place.path("token")).unwrap();
    assert_eq!(marks(&place, "secrets", "mattermost.token"), ["problem"]);
    place.run(&["check"]).exits(1).says("create it: `install");
    place.secret("token", &place.token);
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    std::fs::set_permissions(place.path("token"), mode).unwrap();
    assert_eq!(marks(&place, "secrets", "mattermost.token"), ["note"]);
    place.run(&["check"]).exits(0);
}

/// Whoever gets a random password needs an e-mail to log in.
#[test]
fn whether_mail_works_is_told() {
    let place = company();
    let set = |place: &Place, server: &str, url: &str| {
        place.sim.set_config(&json!({
            "EmailSettings": {"SMTPServer": server, "SMTPPort": "10025"},
            "ServiceSettings": {"SiteURL": url},
        }));
    };
    set(&place, "smtp.example.org", "https://chat.example.org");
    assert_eq!(
        marks(&place, "e-mail", "gives it to smtp.example.org:10025"),
        ["ok"]
    );
    set(&place, "localhost", "https://chat.example.org");
    assert_eq!(marks(&place, "e-mail", "nobody listens"), ["note"]);
    for (server, url, says) in [
        ("", "https://chat.example.org", "SMTPServer is empty"),
        ("smtp.example.org", "", "SiteURL is empty"),
    ] {
        set(&place, server, url);
        place.write();
        assert_eq!(marks(&place, "e-mail", says), ["note"]);
        let config = std::fs::read_to_string(place.path("config.toml")).unwrap();
        let lines = config
            .lines()
            .filter(|line| !line.contains("initial-password"));
        let random = lines.collect::<Vec<_>>().join("\n");
        std::fs::write(place.path("config.toml"), random).unwrap();
        assert_eq!(marks(&place, "e-mail", says), ["problem"]);
    }
    place
        .run(&["sync"])
        .exits(0)
        .says("a random password that nobody knows")
        .says("Forgot your password?");
    place.run(&["sync"]).exits(0).says_not("password");
}
