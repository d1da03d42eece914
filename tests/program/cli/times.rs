//! With `--json` each time is RFC 3339, whatever the command; people are told local times.

use jiff::tz::TimeZone;
use serde_json::Value;

use crate::cli::served::Service;
use testkit::place::{Place, run};

/// Calls `found` with the path and the value of each leaf.
fn leaves(value: &Value, path: &str, found: &mut dyn FnMut(&str, &Value)) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                leaves(field, &format!("{path}.{name}"), found);
            }
        }
        Value::Array(items) => {
            for (n, item) in items.iter().enumerate() {
                leaves(item, &format!("{path}[{n}]"), found);
            }
        }
        leaf => found(path, leaf),
    }
}

/// How many times there are in an answer, all of them RFC 3339.
#[track_caller]
fn times(place: &Place, words: &[&str]) -> usize {
    let said = place.run(&[words, &["--json"]].concat());
    if said.out.is_empty() {
        // Refused: there is nothing to be taken back, for example.
        assert_eq!(said.code, 1, "{words:?}: {}", said.err);
        return 0;
    }
    let mut times = 0;
    leaves(&said.json(), "", &mut |path, leaf| match leaf {
        Value::Number(number) => {
            // Seconds or milliseconds since 1970, of this decade and the next.
            let number = number.as_f64().unwrap();
            let moment = |unit: f64| (1.7e9 * unit..2.3e9 * unit).contains(&number);
            assert!(
                !moment(1.0) && !moment(1e3),
                "{words:?}: {path} is {number}"
            );
        }
        Value::String(text) => {
            let is_other = text.ends_with(" UTC") && text.len() == "2026-01-01 00:00:00 UTC".len();
            assert!(!is_other, "{words:?}: {path} is {text:?}");
            let is_time = text.len() == 24 && text.parse::<jiff::Timestamp>().is_ok();
            times += usize::from(is_time);
        }
        _ => {}
    });
    times
}

#[test]
fn no_time_is_a_number() {
    let mut place = Place::new(crate::BINARY);
    for uid in ["anna", "bert", "carl", "dora", "emil"] {
        place.add(uid, &uid.to_uppercase(), "Test");
    }
    place.more = "[policy]\ngrace = \"24h\"\n".into();
    place.stranger("emil", "emil");
    place.stranger("fred", "fred");
    place.stranger("gina", "gina");
    place.write();
    place.run(&["sync"]).exits(3);
    let today = u32::try_from(jiff::Timestamp::now().as_second() / 86_400).unwrap();
    place.edit("anna", |anna| anna.expires = 1);
    place.edit("bert", |bert| bert.gone = true);
    place.edit("carl", |carl| carl.expires = today + 3);
    for (words, least) in [
        (&["plan"][..], 3),
        (&["approve"], 0),
        (&["sync"], 3),
        (&["plan"], 1),
        (&["deactivate", "dora"], 0),
        (&["conflicts"], 0),
        (&["orphans"], 2),
        (&["orphans", "--keep", "gina"], 1),
        (&["deactivate", "fred"], 1),
        (&["link", "emil", "fred"], 1),
        (&["unlink", "carl"], 1),
        (&["explain", "anna"], 3),
        (&["explain", "bert"], 1),
        (&["history"], 4),
        (&["history", "2"], 2),
        (&["undo", "2"], 0),
        (&["undo", "--redo", "anna"], 0),
        (&["forget", "bert"], 0),
        (&["approve", "adopt"], 1),
        (&["state", "check"], 0),
        (&["check"], 0),
        (&["status"], 2),
    ] {
        let times = times(&place, words);
        assert!(times >= least, "{words:?} has {times} times");
    }
    let _service = Service::start(&place);
    place.run(&["sync"]);
    assert!(times(&place, &["status"]) >= 3);
    assert!(times(&place, &["plan"]) >= 1);
}

/// People are told times in the zone of the machine, which they name, and can type them as shown.
#[test]
fn times_are_told_and_typed_in_the_zone_of_the_machine() {
    let mut place = Place::new(crate::BINARY);
    place.add("anna", "Anna", "Test");
    place.run(&["sync"]).exits(0);
    let there = |words: &[&str]| {
        let mut command = place.command(words);
        run(command.env("TZ", "EST5"))
    };
    let utc = place.run(&["history", "--json"]).json();
    let began: jiff::Timestamp = utc["runs"][0]["began"].as_str().unwrap().parse().unwrap();
    let zone = TimeZone::posix("EST5").unwrap();
    let local = began.to_zoned(zone).strftime("%Y-%m-%d %H:%M:%S %Z");
    let local = local.to_string();
    there(&["history"]).exits(0).says(&local).says_not("UTC");
    there(&["history", "1"]).exits(0).says(&local);
    there(&["status"]).says(&local);
    let explained = there(&["explain", "anna"]).exits(0);
    explained.says(" EST  run 1: create anna").says_not(" UTC");
    let said = there(&["history", "--json"]).exits(0).json();
    assert_eq!(said["runs"][0]["began"], utc["runs"][0]["began"]);
    // The run began in that second or before it.
    for since in [local.as_str(), "yesterday", "1 hour", "2 days ago"] {
        let said = there(&["history", "--since", since]).exits(0);
        said.says("Created 1 user (anna)");
    }
    there(&["history", "--since", "2100-01-01"]).says("No run is recorded.");
}
