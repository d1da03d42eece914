//! What is told, how often, and what never is.

use std::path::Path;

use mattermost_sim::{Answer, Commit, Effect, Fault, Options, Version};
use mattersync::config::Settings;
use mattersync::state::State;
use serde_json::json;

use crate::daemon::manager::Manager;
use testkit::maker::{hidden, id, make_all};
use testkit::service::{Config, Daemon, Stage, people};

/// Lines since a part of the output.
fn since(daemon: &Daemon, before: &str) -> Vec<String> {
    let output = daemon.output();
    output[before.len()..].lines().map(str::to_owned).collect()
}

#[test]
fn one_line_for_each_change_one_summary_and_silence_otherwise() {
    let stage = Stage::new(
        crate::BINARY,
        &Options::new(Version::V11),
        &Config::default(),
    );
    let mut all = people(&["anna", "bert", "carl"]);
    stage.write_people(&all);
    let daemon = stage.start_and_wait();
    daemon.wait_until_said("cycle:");

    let before = daemon.output();
    daemon.sync();
    assert_eq!(since(&daemon, &before), [""; 0]);

    all[0].locked = true;
    all[1].uid = "bertha".into();
    all[1].mail = "bert@example.org".into();
    stage.write_people(&all);
    daemon.sync();
    let lines = since(&daemon, &before);
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert!(lines[0].starts_with("<6>deactivate anna"), "{lines:?}");
    assert!(
        lines[0].contains("(ANNA Test, anna@example.org)"),
        "{lines:?}"
    );
    assert!(
        lines[0].ends_with("the account expired (shadowExpire is 1970-01-02 00:00:00 UTC)"),
        "{lines:?}"
    );
    assert!(
        lines[1].starts_with("<6>rename bert") && lines[1].contains("from bert to bertha"),
        "{lines:?}"
    );
    assert!(
        lines[2]
            .starts_with("<6>cycle: 1 deactivate, 1 rename done, 0 not done, 0 unknown, 0 held"),
        "{lines:?}"
    );
    let before = daemon.output();
    daemon.sync();
    assert_eq!(since(&daemon, &before), [""; 0]);
    daemon.stop();
}

#[test]
fn what_a_leaver_leaves_alive_is_one_line_without_what_could_be_misused() {
    let stage = Stage::new(
        crate::BINARY,
        &Options::new(Version::V11),
        &Config::default(),
    );
    let mut all = people(&["anna", "bert", "carl"]);
    stage.write_people(&all);
    let daemon = stage.start_and_wait();
    daemon.wait_until_said("cycle:");
    let made = make_all(&stage.sim, "anna");
    let before = daemon.output();
    all[0].locked = true;
    all[1].locked = true;
    stage.write_people(&all);
    let report = daemon.sync();
    assert_eq!(report.aftermath.len(), 2, "{:?}", report.aftermath);
    let lines = since(&daemon, &before);
    let told: Vec<&String> = lines
        .iter()
        .filter(|l| l.contains("leaves behind"))
        .collect();
    let [line] = told.as_slice() else {
        panic!("{lines:?}");
    };
    let run = report.run.unwrap().0;
    assert_eq!(
        line.as_str(),
        format!(
            "<6>anna left, and leaves behind: 1 personal access token, 1 bot, 1 incoming webhook, \
             1 outgoing webhook, 1 slash command, 1 OAuth application. `mattersync history {run}` \
             says what to type to end each"
        )
    );
    let said = daemon.stop();
    let hook = id(&made, "incoming").to_owned();
    for secret in hidden(&made).into_iter().chain([hook]) {
        assert!(!said.contains(&secret), "{secret}: {said}");
    }
}

#[test]
fn a_step_that_fails_is_told_once_and_again_when_it_was_over() {
    let stage = Stage::new(
        crate::BINARY,
        &Options::new(Version::V11),
        &Config::default(),
    );
    stage.write_people(&people(&["anna"]));
    let daemon = stage.start_and_wait();
    daemon.wait_until_said("cycle:");
    let refusal = || {
        let body = json!({"id": "model.user.is_valid.username.app_error", "message": "Bad.", "status_code": 400});
        let answer = Answer {
            status: 400,
            headers: vec![("content-type".to_owned(), "application/json".to_owned())],
            body: body.to_string().into_bytes(),
        };
        let refuse = Effect::Answer(answer, Commit::Before);
        stage
            .sim
            .add_fault(Fault::new(refuse).method("POST").path("/api/v4/users"));
    };
    refusal();
    stage.write_people(&people(&["anna", "bert"]));
    let before = daemon.output();
    for _ in 0..3 {
        assert_eq!(daemon.sync().not_done.len(), 2);
    }
    let lines = since(&daemon, &before);
    // The creation, the membership that waited for it, the summary.
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert!(
        lines[0].starts_with("<4>NOT done: create bert") && lines[0].contains("Bad."),
        "{lines:?}"
    );
    assert!(
        lines[2].starts_with("<6>cycle: nothing done, 2 not done"),
        "{lines:?}"
    );

    // Bert leaves, and comes back with the same trouble.
    stage.write_people(&people(&["anna"]));
    daemon.sync();
    stage.write_people(&people(&["anna", "bert"]));
    let before = daemon.output();
    daemon.sync();
    daemon.sync();
    assert_eq!(since(&daemon, &before).len(), 3);

    stage.sim.clear_faults();
    daemon.sync();
    assert!(stage.sim.user_named("bert").is_some());
    daemon.stop();
}

