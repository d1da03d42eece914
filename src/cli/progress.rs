//! Shows the progress of the work on a terminal, as one line on standard error that is overwritten.

use std::io::{self, IsTerminal, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::cycle::Wait;
use crate::daemon::Phase;

use super::print::is_dumb;

/// The shortest time between two updates of the line.
const REST: Duration = Duration::from_millis(100);

/// Shows the progress of the work and what it waits for, if output and errors go to a terminal.
#[derive(Debug)]
pub struct Progress {
    shown: Option<Mutex<Shown>>,
}

#[derive(Debug, Default)]
struct Shown {
    phase: Option<Phase>,
    waits: Vec<Wait>,
    line: String,
    at: Option<Instant>,
}

impl Progress {
    /// Returns a progress line on standard error. Where the output goes to a file or a pipe, nobody
    /// waits for it, and control characters must not stand between its lines.
    pub fn of_stderr() -> Self {
        // A dumb terminal cannot take the line away again.
        let is_able = io::stdout().is_terminal() && io::stderr().is_terminal() && !is_dumb();
        Self {
            shown: is_able.then(Mutex::default),
        }
    }

    /// Returns whether the line is visible.
    pub fn is_seen(&self) -> bool {
        self.shown.is_some()
    }

    /// Shows the phase of the work, and what it waits for.
    pub fn show(&self, phase: Phase, waits: &[Wait]) {
        self.change(|shown| {
            shown.phase = Some(phase);
            shown.waits = waits.to_vec();
        });
    }

    /// Shows the phase of the work.
    pub fn goes_on(&self, phase: Phase) {
        self.change(|shown| shown.phase = Some(phase));
    }

    /// Shows what the work waits for.
    pub fn waits(&self, waits: &[Wait]) {
        self.change(|shown| shown.waits = waits.to_vec());
    }

    fn change(&self, change: impl FnOnce(&mut Shown)) {
        let Some(mut shown) = self.lock() else {
            return;
        };
        change(&mut shown);
        let Some(phase) = shown.phase else {
            return;
        };
        let line = progress_text(phase, &shown.waits);
        let same_kind = line.split(' ').next() == shown.line.split(' ').next();
        let too_soon = same_kind && shown.at.is_some_and(|at| at.elapsed() < REST);
        if line != shown.line && !too_soon {
            // A wrapped line could not be removed again.
            write(&format!("\r\x1b[K{}", cut(&line, width())));
            shown.line = line;
            shown.at = Some(Instant::now());
        }
    }

    /// Removes the line, before anything else is written.
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

fn progress_text(phase: Phase, waits: &[Wait]) -> String {
    let doing = match phase {
        Phase::Idle => "waiting for the service".to_owned(),
        Phase::Reading => "reading both sides".to_owned(),
        Phase::Planning => "planning".to_owned(),
        Phase::Applying { settled, total } => format!("applying {settled} of {total}"),
        Phase::Stopping => "the service is stopping".to_owned(),
    };
    if waits.is_empty() {
        return doing;
    }
    let waits: Vec<String> = waits.iter().map(ToString::to_string).collect();
    format!("{doing}: waiting for {}", waits.join(" and "))
}

fn width() -> usize {
    terminal_size::terminal_size_of(io::stderr()).map_or(80, |(width, _)| usize::from(width.0))
}

fn cut(line: &str, width: usize) -> String {
    line.chars().take(width.saturating_sub(1)).collect()
}

/// Ignores errors: the work goes on without a terminal.
fn write(text: &str) {
    let mut err = io::stderr().lock();
    let _ = err.write_all(text.as_bytes()).and_then(|()| err.flush());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mattermost::Pause;

    #[test]
    fn a_line_says_for_what_the_work_waits() {
        let why = Pause::Refused(429);
        let waits = [
            Wait::Directory {
                arrived: 7,
                seconds: 3,
            },
            Wait::Pause { why, seconds: 12 },
        ];
        assert_eq!(progress_text(Phase::Planning, &[]), "planning");
        let line = progress_text(Phase::Reading, &waits);
        assert_eq!(
            line,
            "reading both sides: waiting for the directory (7 answers in 3 s) and Mattermost's \
             limit (12 s more; it refused with status 429)"
        );
        assert_eq!(cut(&line, 20), "reading both sides:");
    }
}
