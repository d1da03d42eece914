//! A story with one write wounded, for each of its writes.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use mattermost_sim::{Commit, Effect, Fault, Seen, User};

use testkit::service::{self, Daemon, Person, Stage, wait};

/// What happens at one write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wound {
    /// The daemon is killed while it waits for the answer.
    Kill(Commit),
    /// The connection is closed; the daemon lives on.
    Cut(Commit),
}

/// A story with a wound in it, and how it must end.
pub trait Story {
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
pub fn at_every_write(story: &dyn Story, wound: Wound, at_least: u64) {
    for n in 1.. {
        if !wounded(story, wound, n) {
            assert!(n > at_least, "only {} writes were wounded", n - 1);
            return;
        }
    }
}

/// Tells the story with the `n`th write wounded; `false` when there were fewer.
pub fn wounded(story: &dyn Story, wound: Wound, n: u64) -> bool {
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
pub fn go_on_until_struck(stage: &Stage, daemon: &Daemon, wound: Wound) -> Option<Seen> {
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
            // Whoever is killed before they were asked answers nobody.
            let killed = || matches!(wound, Wound::Kill(_)) && struck().is_some();
            wait("the control socket", || daemon.status().is_ok() || killed());
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
pub fn started_while_the_server_is_still_at_it(stage: &Stage, what: &str) -> Daemon {
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
pub fn until_quiet(stage: &Stage, daemon: &Daemon) -> usize {
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
pub fn users(stage: &Stage) -> BTreeMap<String, User> {
    let users = stage
        .sim
        .users()
        .into_iter()
        .filter(|u| u.username != "boss");
    users.map(|u| (u.username.clone(), u)).collect()
}

pub fn in_team(stage: &Stage) -> Vec<String> {
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
