//! One daemon on one state directory; what stands in its way is said.

use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::time::Duration;

use mattermost_sim::{Options, Version};

use testkit::service::{Config, Stage, people};

fn stage() -> Stage {
    let stage = Stage::new(
        crate::BINARY,
        &Options::new(Version::V11),
        &Config::default(),
    );
    stage.write_people(&people(&["anna"]));
    stage
}

/// Starts a daemon that cannot begin: its exit code and what it said.
fn refused(stage: &Stage) -> (Option<i32>, String) {
    let (status, took, output) = stage.start().end();
    assert!(took < Duration::from_secs(20), "{took:?}");
    (status.code(), output)
}

#[test]
fn a_second_daemon_says_who_is_there_and_harms_nobody() {
    let stage = stage();
    let first = stage.start_and_wait();
    let (code, output) = refused(&stage);
    assert_eq!(code, Some(75), "{output}");
    assert!(output.contains(&format!("pid {}", first.pid())), "{output}");
    assert!(output.contains("in use by another mattersync"), "{output}");
    // The first one's socket is still its own.
    assert_eq!(first.sync().writes, 0);
    first.stop();
}

#[test]
fn the_socket_of_a_killed_daemon_is_replaced() {
    let stage = stage();
    stage.start_and_wait().kill();
    assert!(stage.socket().exists());
    let daemon = stage.start_and_wait();
    let socket = std::fs::metadata(stage.socket()).unwrap();
    assert!(socket.file_type().is_socket());
    assert_eq!(socket.mode() & 0o7777, 0o660);
    assert_eq!(daemon.status().unwrap().pid, Some(daemon.pid()));
    daemon.stop();
}

#[test]
fn the_socket_of_a_living_process_is_not_taken_away() {
    let stage = stage();
    let _theirs = UnixListener::bind(stage.socket()).unwrap();
    let (code, output) = refused(&stage);
    assert_eq!(code, Some(73), "{output}");
    assert!(output.contains("another process answers there"), "{output}");
    assert!(stage.socket().exists());
}

#[test]
fn something_else_in_the_place_of_the_socket_stays() {
    let stage = stage();
    std::fs::write(stage.socket(), "precious").unwrap();
    let (code, output) = refused(&stage);
    assert_eq!(code, Some(73), "{output}");
    assert!(output.contains("no socket"), "{output}");
    assert_eq!(std::fs::read_to_string(stage.socket()).unwrap(), "precious");
}

#[test]
fn a_missing_runtime_directory_is_explained() {
    let stage = stage();
    std::fs::remove_dir(stage.path("run")).unwrap();
    let (code, output) = refused(&stage);
    assert_eq!(code, Some(73), "{output}");
    assert!(output.contains("RuntimeDirectory="), "{output}");
    assert_eq!(stage.sim.requests(), 0);
}

#[test]
fn a_state_directory_that_anybody_can_change_is_refused() {
    let stage = stage();
    let state = stage.path("state");
    std::fs::create_dir(&state).unwrap();
    std::fs::set_permissions(&state, std::fs::Permissions::from_mode(0o777)).unwrap();
    let (code, output) = refused(&stage);
    assert_eq!(code, Some(74), "{output}");
    assert!(output.contains("chmod"), "{output}");
    assert_eq!(stage.sim.requests(), 0);
}

#[test]
fn a_state_directory_is_made_for_us_alone() {
    let stage = stage();
    let daemon = stage.start_and_wait();
    let mode = |name: &str| std::fs::metadata(stage.path(name)).unwrap().mode() & 0o7777;
    assert_eq!(mode("state"), 0o700);
    assert_eq!(mode("state/state.sqlite"), 0o600);
    daemon.stop();
}

#[test]
fn a_bad_configuration_is_told_with_its_line_and_code() {
    let stage = stage();
    stage.write_config(&format!("{}\nno-such-section = 1\n", stage.read_config()));
    let (code, output) = refused(&stage);
    assert_eq!(code, Some(78), "{output}");
    assert!(
        output.contains("config.toml:") && output.contains("no-such-section"),
        "{output}"
    );

    std::fs::remove_file(stage.config()).unwrap();
    let (code, _) = refused(&stage);
    assert_eq!(code, Some(78));
}

#[test]
fn a_missing_secret_is_told_with_its_key() {
    let stage = stage();
    std::fs::remove_file(stage.path("token")).unwrap();
    let (code, output) = refused(&stage);
    assert_eq!(code, Some(78), "{output}");
    assert!(output.contains("mattermost.token"), "{output}");
}
