//! Commands where no service runs: they do the work themselves.

use std::fs;
use std::io::Read;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use mattermost_sim::{Effect, Fault};
use serde_json::json;

use testkit::place::Place;

fn company() -> Place {
    let mut place = Place::new(crate::BINARY);
    place.add("alice", "Alice", "Able");
    place.add("bob", "Bob", "Bold");
    place
}

#[test]
fn a_plan_changes_nothing_anywhere() {
    let place = company();
    let said = place.run(&["plan"]).exits(0);
    said.says("company")
        .says("2 accounts")
        .says("Create 2 users")
        .says("alice@example.org")
        .says("Next:\n  mattersync sync\n");
    assert_eq!(place.sim.writes(), 0);
    assert!(!place.path("state").exists(), "{:?}", place.files("state"));

    place.run(&["sync"]).exits(0);
    place.sim.reset_counters();
    let before = place.files("state");
    assert!(!before.is_empty());
    place.run(&["plan"]).exits(0).says("Nothing to do.");
    place.run(&["status"]).exits(1);
    assert_eq!(place.files("state"), before);
    assert_eq!(place.sim.writes(), 0);
}

#[test]
fn the_first_sync_fills_and_the_second_writes_nothing() {
    let place = company();
    place
        .run(&["sync"])
        .exits(0)
        .says("Created 2 users")
        .says("Created 1 team");
    let alice = place.sim.user_named("alice").unwrap();
    assert_eq!(alice.email, "alice@example.org");
    let of = |id: &str| place.sim.team_members().iter().any(|m| m.user_id == id);
    assert!(of(&alice.id) && of(&place.sim.user_named("bob").unwrap().id));
    place.sim.reset_counters();
    place.run(&["sync"]).exits(0).says("Nothing was changed.");
    assert_eq!(place.sim.writes(), 0);
}

#[test]
fn an_adoption_is_held_until_it_is_approved() {
    let place = company();
    place
        .sim
        .add_user(&json!({"username": "alice", "email": "alice@example.org", "first_name": "Al"}))
        .unwrap();
    place
        .run(&["plan"])
        .exits(3)
        .says("HELD: adopt")
        .says("IN THE DIRECTORY")
        .says("alice <alice@example.org>")
        .says("mattersync approve adopt");
    place.run(&["sync"]).exits(3).says("HELD: adopt");
    let list = place.run(&["approve", "--json"]).exits(0).json();
    assert_eq!(list[0]["name"], "adopt");
    assert_eq!(list[0]["adoptions"][0]["user"]["name"], "Al");
    place
        .run(&["approve"])
        .exits(0)
        .says("HELD: adopt")
        .says("mattersync approve adopt");
    place
        .run(&["approve", "rename"])
        .exits(1)
        .says("held are: adopt");
    place
        .run(&["approve", "adopt"])
        .exits(0)
        .says("1 step")
        .says("Next:\n  mattersync sync\n");
    place.run(&["sync"]).exits(0).says("Adopted 1 user");
    place.run(&["approve"]).exits(0).says("Nothing is held.");
    assert_eq!(place.sim.user_named("alice").unwrap().first_name, "Alice");
}

#[test]
fn an_approval_is_for_what_was_shown() {
    let mut place = company();
    let stranger = |place: &Place, name: &str| {
        let email = format!("{name}@example.org");
        let user = json!({"username": name, "email": email});
        place.sim.add_user(&user).unwrap();
    };
    stranger(&place, "alice");
    place.run(&["approve"]).exits(0);
    stranger(&place, "carol");
    place.add("carol", "Carol", "Cool");
    place
        .run(&["approve", "adopt"])
        .exits(3)
        .says("1 STEP CAME SINCE THE LAST LOOK, NOT APPROVED")
        .says("if it allows the rest");
    place.run(&["sync"]).exits(3);
    assert_eq!(place.sim.user_named("carol").unwrap().first_name, "");
    place.run(&["approve", "carol"]).exits(0);
    place.run(&["sync"]).exits(0);
}

/// What was never shown is not approved, and nobody is told that it will be done.
#[test]
fn what_nobody_has_seen_is_not_approved() {
    let mut place = company();
    let user = json!({"username": "carol", "email": "carol@example.org"});
    place.sim.add_user(&user).unwrap();
    place.add("carol", "Carol", "Cool");
    place
        .run(&["approve", "carol"])
        .exits(3)
        .says("NOTHING IS APPROVED YET: nobody has seen this step before")
        .says("type the same command again")
        .says_not("0 steps")
        .says_not("mattersync sync");
    place
        .run(&["approve", "carol"])
        .exits(0)
        .says("Approved until")
        .says("mattersync sync");
}

