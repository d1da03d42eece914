//! The control socket.

use std::time::{Duration, Instant};

use mattermost_sim::{Options, Version};
use mattersync::config::Settings;
use mattersync::daemon::{Health, Phase, Refusal};
use mattersync::desk::Approved;
use mattersync::model::{ActionKind, Class, HoldKey, Memory};
use mattersync::observe::PlanFacts;
use mattersync::state::State;
use serde_json::json;

use testkit::service::{Config, Daemon, Stage, people};

fn me() -> String {
    nix::unistd::User::from_uid(nix::unistd::getuid())
        .unwrap()
        .unwrap()
        .name
}

/// What the daemon remembers.
fn memory(stage: &Stage) -> Memory {
    let (settings, _) = Settings::load(&stage.config()).unwrap();
    let store = State::open_read_only(&settings.state_directory)
        .unwrap()
        .unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(store.load()).unwrap()
}

/// A Mattermost on which Bert is already.
fn with_bert() -> (Stage, String) {
    let config = Config {
        policy: "adopt = \"username-and-email\"\n".into(),
        ..Config::default()
    };
    let stage = Stage::new(crate::BINARY, &Options::new(Version::V11), &config);
    let bert = json!({"username": "bert", "email": "bert@example.org", "first_name": "B."});
    let id = stage.sim.add_user(&bert).unwrap();
    stage.write_people(&people(&["anna", "bert"]));
    (stage, id)
}

fn plan(daemon: &Daemon) -> PlanFacts {
    let (status, body) = daemon.ask("POST", "/v1/plan", None).unwrap();
    assert_eq!(status, 200, "{body}");
    serde_json::from_str(&body).unwrap()
}

fn refusal(answer: std::io::Result<(u16, String)>) -> Refusal {
    let (status, body) = answer.unwrap();
    assert_eq!(status, 409, "{body}");
    serde_json::from_str(&body).unwrap()
}

#[test]
fn an_adoption_waits_for_a_persons_word_and_the_person_is_on_record() {
    let (stage, bert) = with_bert();
    let daemon = stage.start_and_wait();
    let status = daemon.status().unwrap();
    assert_eq!(status.health, Health::Held(vec!["adopt: 1".into()]));
    assert_eq!(daemon.said("held: none of 1 step(s) of adopt was done"), 1);
    assert_eq!(stage.sim.user(&bert).unwrap().first_name, "B.");

    let shown = plan(&daemon);
    assert_eq!(shown.adoptions.len(), 1);
    assert_eq!(shown.plan.holds.len(), 1);
    let writes = stage.sim.writes();

    let none = refusal(daemon.ask("POST", "/v1/approve", Some(&json!({"what": "rename"}))));
    assert!(
        none.message
            .contains("nothing is held as \"rename\"; held are: adopt"),
        "{none:?}"
    );
    let body = json!({"what": "adopt", "on_behalf": "carol"});
    let (status, answer) = daemon.ask("POST", "/v1/approve", Some(&body)).unwrap();
    assert_eq!(status, 200, "{answer}");
    let approved: Approved = serde_json::from_str(&answer).unwrap();
    assert_eq!((approved.released.len(), approved.unseen.len()), (1, 0));
    let by = format!("{} (says: for \"carol\")", me());
    assert_eq!(
        memory(&stage)
            .hold(&HoldKey::Class(Class::Adopt))
            .approval
            .as_ref()
            .unwrap()
            .by,
        by
    );
    assert_eq!(daemon.said(&format!("{by} approved adopt: 1 step(s)")), 1);
    assert_eq!(
        stage.sim.writes(),
        writes,
        "an approval writes nothing by itself"
    );

    let report = daemon.sync();
    assert_eq!(report.done[&ActionKind::Adopt], 1);
    assert_eq!(stage.sim.user(&bert).unwrap().first_name, "BERT");
    assert_eq!(daemon.status().unwrap().health, Health::Well);
    assert_eq!(daemon.sync().writes, 0);
    daemon.stop();
}

