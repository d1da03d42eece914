//! `kill -9` at every write, before the server has done it, after, and while it is still at it; and
//! a connection cut at every write. Afterwards everything is as if nothing had happened.

// All of this crate is tests, their helpers too; threads of their own wait here, not tasks.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used
)]

#[path = "common/service.rs"]
#[allow(dead_code)]
mod service;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use mattermost_sim::{Commit, Effect, Fault, MailKind, Options, Seen, User, Version};
use serde_json::json;

use service::{Config, Daemon, Person, Stage, people, wait};

/// What happens at one write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wound {
    /// The daemon is killed while it waits for the answer.
    Kill(Commit),
    /// The connection is closed; the daemon lives on.
    Cut(Commit),
}

/// A story with a wound in it, and how it must end.
trait Story {
    /// A server and everything that happened before, without a wound. `None`: the daemon was not
    /// started yet.
    fn set_up(&self) -> (Stage, Option<Daemon>);
    /// What the directory says from now on.
    fn directory(&self) -> Vec<Person>;
    /// How the server must look when all is done. `lost` is the write that was wounded, if the
    /// server never did it.
    fn check(&self, stage: &Stage, lost: Option<&Seen>);
    /// What happens later, and how it must end.
    fn later(&self, stage: &Stage, daemon: &Daemon);
}

/// Wounds the first write, the second, and so on, until there is none to wound.
fn at_every_write(story: &dyn Story, wound: Wound, at_least: u64) {
    for n in 1.. {
        if !wounded(story, wound, n) {
            assert!(n > at_least, "only {} writes were wounded", n - 1);
            return;
        }
    }
}

/// Tells the story with the `n`th write wounded; `false` when there were fewer.
fn wounded(story: &dyn Story, wound: Wound, n: u64) -> bool {
    let (stage, daemon) = story.set_up();
    stage.write_people(&story.directory());
    stage.sim.reset_counters();
    let (Wound::Kill(commit) | Wound::Cut(commit)) = wound;
    let effect = match wound {
        Wound::Kill(commit) => Effect::Hang(commit),
        Wound::Cut(commit) => Effect::Cut(commit),
    };
    stage.sim.add_fault(Fault::new(effect).writes().nth(n));
    let daemon = daemon.unwrap_or_else(|| stage.start());
    let Some(struck) = go_on_until_struck(&stage, &daemon, wound) else {
        return false;
    };
    let what = format!(
        "{wound:?} at write {n}, {} {}",
        struck.method, struck.target
    );
    let daemon = match wound {
        Wound::Cut(_) => daemon,
        Wound::Kill(_) => {
            daemon.kill();
            stage.sim.clear_faults();
            if commit == Commit::Later {
                started_while_the_server_is_still_at_it(&stage, &what)
            } else {
                stage.start()
            }
        }
    };
    let said = until_quiet(&stage, &daemon);
    eprintln!("{what}: quiet again after {said} cycles");
    let lost = (commit == Commit::Before).then_some(&struck);
    story.check(&stage, lost);
    let writes = stage.sim.writes();
    for _ in 0..2 {
        let report = daemon.sync();
        assert_eq!(report.writes, 0, "{what}: {:?}", report.plan.plan.steps);
    }
    assert_eq!(stage.sim.writes(), writes, "{what}");
    story.check(&stage, lost);
    story.later(&stage, &daemon);
    let output = daemon.stop();
    assert!(!output.contains("panicked"), "{what}: {output}");
    true
}

/// Lets cycles run until the wounded write was seen, or until nothing is left to do.
fn go_on_until_struck(stage: &Stage, daemon: &Daemon, wound: Wound) -> Option<Seen> {
    let struck = || {
        stage
            .sim
            .seen()
            .into_iter()
            .find(|s| s.write && s.status.is_none())
    };
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            daemon.wait_for("the control socket", |_| true);
            // The daemon may be killed meanwhile; then nobody answers.
            for _ in 0..4 {
                if daemon.ask("POST", "/v1/sync", None).is_err() {
                    break;
                }
            }
            over.store(true, Ordering::SeqCst);
        });
        wait("a write that is wounded", || {
            struck().is_some() || over.load(Ordering::SeqCst)
        });
        let found = struck();
        // At once, and so that the thread that waits for the cycle ends.
        if found.is_some() && matches!(wound, Wound::Kill(_)) {
            service::signal(daemon.pid(), "KILL");
        }
        found
    })
}

/// The new daemon has read the users before the old daemon's last call is done.
fn started_while_the_server_is_still_at_it(stage: &Stage, what: &str) -> Daemon {
    let slow = Effect::Latency(std::time::Duration::from_millis(400));
    stage.sim.add_fault(
        Fault::new(slow)
            .path("/api/v4/teams/**")
            .method("GET")
            .times(2),
    );
    stage.sim.reset_counters();
    let daemon = stage.start();
    wait("the reading of teams", || {
        stage
            .sim
            .seen()
            .iter()
            .any(|s| s.target.starts_with("/api/v4/teams/"))
    });
    assert_eq!(stage.sim.writes(), 0, "{what}: too late to be late");
    let done = stage.sim.commit_late();
    assert!(
        done.iter().all(|status| (200..300).contains(status)),
        "{what}: {done:?}"
    );
    daemon
}

