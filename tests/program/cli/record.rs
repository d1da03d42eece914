//! `mattersync history`, `show` and `forget`.

use mattermost_sim::{Commit, Effect, Fault};
use serde_json::Value;

use testkit::place::Place;

fn company() -> Place {
    let mut place = Place::new(crate::BINARY);
    place.more = "[policy]\ngrace = \"0s\"\n[guard]\nlocked = 1\n".into();
    for uid in ["alice", "bob", "carol"] {
        place.add(uid, uid, "Able");
    }
    place.run(&["sync"]).exits(0);
    place
}

#[test]
fn what_was_done_is_told_to_people_and_to_programs() {
    let mut place = company();
    place.edit("bob", |p| p.uid = "robert".into());
    for uid in ["alice", "carol"] {
        place.edit(uid, |p| p.expires = 1);
    }
    place.run(&["sync"]).exits(3).says("HELD: locked: 2");
    // Neither side is needed to look.
    place.people.clear();
    std::fs::remove_file(place.path("people.ldif")).unwrap();
    place
        .sim
        .add_fault(mattermost_sim::Fault::new(mattermost_sim::Effect::status(
            502,
        )));
    place
        .run(&["history"])
        .exits(0)
        .says("Created 3 users (alice, bob, carol)")
        .says("Added to teams: 3 members (alice, bob, carol)")
        .says("Renamed 1 user (bob)")
        .says("2 held")
        .says("mattersync history RUN");
    place
        .run(&["history", "2"])
        .exits(0)
        .says("Run 2, sync, by ")
        .says("complete: who is not in it is not there")
        .says("username: bob → robert")
        .says("locked: 2 steps: 2 wanted, one cycle may do 1")
        .says("mattersync undo 2");
    let all = place.run(&["history", "--json"]).exits(0).json();
    assert_eq!(all["schema"], 2);
    let runs = all["runs"].as_array().unwrap();
    let numbers: Vec<&Value> = runs.iter().map(|run| &run["run"]).collect();
    assert_eq!(numbers, [2, 1]);
    let run = &runs[0];
    assert_eq!(run["kind"], "sync");
    assert_eq!(run["state"], "finished");
    assert_eq!(run["configuration"].as_str().unwrap().len(), 64);
    assert_eq!(run["readings"][0]["accounts"], 3);
    assert_eq!(run["readings"][0]["proves_absence"], true);
    assert_eq!(run["mattermost"]["linked"], 3);
    assert_eq!(run["held"][0]["steps"], 2);
    assert_eq!(run["mails"], 1);
    let step = &run["steps"][0];
    assert_eq!(step["action"], "rename");
    assert_eq!(step["outcome"], "done");
    assert_eq!(step["changes"][0]["before"], "bob");
    assert_eq!(step["changes"][0]["after"], "robert");
    assert_eq!(step["can_be_undone"], true);
    for when in [
        &run["began"],
        &run["ended"],
        &step["intended"],
        &step["settled"],
    ] {
        let text = when.as_str().unwrap();
        let time: jiff::Timestamp = text.parse().unwrap();
        assert_eq!(format!("{time:.3}"), text, "RFC 3339 in UTC");
    }
    let made = runs[1]["steps"].as_array().unwrap();
    let alice = made.iter().find(|step| step["name"] == "alice").unwrap();
    let id = place.sim.user_named("alice").unwrap().id;
    assert_eq!(alice["made"]["user"], id);
    assert_eq!(
        alice["user"], id,
        "found by the id of the user that it made"
    );
    let theirs = place.run(&["history", "--json", "--person", &id]).json();
    let theirs = theirs["runs"].as_array().unwrap();
    assert_eq!(theirs.len(), 1);
    assert!(theirs[0]["steps"].as_array().unwrap().len() < made.len());
    place
        .run(&["history", "--person", "BOB@example.org"])
        .exits(0)
        .says("Renamed 1 user (bob)")
        .says("Created 1 user (bob)");
    place
        .run(&["history", "--person", "nobody"])
        .exits(1)
        .says("nobody is known as");
    let ago = place.run(&["history", "--json", "--since", "1h", "--last", "1"]);
    assert_eq!(ago.json()["runs"].as_array().unwrap().len(), 1);
    let later = place.run(&["history", "--json", "--since", "2100-01-01"]);
    assert_eq!(later.json()["runs"].as_array().unwrap().len(), 0);
    place
        .run(&["history", "--since", "soon"])
        .exits(2)
        .says("yesterday");
    place
        .run(&["history", "9"])
        .exits(1)
        .says("there is no run 9");
}

/// A cycle that only holds leaves no run, and is there the next morning all the same.
#[test]
fn since_when_something_is_held_is_told() {
    let mut place = company();
    for uid in ["alice", "carol"] {
        place.edit(uid, |p| p.expires = 1);
    }
    for _ in 0..2 {
        place.run(&["sync"]).exits(3).says("HELD: locked: 2");
    }
    let said = place.run(&["history"]).exits(0);
    let line = "held from then on: locked: 2 steps: 2 wanted, one cycle may do 1";
    assert_eq!(said.out.matches(line).count(), 1, "{}", said.out);
    let kinds = |place: &Place| -> Vec<String> {
        let all = place.run(&["history", "--json"]).exits(0).json();
        assert_eq!(all["runs"].as_array().unwrap().len(), 1, "{all}");
        let events = all["events"].as_array().unwrap().clone();
        assert!(events.iter().all(|e| e["value"]["hold"] == "locked"));
        let kinds = events.iter().map(|e| e["kind"].as_str().unwrap());
        kinds.map(str::to_owned).collect()
    };
    assert_eq!(kinds(&place), ["held"]);
    place
        .run(&["history", "--person", "alice"])
        .exits(0)
        .says_not("held from then on");
    for uid in ["alice", "carol"] {
        place.edit(uid, |p| p.expires = 99_999);
    }
    for _ in 0..2 {
        place.run(&["sync"]).exits(0);
    }
    let said = place.run(&["history"]).exits(0);
    said.says("no longer held: locked");
    assert_eq!(kinds(&place), ["held", "held-no-more"]);
    let later = place.run(&["history", "--json", "--since", "2100-01-01"]);
    assert_eq!(later.json()["events"].as_array().unwrap().len(), 0);
}

