//! The recordings of real servers, replayed call by call: once as they are, once with every name
//! in the requests replaced by another.

mod compare;
mod player;
mod recording;
mod rename;

use std::collections::BTreeSet;

use mattermost_sim::Version;
use serde_json::json;

use player::{Played, Player};
use recording::{Step, load};
use rename::Names;

/// Steps that are not held to their recording, and why. At most ten; one that agrees after all
/// fails the test.
const EXCEPTIONS: [(&str, &str, &str); 0] = [];

/// The runs of each version, in the order in which they were made: file, compared steps, steps
/// that only prepare.
const FIVE: [(&str, usize, usize); 3] = [
    ("v5.38", 298, 21),
    ("v5.38-settings", 71, 27),
    ("v5.38-limits", 86, 29),
];
/// The runs against fresh servers of their own.
const LEAVERS: (usize, usize) = (54, 14);
const NINE: [(&str, usize, usize); 2] = [("v9.1", 298, 21), ("v9.1-settings", 71, 27)];
const TEN: [(&str, usize, usize); 2] = [("v10.9", 298, 21), ("v10.9-settings", 71, 27)];
const ELEVEN: [(&str, usize, usize); 3] = [
    ("v11", 298, 21),
    ("v11-settings", 71, 27),
    ("v11-limits", 99, 399),
];

/// What came of replaying: what differs, and which exceptions were needed.
#[derive(Default)]
struct Outcome {
    faults: Vec<String>,
    excused: BTreeSet<(&'static str, &'static str)>,
    compared: usize,
    setup: usize,
}

impl Outcome {
    fn note(&mut self, file: &str, n: usize, step: &Step, played: &Played) {
        if step.is_setup() {
            self.setup += 1;
        } else {
            self.compared += 1;
        }
        if played.faults.is_empty() {
            return;
        }
        let of_step = |(run, name, _): &&(&str, &str, &str)| (*run, *name) == (file, &step.name);
        if let Some((run, name, _)) = EXCEPTIONS.iter().find(of_step) {
            self.excused.insert((run, name));
        } else {
            let what = played.faults.join("\n    ");
            let place = format!("{file} {n} [{}]", step.name);
            self.faults.push(format!("{place}\n    {what}"));
        }
    }
}

fn replay(version: Version, runs: &[(&str, usize, usize)], limited: Option<&str>, names: Names) {
    let mut player = Player::new(version, names);
    let mut outcome = Outcome::default();
    for &(file, compared, setup) in runs {
        let before = (outcome.compared, outcome.setup);
        for (n, step) in load(file).iter().enumerate() {
            let played = player.play(step);
            outcome.note(file, n, step, &played);
        }
        let counts = (outcome.compared - before.0, outcome.setup - before.1);
        assert_eq!(counts, (compared, setup), "{file}: steps compared, set up");
    }
    if let Some(file) = limited {
        replay_rate_limited(&mut player, file, &mut outcome);
    }
    assert!(
        outcome.faults.is_empty(),
        "{names:?}:\n{}",
        outcome.faults.join("\n")
    );
    let ours = |run: &str| Some(run) == limited || runs.iter().any(|(file, ..)| *file == run);
    for (run, name, _) in EXCEPTIONS.iter().filter(|(run, ..)| ours(run)) {
        let needed = outcome.excused.contains(&(*run, *name));
        assert!(needed, "no longer needed: {run} [{name}]");
    }
    assert!(EXCEPTIONS.len() <= 10);
}

/// The run with rate limiting on, at the times of the recording.
fn replay_rate_limited(player: &mut Player, file: &str, outcome: &mut Outcome) {
    let limits = json!({"RateLimitSettings": {"Enable": true, "PerSec": 5, "MaxBurst": 10}});
    player.server.set_config(&limits);
    player.server.stop_clock();
    let begin = player.server.now() + 1_000_000;
    let mut refused = 0;
    let mut last = 0;
    for (n, step) in load(file).iter().enumerate() {
        let at = i64::try_from(step.at_ms.unwrap_or(0)).unwrap();
        player.server.set_now(begin + at);
        let mut played = player.play(step);
        for name in [
            "x-ratelimit-limit",
            "x-ratelimit-remaining",
            "x-ratelimit-reset",
            "retry-after",
        ] {
            let recorded = step.headers[name].as_str();
            let here = played.answer.header(name);
            if recorded != here {
                let fault = format!("header {name}: {recorded:?}, here {here:?}");
                played.faults.push(fault);
            }
        }
        refused += usize::from(played.answer.status == 429);
        last = played.answer.status;
        outcome.note(file, n, step, &played);
    }
    assert_eq!(
        (refused, last),
        (6, 200),
        "{file}: refused, and the last status"
    );
}

/// What somebody leaves alive, on a fresh server.
fn replay_leavers(version: Version, file: &'static str, names: Names) {
    let mut player = Player::new(version, names);
    let mut outcome = Outcome::default();
    for (n, step) in load(file).iter().enumerate() {
        let played = player.play(step);
        outcome.note(file, n, step, &played);
    }
    let counts = (outcome.compared, outcome.setup);
    assert_eq!(counts, LEAVERS, "{file}: steps compared, set up");
    let faults = outcome.faults.join("\n");
    assert!(faults.is_empty(), "{names:?}:\n{faults}");
}

#[test]
fn leavers_as_all_versions() {
    for names in [Names::Recorded, Names::Renamed] {
        replay_leavers(Version::V5_38, "v5.38-leavers", names);
        replay_leavers(Version::V9_1, "v9.1-leavers", names);
        replay_leavers(Version::V10_9, "v10.9-leavers", names);
        replay_leavers(Version::V11, "v11-leavers", names);
    }
}

#[test]
fn as_version_5_38() {
    replay(
        Version::V5_38,
        &FIVE,
        Some("v5.38-ratelimit"),
        Names::Recorded,
    );
}

#[test]
fn as_version_5_38_with_other_names() {
    replay(
        Version::V5_38,
        &FIVE,
        Some("v5.38-ratelimit"),
        Names::Renamed,
    );
}

#[test]
fn as_version_9_1() {
    replay(Version::V9_1, &NINE, None, Names::Recorded);
}

#[test]
fn as_version_9_1_with_other_names() {
    replay(Version::V9_1, &NINE, None, Names::Renamed);
}

#[test]
fn as_version_10_9() {
    replay(Version::V10_9, &TEN, None, Names::Recorded);
}

#[test]
fn as_version_10_9_with_other_names() {
    replay(Version::V10_9, &TEN, None, Names::Renamed);
}

#[test]
fn as_version_11() {
    replay(
        Version::V11,
        &ELEVEN,
        Some("v11-ratelimit"),
        Names::Recorded,
    );
}

#[test]
fn as_version_11_with_other_names() {
    replay(Version::V11, &ELEVEN, Some("v11-ratelimit"), Names::Renamed);
}
