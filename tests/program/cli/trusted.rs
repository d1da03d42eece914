//! What decides over people must be nobody else's to write, and what is in memory nobody's to read.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use testkit::place::Place;

const NOBODY: u32 = 65_534;

fn is_root() -> bool {
    fs::metadata("/proc/self").unwrap().uid() == 0
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_configuration_that_others_could_have_written_is_refused() {
    let mut place = Place::new(crate::BINARY);
    place.add("alice", "Alice", "Able");
    place.run(&["plan"]).exits(0);
    let config = place.path("config.toml");
    for bad in [0o646, 0o664] {
        mode(&config, bad);
        place
            .run(&["sync"])
            .exits(78)
            .says("can be written by others than its owner")
            .says(&format!("chmod go-w '{}'", config.display()));
    }
    mode(&config, 0o640);
    mode(place.dir.path(), 0o777);
    let folder = place.dir.path().display().to_string();
    place
        .run(&["sync"])
        .exits(78)
        .says(&format!("chmod go-w '{folder}'"));
    mode(place.dir.path(), 0o700);
    if is_root() {
        chown(&config, Some(NOBODY), None).unwrap();
        place
            .run(&["sync"])
            .exits(78)
            .says("belongs to nobody (user 65534), and this process runs as root");
        // Through a link of root's to the same file.
        fs::rename(&config, place.path("theirs.toml")).unwrap();
        symlink("theirs.toml", &config).unwrap();
        place.run(&["sync"]).exits(78).says("belongs to nobody");
    }
    assert_eq!(place.sim.writes(), 0);
}

/// Whoever owns the token, or may exchange it, decides as whom we work.
#[test]
fn so_is_a_secret() {
    let mut place = Place::new(crate::BINARY);
    place.add("alice", "Alice", "Able");
    let theirs = place.path("theirs");
    fs::create_dir(&theirs).unwrap();
    let token = theirs.join("token");
    fs::copy(place.path("token"), &token).unwrap();
    fs::remove_file(place.path("token")).unwrap();
    symlink("theirs/token", place.path("token")).unwrap();
    mode(&token, 0o600);
    mode(&theirs, 0o700);
    place.run(&["sync"]).exits(0);
    let writes = place.sim.writes();
    mode(&theirs, 0o777);
    for command in ["plan", "sync"] {
        let said = place.run(&[command]).exits(78);
        said.says(&format!("chmod go-w '{}'", theirs.display()));
    }
    mode(&theirs, 0o700);
    if is_root() {
        chown(&token, Some(NOBODY), None).unwrap();
        for command in ["plan", "sync"] {
            let said = place.run(&[command]).exits(78);
            said.says("belongs to nobody (user 65534), and this process runs as root");
        }
        place.run(&["check"]).exits(1).says("belongs to nobody");
    }
    assert_eq!(place.sim.writes(), writes);
}

#[test]
fn so_is_a_directory_in_a_file() {
    let mut place = Place::new(crate::BINARY);
    place.add("alice", "Alice", "Able");
    let people = place.path("people.ldif");
    mode(&people, 0o666);
    place
        .run(&["sync"])
        .exits(69)
        .says("chmod go-w")
        .says("people.ldif");
    mode(&people, 0o644);
    if is_root() {
        chown(&people, Some(NOBODY), None).unwrap();
        place.run(&["sync"]).exits(69).says("belongs to nobody");
        chown(&people, Some(0), None).unwrap();
    }
    fs::remove_file(&people).unwrap();
    for device in ["/dev/zero", "/dev/tty", "."] {
        symlink(device, &people).unwrap();
        place.run(&["sync"]).exits(69);
        fs::remove_file(&people).unwrap();
    }
    let made = Command::new("mkfifo").arg(&people).status().unwrap();
    assert!(made.success());
    place.run(&["sync"]).exits(69).says("no regular file");
    assert_eq!(place.sim.writes(), 0);
}

/// A command run by somebody who may do no more than their own.
fn as_nobody(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(program);
    if is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

fn can_read(pid: u32, what: &str) -> bool {
    let file = format!("/proc/{pid}/{what}");
    let opened = as_nobody("dd")
        .arg(format!("if={file}"))
        .args(["bs=1", "count=0"])
        .status();
    opened.unwrap().success()
}

/// Mattermost's plugins run as its user, and with a local socket so do we.
#[tokio::test(flavor = "multi_thread")]
async fn other_processes_of_the_same_user_cannot_look_into_memory() {
    let place = Place::new(crate::BINARY);
    // The binary may lie where only its builder may go.
    let binary = place.path("mattersync");
    fs::copy(crate::BINARY, &binary).unwrap();
    for (path, bits) in [(place.dir.path(), 0o755), (&binary, 0o755)] {
        mode(path, bits);
    }
    fs::create_dir(place.path("theirs")).unwrap();
    let config = place.config().replace("/state\"", "/theirs\"");
    let config = config.replace("/control.sock", "/theirs/control.sock");
    fs::write(place.path("config.toml"), config).unwrap();
    if is_root() {
        for name in ["theirs", "token", "initial"] {
            chown(place.path(name), Some(NOBODY), Some(NOBODY)).unwrap();
        }
    }
    let mut other = as_nobody("sleep").arg("100").spawn().unwrap();
    let mut service = as_nobody(&binary)
        .arg("run")
        .arg("--config")
        .arg(place.path("config.toml"))
        .spawn()
        .unwrap();
    let (pid, until) = (service.id(), Instant::now() + Duration::from_secs(20));
    while can_read(pid, "environ") && Instant::now() < until {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let seen = ["environ", "mem", "auxv"].map(|what| can_read(pid, what));
    let alive = service.try_wait().unwrap();
    let usual = can_read(other.id(), "environ");
    service.kill().unwrap();
    other.kill().unwrap();
    service.wait().unwrap();
    other.wait().unwrap();
    assert_eq!(alive, None, "it ran while it was looked at");
    assert_eq!(seen, [false; 3]);
    assert!(usual, "of any other process that is allowed");
}
