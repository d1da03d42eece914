//! How far the work is, on a terminal: one line on standard error that is overwritten.

use std::io::{self, IsTerminal, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::daemon::Phase;

/// The line is not written more often than this.
const REST: Duration = Duration::from_millis(100);

/// Shows how far the work is; shows nothing when standard error is no terminal.
#[derive(Debug)]
pub struct Progress {
    shown: Option<Mutex<Shown>>,
}

#[derive(Debug, Default)]
struct Shown {
    line: String,
    at: Option<Instant>,
}

impl Progress {
    /// On standard error.
    pub fn of_stderr() -> Self {
        Self {
            shown: io::stderr().is_terminal().then(Mutex::default),
        }
    }

    /// Whether anybody sees it.
    pub fn is_seen(&self) -> bool {
        self.shown.is_some()
    }

    /// The work is in this phase.
    pub fn show(&self, phase: Phase) {
        let Some(mut shown) = self.lock() else {
            return;
        };
        let line = words(phase);
        let same_kind = line.split(' ').next() == shown.line.split(' ').next();
        let too_soon = same_kind && shown.at.is_some_and(|at| at.elapsed() < REST);
        if line != shown.line && !too_soon {
            write(&format!("\r\x1b[K{line}"));
            *shown = Shown {
                line,
                at: Some(Instant::now()),
            };
        }
    }

    /// Takes the line away, before anything else is written.
    pub fn clear(&self) {
        if let Some(mut shown) = self.lock()
            && !shown.line.is_empty()
        {
            write("\r\x1b[K");
            *shown = Shown::default();
        }
    }

    fn lock(&self) -> Option<MutexGuard<'_, Shown>> {
        let shown = self.shown.as_ref()?;
        Some(shown.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.clear();
    }
}

fn words(phase: Phase) -> String {
    match phase {
        Phase::Idle => "waiting for the service".to_owned(),
        Phase::Reading => "reading both sides".to_owned(),
        Phase::Planning => "planning".to_owned(),
        Phase::Applying { settled, total } => format!("applying {settled} of {total}"),
        Phase::Stopping => "the service is stopping".to_owned(),
    }
}

/// A terminal that is gone is no reason to stop working.
fn write(text: &str) {
    let mut err = io::stderr().lock();
    let _ = err.write_all(text.as_bytes()).and_then(|()| err.flush());
}
