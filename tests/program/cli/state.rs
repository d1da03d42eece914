//! The state file: damaged, lost, put back from an older copy.

use std::fs;
use std::path::Path;

use mattermost_sim::{Commit, Effect, Fault};
use serde_json::json;

use crate::cli::served::Service;
use testkit::place::{Place, Said};

const STATE: &str = "state/state.sqlite";
const COPY: &str = "state/state.sqlite.copy";

/// Three people who have users, and a copy of the state.
fn company() -> Place {
    let mut place = Place::new(crate::BINARY);
    place.more = "[policy]\ngrace = \"0s\"\n[guard]\nmissing = 10\nlocked = 10\n\
                  [schedule]\ninterval = \"1h\"\n"
        .into();
    for uid in ["alice", "bob", "carol"] {
        place.add(uid, uid, "Able");
    }
    place.run(&["sync"]).exits(0).says("Created 3 users");
    place
}

fn users(place: &Place) -> usize {
    place.sim.users().len()
}

fn damage(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    let from = bytes.len() / 3;
    bytes[from..].fill(0xa5);
    fs::write(path, bytes).unwrap();
}

fn aside(place: &Place) -> Vec<String> {
    let names = fs::read_dir(place.path("state")).unwrap();
    let names = names.map(|n| n.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.filter(|n| n.contains("damaged")).collect();
    names.sort();
    names
}

#[test]
fn what_is_well_is_said() {
    let place = company();
    let before = place.files("state");
    let said = place.run(&["state", "check"]).exits(0);
    said.says("3 links").says("Nothing is wrong");
    assert_eq!(place.files("state"), before, "it changes nothing");
    let said = place.run(&["state", "check", "--json"]).exits(0);
    assert_eq!(said.json()["findings"], json!([]));
}

/// What was not read is not counted as nothing.
#[test]
fn what_could_not_be_read_has_no_number() {
    let place = company();
    place.sim.add_fault(Fault::new(Effect::status(502)));
    let said = place.run(&["state", "check"]).exits(1);
    said.says("3 links; the last run was number 1.")
        .says_not("users on Mattermost");
}

#[test]
fn what_differs_is_listed_with_what_to_type() {
    let mut place = company();
    place.edit("carol", |p| p.expires = 1);
    place.run(&["sync"]).exits(0).says("Deactivated 1 user");
    let id = |name: &str| place.sim.user_named(name).unwrap().id;
    place.sim.set_active(&id("carol"), true);
    // As if Mattermost had been put back: it does not know the user.
    let db = rusqlite::Connection::open(place.path(STATE)).unwrap();
    let gone = "UPDATE accounts SET user = 'gone5678901234567890123456',
           memory = json_set(memory, '$.link.user', 'gone5678901234567890123456')
         WHERE json_extract(memory, '$.link.last_username') = 'bob'";
    assert_eq!(db.execute(gone, []).unwrap(), 1);
    drop(db);
    let mark = json!({"username": "zoe", "email": "zoe@example.org",
                      "props": {"mattersync": "somebody wrote it"}});
    place.sim.add_user(&mark).unwrap();
    let said = place.run(&["state", "check"]).exits(1);
    said.says("no longer exists on Mattermost")
        .says("mattersync unlink")
        .says("was deactivated by mattersync, and is active")
        .says("zoe: carries the mark")
        .says("`mattersync orphans --keep zoe`");
}

#[test]
fn a_damaged_file_is_told_and_the_copy_takes_over() {
    let place = company();
    damage(&place.path(STATE));
    let said = place.run(&["state", "check"]).exits(1);
    said.says("damaged")
        .says("mattersync state restore")
        .says_not("0 links")
        .says_not("the last run");
    let told = place.run(&["state", "check", "--json"]).exits(1).json();
    assert_eq!(
        (&told["links"], &told["users"]),
        (&json!(null), &json!(null))
    );
    place
        .run(&["sync"])
        .exits(74)
        .says("mattersync state restore");
    let before = place.files("state");
    let said = place.run(&["state", "restore"]).exits(1);
    said.says("state restore --yes")
        .says("3 links")
        .says("damaged");
    assert_eq!(place.files("state"), before, "only told");
    place
        .run(&["state", "restore", "--yes"])
        .exits(0)
        .says("is kept as")
        .says("approve restored");
    assert!(!aside(&place).is_empty());
    place.run(&["state", "check"]).exits(1).says("was put back");
    // Nothing is to be done: then it is as if nothing had happened.
    place.run(&["sync"]).exits(0).says("Nothing was changed");
    place.run(&["state", "check"]).exits(0);
}

/// The last copy stays what it is until there is a sound file again.
#[test]
fn a_damaged_copy_is_no_help_and_nothing_is_touched() {
    let place = company();
    damage(&place.path(STATE));
    damage(&place.path(COPY));
    let before = place.files("state");
    let said = place.run(&["state", "restore", "--yes"]).exits(74);
    said.says("state.sqlite.copy");
    fs::remove_file(place.path(COPY)).unwrap();
    place
        .run(&["state", "restore", "--yes"])
        .exits(74)
        .says("there is no copy");
    assert_eq!(place.files("state").len() + 1, before.len());
}

#[test]
fn a_service_that_runs_keeps_its_file() {
    let place = company();
    let service = Service::start(&place);
    place
        .run(&["state", "restore", "--yes"])
        .exits(75)
        .says("systemctl stop mattersync");
    place
        .run(&["state", "check"])
        .exits(0)
        .says("Nothing is wrong");
    drop(service);
    let _lease = mattersync::state::Lease::take(&place.path("state")).unwrap();
    place
        .run(&["state", "restore", "--yes"])
        .exits(75)
        .says("in use by another mattersync");
    assert_eq!(aside(&place), [""; 0]);
}

/// Saves the state directory's file as it is, and puts it back later, with nothing else.
struct Backup(Vec<u8>);

impl Backup {
    fn of(place: &Place) -> Self {
        // No process has it open: all is in the one file.
        Self(fs::read(place.path(STATE)).unwrap())
    }

    fn put_back(&self, place: &Place) {
        for log in ["-wal", "-shm"] {
            let _ = fs::remove_file(place.path(&format!("{STATE}{log}")));
        }
        fs::write(place.path(STATE), &self.0).unwrap();
    }
}

fn older(mark: bool) -> (Place, Said) {
    let mut place = company();
    let backup = Backup::of(&place);
    place.add("dave", "Dave", "Doe");
    place.add("dora", "Dora", "Doe");
    place.run(&["sync"]).exits(0).says("Created 2 users");
    place.edit("alice", |p| p.expires = 1);
    place.add("emil", "Emil", "Eck");
    backup.put_back(&place);
    if !mark {
        fs::remove_file(place.path("state/last-run")).unwrap();
    }
    let said = place.run(&["plan"]).exits(3).says("HELD: restored");
    (place, said)
}

#[test]
fn an_older_copy_makes_nobody_until_a_person_says_so() {
    for mark in [true, false] {
        let (place, said) = older(mark);
        said.says("emil").says("alice").says("HELD: adopt: 2");
        let before = users(&place);
        place.run(&["sync"]).exits(3).says("approve restored");
        assert_eq!(users(&place), before, "emil was not made, dave not twice");
        let alice = place.sim.user_named("alice").unwrap();
        assert!(alice.delete_at > 0, "a lock is seen today");
        place.run(&["approve", "adopt"]).exits(0);
        place.run(&["approve", "restored"]).exits(0);
        place.run(&["sync"]).exits(0).says("Adopted 2 users");
        assert_eq!(users(&place), before + 1);
        place.run(&["state", "check"]).exits(0);
        place.run(&["plan"]).exits(0).says_not("HELD");
    }
}

#[test]
fn a_lost_state_is_told_and_found_again() {
    let mut place = company();
    place.add("dave", "Dave", "Doe");
    for name in [STATE, COPY] {
        fs::remove_file(place.path(name)).unwrap();
    }
    let before = users(&place);
    let said = place.run(&["plan"]).exits(3);
    said.says("the state file was lost").says("HELD: adopt");
    place
        .run(&["sync"])
        .exits(3)
        .says("the state file was lost");
    assert_eq!(users(&place), before);
    place.run(&["approve", "adopt"]).exits(0).says("3 steps");
    place.run(&["approve", "restored"]).exits(0);
    place.run(&["sync"]).exits(0).says("Adopted 3 users");
    assert_eq!(users(&place), before + 1);
    // Runs go on behind those that are lost: no number means two of them.
    let last = fs::read_to_string(place.path("state/last-run")).unwrap();
    assert_eq!(last.trim(), "2");
}

fn lose(place: &Place) {
    for log in ["", "-wal", "-shm"] {
        let _ = fs::remove_file(place.path(&format!("{STATE}{log}")));
    }
}

/// A run would replace the copy, and with it all that is known of what was done.
#[test]
fn a_file_that_is_lost_beside_its_copy_waits_for_a_person() {
    let mut place = company();
    place.add("dave", "Dave", "Doe");
    let before = (users(&place), fs::read(place.path(COPY)).unwrap());
    // Gone, or emptied.
    for empty in [false, true] {
        lose(&place);
        if empty {
            fs::write(place.path(STATE), "").unwrap();
        }
        for (words, exit) in [
            (&["plan"][..], 74),
            (&["sync"], 74),
            (&["run"], 74),
            (&["approve", "adopt"], 74),
            (&["history"], 74),
            (&["explain", "alice"], 74),
            (&["status"], 74),
            (&["check"], 1),
            (&["state", "check"], 1),
        ] {
            let said = place.run(words).exits(exit).says("is lost");
            said.says("mattersync state restore").says("last run 1");
        }
    }
    place.run(&["state", "restore", "--yes"]).exits(0);
    let now = (users(&place), fs::read(place.path(COPY)).unwrap());
    assert_eq!(now, before);
    place
        .run(&["history"])
        .exits(0)
        .says("Created 3 users (alice, bob, carol)");
    place.run(&["sync"]).exits(3).says("HELD: restored");

    // The copy is no help: whoever begins anew says so.
    lose(&place);
    damage(&place.path(COPY));
    let said = place.run(&["sync"]).exits(74);
    said.says("its copy cannot be used").says("move");
    fs::rename(place.path(COPY), place.path("bad")).unwrap();
    place
        .run(&["sync"])
        .exits(3)
        .says("the state file was lost")
        .says("HELD: adopt: 3");
}

/// What a service writes to a file that was deleted is lost when it ends.
#[test]
fn a_file_that_vanishes_under_the_service_stops_it_from_doing_anything() {
    let mut place = company();
    let service = Service::start(&place);
    place.add("dave", "Dave", "Doe");
    let writes = place.sim.writes();
    let away = place.path("away");
    fs::rename(place.path(STATE), &away).unwrap();
    for words in [
        &["sync"][..],
        &["plan"],
        &["approve", "adopt"],
        &["history"],
        &["deactivate", "bob"],
    ] {
        let said = place.run(words).exits(74);
        said.says("was deleted or moved away").says("state restore");
    }
    let said = place.run(&["status"]).exits(1);
    said.says("DEGRADED").says("was deleted or moved away");
    assert_eq!(place.sim.writes(), writes);
    // The same file is back.
    fs::rename(&away, place.path(STATE)).unwrap();
    place.run(&["plan"]).exits(0).says("Create 1 user");
    // Another one.
    fs::copy(place.path(STATE), &away).unwrap();
    fs::rename(&away, place.path(STATE)).unwrap();
    let said = place.run(&["sync"]).exits(74);
    said.says("was replaced by another file");
    assert_eq!(place.sim.writes(), writes);
    drop(service);
    place.run(&["sync"]).exits(0).says("Created 1 user");
}

/// Somebody was made after the copy and is in the directory no more: nobody but a person knows who
/// that is, and whoever accepts the copy has not looked at them.
#[test]
fn who_left_after_the_copy_is_still_an_orphan_once_it_is_accepted() {
    let mut place = company();
    let backup = Backup::of(&place);
    place.add("dave", "Dave", "Doe");
    place.run(&["sync"]).exits(0).says("Created 1 user");
    backup.put_back(&place);
    place.people.retain(|p| p.uid != "dave");
    place.add("emil", "Emil", "Eck");
    place.run(&["sync"]).exits(3).says("HELD: restored");
    place.run(&["orphans"]).exits(0).says("dave@example.org");
    place.run(&["approve", "restored"]).exits(0);
    place.run(&["sync"]).exits(0).says("Created 1 user");
    place.run(&["orphans"]).exits(0).says("dave@example.org");
    place.run(&["plan"]).exits(0).says_not("HELD");
}

#[test]
fn a_newer_file_is_not_to_be_replaced() {
    let place = company();
    let db = rusqlite::Connection::open(place.path(STATE)).unwrap();
    db.pragma_update(None, "user_version", 99).unwrap();
    drop(db);
    place
        .run(&["state", "check"])
        .exits(1)
        .says("install the newer version again")
        .says_not("state restore");
}

/// Links that nobody would make, and what is not known: each is told, with its way out.
#[test]
fn each_link_that_should_not_be_is_listed() {
    let mut place = company();
    for uid in ["dave", "emil", "frank"] {
        place.add(uid, uid, "Able");
    }
    place.run(&["sync"]).exits(0).says("Created 3 users");
    let cut = Fault::new(Effect::Cut(Commit::After)).writes();
    place.sim.add_fault(cut.path("/api/v4/users/*/patch"));
    place.edit("carol", |p| p.expires = 1);
    place.edit("frank", |p| p.uid = "franz".into());
    place.run(&["sync"]).exits(1).says("PERHAPS DONE");
    place.sim.clear_faults();
    let id = |name: &str| place.sim.user_named(name).unwrap().id;
    let carol = id("carol");
    place.sim.set_active(&carol, true);
    place.sim.advance(std::time::Duration::from_secs(1));
    place.sim.set_active(&carol, false);
    let _ = place.sim.make_bot(&id("alice"));
    let admin = |user: &mut mattermost_sim::User| user.roles = "system_user system_admin".into();
    assert!(place.sim.edit_user(&id("bob"), admin));
    let db = rusqlite::Connection::open(place.path(STATE)).unwrap();
    let own = id("root.admin");
    let own = format!("user = '{own}', memory = json_set(memory, '$.link.user', '{own}')");
    for (name, change) in [
        (
            "bob",
            "memory = json_set(memory, '$.link.origin', 'adopted')",
        ),
        ("dave", own.as_str()),
        ("emil", "provider = 'former'"),
    ] {
        let change = format!(
            "UPDATE accounts SET {change} WHERE json_extract(memory, '$.link.last_username') = '{name}'"
        );
        assert_eq!(db.execute(&change, []).unwrap(), 1);
    }
    drop(db);
    let said = place.run(&["state", "check"]).exits(1);
    said.says("is a bot")
        .says("was adopted and is a system administrator")
        .says("and again by somebody else at")
        .says("is the account that mattersync works with")
        .says("1 links are of this provider, which the configuration does not name")
        .says("nobody knows yet whether this was done in run 3");
}

/// Two installations at once: each finds what the other made, and says so.
#[test]
fn another_installation_is_noticed() {
    let mut place = company();
    place.run(&["sync"]).exits(0);
    let state = |name: &str| place.path(name);
    let copied = std::process::Command::new("cp")
        .arg("-a")
        .args([state("state"), state("other")])
        .status();
    assert!(copied.unwrap().success());
    let swap = |place: &Place| {
        std::fs::rename(place.path("state"), place.path("between")).unwrap();
        std::fs::rename(place.path("other"), place.path("state")).unwrap();
        std::fs::rename(place.path("between"), place.path("other")).unwrap();
    };
    place.add("emil", "Emil", "Eager");
    place.run(&["sync"]).exits(0).says_not("another mattersync");
    swap(&place);
    for command in ["plan", "sync"] {
        place
            .run(&[command])
            .exits(3)
            .says("emil carries the mark of a creation by mattersync")
            .says("If another mattersync works on this Mattermost, stop it");
    }
    place.add("dora", "Dora", "Dear");
    place.run(&["sync"]).exits(3);
    swap(&place);
    place
        .run(&["sync"])
        .exits(3)
        .says("dora carries the mark of a creation by mattersync");
    // Once a person has said that it is right, it is over.
    place.run(&["approve"]).exits(0);
    place.run(&["approve", "adopt"]).exits(0);
    place.run(&["sync"]).exits(0).says("Adopted 1 user");
    place.run(&["sync"]).exits(0).says_not("another mattersync");
}
