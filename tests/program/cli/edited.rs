//! A configuration file that was edited while the service runs: not in force, or not one at all.

use std::fs;

use testkit::place::Place;

use crate::cli::served::Service;

fn company() -> Place {
    let mut place = Place::new(crate::BINARY);
    place.more = "[schedule]\ninterval = \"1h\"\n".into();
    place.add("alice", "Alice", "Able");
    place.add("bob", "Bob", "Bold");
    place.add("carol", "Carol", "Cool");
    place
}

fn config(place: &Place) -> String {
    fs::read_to_string(place.path("config.toml")).unwrap()
}

fn write(place: &Place, text: &str) {
    fs::write(place.path("config.toml"), text).unwrap();
}

#[test]
fn the_service_answers_although_the_file_cannot_be_used() {
    let place = company();
    let service = Service::start(&place);
    let good = config(&place);
    // A typing error, a torn file, a file that is gone.
    let runs_on = "The service still runs with the configuration that it read on";
    write(&place, &format!("{good}\n[scheduel]\ninterval = \"5m\"\n"));
    place
        .run(&["deactivate", "alice"])
        .exits(0)
        .says("scheduel")
        .says(runs_on)
        .says("Deactivated 1 user");
    assert!(!place.is_active("alice"));
    let status = place.run(&["status"]).exits(1);
    assert!(status.err.is_empty(), "{}", status.err);
    status
        .says("CANNOT BE USED")
        .says("scheduel")
        .says("will not start again")
        .says("3 links");
    let status = place.run(&["status", "--json"]).exits(1).json();
    assert!(status["config_file"]["file"]["unusable"]["why"].is_string());
    let plan = place.run(&["plan", "--json"]).exits(0).says(runs_on);
    assert!(plan.json()["plan"].is_object());
    place
        .run(&["check"])
        .exits(78)
        .says("scheduel")
        .says("The service still runs");
    place.run(&["plan", "--edited"]).exits(78);

    write(&place, &format!("[accounts\n{good}"));
    place
        .run(&["deactivate", "bob"])
        .exits(0)
        .says(runs_on)
        .says("Deactivated 1 user");

    fs::remove_file(place.path("config.toml")).unwrap();
    // The socket is not the usual one, and nothing says any more where it is.
    place.run(&["status"]).exits(78);
    write(&place, &good);
    place.run(&["status"]).exits(0).says_not("CANNOT BE USED");

    // Who types the name of another file gets no answer from this service.
    let other = place.path("other.toml");
    fs::write(&other, format!("{good}\n[scheduel]\n")).unwrap();
    let mut command = testkit::place::quiet(crate::BINARY);
    command.arg("--config").arg(&other).arg("status");
    testkit::place::run(&mut command).exits(78);
    drop(service);
    write(&place, &format!("{good}\n[scheduel]\n"));
    place.run(&["deactivate", "carol"]).exits(78);
    assert!(place.is_active("carol"));
}

#[test]
fn a_file_that_is_not_in_force_yet_is_told() {
    let place = company();
    let service = Service::start(&place);
    for command in ["status", "plan", "check"] {
        place.run(&[command]).says_not("not in force");
    }
    let good = config(&place);
    write(
        &place,
        &format!("{good}\n[[team]]\ndisplay-name = \"Other\"\n"),
    );
    place
        .run(&["status"])
        .exits(0)
        .says("NOT IN FORCE")
        .says("systemctl reload mattersync");
    // The service plans with what it read, and the file can be tried.
    place
        .run(&["plan"])
        .exits(0)
        .says("NOT IN FORCE")
        .says("made with what is in force")
        .says("mattersync plan --edited")
        .says("Nothing would be changed");
    place
        .run(&["plan", "--edited"])
        .exits(0)
        .says("other")
        .says_not("Nothing would be changed")
        .says("systemctl reload mattersync");
    let plan = place.run(&["plan", "--json"]).exits(0);
    assert!(plan.err.contains("not in force"), "{}", plan.err);
    plan.json();
    place
        .run(&["check"])
        .exits(0)
        .says("not in force")
        .says("systemctl reload mattersync");
    place.run(&["sync"]).exits(0).says("not in force");
    assert!(place.sim.team_named("other").is_none());

    service.signal("HUP");
    place.until(|| place.sim.team_named("other").is_some());
    for command in ["status", "plan", "check"] {
        place
            .run(&[command])
            .says_not("not in force")
            .says_not("NOT IN FORCE");
    }
    // Another place of the control socket changes with a restart only; until then the old one is
    // not found by the file, and the work is not done beside the service either.
    let moved = config(&place).replace("control.sock", "elsewhere.sock");
    write(&place, &moved);
    place.run(&["sync"]).exits(75);
}