/// Runs cycles until three in a row had nothing to do; how many it took.
fn until_quiet(stage: &Stage, daemon: &Daemon) -> usize {
    daemon.wait_for("the control socket", |_| true);
    let mut quiet = 0;
    for cycle in 1..=12 {
        let before = stage.sim.writes();
        let report = daemon.sync();
        let nothing = report.not_done.is_empty() && report.unknown.is_empty();
        quiet = match nothing && stage.sim.writes() == before {
            true => quiet + 1,
            false => 0,
        };
        if quiet == 3 {
            return cycle;
        }
    }
    panic!("no end of changes: {}", daemon.output());
}

/// All users but the administrator, by username.
fn users(stage: &Stage) -> BTreeMap<String, User> {
    let users = stage
        .sim
        .users()
        .into_iter()
        .filter(|u| u.username != "boss");
    users.map(|u| (u.username.clone(), u)).collect()
}

fn in_team(stage: &Stage) -> Vec<String> {
    let members = stage.sim.team_members();
    let members = members.iter().filter(|m| m.delete_at == 0);
    let mut names: Vec<String> = members
        .filter_map(|m| stage.sim.user(&m.user_id))
        .map(|u| u.username)
        // Who makes a team is in it.
        .filter(|name| name != "boss")
        .collect();
    names.sort();
    names
}

/// The first fill.
struct Creations {
    version: Version,
    /// Over the Unix socket.
    local: bool,
}

const OLD: Creations = Creations {
    version: Version::V5_38,
    local: false,
};

const FILL: Creations = Creations {
    version: Version::V11,
    local: false,
};

const NEW: [&str; 6] = ["anna", "bert", "carl", "dora", "emil", "fred"];

impl Story for Creations {
    fn set_up(&self) -> (Stage, Option<Daemon>) {
        let config = Config {
            local: self.local,
            ..Config::default()
        };
        (Stage::new(&Options::new(self.version), &config), None)
    }

    fn directory(&self) -> Vec<Person> {
        people(&NEW)
    }

    fn check(&self, stage: &Stage, _: Option<&Seen>) {
        let users = users(stage);
        assert_eq!(
            users.keys().collect::<Vec<_>>(),
            NEW.iter().collect::<Vec<_>>()
        );
        for user in users.values() {
            assert!(
                user.is_active() && user.email_verified && !user.is_admin(),
                "{user:?}"
            );
        }
        assert_eq!(in_team(stage), NEW);
        assert_eq!(stage.sim.teams().len(), 1);
        assert!(stage.sim.mails().is_empty(), "{:?}", stage.sim.mails());
    }

    fn later(&self, stage: &Stage, daemon: &Daemon) {
        // Each is known as ours: who leaves the directory is deactivated.
        let links = daemon.status().unwrap().counts["links"];
        assert_eq!(links, 6);
        stage.write_people(&people(&NEW[..5]));
        until_quiet(stage, daemon);
        let users = users(stage);
        assert_eq!(users.len(), 6);
        assert!(!users["fred"].is_active());
    }
}

/// Everything that can happen to users who are there.
struct Changes {
    /// `RequireEmailVerification`.
    verifies: bool,
    /// Over the Unix socket.
    local: bool,
}

impl Changes {
    fn before() -> Vec<Person> {
        people(&[
            "anna", "bert", "carl", "dora", "emil", "fred", "gina", "hans",
        ])
    }

    fn in_between() -> Vec<Person> {
        let mut all = Self::before();
        all[4].locked = true;
        all
    }
}

impl Story for Changes {
    fn set_up(&self) -> (Stage, Option<Daemon>) {
        let options = Options {
            config: json!({"EmailSettings": {"RequireEmailVerification": self.verifies}}),
            ..Options::new(Version::V11)
        };
        let config = Config {
            local: self.local,
            ..Config::default()
        };
        let stage = Stage::new(&options, &config);
        stage.write_people(&Self::before());
        let daemon = stage.start_and_wait();
        stage.write_people(&Self::in_between());
        daemon.sync();
        let users = users(&stage);
        assert!(!users["emil"].is_active() && users["dora"].is_active() && users.len() == 8);
        assert!(stage.sim.mails().is_empty());
        (stage, Some(daemon))
    }

    fn directory(&self) -> Vec<Person> {
        let mut all = Self::in_between();
        all[0].uid = "anna.b".into();
        all[0].mail = "anna@example.org".into();
        all[1].mail = "bert.new@example.org".into();
        all[2].first = "Carlo".into();
        all[3].locked = true;
        all[4].locked = false;
        all.remove(5);
        all
    }

