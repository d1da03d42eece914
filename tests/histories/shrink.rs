//! Makes a failing history small: takes away whatever it fails without, as long as the same
//! promise is broken.

use crate::events::{Fault, History};
use crate::live::live;
use crate::ports::Trouble;
use crate::stage::Lab;

/// The most attempts: a shorter history is a help, not an aim in itself.
const ATTEMPTS: u32 = 400;

/// The smallest history found that breaks the same promise in the same words, but for numbers.
pub fn shrink(lab: &Lab, history: &History) -> History {
    let Some((_, broken)) = live(lab, history).broken else {
        return history.clone();
    };
    let mut attempts = 0;
    let mut best = history.clone();
    let mut fails = |candidate: &History| {
        attempts += 1;
        if attempts > ATTEMPTS {
            return false;
        }
        let now = live(lab, candidate).broken;
        now.is_some_and(|(_, b)| b.promise == broken.promise && gist(&b.what) == gist(&broken.what))
    };
    loop {
        let before = best.clone();
        for size in [8, 4, 2, 1] {
            drop_rounds(&mut best, size, &mut fails);
        }
        simplify_rounds(&mut best, &mut fails);
        simplify_setting(&mut best, &mut fails);
        if best == before {
            return best;
        }
    }
}

/// What is said, without names and numbers.
fn gist(what: &str) -> String {
    let plain = |w: &&str| w.chars().all(|c| c.is_ascii_lowercase());
    what.split([' ', ';', ',', ':'])
        .filter(plain)
        .filter(|w| w.len() > 3)
        .take(4)
        .collect()
}

fn attempt(
    best: &mut History,
    candidate: History,
    fails: &mut impl FnMut(&History) -> bool,
) -> bool {
    if candidate == *best || !fails(&candidate) {
        return false;
    }
    *best = candidate;
    true
}

fn drop_rounds(best: &mut History, size: usize, fails: &mut impl FnMut(&History) -> bool) {
    let mut at = best.rounds.len();
    while at > 0 {
        at = at.saturating_sub(size);
        let mut candidate = best.clone();
        let end = (at + size).min(candidate.rounds.len());
        candidate.rounds.drain(at.min(end)..end);
        attempt(best, candidate, fails);
    }
}

fn simplify_rounds(best: &mut History, fails: &mut impl FnMut(&History) -> bool) {
    for at in 0..best.rounds.len() {
        for event in (0..best.rounds[at].events.len()).rev() {
            let mut candidate = best.clone();
            candidate.rounds[at].events.remove(event);
            attempt(best, candidate, fails);
        }
        let mut candidate = best.clone();
        candidate.rounds[at].trouble = Trouble::default();
        attempt(best, candidate, fails);
        let mut candidate = best.clone();
        candidate.rounds[at].fault = Fault::None;
        attempt(best, candidate, fails);
        let mut candidate = best.clone();
        candidate.rounds[at].minutes = 5;
        attempt(best, candidate, fails);
    }
}

fn simplify_setting(best: &mut History, fails: &mut impl FnMut(&History) -> bool) {
    for people in [1, 2, 3, 5, 8, 12, 16, 20] {
        if people < best.setting.people {
            let mut candidate = best.clone();
            candidate.setting.people = people;
            if attempt(best, candidate, fails) {
                break;
            }
        }
    }
    let simpler: [fn(&mut crate::events::Setting); 9] = [
        |s| s.socket = false,
        |s| s.verifies = false,
        |s| s.protect = false,
        |s| s.seats = None,
        |s| s.room = 1000,
        |s| s.fallback = false,
        |s| s.page = 500,
        |s| s.concurrency = 1,
        |s| s.new_server = true,
    ];
    for simpler in simpler {
        let mut candidate = best.clone();
        simpler(&mut candidate.setting);
        attempt(best, candidate, fails);
    }
}
