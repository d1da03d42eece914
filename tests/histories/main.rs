//! Random histories of an organisation, lived through by the whole of mattersync in one process.
//!
//! After each cycle a checker that knows the truth by itself, and shares no code with the planner,
//! holds the promises of the design, but for that of secrets, against what was done.
//!
//! The README says how to live many, or one again.

// All of this crate is tests, their helpers too; threads of their own wait here, not tasks.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used
)]

mod check;
mod dice;
mod events;
mod happen;
mod live;
mod make;
mod mischief;
mod ports;
mod prepare;
mod report;
mod served;
mod shrink;
mod stage;
mod upheaval;
mod world;

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use events::History;
use report::Report;

/// How many a plain `cargo test` lives.
const FEW: u64 = 100;

fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    let parsed = match text.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16).ok(),
        None if text == "random" => {
            let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
            now.ok()
                .and_then(|d| u64::try_from(d.as_nanos() / 1000).ok())
        }
        None => text.parse().ok(),
    };
    Some(parsed.unwrap_or_else(|| panic!("{name} is {text:?}, not a number")))
}

#[test]
fn histories_keep_the_promises() {
    if let Some(seed) = number("HISTORY") {
        return one(seed);
    }
    let many = number("HISTORIES").unwrap_or(FEW);
    let base = number("HISTORIES_BASE").unwrap_or(0);
    let report = Mutex::new(Report::default());
    let (next, stop) = (AtomicU64::new(0), AtomicBool::new(false));
    let begun = Instant::now();
    let all = std::env::var("HISTORIES_ALL").is_ok();
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                let lab = stage::Lab::new();
                loop {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    if n >= many || stop.load(Ordering::Relaxed) {
                        break;
                    }
                    let seed = base.wrapping_add(n);
                    let lived = live::live(&lab, &History::random(seed));
                    if let Some((_, what)) = &lived.broken {
                        eprintln!("seed {seed}: promise {}: {}", what.promise, what.what);
                    }
                    let failed = report.lock().unwrap().add(seed, lived);
                    stop.fetch_or(failed && !all, Ordering::Relaxed);
                }
            });
        }
    });
    let report = report.into_inner().unwrap();
    eprintln!(
        "seeds from {base}, {:.1} s\n{report}",
        begun.elapsed().as_secs_f64()
    );
    if let Some((seed, what)) = report.broken.first() {
        eprintln!(
            "seed {seed}: promise {} is broken: {}",
            what.promise, what.what
        );
        one(*seed);
        panic!("seed {seed} failed, and did not fail again");
    }
    report.assert_is_rich();
}

/// Tells one history, made as small as it can be if it fails.
fn one(seed: u64) {
    let lab = stage::Lab::new();
    let mut history = History::random(seed);
    let mut lived = live::live(&lab, &history);
    if lived.broken.is_some() && number("HISTORIES_SHRINK") != Some(0) {
        history = shrink::shrink(&lab, &history);
        lived = live::live(&lab, &history);
    }
    eprintln!("{}", report::story(&history, &lived));
    if let Some((_, what)) = lived.broken {
        panic!(
            "seed {seed}: promise {} is broken: {}",
            what.promise, what.what
        );
    }
}
