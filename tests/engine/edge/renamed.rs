//! The provider has another name in the configuration than those that the state knows.

use mattermost_sim::{Options, Version};
use mattersync::daemon::Health;

use crate::edge::ids::run;
use testkit::service::{Config, Stage, people};

fn named(stage: &Stage, from: &str, to: &str) {
    let text = stage.read_config();
    let (from, to) = (format!("name = {from:?}"), format!("name = {to:?}"));
    assert!(text.contains(&from));
    stage.write_config(&text.replacen(&from, &to, 1));
}

/// By other names everybody would be somebody else: whoever leaves would stay, and nobody know.
#[test]
fn edge_40_a_renamed_provider_is_refused_until_its_name_is_back() {
    let config = Config {
        policy: "grace = \"0s\"\n".into(),
        ..Config::default()
    };
    let stage = Stage::new(crate::BINARY, &Options::new(Version::V11), &config);
    stage.write_people(&people(&["anna", "bert", "carl"]));
    let daemon = stage.start_and_wait();
    let active = |name: &str| stage.sim.user_named(name).unwrap().delete_at == 0;
    named(&stage, "people", "staff");
    let mut now = people(&["anna", "bert"]);
    now[0] = now[0].clone().locked();
    stage.write_people(&now);
    daemon.signal("HUP");
    let cause = "every account with a user is of \"people\" (3 accounts)";
    let waits = |health: &Health| match health {
        Health::Degraded(why) => why.iter().any(|w| w.contains(cause)),
        _ => false,
    };
    daemon.wait_for("the refusal", |status| waits(&status.health));
    let writes = stage.sim.writes();
    let refused = || {
        for (command, exit) in [
            ("plan", 78),
            ("sync", 78),
            ("approve", 78),
            ("check", 1),
            ("status", 1),
        ] {
            let (code, said) = run(&stage, &[command]);
            assert_eq!(code, exit, "{command}: {said}");
            assert!(said.contains(cause), "{command}: {said}");
            assert!(said.contains("put name = \"people\" back"), "{said}");
        }
    };
    refused();
    daemon.stop();
    refused();
    assert_eq!(stage.sim.writes(), writes);
    assert!(active("anna") && active("carl"));
    // A person's word about one person needs no directory.
    let (code, said) = run(&stage, &["deactivate", "carl"]);
    assert!(code == 0 && !active("carl"), "{said}");

    named(&stage, "staff", "people");
    let (code, said) = run(&stage, &["sync"]);
    assert_eq!(code, 0, "{said}");
    assert!(!active("anna") && active("bert"));

    // It truly is another directory: what is typed then is what the message says.
    named(&stage, "people", "staff");
    let (code, said) = run(&stage, &["sync"]);
    assert_eq!(code, 78, "{said}");
    let state = stage.path("state");
    assert!(said.contains(&format!("move everything in {} away", state.display())));
    std::fs::rename(&state, stage.path("state.people")).unwrap();
    stage.write_people(&people(&["anna", "bert"]));
    let (code, said) = run(&stage, &["sync"]);
    assert!(code == 3 && said.contains("HELD: adopt: 2"), "{said}");
}

/// One provider of several was taken out, or a link is a left-over of another one.
#[test]
fn edge_40_links_of_a_provider_that_is_not_configured_are_told_each_time() {
    let stage = Stage::new(
        crate::BINARY,
        &Options::new(Version::V11),
        &Config::default(),
    );
    stage.write_people(&people(&["anna", "bert", "carl"]));
    assert_eq!(run(&stage, &["sync"]).0, 0);
    let db = rusqlite::Connection::open(stage.path("state/state.sqlite")).unwrap();
    let change = "UPDATE accounts SET provider = 'former'
         WHERE json_extract(memory, '$.link.last_username') = 'carl'";
    assert_eq!(db.execute(change, []).unwrap(), 1);
    drop(db);
    stage.write_people(&people(&["anna", "bert"]));
    let told = "1 account of the provider \"former\", which the configuration does not name";
    for (command, exit) in [("plan", 3), ("sync", 3), ("check", 1), ("status", 1)] {
        let (code, said) = run(&stage, &[command]);
        assert_eq!(code, exit, "{command}: {said}");
        assert!(said.contains(told), "{command}: {said}");
    }
    let daemon = stage.start_and_wait();
    let health = daemon.status().unwrap().health;
    assert!(
        matches!(&health, Health::Degraded(why) if why[0].contains(told)),
        "{health:?}"
    );
}
