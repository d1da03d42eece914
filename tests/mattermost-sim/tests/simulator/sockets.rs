//! The server behind real sockets: both doors, faults, counters.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use mattermost_sim::{Commit, Effect, Fault, Options, Sim, Version};
use serde_json::{Value, json};

fn sim(version: Version) -> Sim {
    Sim::start(&Options::new(version)).unwrap()
}

/// Sends one request and reads until the server closes; empty when it closed without a word.
fn raw(mut stream: impl Read + Write, call: &str, token: &str, body: &Value) -> String {
    let body = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    let request = format!(
        "{call} HTTP/1.1\r\nhost: sim\r\nauthorization: Bearer {token}\r\nconnection: close\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer) {
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
        Err(error) => panic!("{error}"),
    }
    String::from_utf8(answer).unwrap()
}

fn tcp(sim: &Sim, call: &str, token: &str, body: &Value) -> String {
    let stream = TcpStream::connect(("127.0.0.1", sim.port())).unwrap();
    raw(stream, call, token, body)
}

fn new_user(name: &str) -> Value {
    json!({"username": name, "email": format!("{name}@example.org"), "password": "Sync-Passw0rd!"})
}

#[test]
fn both_doors_lead_to_the_same_world() {
    for version in [Version::V5_38, Version::V11] {
        let sim = sim(version);
        let token = sim.seed_admin("root.admin");
        let made = tcp(&sim, "POST /api/v4/users", &token, &new_user("pluto"));
        assert!(made.starts_with("HTTP/1.1 201"), "{made}");
        assert!(
            made.contains(&format!("x-version-id: {}.", version.number())),
            "{made}"
        );
        let stream = UnixStream::connect(sim.socket()).unwrap();
        let seen = raw(stream, "GET /api/v4/users/username/pluto", "", &Value::Null);
        assert!(seen.starts_with("HTTP/1.1 200"), "{seen}");
        let refused = tcp(&sim, "GET /api/v4/users", "wrong", &Value::Null);
        assert!(refused.starts_with("HTTP/1.1 401"), "{refused}");
        assert_eq!((sim.requests(), sim.writes()), (3, 1));
        assert_eq!(sim.seen()[1].status, Some(200));
        assert!(sim.seen()[1].local);
    }
}

#[test]
fn a_cut_before_the_commit_changes_nothing_and_one_after_it_does() {
    let sim = sim(Version::V11);
    let token = sim.seed_admin("root.admin");
    for (name, commit, made) in [("one", Commit::Before, false), ("two", Commit::After, true)] {
        sim.add_fault(Fault::new(Effect::Cut(commit)).writes().nth(1));
        let answer = tcp(&sim, "POST /api/v4/users", &token, &new_user(name));
        assert_eq!(answer, "", "{commit:?}");
        assert_eq!(sim.user_named(name).is_some(), made, "{commit:?}");
        assert_eq!(sim.seen().last().unwrap().status, None);
        sim.clear_faults();
    }
    let answer = tcp(&sim, "POST /api/v4/users", &token, &new_user("three"));
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
}

#[test]
fn refusals_latency_and_silence_are_injected() {
    let sim = sim(Version::V5_38);
    let token = sim.seed_admin("root.admin");
    let list = "GET /api/v4/users";
    sim.add_fault(Fault::new(Effect::TooMany { seconds: 2 }).nth(1));
    sim.add_fault(Fault::new(Effect::status(503)).nth(2));
    let first = tcp(&sim, list, &token, &Value::Null);
    assert!(first.starts_with("HTTP/1.1 429"), "{first}");
    assert!(first.contains("retry-after: 2\r\n"), "{first}");
    assert!(first.ends_with("limit exceeded\n"), "{first}");
    let second = tcp(&sim, list, &token, &Value::Null);
    assert!(second.starts_with("HTTP/1.1 503"), "{second}");
    sim.clear_faults();

    sim.add_fault(Fault::new(Effect::Latency(Duration::from_millis(80))));
    let begun = Instant::now();
    let slow = tcp(&sim, list, &token, &Value::Null);
    assert!(slow.starts_with("HTTP/1.1 200"), "{slow}");
    assert!(begun.elapsed() >= Duration::from_millis(80));
    sim.clear_faults();

    sim.add_fault(Fault::new(Effect::Hang(Commit::Before)));
    let mut stream = TcpStream::connect(("127.0.0.1", sim.port())).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_millis(150)))
        .unwrap();
    stream
        .write_all(b"GET /api/v4/system/ping HTTP/1.1\r\nhost: sim\r\n\r\n")
        .unwrap();
    let silence = stream.read(&mut [0; 16]).unwrap_err();
    assert_eq!(silence.kind(), ErrorKind::WouldBlock);
}

#[test]
fn a_stopped_server_comes_back_with_its_world() {
    let sim = sim(Version::V11);
    let token = sim.seed_admin("root.admin");
    let mut open = TcpStream::connect(("127.0.0.1", sim.port())).unwrap();
    let world = sim.stop();
    // Not the port: another test's server may have it by now.
    open.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
    match open.read(&mut [0; 1]) {
        Ok(read) => assert_eq!(read, 0),
        Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
    }
    let again = Sim::serve(world, &Options::new(Version::V11)).unwrap();
    let me = tcp(&again, "GET /api/v4/users/me", &token, &Value::Null);
    assert!(me.starts_with("HTTP/1.1 200"), "{me}");
}

#[tokio::test]
async fn it_starts_and_stops_inside_a_runtime() {
    let sim = sim(Version::V11);
    let team = sim.add_team("crew", "Crew").unwrap();
    let user = sim.add_user(&new_user("pluto")).unwrap();
    sim.join_team(&team, &user).unwrap();
    assert_eq!(
        sim.add_team("crew", "Crew").unwrap_err(),
        "store.sql_team.save_team.existing.app_error"
    );
    let socket = sim.socket().to_owned();
    assert!(tokio::net::UnixStream::connect(&socket).await.is_ok());
    drop(sim);
    assert!(tokio::net::UnixStream::connect(&socket).await.is_err());
    assert!(!socket.parent().unwrap().exists());
}
