//! The progress of a reading.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A count that rises while something goes on.
#[derive(Clone, Debug, Default)]
pub struct Progress(Arc<Reached>);

#[derive(Debug, Default)]
struct Reached {
    count: AtomicU64,
    /// The present reading: when it began, and the count then.
    reading: Mutex<Option<(Instant, u64)>>,
}

impl Progress {
    /// Counts one thing that arrived.
    pub fn step(&self) {
        self.0.count.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns how much has arrived so far.
    pub fn count(&self) -> u64 {
        self.0.count.load(Ordering::Relaxed)
    }

    /// Begins a reading, which ends when the guard is dropped.
    pub fn reading(&self) -> UnderWay {
        self.set(Some((Instant::now(), self.count())));
        UnderWay(self.clone())
    }

    /// Returns how long the present reading has been going on, and how much of it has arrived;
    /// `None` when there is none.
    pub fn under_way(&self) -> Option<(Duration, u64)> {
        let reading = self.0.reading.lock();
        let (since, before) = (*reading.unwrap_or_else(PoisonError::into_inner))?;
        Some((since.elapsed(), self.count().saturating_sub(before)))
    }

    fn set(&self, reading: Option<(Instant, u64)>) {
        let mut now = self
            .0
            .reading
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *now = reading;
    }
}

/// A reading that is under way.
#[derive(Debug)]
pub struct UnderWay(Progress);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.set(None);
    }
}
