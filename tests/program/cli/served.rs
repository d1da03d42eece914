//! Commands where the service runs: they ask it.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use mattermost_sim::{Effect, Fault};
use serde_json::json;

use testkit::place::Place;

/// The service, ended when dropped.
pub struct Service(Child);

impl Service {
    pub fn start(place: &Place) -> Self {
        let log = std::fs::File::create(place.path("log")).unwrap();
        let child = place
            .command(&["run"])
            .stderr(log)
            .stdout(Stdio::null())
            .spawn();
        let service = Self(child.unwrap());
        place.until(|| {
            // While it begins, the state may be there in part, and the command may fail.
            let said = place.run(&["status", "--json"]);
            let status = serde_json::from_str::<serde_json::Value>(&said.out);
            status.is_ok_and(|status| status["last"].is_object())
        });
        service
    }

    pub fn signal(&self, name: &str) {
        let pid = self.0.id().to_string();
        let mut sent = Command::new("kill");
        sent.args([&format!("-{name}"), &pid]);
        assert!(sent.status().unwrap().success());
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.signal("TERM");
        let _ = self.0.wait();
    }
}

fn company() -> Place {
    let mut place = Place::new(crate::BINARY);
    place.more = "[schedule]\ninterval = \"1h\"\n".into();
    place.add("alice", "Alice", "Able");
    place.add("bob", "Bob", "Bold");
    place
}

#[test]
fn the_service_does_the_work() {
    let mut place = company();
    let email = "alice@example.org";
    place
        .sim
        .add_user(&json!({"username": "alice", "email": email}))
        .unwrap();
    let service = Service::start(&place);
    let said = place.run(&["status"]).exits(3);
    said.says(&format!("process {}", service.0.id()))
        .says("HELD: adopt: 1")
        .says("mattersync approve");
    place.run(&["plan"]).exits(3).says("HELD: adopt");
    place
        .run(&["approve", "adopt"])
        .exits(0)
        .says("The service does it in its next cycle");
    place.add("carol", "Carol", "Cool");
    let sync = place.run(&["sync"]).exits(0);
    sync.says("Adopted 1 user")
        .says("Created 1 user")
        .says("carol");
    // The counts follow the answer.
    place.until(|| place.run(&["status"]).out.contains("3 links"));
    place.run(&["status"]).exits(0).says("Health      well");
    place
        .run(&["deactivate", "carol"])
        .exits(0)
        .says("Deactivated 1 user");
    let refused = place.run(&["deactivate", "nobody"]).exits(1);
    refused.says("nobody is known as");
    place
        .run(&["approve", "rename"])
        .exits(1)
        .says("nothing is held");
    assert!(place.sim.user_named("carol").unwrap().delete_at > 0);
}

#[test]
fn what_the_service_cannot_do_has_its_exit_code() {
    let place = company();
    let service = Service::start(&place);
    place.sim.add_fault(Fault::new(Effect::status(502)));
    place.run(&["sync"]).exits(69).says("Mattermost");
    place.run(&["plan"]).exits(69);
    place
        .run(&["status"])
        .exits(1)
        .says("DEGRADED")
        .says("mattersync check");
    drop(service);
    place.sim.clear_faults();
    place.run(&["sync"]).exits(0).says("Nothing was changed.");
}

#[test]
fn who_calls_is_written_down() {
    let place = company();
    let _service = Service::start(&place);
    let mut command = place.command(&["deactivate", "bob"]);
    let said = testkit::place::run(command.env("SUDO_USER", "erika"));
    said.exits(0)
        .says("(says: for \"erika\") ordered it with `mattersync deactivate`");
}

#[test]
fn a_service_that_ends_before_it_answered_is_told() {
    let place = company();
    let listener = UnixListener::bind(place.path("control.sock")).unwrap();
    let server = std::thread::spawn(move || {
        // The question whether it is there; the status; then the work, which is cut off.
        drop(listener.accept().unwrap());
        let (mut stream, _) = listener.accept().unwrap();
        let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
        while lines.next().is_some_and(|line| !line.unwrap().is_empty()) {}
        let mut status =
            serde_json::to_string(&mattersync::daemon::StatusReport::default()).unwrap();
        status = format!(
            "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{status}",
            status.len()
        );
        stream.write_all(status.as_bytes()).unwrap();
        drop((stream, lines));
        let (stream, _) = listener.accept().unwrap();
        drop(stream);
    });
    place
        .run(&["sync"])
        .exits(75)
        .says("hung up before it had answered");
    server.join().unwrap();
    assert_eq!(place.sim.requests(), 0);
}

#[test]
fn a_service_that_hangs_is_told() {
    let place = company();
    // Whoever listens never answers.
    let _listener = UnixListener::bind(place.path("control.sock")).unwrap();
    let said = place.run(&["plan"]).exits(75);
    said.says("does not answer")
        .says("journalctl -u mattersync");
}

#[test]
fn the_record_is_told_while_a_cycle_hangs() {
    let place = company();
    let _service = Service::start(&place);
    place
        .run(&["history"])
        .exits(0)
        .says("scheduled")
        .says("Created 2 users (alice, bob)");
    // A cycle that takes its time: nobody who asks what was done waits for it.
    place.sim.set_latency(Duration::from_secs(8));
    let mut sync = place.command(&["sync"]);
    let sync = sync.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let mut sync = sync.unwrap();
    place.until(|| {
        let status = place.run(&["status", "--json"]);
        status.json()["phase"] != "Idle" && status.json()["phase"] != "idle"
    });
    let began = Instant::now();
    place
        .run(&["history", "1"])
        .exits(0)
        .says("Run 1, scheduled");
    place.run(&["history", "--person", "bob"]).exits(0);
    place.run(&["history", "--person", "nobody"]).exits(1);
    assert!(began.elapsed() < Duration::from_secs(5));
    place.sim.set_latency(Duration::ZERO);
    let _ = sync.kill();
    let _ = sync.wait();
}

#[test]
fn the_service_takes_back_and_names_who_asked() {
    let mut place = company();
    let _service = Service::start(&place);
    place.edit("bob", |p| p.uid = "robert".into());
    let mut command = place.command(&["sync"]);
    testkit::place::run(command.env("SUDO_USER", "erika"))
        .exits(0)
        .says("Renamed 1 user");
    place
        .run(&["history"])
        .exits(0)
        .says("sync")
        .says("(says: for \"erika\")");
    let mut command = place.command(&["undo", "2", "--person", "robert", "--yes"]);
    testkit::place::run(command.env("SUDO_USER", "erika"))
        .exits(0)
        .says("Renamed 1 user");
    assert!(place.sim.user_named("bob").is_some());
    for _ in 0..2 {
        place.run(&["sync"]).exits(0).says("Nothing was changed.");
    }
    place
        .run(&["history", "3"])
        .exits(0)
        .says("Run 3, undo, by ")
        .says("(says: for \"erika\") takes back what run 2 did");
    place.run(&["undo", "--redo", "bob"]).exits(0);
    place.run(&["sync"]).exits(0).says("Renamed 1 user");
    assert!(place.sim.user_named("robert").is_some());
}
