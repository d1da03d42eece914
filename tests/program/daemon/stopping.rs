//! SIGTERM ends the daemon soon, whatever it is doing.

use std::time::Duration;

use ldap_fault::{At, Fault, FaultServer};
use mattermost_sim::{Commit, Effect, Fault as Sick, Options, Version};
use mattersync::daemon::Phase;

use crate::daemon::manager::Manager;
use crate::daemon::starting::{directory, ldap, with_provider};
use testkit::service::{Config, Stage, people, wait};

const FIVE: [&str; 5] = ["anna", "bert", "carl", "dora", "emil"];

#[test]
fn idle() {
    let stage = Stage::new(
        crate::BINARY,
        &Options::new(Version::V11),
        &Config::default(),
    );
    stage.write_people(&people(&FIVE));
    let manager = Manager::new(&stage);
    let daemon = manager.start(&stage, None);
    daemon.wait_for("the first cycle", |s| {
        s.last.is_some() && s.phase == Phase::Idle
    });
    let output = daemon.stop();
    manager.wait_for("STOPPING=1", 1);
    assert!(
        output.contains("stopping: a signal asked for it"),
        "{output}"
    );
    assert!(manager.statuses().last().unwrap().starts_with("stopping"));
    assert!(!stage.socket().exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn while_a_directory_hangs() {
    let script = directory(3).with(Fault::Silence(At::entries(1)));
    let server = FaultServer::start(script).await.unwrap();
    let stage = Stage::new(
        crate::BINARY,
        &Options::new(Version::V11),
        &with_provider(ldap(&server.url())),
    );
    let manager = Manager::new(&stage);
    let daemon = manager.start(&stage, None);
    daemon.wait_for("the reading", |s| s.phase == Phase::Reading);
    wait("the search", || !server.searches().is_empty());
    daemon.stop();
    manager.wait_for("STOPPING=1", 1);

    server.disarm();
    let daemon = stage.start_and_wait();
    assert_eq!(stage.sim.users().len(), 4);
    daemon.stop();
}

#[test]
fn while_a_slow_server_is_written_to() {
    let stage = Stage::new(
        crate::BINARY,
        &Options::new(Version::V11),
        &Config::default(),
    );
    stage.write_people(&people(&FIVE));
    let slow = Effect::Latency(Duration::from_secs(1));
    stage.sim.add_fault(Sick::new(slow).writes());
    let daemon = stage.start();
    daemon.wait_for("a creation", |_| {
        !stage.sim.users().iter().all(|u| u.username == "boss")
    });
    let output = daemon.stop();
    // The calls under way were waited for, and no new ones begun; the summary says so.
    let made = stage.sim.users().len() - 1;
    assert!((1..5).contains(&made), "{made}");
    assert_eq!(
        output.matches(": the account has no user yet").count(),
        made,
        "{output}"
    );
    assert!(
        output.contains("it ended early: mattersync was asked to stop"),
        "{output}"
    );
    assert!(!output.contains("perhaps"), "{output}");

    stage.sim.clear_faults();
    let daemon = stage.start_and_wait();
    assert_eq!(stage.sim.users().len(), 6);
    assert_eq!(daemon.sync().writes, 0);
    daemon.stop();
}

fn wait_for_a_call_that_hangs(stage: &Stage) {
    let hangs = || {
        let seen = stage.sim.seen();
        seen.iter().any(|s| s.write && s.status.is_none())
    };
    wait("a call that hangs", hangs);
}

#[test]
fn while_a_server_does_not_answer_at_all() {
    let stage = Stage::new(
        crate::BINARY,
        &Options::new(Version::V11),
        &Config::default(),
    );
    stage.write_people(&people(&FIVE));
    // The third write is a creation; it is done, and nobody hears of it.
    stage
        .sim
        .add_fault(Sick::new(Effect::Hang(Commit::After)).writes().nth(3));
    let daemon = stage.start();
    wait_for_a_call_that_hangs(&stage);
    let output = daemon.stop();
    assert_eq!(output.matches("perhaps done").count(), 1, "{output}");

    stage.sim.clear_faults();
    let daemon = stage.start_and_wait();
    assert_eq!(stage.sim.users().len(), 6);
    assert_eq!(daemon.sync().writes, 0);
    daemon.stop();
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let stage = Stage::new(
        crate::BINARY,
        &Options::new(Version::V11),
        &Config::default(),
    );
    stage.write_people(&people(&FIVE));
    stage
        .sim
        .add_fault(Sick::new(Effect::Hang(Commit::Before)).writes().nth(2));
    let daemon = stage.start();
    wait_for_a_call_that_hangs(&stage);
    daemon.signal("TERM");
    daemon.wait_until_said("stopping:");
    daemon.signal("TERM");
    let (status, took, output) = daemon.end();
    assert_eq!(status.code(), Some(1), "{output}");
    assert!(took < Duration::from_millis(1_500), "{took:?}");
}

#[test]
fn who_waits_for_a_cycle_is_told() {
    let stage = Stage::new(
        crate::BINARY,
        &Options::new(Version::V11),
        &Config::default(),
    );
    stage.write_people(&people(&FIVE));
    let daemon = stage.start_and_wait();
    stage.write_people(&people(&["anna", "bert", "carl", "dora", "emil", "fred"]));
    let slow = Effect::Latency(Duration::from_millis(1_500));
    stage.sim.add_fault(Sick::new(slow).writes());
    std::thread::scope(|scope| {
        let first = scope.spawn(|| daemon.ask("POST", "/v1/sync", None));
        daemon.wait_for("the run", |s| matches!(s.phase, Phase::Applying { .. }));
        let second = scope.spawn(|| daemon.ask("POST", "/v1/sync", None));
        std::thread::sleep(Duration::from_millis(300));
        daemon.signal("TERM");
        let (status, body) = first.join().unwrap().unwrap();
        assert_eq!(status, 200, "{body}");
        assert!(body.contains("mattersync was asked to stop"), "{body}");
        let (status, body) = second.join().unwrap().unwrap();
        assert_eq!(status, 409);
        assert!(
            body.contains("the daemon is stopping") && body.contains("75"),
            "{body}"
        );
    });
}