#[test]
fn before_anything_was_done_nothing_is_recorded() {
    let place = Place::new(crate::BINARY);
    place.run(&["history"]).exits(0).says("No run is recorded.");
    place
        .run(&["history", "1"])
        .exits(1)
        .says("there is no run 1");
    assert!(!place.path("state").exists(), "looking made nothing");
}

/// Whether a text lies in any file of the state directory.
fn is_in_state(place: &Place, text: &str) -> bool {
    let files = std::fs::read_dir(place.path("state")).unwrap();
    let mut files = files.map(|file| std::fs::read(file.unwrap().path()).unwrap());
    files.any(|bytes| {
        bytes
            .windows(text.len())
            .any(|part| part == text.as_bytes())
    })
}

#[test]
fn who_left_is_forgotten_to_the_last_byte() {
    let mut place = company();
    place.add("ludmilla", "Ludmilla", "Lost");
    place.run(&["sync"]).exits(0);
    place
        .run(&["forget", "ludmilla"])
        .exits(1)
        .says("still in the directory");
    place.people.retain(|p| p.uid != "ludmilla");
    place.write();
    place
        .run(&["forget", "ludmilla", "--yes"])
        .exits(1)
        .says("is active on Mattermost");
    place.run(&["sync"]).exits(0).says("Deactivated 1 user");
    place
        .run(&["forget", "ludmilla"])
        .exits(0)
        .says("This would be erased: 3 steps in 2 runs, and the link")
        .says("mattersync forget ludmilla --yes");
    assert!(is_in_state(&place, "ludmilla"));
    place
        .run(&["forget", "ludmilla", "--yes"])
        .exits(0)
        .says("Forgotten: 3 steps")
        .says("stays on Mattermost");
    assert!(!is_in_state(&place, "ludmilla"));
    assert!(!is_in_state(&place, "Ludmilla"));
    place
        .run(&["forget", "ludmilla"])
        .exits(1)
        .says("nobody is known");
    place
        .run(&["history"])
        .exits(0)
        .says("one person was forgotten by");
    place.run(&["sync"]).exits(0).says("Nothing was changed.");
    // Somebody new with the same name and address gets nothing of hers.
    place.more.push_str("adopt = \"off\"\n");
    place.add("ludmilla", "Ludmilla", "Lovely");
    place
        .run(&["sync"])
        .exits(0)
        .says("was forgotten (`mattersync forget`)")
        .says_not("the state file is an older copy");
    place
        .run(&["state", "check"])
        .exits(0)
        .says("Nothing is wrong");
    assert_ne!(place.sim.user_named("ludmilla").unwrap().delete_at, 0);
}

#[test]
fn runs_are_old_as_configured() {
    let mut place = company();
    place.run(&["history"]).exits(0).says("Created 3 users");
    let db = rusqlite::Connection::open(place.path("state/state.sqlite")).unwrap();
    let ago = "UPDATE runs SET began = began - 401 * 86400000";
    db.execute(ago, []).unwrap();
    drop(db);
    place.more.push_str("[state]\nkeep = \"forever\"\n");
    let config = || std::fs::read_to_string(place.path("config.toml")).unwrap();
    place.write();
    let twice = config().replace("[state]\nkeep", "# keep");
    let with = |keep: &str| {
        let state = format!("[state]\n{keep}\n");
        std::fs::write(
            place.path("config.toml"),
            twice.replace("[state]\n", &state),
        )
        .unwrap();
    };
    // The clock may be wrong: old runs are forgotten some hours after they were found to be old.
    let found_old = || {
        let db = rusqlite::Connection::open(place.path("state/state.sqlite")).unwrap();
        let memory = "SELECT memory FROM server";
        let memory: String = db.query_row(memory, [], |row| row.get(0)).unwrap();
        memory.contains("old-runs")
    };
    with("keep = \"forever\"");
    place.run(&["sync"]).exits(0);
    assert!(!found_old());
    with("");
    place.run(&["sync"]).exits(0);
    assert!(found_old());
    place.run(&["history"]).exits(0).says("Created 3 users");
    with("keep = \"402d\"");
    place.run(&["sync"]).exits(0);
    assert!(!found_old());
}

#[test]
fn who_has_a_step_that_nobody_knows_of_is_not_forgotten_yet() {
    let mut place = company();
    place.add("ludmilla", "Ludmilla", "Lost");
    place.run(&["sync"]).exits(0);
    let cut = Fault::new(Effect::Cut(Commit::After)).writes();
    place.sim.add_fault(cut.path("/api/v4/users/*/patch"));
    place.edit("ludmilla", |p| p.name.1 = "Found".into());
    place.run(&["sync"]).exits(1).says("PERHAPS DONE");
    place.sim.clear_faults();
    place
        .run(&["forget", "ludmilla", "--yes"])
        .exits(1)
        .says("what became of a step is not known yet");
    assert!(is_in_state(&place, "ludmilla"));
}
