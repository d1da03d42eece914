//! Commands where the service runs: they ask it.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use mattermost_sim::{Effect, Fault};
use serde_json::json;

use crate::place::Place;

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
            let said = place.run(&["status", "--json"]);
            said.code != 75 && said.json()["last"].is_object()
        });
        service
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let pid = self.0.id().to_string();
        let _ = Command::new("kill").args(["-TERM", &pid]).status();
        let _ = self.0.wait();
    }
}

impl Place {
    fn until(&self, ready: impl Fn() -> bool) {
        let end = Instant::now() + Duration::from_secs(20);
        while !ready() {
            let log = || std::fs::read_to_string(self.path("log")).unwrap_or_default();
            assert!(Instant::now() < end, "not in time:\n{}", log());
            std::thread::yield_now();
        }
    }
}

fn company() -> Place {
    let mut place = Place::new();
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
    place.run(&["plan"]).exits(0).says("HELD: adopt");
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
    let said = crate::place::run(command.env("SUDO_USER", "erika"));
    said.exits(0)
        .says("(erika) said so with `mattersync deactivate`");
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
        .says("ended before it had answered");
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
