//! What begins a cycle, and that there is one at a time.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use mattermost_sim::{Effect, Fault, Options, Version};
use mattersync::daemon::Phase;
use mattersync::model::ActionKind;

use testkit::service::{Config, Stage, people, wait};

/// Every cycle lists the users once.
fn listings(stage: &Stage) -> usize {
    let seen = stage.sim.seen();
    seen.iter()
        .filter(|s| s.target.starts_with("/api/v4/users?page=0"))
        .count()
}

#[test]
fn sigusr1_begins_a_cycle_now() {
    let stage = Stage::new(
        crate::BINARY,
        &Options::new(Version::V11),
        &Config::default(),
    );
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
    let stage = Stage::new(crate::BINARY, &Options::new(Version::V11), &config);
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
    let stage = Stage::new(
        crate::BINARY,
        &Options::new(Version::V11),
        &Config::default(),
    );
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
            assert_eq!(report.join().unwrap().done[&ActionKind::Create], 1);
        }
    });
    daemon.wait_for("rest", |s| s.phase == Phase::Idle);
    assert_eq!(listings(&stage), 2);
    daemon.stop();
}

/// Tenths of a microsecond since 1601, as Active Directory writes a date.
fn filetime(at: SystemTime) -> u128 {
    let since_1970 = at.duration_since(UNIX_EPOCH).unwrap();
    (since_1970 + Duration::from_secs(11_644_473_600)).as_nanos() / 100
}

#[test]
fn a_date_of_expiry_begins_a_cycle_at_its_moment() {
    // Otherwise the next cycle would come in an hour.
    let stage = Stage::new(
        crate::BINARY,
        &Options::new(Version::V11),
        &Config::default(),
    );
    let config = stage.read_config();
    stage.write_config(&config.replace("[\"shadowExpire\"]", "[\"accountExpires\"]"));
    stage.write_people(&people(&["anna", "bert"]));
    let date = SystemTime::now() + Duration::from_secs(8);
    let entry = format!("uid: bert\naccountExpires: {}\n", filetime(date));
    let file = stage.path("people.ldif");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("uid: bert\n", &entry)).unwrap();

    let daemon = stage.start_and_wait();
    let is_active = |uid: &str| stage.sim.user_named(uid).unwrap().delete_at == 0;
    assert_eq!(listings(&stage), 1);
    // Who was made in this cycle is told of in the next one.
    daemon.signal("USR1");
    let seen = daemon.wait_for("the announcement", |status| {
        let last = status.last.as_ref();
        last.is_some_and(|last| !last.expiring.is_empty())
    });
    let last = seen.last.unwrap();
    assert!(last.expiring[0].who.starts_with("bert"), "{last:?}");
    assert!(last.expiring[0].what.contains("within a day"), "{last:?}");
    daemon.wait_until_said("the user is deactivated then");
    assert!(is_active("bert") && SystemTime::now() < date);
    wait("the end of bert", || !is_active("bert"));
    let late = SystemTime::now().duration_since(date).unwrap();
    assert!(late < Duration::from_secs(5), "{late:?} too late");
    assert!(is_active("anna"));
    assert_eq!(listings(&stage), 3, "nothing else began a cycle");
    let told = daemon
        .output()
        .matches("the user is deactivated then")
        .count();
    assert_eq!(told, 1, "once");
    daemon.stop();
}
