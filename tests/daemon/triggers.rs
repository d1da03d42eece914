//! What begins a cycle, and that there is one at a time.

use std::time::Duration;

use mattermost_sim::{Effect, Fault, Options, Version};
use mattersync::daemon::Phase;

use crate::service::{Config, Stage, people, wait};

/// Every cycle lists the users once.
fn listings(stage: &Stage) -> usize {
    let seen = stage.sim.seen();
    seen.iter()
        .filter(|s| s.target.starts_with("/api/v4/users?page=0"))
        .count()
}

#[test]
fn sigusr1_begins_a_cycle_now() {
    let stage = Stage::new(&Options::new(Version::V11), &Config::default());
    stage.write_people(&people(&["anna"]));
    let daemon = stage.start_and_wait();
    assert_eq!(listings(&stage), 1);
    stage.write_people(&people(&["anna", "bert"]));
    daemon.signal("USR1");
    wait("bert", || stage.sim.user_named("bert").is_some());
    assert_eq!(listings(&stage), 2);
    daemon.stop();
}

#[test]
fn the_schedule_begins_cycles_by_itself() {
    let config = Config {
        schedule: "interval = \"10s\"\njitter = \"0s\"\n".into(),
        ..Config::default()
    };
    let stage = Stage::new(&Options::new(Version::V11), &config);
    stage.write_people(&people(&["anna"]));
    let daemon = stage.start_and_wait();
    stage.write_people(&people(&["anna", "bert"]));
    let since = std::time::Instant::now();
    wait("bert", || stage.sim.user_named("bert").is_some());
    let took = since.elapsed();
    assert!(
        took > Duration::from_secs(8) && took < Duration::from_secs(20),
        "{took:?}"
    );
    daemon.stop();
}

#[test]
fn cycles_never_overlap_and_who_asks_during_one_gets_the_next() {
    let stage = Stage::new(&Options::new(Version::V11), &Config::default());
    stage.write_people(&people(&["anna"]));
    let daemon = stage.start_and_wait();
    stage.sim.reset_counters();
    // A cycle takes a second now, and sees the directory at its beginning.
    let slow = Effect::Latency(Duration::from_millis(1_000));
    stage
        .sim
        .add_fault(Fault::new(slow).method("GET").path("/api/v4/users"));
    std::thread::scope(|scope| {
        daemon.signal("USR1");
        daemon.wait_for("the cycle", |s| s.phase == Phase::Reading);
        wait("its request", || listings(&stage) == 1);
        std::thread::sleep(Duration::from_millis(200));
        stage.write_people(&people(&["anna", "bert"]));
        let asked: Vec<_> = (0..3).map(|_| scope.spawn(|| daemon.sync())).collect();
        std::thread::sleep(Duration::from_millis(200));
        daemon.signal("USR1");
        assert_eq!(listings(&stage), 1, "a second cycle began during the first");
        // All three are served by one cycle, which began after they asked.
        for report in asked {
            assert_eq!(report.join().unwrap().done["create"], 1);
        }
    });
    daemon.wait_for("rest", |s| s.phase == Phase::Idle);
    assert_eq!(listings(&stage), 2);
    daemon.stop();
}
