//! What is left when the state is lost, or an older one is put in its place.

use std::collections::{BTreeMap, BTreeSet};

use super::seats::Seats;
use super::{Checker, Down};

/// What stands in a copy of the state: as if the service had not run since.
#[derive(Debug, Default)]
pub struct Copy {
    absent: BTreeMap<u32, Vec<i64>>,
    twice: BTreeSet<u32>,
    seats: Seats,
    /// Who is deactivated, as it knows.
    down: BTreeSet<String>,
    /// A run stands in it.
    ran: bool,
}

/// Which runs were begun, as far as the mark of the last one tells.
#[derive(Debug, Default)]
pub struct Runs {
    /// Any at all.
    any: bool,
    /// Any after the copy was made; `None` where the numbers have begun anew since.
    since: Option<bool>,
}

impl Runs {
    pub fn begun(&mut self) {
        self.any = true;
        self.since = self.since.map(|_| true);
    }
}

impl Checker {
    /// A copy of the state was made.
    pub fn kept(&mut self) {
        self.copy = Copy {
            absent: self.absent.clone(),
            twice: self.twice.clone(),
            seats: self.seats.clone(),
            down: self.once_down.clone(),
            ran: self.runs.any,
        };
        self.runs.since = Some(false);
    }

    /// Mattersync's memory was lost, or put back. Where the mark of the last run is still there, it
    /// tells: then nothing is believed of who was missing.
    pub fn forgot(&mut self, restored: bool, marked: bool) {
        self.amnesia = true;
        self.noticed = match restored {
            true => marked && self.runs.since == Some(true),
            false => marked && self.runs.any,
        };
        if !marked {
            self.runs = Runs {
                any: restored && self.copy.ran,
                since: restored.then_some(false),
            };
        }
        for down in self.down.values_mut().filter(|d| **d == Down::Ours) {
            *down = Down::Forgotten;
        }
        self.guard.forget();
        self.mails.forget();
        self.approvals.forget(restored);
        self.absent.clear();
        self.seats = Seats::default();
        self.twice.clear();
        if restored {
            self.twice.clone_from(&self.copy.twice);
            self.seats = self.copy.seats.clone();
            // Who came back since then was let in by somebody else, as far as it knows.
            self.maybe_respected.extend(self.copy.down.iter().cloned());
            if !self.noticed {
                self.absent.clone_from(&self.copy.absent);
            }
        }
    }
}
