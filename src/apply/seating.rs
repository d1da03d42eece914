//! Counts the seats of the server while a run goes on.

use crate::clock::Clock;
use crate::mattermost::{ApiErrorKind, WriteError};
use crate::model::{Remember, SeatRefusal, ServerChange};
use crate::plan::Effect;

/// The seats as far as this run knows them.
#[derive(Clone, Copy, Debug)]
pub struct Seating {
    taken: u64,
    full: bool,
}

impl Seating {
    /// Begins with the number of seats that were taken when the plan was made.
    pub fn new(taken: u64) -> Self {
        Self { taken, full: false }
    }

    /// Returns whether the server refused a user for lack of a seat; then no other user is sent.
    pub fn is_full(&self) -> bool {
        self.full
    }

    /// Counts users who come and go. A user who was let in although another one was refused
    /// meanwhile shows that the limit is higher than that refusal suggested.
    pub fn count(&mut self, effect: &Effect, clock: &dyn Clock) -> Option<Remember> {
        match effect {
            Effect::Created(_) | Effect::Reactivated => self.taken += 1,
            Effect::Deactivated(_) => self.taken = self.taken.saturating_sub(1),
            _ => return None,
        }
        self.full.then(|| self.lesson(clock))
    }

    /// Returns what a failed call teaches about the server's limit.
    pub fn refused(&mut self, error: &WriteError, clock: &dyn Clock) -> Option<Remember> {
        if error.kind() != Some(ApiErrorKind::UserLimit) {
            return None;
        }
        self.full = true;
        Some(self.lesson(clock))
    }

    fn lesson(&self, clock: &dyn Clock) -> Remember {
        Remember::Server(ServerChange::SeatRefusal(Some(SeatRefusal {
            active: self.taken,
            at: clock.now().wall,
        })))
    }
}
