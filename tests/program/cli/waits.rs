//! Commands that wait: on a terminal they say so soon, and for what.

use std::io::Read;
use std::net::TcpListener;
use std::process::Child;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use mattermost_sim::{Effect, Fault};

use crate::cli::served::Service;
use testkit::place::{Place, on_terminal};

/// In this time it must be said, the time to begin included.
const SOON: Duration = Duration::from_secs(2);

fn company() -> Place {
    let mut place = Place::new(crate::BINARY);
    place.more = "[schedule]\ninterval = \"1h\"\n".into();
    place.add("alice", "Alice", "Able");
    place.add("bob", "Bob", "Bold");
    place
}

/// Ends the process when dropped.
struct OnTerminal(Child);

impl Drop for OnTerminal {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs a command on a pseudo-terminal, until it has said this.
#[track_caller]
fn soon_says(place: &Place, words: &[&str], says: &str) {
    let mut script = on_terminal(&place.command(words), "");
    script.env("TERM", "xterm");
    let start = Instant::now();
    let mut child = OnTerminal(script.spawn().expect("script(1) is needed"));
    let mut out = child.0.stdout.take().unwrap();
    let (sender, pieces) = mpsc::channel();
    std::thread::spawn(move || {
        let mut bytes = [0; 4096];
        while let Ok(n @ 1..) = out.read(&mut bytes) {
            if sender.send(bytes[..n].to_vec()).is_err() {
                break;
            }
        }
    });
    let mut all = Vec::new();
    loop {
        let left = SOON.saturating_sub(start.elapsed());
        match pieces.recv_timeout(left) {
            Ok(piece) => all.extend(piece),
            Err(_) => panic!("no {says:?} in {SOON:?}: {}", String::from_utf8_lossy(&all)),
        }
        if String::from_utf8_lossy(&all).contains(says) {
            return;
        }
    }
}

#[test]
fn a_limit_of_the_server_is_told() {
    let place = company();
    let refusal = Fault::new(Effect::TooMany { seconds: 30 });
    for words in [
        &["plan"][..],
        &["sync"],
        &["deactivate", "alice"],
        &["approve"],
    ] {
        place.sim.clear_faults();
        place.sim.add_fault(refusal.clone().times(1));
        soon_says(&place, words, "waiting for Mattermost's limit (");
    }
}

#[test]
fn the_own_pace_is_told() {
    let mut place = company();
    place.more = String::new();
    place.write();
    let config = std::fs::read_to_string(place.path("config.toml")).unwrap();
    let slow = "requests-per-second = 1\nburst = 1";
    let config = config.replace("requests-per-second = \"off\"", slow);
    std::fs::write(place.path("config.toml"), config).unwrap();
    let pace = "waiting for the pace (mattermost.requests-per-second)";
    soon_says(&place, &["plan"], pace);
    soon_says(&place, &["sync"], pace);
}

#[test]
fn a_slow_mattermost_is_told() {
    let place = company();
    let slow = Effect::Latency(Duration::from_secs(20));
    place.sim.add_fault(Fault::new(slow));
    soon_says(&place, &["plan"], "waiting for Mattermost's answer (");
}

#[test]
fn a_slow_directory_is_told() {
    let mut place = company();
    // Connections wait in the backlog, and nobody ever answers.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    place.secret("bind", "hunter2");
    place.provider = Some(format!(
        "urls = [\"ldap://{}\"]\nbind-dn = \"cn=x\"\nbind-password = {{ file = {:?} }}",
        silent.local_addr().unwrap(),
        place.path("bind").display().to_string()
    ));
    place.write();
    for words in ["plan", "sync"] {
        soon_says(&place, &[words], "waiting for the directory (0 answers");
    }
}

#[test]
fn what_the_service_waits_for_is_told_too() {
    let place = company();
    let _service = Service::start(&place);
    let refusal = Fault::new(Effect::TooMany { seconds: 3 });
    for words in [&["plan"][..], &["sync"], &["deactivate", "alice"]] {
        place.sim.clear_faults();
        place.sim.add_fault(refusal.clone().times(1));
        soon_says(&place, words, "waiting for Mattermost's limit (");
        // The service is done with it.
        place.run(&["plan"]).exits(0);
    }
}
