//! The command line itself: usage, help, configuration.

use std::fs;

use serde_json::json;

use testkit::place::{Place, quiet, run};

#[test]
fn a_wrong_command_line_exits_with_2() {
    for words in [
        &[][..],
        &["unknown"],
        &["plan", "--unknown"],
        &["deactivate"],
        &["approve", "a", "b"],
        &["check", "--print", "--json"],
    ] {
        let said = run(quiet(crate::BINARY).args(words)).exits(2);
        assert!(
            said.out.is_empty() && said.err.contains("Usage"),
            "{said:?}"
        );
    }
}

#[test]
fn help_tells_of_every_command_and_exit_code() {
    let said = run(quiet(crate::BINARY).arg("--help")).exits(0);
    for word in [
        "run",
        "sync",
        "plan",
        "approve",
        "deactivate",
        "status",
        "check",
        "What was done",
        "history",
        "/etc/mattersync/config.toml",
        "69",
        "71",
        "73",
        "74",
        "75",
        "77",
        "78",
    ] {
        assert!(said.out.contains(word), "{word}");
    }
    let said = run(quiet(crate::BINARY).arg("--version")).exits(0);
    assert_eq!(
        said.out,
        format!("mattersync {}\n", env!("CARGO_PKG_VERSION"))
    );
}

#[test]
fn a_configuration_that_cannot_be_used_exits_with_78() {
    let place = Place::new(crate::BINARY);
    let config = fs::read_to_string(place.path("config.toml")).unwrap();
    let commands: [&[&str]; 8] = [
        &["run"],
        &["sync"],
        &["plan"],
        &["approve"],
        &["deactivate", "x"],
        &["status"],
        &["check"],
        &["check", "--print"],
    ];
    for words in commands {
        fs::write(place.path("config.toml"), format!("{config}\nhunter = 2\n")).unwrap();
        let line = config.lines().count() + 2;
        place
            .run(words)
            .exits(78)
            .says(&format!("config.toml:{line}:1"))
            .says("hunter");
        fs::write(
            place.path("config.toml"),
            config.replace("dc=directory", "nonsense"),
        )
        .unwrap();
        place.run(words).exits(78).says("provider.base");
        fs::remove_file(place.path("config.toml")).unwrap();
        place.run(words).exits(78).says("--config FILE");
    }
}

#[test]
fn the_configuration_in_force_is_a_configuration() {
    let place = Place::new(crate::BINARY);
    let said = place.run(&["check", "--print"]).exits(0);
    assert!(
        said.out.contains("page-size") || said.out.contains("interval"),
        "{}",
        said.out
    );
    fs::write(place.path("config.toml"), &said.out).unwrap();
    assert_eq!(place.run(&["check", "--print"]).exits(0).out, said.out);
}

/// What a plan with something of everything looks like. If words were changed on purpose, put what
/// the test shows into the file.
#[test]
fn a_plan_in_words() {
    let mut place = Place::new(crate::BINARY);
    for (uid, first, last) in [
        ("adam", "Adam", "Able"),
        ("bea", "Bea", "Bold"),
        ("carl", "Carl", "Cool"),
        ("dora", "Dora", "Dunn"),
    ] {
        place.add(uid, first, last);
    }
    place.run(&["sync"]).exits(0);
    place.edit("adam", |adam| adam.expires = 1);
    place.edit("bea", |bea| bea.name.1 = "Brave".into());
    place.edit("carl", |carl| carl.mail = Some("carl@example.com".into()));
    place.edit("dora", |dora| dora.mail = Some("nowhere".into()));
    for (uid, mail) in [("eve", "eve@example.org"), ("finn", "else@example.org")] {
        let user = json!({"username": uid, "email": mail, "last_name": "Ever"});
        place.sim.add_user(&user).unwrap();
        place.add(uid, uid, "Ever");
    }
    place.add("gus", "Gus", "Gone").expires = 1;
    place.add("hal", "Hal", "Hale").mail = Some("nowhere".into());
    place.add("ida", "Ida", "Idle");
    let said = place.run(&["plan"]).exits(3);
    let path = place.dir.path().display().to_string();
    let mut text = said.out.replace(&path, "PLACE");
    for user in place.sim.users() {
        text = text.replace(&user.id, "ID");
        let made = mattersync::model::Timestamp(user.create_at).to_string();
        text = text.replace(&made, "THEN");
    }
    let wanted = include_str!("plan.txt");
    assert!(text == wanted, "{text}");
}

/// A question ends a sentence as well as a full stop does.
#[test]
fn a_hold_that_asks_has_one_mark_at_its_end() {
    let mut place = Place::new(crate::BINARY);
    for uid in ["alice", "bob", "carol", "dora", "emil"] {
        place.add(uid, uid, "Able");
    }
    place.run(&["sync"]).exits(0);
    for uid in ["alice", "bob", "carol", "dora", "emil"] {
        place.edit(uid, |p| p.name = Default::default());
    }
    place
        .run(&["plan"])
        .says("has mattersync lost the right to read it? None of these")
        .says_not("?.");
}