#[test]
fn a_person_is_deactivated_at_once_and_stays_so() {
    let stage = Stage::new(
        crate::BINARY,
        &Options::new(Version::V11),
        &Config::default(),
    );
    stage.write_people(&people(&["anna", "bert"]));
    let daemon = stage.start_and_wait();
    // What else the directory wants must wait.
    stage.write_people(&people(&["anna", "bert", "carl"]));
    let body = json!({"person": "bert@example.org"});
    let (status, answer) = daemon.ask("POST", "/v1/deactivate", Some(&body)).unwrap();
    assert_eq!(status, 200, "{answer}");
    assert!(!stage.sim.user_named("bert").unwrap().is_active());
    assert!(stage.sim.user_named("carl").is_none());
    let why = format!("{} ordered it with `mattersync deactivate`", me());
    assert_eq!(daemon.said(&why), 1, "{}", daemon.output());
    for _ in 0..3 {
        daemon.sync();
    }
    assert!(!stage.sim.user_named("bert").unwrap().is_active());
    let memory = memory(&stage);
    let out: Vec<_> = memory
        .links()
        .map(|(_, link)| link)
        .filter_map(|l| l.deactivated.as_ref())
        .collect();
    assert_eq!(out.len(), 1);
    assert_eq!(out[0].ordered_by, Some(me()));

    let writes = stage.sim.writes();
    let (status, _) = daemon.ask("POST", "/v1/deactivate", Some(&body)).unwrap();
    assert_eq!(status, 200, "who is out already stays out");
    assert_eq!(stage.sim.writes(), writes);
    for (person, why) in [
        ("nobody", "nobody is known as"),
        ("boss", "never deactivated from here"),
    ] {
        let body = json!({ "person": person });
        let refused = refusal(daemon.ask("POST", "/v1/deactivate", Some(&body)));
        assert!(refused.message.contains(why), "{refused:?}");
        assert_eq!(refused.exit, 1);
    }
    daemon.stop();
}

#[test]
fn a_person_is_deactivated_although_the_directory_is_down() {
    let stage = Stage::new(
        crate::BINARY,
        &Options::new(Version::V11),
        &Config::default(),
    );
    stage.write_people(&people(&["anna", "bert"]));
    let daemon = stage.start_and_wait();
    std::fs::remove_file(stage.path("people.ldif")).unwrap();
    let body = json!({"person": "bert"});
    let (status, answer) = daemon.ask("POST", "/v1/deactivate", Some(&body)).unwrap();
    assert_eq!(status, 200, "{answer}");
    assert!(!stage.sim.user_named("bert").unwrap().is_active());
    assert!(stage.sim.user_named("anna").unwrap().is_active());
    daemon.stop();
}

#[test]
fn a_person_is_deactivated_in_the_middle_of_a_long_run() {
    let stage = Stage::new(
        crate::BINARY,
        &Options::new(Version::V11),
        &Config::default(),
    );
    stage.write_people(&people(&["anna", "bert"]));
    let daemon = stage.start_and_wait();
    let many: Vec<String> = (0..18).map(|n| format!("p{n:02}")).collect();
    let mut all = vec!["anna", "bert"];
    all.extend(many.iter().map(String::as_str));
    stage.write_people(&people(&all));
    stage.sim.set_latency(Duration::from_millis(300));
    daemon.signal("USR1");
    daemon.wait_for("the long run", |s| {
        matches!(s.phase, Phase::Applying { .. })
    });
    let began = Instant::now();
    let body = json!({"person": "bert"});
    let (status, answer) = daemon.ask("POST", "/v1/deactivate", Some(&body)).unwrap();
    assert_eq!(status, 200, "{answer}");
    assert!(!stage.sim.user_named("bert").unwrap().is_active());
    assert!(
        stage.sim.user_named("p17").is_none(),
        "{:?}",
        began.elapsed()
    );
    // What was interrupted goes on by itself.
    daemon.wait_for("the rest", |_| stage.sim.user_named("p17").is_some());
    daemon.stop();
}

#[test]
fn looking_changes_nothing() {
    let (stage, _) = with_bert();
    let daemon = stage.start_and_wait();
    stage.write_people(&people(&["anna", "bert", "carl"]));
    stage.sim.reset_counters();
    let first = plan(&daemon);
    let second = plan(&daemon);
    assert_eq!(first.plan.steps, second.plan.steps);
    assert_eq!(stage.sim.writes(), 0);
    assert!(first.plan.steps.iter().any(|s| s.subject.name == "carl"));
    daemon.stop();
}

#[test]
fn a_side_that_fails_is_the_answer() {
    let (stage, _) = with_bert();
    let daemon = stage.start_and_wait();
    std::fs::remove_file(stage.path("people.ldif")).unwrap();
    for (method, path) in [("POST", "/v1/plan"), ("POST", "/v1/sync")] {
        let refused = refusal(daemon.ask(method, path, None));
        assert_eq!(refused.exit, 69);
        assert!(refused.message.contains("people.ldif"), "{refused:?}");
    }
    daemon.stop();
}

#[test]
fn nonsense_is_refused_without_harm() {
    let (stage, _) = with_bert();
    let daemon = stage.start_and_wait();
    let answer = |method: &str, path: &str| daemon.ask(method, path, None).unwrap().0;
    assert_eq!(answer("GET", "/v1/nothing"), 404);
    assert_eq!(answer("GET", "/v1/sync"), 405);
    let (status, _) = daemon
        .ask("POST", "/v1/approve", Some(&json!({"who": 1})))
        .unwrap();
    assert_eq!(status, 422);
    assert_eq!(daemon.sync().writes, 0);
    daemon.stop();
}
