//! SIGHUP reads the configuration again; a bad one changes nothing.

use std::time::Duration;

use mattermost_sim::{Effect, Fault, Options, Version};
use mattersync::daemon::Phase;

use crate::daemon::manager::Manager;
use testkit::service::{Config, Stage, people, wait};

fn stage() -> Stage {
    let stage = Stage::new(
        crate::BINARY,
        &Options::new(Version::V11),
        &Config::default(),
    );
    stage.write_people(&people(&["anna", "bert"]));
    stage
}

#[test]
fn a_good_file_takes_effect() {
    let stage = stage();
    let manager = Manager::new(&stage);
    let daemon = manager.start(&stage, None);
    daemon.wait_for("the first cycle", |s| s.last.is_some());
    let more = "\n[[team]]\ndisplay-name = \"Other\"\n";
    stage.write_config(&(stage.read_config() + more));
    daemon.signal("HUP");
    wait("the second team", || {
        stage.sim.team_named("other").is_some()
    });
    manager.wait_for("READY=1", 2);
    assert_eq!(
        daemon.said("read again and in force from the next cycle on"),
        1
    );

    // RELOADING and its time come in one message, before READY.
    let heard = manager.heard();
    let reloading: Vec<_> = heard
        .iter()
        .filter(|h| h.words.contains(&"RELOADING=1".to_owned()))
        .collect();
    assert_eq!(reloading.len(), 1);
    let time = reloading[0]
        .words
        .iter()
        .find_map(|w| w.strip_prefix("MONOTONIC_USEC="));
    let time: u128 = time.unwrap().parse().unwrap();
    let now = nix::time::clock_gettime(nix::time::ClockId::CLOCK_MONOTONIC).unwrap();
    let now = Duration::from(now).as_micros();
    assert!(time <= now && now - time < 60_000_000, "{time} {now}");
    let ready = manager.times("READY=1");
    assert!(ready[0] < reloading[0].at && reloading[0].at <= ready[1]);
    daemon.stop();
}

#[test]
fn a_bad_file_is_refused_with_its_line_and_the_old_one_stays() {
    let stage = stage();
    let manager = Manager::new(&stage);
    let daemon = manager.start(&stage, None);
    daemon.wait_for("the first cycle", |s| s.last.is_some());
    let good = stage.read_config();
    let line = good
        .lines()
        .position(|l| l.starts_with("interval"))
        .unwrap()
        + 1;
    stage.write_config(&good.replace("interval = \"1h\"", "interval = \"soon\""));
    daemon.signal("HUP");
    daemon.wait_until_said("the new configuration is refused, the old one stays in force");
    let place = format!("config.toml:{line}:");
    assert_eq!(daemon.said(&place), 1, "{}", daemon.output());
    manager.wait_for("READY=1", 2);
    assert_eq!(manager.count("RELOADING=1"), 1);

    // A secret that is gone is no less bad.
    stage.write_config(&good);
    std::fs::rename(stage.path("token"), stage.path("token.away")).unwrap();
    daemon.signal("HUP");
    manager.wait_for("READY=1", 3);
    assert_eq!(
        daemon.said("the new configuration is refused"),
        2,
        "{}",
        daemon.output()
    );

    stage.write_people(&people(&["anna", "bert", "carl"]));
    daemon.sync();
    assert!(stage.sim.user_named("carl").is_some());
    daemon.stop();
}

#[test]
fn a_file_that_changes_during_a_cycle_is_for_the_next() {
    let stage = stage();
    let manager = Manager::new(&stage);
    let daemon = manager.start(&stage, None);
    daemon.wait_for("the first cycle", |s| s.last.is_some());
    stage.write_people(&people(&["anna", "bert", "carl", "dora"]));
    stage
        .sim
        .add_fault(Fault::new(Effect::Latency(Duration::from_millis(700))).writes());
    daemon.signal("USR1");
    daemon.wait_for("the run", |s| matches!(s.phase, Phase::Applying { .. }));
    let without_team = stage
        .read_config()
        .replace("display-name = \"Works\"", "display-name = \"Other\"");
    stage.write_config(&without_team);
    daemon.signal("HUP");
    manager.wait_for("READY=1", 2);
    assert!(stage.sim.team_named("other").is_none());
    wait("the new team and all its members", || {
        let team = stage.sim.team_named("other").map(|t| t.id);
        let members = stage.sim.team_members();
        team.is_some_and(|id| members.iter().filter(|m| m.team_id == id).count() == 5)
    });
    // The cycle that was under way ended in the old team.
    let works = stage.sim.team_named("works").unwrap().id;
    assert_eq!(
        stage
            .sim
            .team_members()
            .iter()
            .filter(|m| m.team_id == works)
            .count(),
        5
    );
    daemon.stop();
}

/// What is refused is refused as a whole: the part of it that could be used is not in force.
#[test]
fn a_good_schedule_with_a_token_that_is_gone_changes_nothing() {
    let stage = stage();
    let manager = Manager::new(&stage);
    let daemon = manager.start(&stage, None);
    daemon.wait_for("the first cycle", |s| s.last.is_some());
    let good = stage.read_config();
    stage.write_config(&good.replace("interval = \"1h\"", "interval = \"10s\""));
    std::fs::rename(stage.path("token"), stage.path("token.away")).unwrap();
    daemon.signal("HUP");
    daemon.wait_until_said("the new configuration is refused, the old one stays in force");
    manager.wait_for("READY=1", 2);
    std::fs::rename(stage.path("token.away"), stage.path("token")).unwrap();
    let report = daemon.sync();
    assert!(report.requests > 0);
    let status = daemon.status().unwrap();
    let pause = status.next.unwrap().since(status.last.unwrap().at);
    assert!(pause > Duration::from_secs(1_800), "{pause:?}");
    daemon.stop();
}

#[test]
fn moving_the_state_needs_a_restart() {
    let stage = stage();
    let daemon = stage.start_and_wait();
    stage.write_config(&stage.read_config().replace("/state\"", "/elsewhere\""));
    daemon.signal("HUP");
    daemon.wait_until_said("state.directory and control.socket change only with a restart");
    daemon.sync();
    assert!(!stage.path("elsewhere").exists());
    daemon.stop();
}
