//! After failures nobody is hammered.

use std::io::Read;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use ldap_fault::{FaultServer, READER_PASSWORD};
use mattermost_sim::{Effect, Fault, Options, Version};
use mattersync::daemon::Phase;

use crate::daemon::starting::{directory, ldap};
use testkit::service::{BASE, Config, Stage, people};

fn often(provider: String) -> Config {
    Config {
        provider,
        schedule: "interval = \"10s\"\njitter = \"0s\"\nmax-backoff = \"1h\"\n".into(),
        ..Config::default()
    }
}

#[test]
fn a_directory_that_hangs_up_is_asked_less_and_less_often() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ldap://{}", listener.local_addr().unwrap());
    let calls = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&calls);
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            count.fetch_add(1, Ordering::SeqCst);
            let _ = stream.read(&mut [0; 16]);
        }
    });
    let stage = Stage::new(
        crate::BINARY,
        &Options::new(Version::V11),
        &often(ldap(&url)),
    );
    let daemon = stage.start();
    let since = Instant::now();
    let status = daemon.wait_for("a failure", |s| s.failures == 1 && s.phase == Phase::Idle);
    let pause = |s: &mattersync::daemon::StatusReport| {
        let now = jiff::Timestamp::now().as_millisecond();
        Duration::from_millis(u64::try_from(s.next.unwrap().0 - now).unwrap())
    };
    let first = pause(&status);
    assert!(
        first > Duration::from_secs(5) && first <= Duration::from_secs(16),
        "{first:?}"
    );
    let status = daemon.wait_for("a second failure", |s| {
        s.failures == 2 && s.phase == Phase::Idle
    });
    assert!(since.elapsed() > Duration::from_secs(6));
    let second = pause(&status);
    assert!(
        second > Duration::from_secs(13) && second <= Duration::from_secs(31),
        "{second:?}"
    );
    assert_eq!(calls.load(Ordering::SeqCst), 2);
    assert_eq!(
        daemon.said("no cycle could be finished"),
        1,
        "{}",
        daemon.output()
    );
    daemon.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_tried_once() {
    let server = FaultServer::start(directory(2)).await.unwrap();
    let provider = ldap(&server.url())
        + &format!("bind-dn = \"cn=reader,{BASE}\"\nbind-password = {{ file = \"@/ldap\" }}\n");
    let stage = Stage::new(crate::BINARY, &Options::new(Version::V11), &often(provider));
    stage.write_secret("ldap", "not-the-password");
    let daemon = stage.start();
    let status = daemon.wait_for("a failure", |s| s.failures == 1 && s.phase == Phase::Idle);
    let now = jiff::Timestamp::now().as_millisecond();
    assert!(
        status.next.unwrap().0 - now > 55 * 60_000,
        "{:?}",
        status.next
    );
    assert_eq!(server.binds(), 1);
    // Longer than the interval, and than the pause after any other failure.
    std::thread::sleep(Duration::from_secs(16));
    assert_eq!(server.binds(), 1);
    assert_eq!(daemon.said("wrong name or password"), 1);
    let place = stage.path("ldap").display().to_string();
    let who = format!("Is cn=reader,{BASE} the right bind-dn, and is its password in {place}?");
    assert_eq!(daemon.said(&who), 1, "{}", daemon.output());
    assert!(!daemon.output().contains("not-the-password"));

    // Whoever mends it says nothing more: the file is looked at.
    stage.write_secret("ldap", READER_PASSWORD);
    daemon.wait_for("recovery", |s| s.last.is_some() && s.failures == 0);
    assert_eq!(
        daemon.said("ldap was changed: the next cycle follows at once"),
        1
    );
    assert_eq!(server.binds(), 2);
    daemon.stop();
}

#[test]
fn a_token_that_is_refused_is_read_again() {
    let stage = Stage::new(
        crate::BINARY,
        &Options::new(Version::V11),
        &Config::default(),
    );
    stage.write_people(&people(&["anna"]));
    let out = |admin: &str| {
        let admin = stage.sim.user_named(admin).unwrap();
        stage.sim.set_active(&admin.id, false);
    };
    let daemon = stage.start_and_wait();
    let second = stage.sim.seed_admin("second.admin");
    out("boss");
    daemon.signal("USR1");
    let status = daemon.wait_for("a failure", |s| s.failures == 1 && s.phase == Phase::Idle);
    let place = stage.path("token").display().to_string();
    let said = format!("{:?}", status.health);
    assert!(said.contains(&format!("write it into {place}")), "{said}");
    assert!(said.contains("no reload is needed"), "{said}");
    stage.write_secret("token", &second);
    daemon.wait_for("recovery", |s| s.failures == 0);
    assert_eq!(
        daemon.said("token was changed: the next cycle follows at once"),
        1
    );

    // Where the new one is there before the old one is refused, nothing fails.
    let third = stage.sim.seed_admin("third.admin");
    stage.write_secret("token", &third);
    out("second.admin");
    stage.write_people(&people(&["anna", "bert"]));
    daemon.sync();
    assert!(stage.sim.user_named("bert").is_some());
    assert_eq!(
        daemon.said("no cycle could be finished"),
        1,
        "{}",
        daemon.output()
    );
    for token in [&stage.token, &second, &third] {
        assert!(!daemon.output().contains(token.as_str()));
    }
    daemon.stop();
}

#[test]
fn a_mattermost_that_fails_every_write_is_a_failure_too() {
    let stage = Stage::new(
        crate::BINARY,
        &Options::new(Version::V11),
        &Config::default(),
    );
    let names: Vec<String> = (0..100).map(|n| format!("p{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    stage.write_people(&people(&names));
    stage
        .sim
        .add_fault(Fault::new(Effect::status(502)).writes());
    let daemon = stage.start();
    let status = daemon.wait_for("a failure", |s| s.failures == 1 && s.phase == Phase::Idle);
    let now = jiff::Timestamp::now().as_millisecond();
    assert!(status.next.unwrap().0 - now < 16_000, "{:?}", status.next);
    assert!(status.last.unwrap().failed < 30);
    daemon.wait_for("a second failure", |s| {
        s.failures == 2 && s.phase == Phase::Idle
    });
    assert_eq!(
        daemon.said("no cycle could be finished"),
        1,
        "{}",
        daemon.output()
    );
    stage.sim.clear_faults();
    daemon.wait_for("recovery", |s| s.failures == 0);
    daemon.stop();
}
