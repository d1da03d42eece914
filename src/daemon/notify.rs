//! Notifies the service manager (sd_notify(3)), if there is one.

use std::time::Duration;

use sd_notify::NotifyState;

/// The service manager, as far as it listens.
#[derive(Debug, Default)]
pub struct ServiceManager {
    last_status: String,
}

impl ServiceManager {
    /// Everything stands: configuration, state, signals, control socket.
    pub fn ready(&self) {
        send(&[NotifyState::Ready]);
    }

    /// The configuration is being read again. The time goes in the same message, as systemd 253
    /// wants it.
    pub fn reloading(&self) {
        match NotifyState::monotonic_usec_now() {
            Ok(now) => send(&[NotifyState::Reloading, now]),
            Err(_) => send(&[NotifyState::Reloading]),
        }
    }

    /// The daemon ends.
    pub fn stopping(&self) {
        send(&[NotifyState::Stopping]);
    }

    /// The loop goes on.
    pub fn alive(&self) {
        send(&[NotifyState::Watchdog]);
    }

    /// What `systemctl status` shows, if it changed.
    pub fn status(&mut self, line: String) {
        if line != self.last_status {
            send(&[NotifyState::Status(&line)]);
            self.last_status = line;
        }
    }

    /// How often it must be told that the loop goes on; `None` when it does not ask.
    pub fn watchdog(&self) -> Option<Duration> {
        sd_notify::watchdog_enabled()
    }
}

fn send(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::debug!("the service manager does not listen: {error}");
    }
}
