//! Whoever may speak to the control socket can neither crowd out others nor stop the cycles.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use mattermost_sim::{Options, Version};

use testkit::service::{Config, Daemon, Stage, people, wait};

fn stage() -> Stage {
    let config = Config {
        schedule: "interval = \"10s\"\njitter = \"0s\"\n".into(),
        ..Config::default()
    };
    let stage = Stage::new(crate::BINARY, &Options::new(Version::V11), &config);
    stage.write_people(&people(&["anna"]));
    stage
}

/// Connections that say nothing. The socket may refuse some for a moment.
fn idle(socket: &Path, number: usize) -> Vec<UnixStream> {
    (0..number)
        .filter_map(|_| UnixStream::connect(socket).ok())
        .collect()
}

/// Whether the other end has hung up.
fn is_over(stream: &mut UnixStream) -> bool {
    let patience = Some(Duration::from_millis(1));
    stream.set_read_timeout(patience).unwrap();
    match stream.read(&mut [0; 64]) {
        Ok(read) => read == 0,
        Err(error) => error.kind() != std::io::ErrorKind::WouldBlock,
    }
}

/// A daemon that may open this many files.
fn with_descriptors(stage: &Stage, number: u32) -> Daemon {
    let mut command = Command::new("sh");
    let limit = format!("ulimit -n {number} && exec \"$0\" \"$@\"");
    command.args(["-c", &limit, crate::BINARY]);
    stage.prepare(&mut command);
    Daemon::start(command, &stage.socket())
}

#[test]
fn idle_connections_by_the_hundred_stop_no_cycle_and_end() {
    let stage = stage();
    let daemon = with_descriptors(&stage, 256);
    daemon.wait_for("the first cycle", |s| s.last.is_some());
    let crowd = Instant::now();
    let mut connections = idle(&stage.socket(), 600);
    let files = || {
        std::fs::read_dir(format!("/proc/{}/fd", daemon.pid()))
            .unwrap()
            .count()
    };
    wait("most of them to be hung up on", || files() < 130);
    stage.write_people(&people(&["anna", "bert"]));
    daemon.signal("USR1");
    wait("a cycle among them", || {
        stage.sim.user_named("bert").is_some()
    });
    // Those that were taken have a few seconds to say what they want.
    wait("the rest to be hung up on", || {
        connections.iter_mut().all(is_over)
    });
    assert!(
        crowd.elapsed() < Duration::from_secs(30),
        "{:?}",
        crowd.elapsed()
    );
    assert!(daemon.status().is_ok());
    assert_eq!(daemon.said("<3>"), 0, "{}", daemon.output());
    daemon.stop();
}

#[test]
fn a_caller_who_is_slow_is_not_waited_for() {
    let stage = stage();
    let daemon = stage.start_and_wait();
    let mut slow = UnixStream::connect(stage.socket()).unwrap();
    let began = Instant::now();
    slow.write_all(b"GET /v1/status HTTP/1.1\r\nHost: x\r\n")
        .unwrap();
    wait("the end of it", || slow.write_all(b"X: y\r\n").is_err());
    assert!(
        began.elapsed() < Duration::from_secs(20),
        "{:?}",
        began.elapsed()
    );
    daemon.stop();
}

/// The resident memory of a process, in MiB.
fn memory(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status
        .lines()
        .find_map(|l| l.strip_prefix("VmHWM:"))
        .unwrap();
    let kib: u64 = line.trim().trim_end_matches(" kB").parse().unwrap();
    kib >> 10
}

fn post(stage: &Stage, path: &str, body: &[u8]) -> String {
    let mut stream = UnixStream::connect(stage.socket()).unwrap();
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    // It may be answered before all of it was sent.
    let _ = stream.write_all(body);
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer);
    answer
}

#[test]
fn a_large_body_is_taken_only_where_a_plan_is_expected_and_costs_little_more_than_itself() {
    let stage = stage();
    let daemon = stage.start_and_wait();
    let before = memory(daemon.pid());
    let many = "{\"a\":[".to_owned() + &"[0],".repeat(7 << 20) + "[0]]}";
    let body = format!("{{\"saved\":{many},\"what\":{many},\"on_behalf\":\"x\"}}");
    for path in [
        "/v1/approve",
        "/v1/sync",
        "/v1/deactivate",
        "/v1/history",
        "/v1/status",
    ] {
        let answer = post(&stage, path, body.as_bytes());
        assert!(!answer.starts_with("HTTP/1.1 200"), "{path}: {answer}");
    }
    assert!(
        memory(daemon.pid()) < before + 16,
        "{} {before}",
        memory(daemon.pid())
    );
    let answer = post(&stage, "/v1/sync-saved", body.as_bytes());
    assert!(!answer.starts_with("HTTP/1.1 200"), "{answer}");
    let (size, after) = (
        u64::try_from(body.len()).unwrap() >> 20,
        memory(daemon.pid()),
    );
    assert!(
        after < before + 3 * size,
        "{after} MiB, {before} before, for {size}"
    );
    assert!(daemon.status().is_ok());
    daemon.stop();
}

/// Only as root can a test be two users.
#[test]
fn one_user_does_not_crowd_out_another() {
    const NOBODY: u32 = 65_534;
    if let Some(socket) = std::env::var_os("CROWDED_SOCKET") {
        let mut crowd = Vec::new();
        loop {
            crowd.extend(idle(Path::new(&socket), 50));
            crowd.retain_mut(|stream| !is_over(stream));
        }
    }
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    let stage = stage();
    let daemon = stage.start_and_wait();
    for folder in [stage.folder().to_owned(), stage.path("run")] {
        let everybody = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(folder, everybody).unwrap();
    }
    let own = std::env::current_exe().unwrap();
    let copy = stage.path("crowd");
    std::fs::copy(own, &copy).unwrap();
    let name = "daemon::crowded::one_user_does_not_crowd_out_another";
    let mut crowd = Command::new(copy)
        .args(["--exact", name])
        .env("CROWDED_SOCKET", stage.socket())
        .gid(nix::unistd::getegid().as_raw())
        .uid(NOBODY)
        .spawn()
        .unwrap();
    let files = || {
        std::fs::read_dir(format!("/proc/{}/fd", daemon.pid()))
            .unwrap()
            .count()
    };
    wait("the crowd", || files() > 30);
    for _ in 0..20 {
        let began = Instant::now();
        daemon.status().unwrap();
        assert!(
            began.elapsed() < Duration::from_secs(3),
            "{:?}",
            began.elapsed()
        );
        std::thread::sleep(Duration::from_millis(100));
    }
    daemon.sync();
    assert!(crowd.try_wait().unwrap().is_none(), "the crowd has gone");
    crowd.kill().unwrap();
    crowd.wait().unwrap();
    daemon.stop();
}
