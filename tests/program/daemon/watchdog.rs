//! The watchdog is fed while the daemon rests and while a slow reading goes on, and not while one
//! hangs.

use std::time::{Duration, Instant};

use ldap_fault::{At, Fault, FaultServer};
use mattermost_sim::{Effect, Fault as Sick, Options, Version};
use mattersync::daemon::Phase;

use crate::daemon::manager::Manager;
use crate::daemon::starting::{directory, ldap, with_provider};
use testkit::service::{Config, Stage, people, wait};

const WATCHDOG: Duration = Duration::from_secs(4);

/// The longest time without food between two moments.
fn longest_hunger(manager: &Manager, from: Instant, to: Instant) -> Duration {
    let fed = manager
        .times("WATCHDOG=1")
        .into_iter()
        .filter(|t| (from..to).contains(t));
    let mut last = from;
    let mut longest = Duration::ZERO;
    for at in fed.chain([to]) {
        longest = longest.max(at - last);
        last = at;
    }
    longest
}

#[test]
fn fed_while_idle_and_while_writing_to_a_slow_server() {
    let stage = Stage::new(
        crate::BINARY,
        &Options::new(Version::V11),
        &Config::default(),
    );
    stage.write_people(&people(&["anna"]));
    let manager = Manager::new(&stage);
    let daemon = manager.start(&stage, Some(WATCHDOG));
    daemon.wait_for("the first cycle", |s| s.last.is_some());
    let from = Instant::now();
    std::thread::sleep(WATCHDOG * 2);
    let hunger = longest_hunger(&manager, from, Instant::now());
    assert!(hunger < WATCHDOG, "idle: {hunger:?}");

    stage.write_people(&people(&["anna", "bert"]));
    stage
        .sim
        .add_fault(Sick::new(Effect::Latency(WATCHDOG * 2)).writes().times(1));
    let from = Instant::now();
    daemon.sync();
    let hunger = longest_hunger(&manager, from, Instant::now());
    assert!(hunger < WATCHDOG, "writing: {hunger:?}");
    daemon.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn fed_while_a_slow_reading_goes_on() {
    let script = directory(3).with(Fault::Drip(Duration::from_millis(200)));
    let server = FaultServer::start(script).await.unwrap();
    let stage = Stage::new(
        crate::BINARY,
        &Options::new(Version::V11),
        &with_provider(ldap(&server.url())),
    );
    let manager = Manager::new(&stage);
    let daemon = manager.start(&stage, Some(WATCHDOG));
    wait("the search", || !server.searches().is_empty());
    let from = Instant::now();
    std::thread::sleep(WATCHDOG * 3);
    assert_eq!(daemon.status().unwrap().phase, Phase::Reading);
    let hunger = longest_hunger(&manager, from, Instant::now());
    assert!(hunger < WATCHDOG, "{hunger:?}");
    daemon.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn not_fed_while_a_reading_hangs() {
    let script = directory(3).with(Fault::Silence(At::entries(1)));
    let server = FaultServer::start(script).await.unwrap();
    let provider = ldap(&server.url()) + "read-deadline = \"5m\"\n";
    let stage = Stage::new(
        crate::BINARY,
        &Options::new(Version::V11),
        &with_provider(provider),
    );
    let manager = Manager::new(&stage);
    let daemon = manager.start(&stage, Some(WATCHDOG));
    wait("the search", || !server.searches().is_empty());
    // What was fed before the search may be followed by one more meal for what it brought.
    std::thread::sleep(WATCHDOG);
    let meals = manager.count("WATCHDOG=1");
    assert!(meals > 0);
    std::thread::sleep(WATCHDOG * 2);
    assert_eq!(
        manager.count("WATCHDOG=1"),
        meals,
        "a reading that hangs was covered up"
    );
    // It answers nevertheless, and ends when asked to.
    assert_eq!(daemon.status().unwrap().phase, Phase::Reading);
    daemon.stop();
}

#[test]
fn without_a_watchdog_nothing_is_fed() {
    let stage = Stage::new(
        crate::BINARY,
        &Options::new(Version::V11),
        &Config::default(),
    );
    stage.write_people(&people(&["anna"]));
    let manager = Manager::new(&stage);
    let daemon = manager.start(&stage, None);
    daemon.wait_for("the first cycle", |s| s.last.is_some());
    assert_eq!(manager.count("WATCHDOG=1"), 0);
    daemon.stop();
}
