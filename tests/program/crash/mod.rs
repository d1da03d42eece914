//! `kill -9` at every write, before the server has done it, after, and while it is still at it; and
//! a connection cut at every write. Afterwards everything is as if nothing had happened.

mod changes;
mod creations;
mod mails;
mod rings;
mod wound;

use mattermost_sim::{Commit, Effect, Fault, Options, Version};
use serde_json::json;

use self::changes::{Changes, OFF, ON};
use self::creations::{Creations, FILL, NEW, OLD};
use self::mails::Mails;
use self::rings::Rings;
use self::wound::{
    Wound, at_every_write, started_while_the_server_is_still_at_it, until_quiet, users,
};
use testkit::service::{Config, Stage, people, wait};

#[test]
fn killed_before_a_creation_arrives() {
    at_every_write(&FILL, Wound::Kill(Commit::Before), 8);
}

#[test]
fn killed_after_a_creation_is_done() {
    at_every_write(&FILL, Wound::Kill(Commit::After), 8);
}

#[test]
fn killed_after_a_creation_is_done_on_an_old_server() {
    at_every_write(&OLD, Wound::Kill(Commit::After), 8);
}

#[test]
fn killed_and_started_again_before_the_creation_is_done() {
    at_every_write(&FILL, Wound::Kill(Commit::Later), 8);
}

#[test]
fn a_connection_cut_before_a_creation_arrives() {
    at_every_write(&FILL, Wound::Cut(Commit::Before), 8);
}

#[test]
fn a_connection_cut_after_a_creation_is_done() {
    at_every_write(&FILL, Wound::Cut(Commit::After), 8);
}

#[test]
fn killed_before_a_change_arrives() {
    at_every_write(&OFF, Wound::Kill(Commit::Before), 7);
}

#[test]
fn killed_after_a_change_is_done() {
    at_every_write(&OFF, Wound::Kill(Commit::After), 7);
}

#[test]
fn killed_and_started_again_before_the_change_is_done() {
    at_every_write(&OFF, Wound::Kill(Commit::Later), 7);
}

#[test]
fn a_connection_cut_before_a_change_arrives() {
    at_every_write(&OFF, Wound::Cut(Commit::Before), 7);
}

#[test]
fn a_connection_cut_after_a_change_is_done() {
    at_every_write(&OFF, Wound::Cut(Commit::After), 7);
}

#[test]
fn killed_before_a_change_arrives_at_a_server_that_verifies_addresses() {
    at_every_write(&ON, Wound::Kill(Commit::Before), 6);
}

#[test]
fn killed_after_a_change_is_done_by_a_server_that_verifies_addresses() {
    at_every_write(&ON, Wound::Kill(Commit::After), 6);
}

#[test]
fn killed_and_started_again_before_the_change_is_done_by_a_server_that_verifies_addresses() {
    at_every_write(&ON, Wound::Kill(Commit::Later), 6);
}

#[test]
fn killed_before_somebody_is_asked_for_a_new_address() {
    at_every_write(&Mails, Wound::Kill(Commit::Before), 4);
}

#[test]
fn killed_after_somebody_was_asked_for_a_new_address() {
    at_every_write(&Mails, Wound::Kill(Commit::After), 4);
}

#[test]
fn killed_before_a_ring_is_turned_further() {
    at_every_write(&Rings { local: false }, Wound::Kill(Commit::Before), 7);
}

#[test]
fn killed_after_a_ring_was_turned_further() {
    at_every_write(&Rings { local: false }, Wound::Kill(Commit::After), 7);
}

#[test]
fn killed_after_a_ring_was_turned_further_over_the_socket() {
    at_every_write(&Rings { local: true }, Wound::Kill(Commit::After), 7);
}

#[test]
fn killed_after_a_creation_over_the_socket_is_done() {
    let local = Creations { local: true, ..OLD };
    at_every_write(&local, Wound::Kill(Commit::After), 12);
}

#[test]
fn killed_after_a_change_over_the_socket_is_done() {
    let local = Changes { local: true, ..OFF };
    at_every_write(&local, Wound::Kill(Commit::After), 7);
}

#[test]
fn killed_while_a_persons_word_is_carried_out() {
    for commit in [Commit::Before, Commit::After, Commit::Later] {
        let stage = Stage::new(
            crate::BINARY,
            &Options::new(Version::V11),
            &Config::default(),
        );
        stage.write_people(&people(&NEW));
        let daemon = stage.start_and_wait();
        stage.sim.reset_counters();
        stage
            .sim
            .add_fault(Fault::new(Effect::Hang(commit)).writes().nth(1));
        std::thread::scope(|scope| {
            let body = json!({"person": "carl"});
            let socket = stage.socket();
            scope.spawn(move || {
                testkit::service::ask(&socket, "POST", "/v1/deactivate", Some(&body))
            });
            wait("the call", || {
                stage.sim.seen().iter().any(|s| s.status.is_none())
            });
            daemon.kill();
        });
        stage.sim.clear_faults();
        let daemon = match commit {
            Commit::Later => started_while_the_server_is_still_at_it(&stage, "deactivate carl"),
            _ => stage.start(),
        };
        until_quiet(&stage, &daemon);
        // The account is in use, and the person's word stands.
        for _ in 0..3 {
            assert_eq!(daemon.sync().writes, 0);
        }
        let users = users(&stage);
        assert!(!users["carl"].is_active(), "{commit:?}");
        assert_eq!(users.values().filter(|u| u.is_active()).count(), 5);
        daemon.stop();
    }
}