#[test]
fn what_fails_is_named_with_its_reason() {
    let place = company();
    place.sim.add_fault(
        Fault::new(Effect::status(500))
            .writes()
            .path("/api/v4/users"),
    );
    let said = place.run(&["sync"]).exits(1);
    said.says("PERHAPS DONE")
        .says("create alice (Alice Able, alice@example.org)");
}

#[test]
fn one_person_can_be_deactivated_at_once() {
    let place = company();
    place.run(&["sync"]).exits(0);
    place
        .run(&["deactivate", "nobody"])
        .exits(1)
        .says("nobody is known");
    place
        .run(&["deactivate", "root.admin"])
        .exits(1)
        .says("never deactivated from here");
    place
        .run(&["deactivate", "BOB@example.org"])
        .exits(0)
        .says("Deactivated 1 user")
        .says("bob");
    assert_ne!(place.sim.user_named("bob").unwrap().delete_at, 0);
    assert_eq!(place.sim.user_named("alice").unwrap().delete_at, 0);
    place.run(&["deactivate", "bob"]).exits(0).says("already");
    place.run(&["sync"]).exits(0).says("Nothing was changed.");
}

#[test]
fn status_without_a_service_tells_what_the_state_knows() {
    let place = company();
    place
        .run(&["status"])
        .exits(1)
        .says("No service runs")
        .says("nothing was ever done");
    place.run(&["sync"]).exits(0);
    place
        .run(&["status"])
        .exits(1)
        .says("2 links")
        .says("5 steps done");
    let json = place.run(&["status", "--json"]).exits(1).json();
    assert_eq!(json["counts"]["links"], 2);
    assert_eq!(json["pid"], serde_json::Value::Null);
}

#[test]
fn programs_are_answered_in_json() {
    let place = company();
    let plan = place.run(&["plan", "--json"]).exits(0).json();
    let directories = plan["directories"].as_object().unwrap();
    let accounts: Vec<_> = directories.values().map(|read| &read["accounts"]).collect();
    assert_eq!(accounts, [2]);
    assert_eq!(plan["plan"]["steps"].as_array().unwrap().len(), 5);
    let sync = place.run(&["sync", "--json"]).exits(0).json();
    assert_eq!(sync["done"]["create"], 2);
    let gone = place.run(&["deactivate", "bob", "--json"]).exits(0).json();
    assert_eq!(gone["done"]["done"]["deactivate"], 1);
}

#[test]
fn a_first_fill_of_many_stays_readable() {
    let mut place = Place::new(crate::BINARY);
    for n in 0..200 {
        place.add(&format!("user{n:03}"), "Some", "Body");
    }
    let short = place.run(&["plan"]).exits(0).says("Create 200 users");
    // Whoever is created is listed, and the places that follow from that are not.
    let short = short.says("… and 40 more").says("user150");
    assert_eq!(short.out.matches("user150@").count(), 1, "{}", short.out);
    let all = place.run(&["plan", "--all"]).exits(0);
    assert_eq!(all.out.matches("user150@").count(), 2, "{}", all.out);
}

#[test]
fn who_is_left_alone_is_grouped() {
    let mut place = company();
    place.add("nomail", "No", "Mail").mail = None;
    place.add("gone", "Gone", "Away").expires = 10;
    place.write();
    place
        .sim
        .add_user(&json!({"username": "bob", "email": "other@example.org"}))
        .unwrap();
    let said = place.run(&["plan"]).exits(0);
    said.says("Conflicts (`mattersync conflicts` says what to do): 1")
        .says("Cannot be used as they are in the directory: 1")
        .says("1 locked in the directory, and without a user")
        .says_not("uid=gone");
    place.run(&["plan", "--all"]).exits(0).says("uid=gone");
}

#[test]
fn a_side_that_cannot_be_read_is_told() {
    let place = company();
    fs::remove_file(place.path("people.ldif")).unwrap();
    place.run(&["plan"]).exits(69).says("people.ldif");
    place.write();
    place.secret("token", "wrongtokenwrongtokenwrong1");
    place
        .run(&["sync"])
        .exits(77)
        .says("the token is wrong")
        .says_not("wrongtokenwrongtokenwrong1");
    fs::remove_file(place.path("token")).unwrap();
    place.run(&["sync"]).exits(78).says("install -m");
    assert_eq!(place.sim.writes(), 0);
}

#[test]
fn who_is_at_work_is_not_disturbed() {
    let place = company();
    place.run(&["sync"]).exits(0);
    let lease = fs::File::open(place.path("state/lease")).unwrap();
    lease.lock().unwrap();
    for words in [&["sync"][..], &["approve"], &["deactivate", "bob"]] {
        place.run(words).exits(75).says("another mattersync");
    }
    place.run(&["plan"]).exits(0);
    place.run(&["status"]).exits(1);
    // What is left of a killed service does not count.
    drop(lease);
    drop(std::os::unix::net::UnixListener::bind(place.path("control.sock")).unwrap());
    assert!(place.path("control.sock").exists());
    place.run(&["sync"]).exits(0);
}

