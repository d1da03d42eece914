//! Questions that the service answers from what its last cycle read.

use std::process::Stdio;
use std::time::{Duration, Instant};

use mattermost_sim::{Effect, Fault};

use testkit::place::Place;

use crate::cli::served::Service;

const OLD: &str = "As the service read it last";

/// A service that finished a cycle in which nothing was made.
fn served() -> (Place, Service) {
    let mut place = Place::new(crate::BINARY);
    place.more = "[schedule]\ninterval = \"1h\"\n".into();
    place.add("alice", "Alice", "Able");
    place.add("bob", "Bob", "Bold");
    place.add("carol", "Carol", "Cool");
    let service = Service::start(&place);
    place.run(&["sync"]).exits(0);
    (place, service)
}

/// Whether the whole list of users was read since the counters were reset.
fn was_read(place: &Place) -> bool {
    let seen = place.sim.seen();
    seen.iter()
        .any(|seen| seen.target.starts_with("/api/v4/users?"))
}

#[test]
fn a_question_is_answered_without_reading_and_says_how_old_that_is() {
    let (mut place, _service) = served();
    place.add("dora", "Dora", "Dove");
    place.sim.reset_counters();
    for command in [&["explain", "alice"][..], &["conflicts"], &["orphans"]] {
        place.run(command).exits(0).says(OLD).says("--fresh");
        assert!(!was_read(&place), "{command:?}");
    }
    let alice = place.run(&["explain", "alice", "--json"]).exits(0).json();
    assert!(alice["read"].is_string(), "{alice}");
    // Who is new is found when both sides are read anew.
    place.run(&["explain", "dora"]).exits(1).says(OLD);
    assert!(!was_read(&place));
    place
        .run(&["status"])
        .exits(0)
        .says("second")
        .says("3 accounts");
    place
        .run(&["status", "--fresh"])
        .exits(0)
        .says("Read now")
        .says("4 accounts");
    place
        .run(&["explain", "dora", "--fresh"])
        .exits(0)
        .says_not(OLD);
    assert!(was_read(&place));
    place.sim.reset_counters();
    // What was read for one question is there for the next one.
    place.run(&["explain", "dora"]).exits(0).says(OLD);
    assert!(!was_read(&place));
    // A plan always reads.
    place.run(&["plan"]).exits(0).says("dora");
    assert!(was_read(&place));
}

#[test]
fn what_people_did_since_is_known() {
    let (place, _service) = served();
    place.run(&["deactivate", "alice"]).exits(0);
    let stranger = place.stranger("old.hand", "hand");
    place.run(&["sync"]).exits(0);
    place.sim.reset_counters();
    let alice = place.run(&["explain", "alice"]).exits(0).says(OLD);
    alice
        .says("deactivated since")
        .says("deactivated by mattersync");
    place.run(&["orphans"]).exits(0).says(OLD).says("old.hand");
    place.run(&["orphans", "--keep", "old.hand"]).exits(0);
    place.sim.reset_counters();
    place
        .run(&["orphans"])
        .exits(0)
        .says(OLD)
        .says_not("hand@example.org");
    place.run(&["deactivate", "bob"]).exits(0);
    place.sim.reset_counters();
    place
        .run(&["explain", "bob"])
        .exits(0)
        .says(OLD)
        .says("deactivated since")
        .says("left alone: ");
    place
        .run(&["explain", &stranger])
        .exits(0)
        .says(OLD)
        .says("Kept");
    assert!(!was_read(&place));
}

#[test]
fn what_a_cycle_made_is_known() {
    let (mut place, _service) = served();
    place.add("dora", "Dora", "Dove");
    place.edit("bob", |bob| bob.name.1 = "Brave".into());
    place.run(&["sync"]).exits(0).says("Created 1 user");
    place.sim.reset_counters();
    for person in ["dora", "bob"] {
        place
            .run(&["explain", person])
            .exits(0)
            .says(OLD)
            .says("created by mattersync")
            .says_not("was not found")
            .says_not("would be done now");
    }
    place.run(&["explain", "bob"]).exits(0).says("Bob Brave");
    assert!(!was_read(&place));
}

#[test]
fn nobody_on_the_telephone_waits_for_a_cycle() {
    let (place, _service) = served();
    let slow = Effect::Latency(Duration::from_secs(8));
    place.sim.add_fault(Fault::new(slow).path("/api/v4/config"));
    let mut sync = place.command(&["sync"]);
    let sync = sync.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let mut sync = sync.unwrap();
    place.until(|| place.run(&["status", "--json"]).json()["phase"] != "idle");
    let began = Instant::now();
    place.run(&["explain", "alice"]).exits(0).says(OLD);
    place.run(&["orphans"]).exits(0).says(OLD);
    assert!(began.elapsed() < Duration::from_secs(5));
    let _ = sync.kill();
    let _ = sync.wait();
}

#[test]
fn a_reading_that_was_not_whole_is_told_and_so_are_cycles_that_fail() {
    let (mut place, _service) = served();
    place
        .sim
        .add_fault(Fault::new(Effect::status(500)).path("/api/v4/users"));
    place.edit("bob", |bob| bob.gone = true);
    place.run(&["sync"]);
    place
        .run(&["explain", "alice"])
        .exits(0)
        .says(OLD)
        .says("1 cycle since then could not be finished");
    place.sim.clear_faults();
    place.garble("alice", &["username"]);
    place.run(&["sync"]).exits(4);
    place
        .run(&["explain", "bob"])
        .exits(4)
        .says(OLD)
        .says("IS NOT COMPLETE");
}

/// A reading counts once, however often somebody asks about it.
#[test]
fn a_reading_that_is_asked_about_is_not_counted_again() {
    let (mut place, _service) = served();
    place.edit("bob", |p| p.gone = true);
    place.run(&["sync"]).exits(0).says("in 1 complete reading;");
    for _ in 0..2 {
        let said = place.run(&["explain", "bob"]).exits(0).says(OLD);
        said.says("in 1 complete reading;");
    }
    place.run(&["deactivate", "carol"]).exits(0);
    place.run(&["undo", "--redo", "carol"]).exits(0);
    place
        .run(&["sync"])
        .exits(0)
        .says("reactivated when the next reading agrees");
    let said = place.run(&["explain", "carol"]).exits(0).says(OLD);
    said.says("reactivated when the next reading agrees");
}