#[test]
fn a_conflict_and_a_reading_that_proves_nothing_are_told_once() {
    let stage = Stage::new(
        crate::BINARY,
        &Options::new(Version::V11),
        &Config::default(),
    );
    stage
        .sim
        .add_user(&json!({"username": "bert", "email": "b@example.org"}))
        .unwrap();
    stage.write_people(&people(&["anna", "bert"]));
    let daemon = stage.start_and_wait();
    daemon.sync();
    daemon.sync();
    assert_eq!(daemon.said("left alone: bert"), 1, "{}", daemon.output());

    // The file ends in the middle of an entry.
    let whole = std::fs::read_to_string(stage.path("people.ldif")).unwrap();
    std::fs::write(stage.path("people.ldif"), &whole[..whole.len() * 2 / 3]).unwrap();
    daemon.sync();
    daemon.sync();
    assert_eq!(
        daemon.said(
            "the directory was not read completely: the file is not whole: its last line has no end"
        ),
        1,
        "{}",
        daemon.output()
    );
    std::fs::write(stage.path("people.ldif"), &whole).unwrap();
    daemon.sync();
    std::fs::write(stage.path("people.ldif"), &whole[..whole.len() * 2 / 3]).unwrap();
    daemon.sync();
    assert_eq!(
        daemon.said(
            "the directory was not read completely: the file is not whole: its last line has no end"
        ),
        2,
        "{}",
        daemon.output()
    );
    daemon.stop();
}

/// Every secret that plays a part, and a name for it.
fn secrets(stage: &Stage) -> Vec<(String, String)> {
    let users = stage.sim.users().into_iter();
    let passwords = users.map(|u| (format!("password of {}", u.username), u.password));
    passwords
        .chain([("token".to_owned(), stage.token.clone())])
        .collect()
}

fn holds(bytes: &[u8], secret: &str) -> bool {
    bytes
        .windows(secret.len())
        .any(|window| window == secret.as_bytes())
}

fn files(directory: &Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(directory).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn no_secret_is_in_any_output_or_in_the_state() {
    let config = Config {
        mattermost: "requests-per-second = \"off\"\ntimeout = \"2s\"\n".into(),
        ..Config::default()
    };
    let stage = Stage::new(crate::BINARY, &Options::new(Version::V5_38), &config);
    stage.write_people(&people(&["anna", "bert", "carl"]));
    let manager = Manager::new(&stage);
    // Everything that is told at the most talkative.
    let mut command = stage.command();
    command
        .env("RUST_LOG", "trace")
        .env("NOTIFY_SOCKET", stage.path("notify"));
    let daemon = Daemon::start(command, &stage.socket());
    daemon.wait_for("the first cycle", |s| s.last.is_some());
    // Failures too.
    stage.write_people(&people(&["anna", "bert", "carl", "dora"]));
    stage.sim.add_fault(
        Fault::new(Effect::Cut(Commit::After))
            .method("POST")
            .path("/api/v4/users"),
    );
    daemon.sync();
    stage.sim.clear_faults();
    daemon.sync();
    stage.sim.add_fault(Fault::new(Effect::status(502)));
    let (status, body) = daemon.ask("POST", "/v1/sync", None).unwrap();
    assert_eq!(status, 409);
    stage.sim.clear_faults();
    let (_, plan) = daemon.ask("POST", "/v1/plan", None).unwrap();

    let secrets = secrets(&stage);
    assert!(
        secrets.len() >= 6 && secrets.iter().all(|(_, s)| s.len() >= 12),
        "{secrets:?}"
    );
    let state = files(&stage.path("state"));
    assert!(state.iter().any(|p| p.ends_with("state.sqlite")));
    let mut texts: Vec<(String, Vec<u8>)> = state
        .iter()
        .map(|p| (p.display().to_string(), std::fs::read(p).unwrap()))
        .collect();
    let dump = std::fs::read(format!("/proc/{}/cmdline", daemon.pid())).unwrap();
    texts.push(("the command line".into(), dump));
    texts.push(("the answer to sync".into(), body.into_bytes()));
    texts.push(("the answer to plan".into(), plan.into_bytes()));
    texts.push(("STATUS=".into(), manager.statuses().join("\n").into_bytes()));
    texts.push(("the output".into(), daemon.stop().into_bytes()));
    for (place, bytes) in &texts {
        for (name, secret) in &secrets {
            assert!(!holds(bytes, secret), "{name} is in {place}");
        }
    }
    // The search finds what is there: the usernames.
    assert!(holds(&texts.last().unwrap().1, "anna@example.org"));
}

#[tokio::test]
async fn every_change_is_on_record() {
    let stage = Stage::new(
        crate::BINARY,
        &Options::new(Version::V11),
        &Config::default(),
    );
    stage.write_people(&people(&["anna"]));
    stage.start_and_wait().stop();
    let (settings, _) = Settings::load(&stage.config()).unwrap();
    let store = State::open_read_only(&settings.state_directory)
        .unwrap()
        .unwrap();
    let runs = store.runs(10).await.unwrap();
    assert_eq!(runs.len(), 1);
    assert!(
        runs[0].ended.is_some() && runs[0].steps.len() == 3,
        "{runs:?}"
    );
}