#[test]
fn a_reader_who_goes_early_is_no_failure() {
    let mut place = Place::new(crate::BINARY);
    for n in 0..1500 {
        place.add(&format!("user{n:04}"), "Some", "Body");
    }
    let mut child = place
        .command(&["plan", "--all"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Less than what is written, which is more than a pipe holds.
    let mut some = [0; 100];
    let mut out = child.stdout.take().unwrap();
    out.read_exact(&mut some).unwrap();
    drop(out);
    let output = child.wait_with_output().unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), err.as_str()), (Some(0), ""));
}

/// `nobody` on Linux.
const NOBODY: u32 = 65_534;

#[test]
fn root_works_as_the_service_user() {
    let place = company();
    if !nix::unistd::geteuid().is_root() {
        // Whoever is not root does not use somebody else's state.
        let config = fs::read_to_string(place.path("config.toml")).unwrap();
        let state = format!("{}/state", place.dir.path().display());
        fs::write(place.path("config.toml"), config.replace(&state, "/")).unwrap();
        place.run(&["sync"]).exits(77).says("belongs to root");
        return;
    }
    let mode = |mode| fs::Permissions::from_mode(mode);
    fs::set_permissions(place.dir.path(), mode(0o755)).unwrap();
    fs::create_dir(place.path("state")).unwrap();
    chown(place.path("state"), Some(NOBODY), Some(NOBODY)).unwrap();
    let said = place.run(&["sync"]).exits(77);
    said.says("the work is done as the user nobody, who must be able to read it");
    for secret in ["token", "initial"] {
        chown(place.path(secret), Some(NOBODY), Some(NOBODY)).unwrap();
    }
    place.run(&["sync"]).exits(0).says("as the user nobody");
    for file in ["lease", "state.sqlite"] {
        let found = fs::metadata(place.path("state").join(file)).unwrap();
        assert_eq!((found.uid(), found.gid()), (NOBODY, NOBODY), "{file}");
    }
}

#[test]
fn a_signal_ends_a_sync_in_order() {
    let mut place = Place::new(crate::BINARY);
    for n in 0..100 {
        place.add(&format!("user{n:03}"), "Some", "Body");
    }
    place.sim.set_latency(Duration::from_millis(40));
    let child = place
        .command(&["sync"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let end = Instant::now() + Duration::from_secs(20);
    while place.sim.users().len() < 5 {
        assert!(Instant::now() < end, "nobody was created");
        std::thread::yield_now();
    }
    let pid = child.id().to_string();
    Command::new("kill").args(["-INT", &pid]).status().unwrap();
    let output = child.wait_with_output().unwrap();
    let out = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{out}");
    assert!(out.contains("THE RUN WAS STOPPED"), "{out}");
    assert!(place.sim.users().len() < 101);
    place.sim.set_latency(Duration::ZERO);
    place.run(&["sync"]).exits(0);
    assert_eq!(place.sim.users().len(), 101);
}

#[test]
fn what_is_not_a_person_gets_no_user() {
    let mut place = company();
    place.add("nobody", "No", "Body");
    place.run(&["sync"]).exits(0);
    assert!(place.sim.user_named("nobody").is_none());
    place
        .run(&["plan", "--all"])
        .exits(0)
        .says("the username nobody is like \"nobody\"");
}

/// A plan without steps is not said to be done with while somebody waits or is in the way.
#[test]
fn nothing_to_do_is_said_only_when_nobody_is_left() {
    let mut place = company();
    place.run(&["sync"]).exits(0);
    place.run(&["plan"]).exits(0).says("Nothing to do.");
    place.edit("bob", |p| p.gone = true);
    place.stranger("carol", "other");
    place.add("carol", "Carol", "Cool");
    place
        .run(&["plan"])
        .exits(0)
        .says_not("Nothing to do.")
        .says("Nothing to do now. Still open:")
        .says("  1 person waits: bob\n")
        .says("  1 conflict: carol\n")
        .says("mattersync conflicts")
        .says("in 1 complete reading; stays active until that is");
    place.sim.user_named("alice").unwrap();
    place.run(&["deactivate", "alice"]).exits(0);
    place
        .run(&["plan"])
        .exits(0)
        .says("1 kept out or left alone by an administrator's word: alice\n");
}

#[test]
fn a_team_that_exists_is_not_said_to_be_created() {
    let mut place = Place::new(crate::BINARY);
    place.add("anna", "Anna", "Able");
    place.run(&["plan"]).exits(0).says("our (once created)");
    place.run(&["sync"]).exits(0);
    place.add("bert", "Bert", "Bold");
    place
        .run(&["plan"])
        .exits(0)
        .says("Add to teams: 1 member")
        .says_not("once created");
}
