//! Being ready does not mean that anybody answers.

use std::net::TcpListener;
use std::time::Duration;

use ldap_fault::{Entry, FaultServer, Script};
use mattermost_sim::{Options, Version};
use mattersync::daemon::{Health, Phase};

use crate::daemon::manager::Manager;
use testkit::service::{BASE, Config, Stage, people, wait};

/// A provider at this address, anonymous.
pub fn ldap(url: &str) -> String {
    format!("urls = [\"{url}\"]\nconnect-timeout = \"5s\"\n")
}

pub fn directory(number: u32) -> Script {
    Script::new(
        BASE,
        Entry::posix_people(number, &format!("ou=People,{BASE}")),
    )
}

pub fn with_provider(provider: String) -> Config {
    Config {
        provider,
        ..Config::default()
    }
}

/// A port on which nobody listens.
fn dead_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

#[test]
fn ready_comes_when_everything_of_ours_stands() {
    let stage = Stage::new(
        crate::BINARY,
        &Options::new(Version::V11),
        &Config::default(),
    );
    stage.write_people(&people(&["anna"]));
    stage.sim.set_latency(Duration::from_millis(300));
    let manager = Manager::new(&stage);
    let daemon = manager.start(&stage, None);
    manager.wait_for("READY=1", 1);
    // Before the first contact is over; and the socket answers.
    assert!(stage.sim.user_named("anna").is_none());
    assert_eq!(daemon.status().unwrap().pid, Some(daemon.pid()));
    daemon.wait_for("the first cycle", |s| s.last.is_some());
    assert!(stage.sim.user_named("anna").is_some());
    assert_eq!(manager.count("READY=1"), 1);
    let statuses = manager.statuses();
    assert!(
        statuses.iter().any(|s| s.starts_with("reading both sides")),
        "{statuses:?}"
    );
    wait("idle", || {
        manager
            .statuses()
            .last()
            .is_some_and(|s| s.starts_with("idle, next cycle "))
    });
    let last = manager.statuses().pop().unwrap();
    assert!(last.contains("1 accounts, 3 changed"), "{last}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_that_is_down_at_the_start_is_said_once_and_waited_for() {
    let mut server = FaultServer::start(directory(3)).await.unwrap();
    server.stop().await;
    let stage = Stage::new(
        crate::BINARY,
        &Options::new(Version::V11),
        &with_provider(ldap(&server.url())),
    );
    let manager = Manager::new(&stage);
    let daemon = manager.start(&stage, None);
    manager.wait_for("READY=1", 1);
    daemon.wait_for("a failure", |s| s.failures == 1 && s.phase == Phase::Idle);
    for failures in 2..=3 {
        daemon.signal("USR1");
        let status = daemon.wait_for("one more failure", |s| s.failures == failures);
        assert!(
            matches!(&status.health, Health::Degraded(why) if why[0].starts_with("directory:"))
        );
    }
    assert_eq!(
        daemon.said("no cycle could be finished"),
        1,
        "{}",
        daemon.output()
    );
    assert!(
        daemon.said("<3>") == 1,
        "an error is marked as one: {}",
        daemon.output()
    );
    wait("the failure in STATUS=", || {
        manager
            .statuses()
            .iter()
            .any(|s| s.contains("degraded: directory:"))
    });
    assert!(stage.sim.users().len() == 1);

    server.start_again().await.unwrap();
    daemon.signal("USR1");
    daemon.wait_for("recovery", |s| s.last.is_some() && s.failures == 0);
    assert_eq!(
        daemon.said("cycles can be finished again, after 3 failure(s)"),
        1
    );
    assert_eq!(stage.sim.users().len(), 4);

    // The next time it is news again.
    server.stop().await;
    daemon.signal("USR1");
    daemon.wait_for("a failure", |s| s.failures == 1);
    daemon.wait_until_said("no cycle could be finished (1 in a row)");
    assert_eq!(daemon.said("no cycle could be finished"), 2);
    daemon.stop();
}

#[test]
fn a_mattermost_that_is_down_at_the_start_fails_no_service() {
    let config = Config::default();
    let stage = Stage::new(crate::BINARY, &Options::new(Version::V11), &config);
    stage.write_people(&people(&["anna"]));
    let good = stage.read_config();
    let dead = format!("http://127.0.0.1:{}", dead_port());
    stage.write_config(&good.replace(&stage.sim.url(), &dead));
    let manager = Manager::new(&stage);
    let daemon = manager.start(&stage, None);
    manager.wait_for("READY=1", 1);
    daemon.wait_for("a failure", |s| s.failures == 1);
    daemon.signal("USR1");
    daemon.wait_for("a second failure", |s| s.failures == 2);
    assert_eq!(daemon.said("no cycle could be finished"), 1);
    assert_eq!(daemon.said("Mattermost:"), 1, "{}", daemon.output());
    stage.write_config(&good);
    daemon.signal("HUP");
    daemon.wait_for("recovery", |s| s.last.is_some());
    assert!(stage.sim.user_named("anna").is_some());
    daemon.stop();
}
