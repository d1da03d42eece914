//! How commands end, so that programs know what a person would read.

use std::fs;

use mattermost_sim::{Effect, Fault};

use testkit::place::Place;

fn company() -> Place {
    let mut place = Place::new(crate::BINARY);
    for uid in ["anna", "bert", "carl"] {
        place.add(uid, &uid.to_uppercase(), "Test");
    }
    place
}

/// What waits for a person is told by the same code wherever a program may look.
#[test]
fn what_is_held_has_a_code_of_its_own_everywhere() {
    let place = company();
    place.stranger("anna", "anna");
    place.run(&["plan"]).exits(3).says("HELD: adopt");
    place.run(&["plan", "--json"]).exits(3);
    let file = place.path("plan.json").display().to_string();
    place.run(&["plan", "--out", &file]).exits(3);
    // Nothing was held yet by a cycle.
    place.run(&["check"]).exits(0).says_not("is held");
    place.run(&["sync"]).exits(3).says("HELD: adopt");
    let said = place.run(&["check"]).exits(3);
    said.says("adopt is held since the last cycle")
        .says("mattersync approve adopt");
    assert_eq!(place.run(&["check", "--json"]).json()["held"], true);
    place.run(&["approve", "adopt"]).exits(0);
    place.run(&["plan"]).exits(0);
    place.run(&["sync"]).exits(0);
    place.run(&["check"]).exits(0).says_not("is held");
}

/// Only a person can mend what the configuration names and is not there.
#[test]
fn certificates_and_passwords_that_are_not_there_are_faults_of_the_configuration() {
    let mut place = company();
    let file = place.provider.take();
    let config = fs::read_to_string(place.path("config.toml")).unwrap();
    let https = config.replace(
        "url = \"http:",
        "ca-file = \"/nowhere/ca.pem\"\nurl = \"https:",
    );
    assert_ne!(config, https);
    fs::write(place.path("config.toml"), https).unwrap();
    for command in ["plan", "sync"] {
        place.run(&[command]).exits(78).says("/nowhere/ca.pem");
    }
    place.run(&["check"]).exits(1).says("/nowhere/ca.pem");

    let ldap = "urls = [\"ldaps://127.0.0.1:1\"]\n";
    place.provider = Some(format!("{ldap}ca-file = \"/nowhere/ca.pem\""));
    place.write();
    for command in ["plan", "sync"] {
        place.run(&[command]).exits(78).says("/nowhere/ca.pem");
    }
    let secret = "bind-dn = \"cn=reader\"\nbind-password = { file = \"/nowhere/secret\" }";
    place.provider = Some(format!("{ldap}{secret}"));
    place.write();
    place.run(&["plan"]).exits(78).says("/nowhere/secret");
    // A server that is not there is another matter.
    place.provider = Some(ldap.to_owned());
    place.write();
    place.run(&["plan"]).exits(69);
    place.provider = file;
    place.write();
    place.run(&["sync"]).exits(0);
}

/// Who waits for Mattermost's side is not told to look at the directory's.
#[test]
fn a_heading_names_the_side_that_could_not_be_read() {
    let place = company();
    place.stranger("zoe", "zoe");
    place
        .sim
        .add_fault(Fault::new(Effect::Shorten(1)).path("/api/v4/users"));
    let said = place.run(&["plan"]).exits(4);
    said.says("Waiting until all users of Mattermost can be read: 3")
        .says_not("Not seen in the directory");
}

/// Without a service the state file tells of its newest run.
#[test]
fn the_newest_run_is_told_to_programs_too() {
    let place = company();
    let json = place.run(&["status", "--json"]).exits(1).json();
    assert!(json["last"].is_null() && json.get("last_run").is_none());
    place.run(&["sync"]).exits(0);
    let last = &place.run(&["status", "--json"]).exits(1).json()["last_run"];
    assert_eq!((&last["run"], &last["failed"]), (&1.into(), &0.into()));
    assert_eq!(last["done"], 7, "three users, their team, and three joins");
    let ended = last["ended"].as_str().unwrap();
    assert!(ended.parse::<jiff::Timestamp>().is_ok(), "{ended}");
    let words = format!("Last run    number {}", last["run"]);
    place.run(&["status"]).exits(1).says(&words);
}
