//! `cargo bench --bench cycle`: how long whole cycles take, how much they ask and how much memory
//! they need, with a real slapd and a simulated Mattermost that answers after a millisecond.
//!
//! The command `mattersync sync` runs as a process of its own, so that the simulator's memory is
//! not counted. Numbers after `--` change how many accounts there are: `-- 10000 500`.

// A program for developers: it ends at the first thing that goes wrong, and says what.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used
)]

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use mattermost_sim::{Options, Sim, Version};
use serde_json::{Value, json};
use servers::{Overlay, Slapd, SlapdOptions, people};

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    // `cargo test --all-targets` starts benchmarks too, without this word.
    if !words.iter().any(|word| word == "--bench") {
        return;
    }
    let mut numbers = words.iter().filter_map(|word| word.parse().ok());
    unlimited(numbers.next().unwrap_or(10_000));
    paced(numbers.next().unwrap_or(500));
}

/// First fill, then cycles without difference, as fast as it goes.
fn unlimited(accounts: u32) {
    println!("{accounts} accounts, pace unlimited, 1 ms of latency");
    let bench = Bench::new(accounts, "requests-per-second = \"off\"", &json!({}));
    bench.sync("first fill").print(&bench);
    for _ in 0..3 {
        bench.sync("no change").print(&bench);
    }
    assert_eq!(bench.sim.users().len(), accounts as usize + 1);
}

/// First fill at the pace of a server that limits to 10 requests a second.
fn paced(accounts: u32) {
    println!("{accounts} accounts, 10 requests a second on both sides, 1 ms of latency");
    let limit = json!({"Enable": true, "PerSec": 10, "MaxBurst": 100, "VaryByRemoteAddr": true});
    let bench = Bench::new(
        accounts,
        "requests-per-second = 10",
        &json!({"RateLimitSettings": limit}),
    );
    let fill = bench.sync("first fill");
    fill.print(&bench);
    let seen = bench.sim.seen();
    let refused = seen.iter().filter(|s| s.status == Some(429)).count();
    let share = fill.requests as f64 * 10.0 / fill.wall.as_secs_f64();
    println!("  {share:.0} % of the pace used, {refused} answers of 429");
    assert_eq!(bench.sim.users().len(), accounts as usize + 1);
}

struct Bench {
    _slapd: Slapd,
    sim: Sim,
    folder: tempfile::TempDir,
}

struct Run {
    what: &'static str,
    wall: Duration,
    requests: u64,
    writes: u64,
    peak_kib: u64,
}

impl Bench {
    fn new(accounts: u32, pace: &str, config: &Value) -> Self {
        let slapd = Slapd::start(SlapdOptions {
            overlays: BTreeSet::from([Overlay::Ppolicy]),
            unlimited: vec!["cn=ldapservice,dc=directory,dc=nh".into()],
            seed: people::ldif(&people::people(accounts)),
            ..SlapdOptions::default()
        });
        let slapd = slapd.unwrap();
        let mut options = Options::new(Version::V11);
        options.user_limit = None;
        options.latency = Duration::from_millis(1);
        options.config = config.clone();
        options.config["TeamSettings"] = json!({"MaxUsersPerTeam": 1_000_000});
        let sim = Sim::start(&options).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let (dn, password) = slapd.service();
        secret(&folder.path().join("ldap"), password);
        secret(&folder.path().join("token"), &sim.seed_admin("root.admin"));
        let at = folder.path().display();
        let text = format!(
            "[[provider]]\nurls = [{ldaps:?}]\nca-file = {ca:?}\nschema = \"rfc2307\"\n\
             base = {base:?}\nbind-dn = {dn:?}\nbind-password = {{ file = \"{at}/ldap\" }}\n\
             [mattermost]\nurl = {url:?}\ntoken = {{ file = \"{at}/token\" }}\n{pace}\n\
             [[team]]\ndisplay-name = \"Everybody\"\n\
             [state]\ndirectory = \"{at}/state\"\n\
             [control]\nsocket = \"{at}/control.sock\"\n",
            ldaps = slapd.ldaps_url(),
            ca = slapd.ca_file().display().to_string(),
            base = slapd.base(),
            url = sim.url(),
        );
        secret(&folder.path().join("config.toml"), &text);
        Self {
            _slapd: slapd,
            sim,
            folder,
        }
    }

    /// One `mattersync sync`.
    fn sync(&self, what: &'static str) -> Run {
        let (requests, writes) = (self.sim.requests(), self.sim.writes());
        let begun = Instant::now();
        let child = Command::new(env!("CARGO_BIN_EXE_mattersync"))
            .arg("--config")
            .arg(self.file("config.toml"))
            .arg("sync")
            .stdout(Stdio::null())
            .spawn();
        let peak_kib = watch(child.expect("mattersync starts"));
        Run {
            what,
            wall: begun.elapsed(),
            requests: self.sim.requests() - requests,
            writes: self.sim.writes() - writes,
            peak_kib,
        }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

impl Run {
    fn print(&self, bench: &Bench) {
        let state = std::fs::metadata(bench.file("state/state.sqlite"));
        println!(
            "  {:<10}  {:>7.2} s  {:>6} requests  {:>6} writes  {:>6.1} MiB at most  {} KiB of state",
            self.what,
            self.wall.as_secs_f64(),
            self.requests,
            self.writes,
            self.peak_kib as f64 / 1024.0,
            state.map_or(0, |file| file.len() / 1024),
        );
    }
}

fn secret(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

/// Waits for the end; the most memory that was resident until shortly before.
fn watch(mut child: Child) -> u64 {
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    loop {
        if let Ok(text) = std::fs::read_to_string(&status) {
            let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            let number = line.and_then(|line| line.split_whitespace().next());
            peak = number.and_then(|n| n.parse().ok()).unwrap_or(peak);
        }
        if let Some(end) = child.try_wait().expect("it can be waited for") {
            assert!(end.success(), "mattersync sync: {end}");
            return peak;
        }
        std::thread::park_timeout(Duration::from_millis(2));
    }
}
