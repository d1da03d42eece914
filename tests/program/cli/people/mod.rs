//! Conflicts, orphans, who is who by hand, the story of one person: with and without the service.

mod conflicts;
mod explain;
mod full_names;
mod link;
mod meant;
mod orphans;

use serde_json::Value;

use crate::cli::served::Service;
use testkit::place::{Place, Said};

fn company() -> Place {
    let mut place = Place::new(crate::BINARY);
    place.more = "[schedule]\ninterval = \"1h\"\n".into();
    place.add("alice", "Alice", "Able");
    place.add("bob", "Bob", "Bold");
    place
}

/// What a preview says that one shall type, without the program's name.
#[track_caller]
fn typed(said: &Said) -> Vec<String> {
    let line = said.out.lines().find(|line| line.contains("--yes="));
    let line = line.unwrap_or_else(|| panic!("nothing to type in:\n{}", said.out));
    let words = line.trim().split(' ').map(str::to_owned);
    let words: Vec<String> = words.collect();
    assert_eq!(words[0], "mattersync");
    words[1..].to_vec()
}

/// Types what a preview says.
#[track_caller]
fn obey(place: &Place, preview: &Said) -> Said {
    let words = typed(preview);
    place.run(&words.iter().map(String::as_str).collect::<Vec<_>>())
}

fn kinds(report: &Value) -> Vec<&str> {
    let conflicts = report["conflicts"].as_array().unwrap();
    conflicts
        .iter()
        .map(|c| c["kind"].as_str().unwrap())
        .collect()
}

#[test]
fn the_service_answers_the_same() {
    let mut place = company();
    place.stranger("bob", "other");
    place.stranger("oldtimer", "old");
    let _service = Service::start(&place);
    let status = place.run(&["status", "--json"]).json();
    assert_eq!(status["last"]["orphans"], 2);
    place
        .run(&["status"])
        .says("2 active users without an account: `mattersync orphans`");
    place.run(&["conflicts"]).exits(0).says("1 conflict.");
    let preview = place.run(&["link", "bob", "bob"]).exits(0);
    obey(&place, &preview)
        .exits(0)
        .says("The service goes on with its next cycle");
    place
        .run(&["sync"])
        .exits(0)
        .says("Changed the address of 1 user");
    place
        .run(&["explain", "bob"])
        .exits(0)
        .says("ordered it with `mattersync link`");
    place.run(&["explain", "nobody"]).exits(1);
    place.run(&["orphans"]).exits(0).says("1 active human user");
    place.run(&["orphans", "--keep", "oldtimer"]).exits(0);
    place.run(&["orphans"]).exits(0).says("1 more is kept");
    place.run(&["orphans", "--unkeep", "oldtimer"]).exits(0);
    let preview = place.run(&["deactivate", "oldtimer"]).exits(1);
    obey(&place, &preview).exits(0);
    assert_ne!(place.sim.user_named("oldtimer").unwrap().delete_at, 0);
    let preview = place.run(&["unlink", "bob"]).exits(0);
    obey(&place, &preview).exits(0);
    place.add("carl", "Carl", "Cool");
    place.stranger("carl", "c");
    place.run(&["link", "carl", "--yes"]).exits(0);
    let report = place.run(&["conflicts", "--json"]).exits(0).json();
    assert_eq!(kinds(&report), ["unlinked"]);
    let mut command = place.command(&["orphans", "--keep", "bob"]);
    testkit::place::run(command.env("SUDO_USER", "erika")).exits(0);
    place
        .run(&["orphans", "--all"])
        .exits(0)
        .says("(says: for \"erika\")");
}
