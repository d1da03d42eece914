//! Publishes how the daemon is: to the service manager, and to everybody who asks for the status.

use tokio::time::Instant;

use crate::cycle::Stage;
use crate::model::Timestamp;

use super::service::Daemon;
use super::status::{Health, Phase, StatusReport};

impl Daemon {
    /// Tells the service manager that the loop goes on: while nobody works, while a plan is made
    /// or carried out (its calls have limits of their own), and while a reading still receives
    /// something. A reading that hangs is not covered up.
    pub(super) fn feed(&mut self) {
        let alive = match &self.working {
            None => true,
            Some(working) => {
                let pulse = working.pulse.count();
                let moved = pulse != self.last_pulse;
                self.last_pulse = pulse;
                moved || *working.stage.borrow() != Stage::Reading
            }
        };
        if alive {
            self.manager.alive();
        }
    }

    pub(super) fn tell(&mut self) {
        let phase = match &self.working {
            Some(working) => Phase::from(*working.stage.borrow()),
            None => Phase::Idle,
        };
        let pause = self.next.saturating_duration_since(Instant::now());
        let next = self.clock.now().wall.after(pause);
        // To the second, or the line would change at each look.
        let next = Timestamp(next.0.saturating_add(500) / 1_000 * 1_000);
        let config_file = Some(self.config_file.look());
        let waits = self.working.as_ref().map(|w| w.pulse.waits());
        self.update(|status| {
            status.waits = waits.unwrap_or_default();
            status.config_file = config_file;
            if status.phase != phase || status.next.is_none_or(|n| n.0.abs_diff(next.0) > 1_000) {
                status.phase = phase;
                status.next = Some(next);
            }
        });
        let line = self.status.read().map(|status| status.line());
        if let Ok(line) = line {
            self.manager.status(line);
        }
    }

    pub(super) async fn count(&self) {
        match self.store.counts().await {
            Ok(counts) => self.update(|status| status.counts = counts),
            Err(error) => tracing::error!("{error}"),
        }
    }

    pub(super) fn degraded(&self, why: String) {
        self.update(|status| {
            status.health = Health::Degraded(vec![why]);
            status.failures = self.failures;
        });
    }

    pub(super) fn update(&self, change: impl FnOnce(&mut StatusReport)) {
        if let Ok(mut status) = self.status.write() {
            change(&mut status);
        }
    }

    pub(super) fn tell_stopping(&mut self) {
        let line = self.status.read().map(|status| status.line());
        if let Ok(line) = line {
            self.manager.status(line);
        }
    }
}