    fn check(&self, stage: &Stage, lost: Option<&Seen>) {
        let users = users(stage);
        let names: Vec<&String> = users.keys().collect();
        assert_eq!(
            names,
            [
                "anna.b", "bert", "carl", "dora", "emil", "fred", "gina", "hans"
            ]
        );
        let active: Vec<&String> = users
            .iter()
            .filter(|(_, u)| u.is_active())
            .map(|(n, _)| n)
            .collect();
        assert_eq!(active, ["anna.b", "bert", "carl", "emil", "gina", "hans"]);
        assert_eq!(users["carl"].first_name, "Carlo");
        assert_eq!(in_team(stage).len(), 8);
        let mails = stage.sim.mails();
        let of = |kind| mails.iter().filter(|m| m.kind == kind).count();
        assert_eq!(of(MailKind::UsernameChanged), 1, "{mails:?}");
        if self.verifies {
            // Asked for at most once: what never arrived is not asked for again.
            let bert = &users["bert"].id;
            let is_ask =
                |s: &Seen| s.target.contains(bert.as_str()) && s.target.ends_with("/patch");
            let asked = usize::from(!lost.is_some_and(is_ask));
            assert_eq!(of(MailKind::Verification), asked, "{mails:?}");
            assert_eq!(of(MailKind::EmailChanged), 0);
            assert_eq!(users["bert"].email, "bert@example.org");
        } else {
            assert_eq!(of(MailKind::EmailChanged), 1, "{mails:?}");
            assert_eq!(of(MailKind::Verification), 0);
            assert_eq!(users["bert"].email, "bert.new@example.org");
        }
        assert!(
            users.values().all(|u| u.email_verified),
            "an address that is not verified"
        );
        assert_eq!(
            mails.len(),
            of(MailKind::UsernameChanged) + of(MailKind::EmailChanged) + of(MailKind::Verification)
        );
    }

    fn later(&self, stage: &Stage, daemon: &Daemon) {
        // Whom we deactivated comes back: it is not taken for an administrator's work.
        let mut all = self.directory();
        all[3].locked = false;
        all.push(Self::before().remove(5));
        let ids = |users: &BTreeMap<String, User>| {
            users
                .iter()
                .map(|(n, u)| (n.clone(), u.id.clone()))
                .collect::<Vec<_>>()
        };
        let before = ids(&users(stage));
        stage.write_people(&all);
        until_quiet(stage, daemon);
        let after = users(stage);
        assert_eq!(ids(&after), before);
        let out: Vec<&String> = after
            .iter()
            .filter(|(_, u)| !u.is_active())
            .map(|(n, _)| n)
            .collect();
        assert!(
            out.is_empty(),
            "not reactivated: {out:?}; {}",
            daemon.output()
        );
    }
}

/// Three people get each other's names and addresses.
struct Rings {
    /// Over the Unix socket.
    local: bool,
}

const RING: [&str; 3] = ["anna", "bert", "carl"];

impl Story for Rings {
    fn set_up(&self) -> (Stage, Option<Daemon>) {
        let config = Config {
            local: self.local,
            ..Config::default()
        };
        let stage = Stage::new(&Options::new(Version::V11), &config);
        stage.write_people(&people(&RING));
        let daemon = stage.start_and_wait();
        (stage, Some(daemon))
    }

    fn directory(&self) -> Vec<Person> {
        let mut all = people(&RING);
        for (n, person) in all.iter_mut().enumerate() {
            let next = RING[(n + 1) % 3];
            person.uid = next.to_owned();
            person.mail = format!("{next}@example.org");
        }
        all
    }

    fn check(&self, stage: &Stage, _: Option<&Seen>) {
        let users = users(stage);
        assert_eq!(
            users.keys().collect::<Vec<_>>(),
            RING.iter().collect::<Vec<_>>()
        );
        for (n, first) in RING.iter().enumerate() {
            let user = &users[RING[(n + 1) % 3]];
            assert_eq!(user.first_name, first.to_uppercase(), "{user:?}");
            assert_eq!(user.email, format!("{}@example.org", user.username));
            assert!(user.is_active() && user.email_verified, "{user:?}");
        }
    }

    fn later(&self, _: &Stage, daemon: &Daemon) {
        assert_eq!(daemon.sync().writes, 0);
    }
}

const OFF: Changes = Changes {
    verifies: false,
    local: false,
};
const ON: Changes = Changes {
    verifies: true,
    local: false,
};

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
        let stage = Stage::new(&Options::new(Version::V11), &Config::default());
        stage.write_people(&people(&NEW));
        let daemon = stage.start_and_wait();
        stage.sim.reset_counters();
        stage
            .sim
            .add_fault(Fault::new(Effect::Hang(commit)).writes().nth(1));
        std::thread::scope(|scope| {
            let body = json!({"person": "carl"});
            let socket = stage.socket();
            scope.spawn(move || service::ask(&socket, "POST", "/v1/deactivate", Some(&body)));
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
