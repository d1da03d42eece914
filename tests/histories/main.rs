//! Random histories of an organisation, lived through by the whole of mattersync in one process.
//!
//! After each cycle a checker that knows the truth by itself, and shares no code with the planner,
//! holds promises 1 to 8 of the design against what was done.

// All of this crate is tests, their helpers too; threads of their own wait here, not tasks.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used
)]

mod dice;
mod events;
mod happen;
mod live;
mod ports;
mod served;
mod stage;
mod world;

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

#[test]
fn histories_keep_the_promises() {
    let number: u64 = std::env::var("HISTORIES").map_or(100, |n| n.parse().unwrap());
    let next = AtomicU64::new(0);
    let counts = Mutex::new(BTreeMap::<String, u64>::new());
    let begun = std::time::Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                let lab = stage::Lab::new();
                loop {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    if n >= number {
                        break;
                    }
                    let history = events::History::random(n);
                    let lived = live::live(&lab, &history);
                    let mut counts = counts.lock().unwrap();
                    for (what, n) in lived.counts {
                        *counts.entry(what).or_default() += n;
                    }
                }
            });
        }
    });
    eprintln!("{:?} in {:?}", counts.lock().unwrap(), begun.elapsed());
}
