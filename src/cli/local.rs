//! Does the work in this process, where no service runs.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook_tokio::Signals;
use tokio::sync::watch;

use crate::clock::{Clock, SystemClock};
use crate::config::Settings;
use crate::cycle::{CycleError, Engine, Pulse, Stage};
use crate::desk::{Asker, DeskError, Listed, Record, Turn};
use crate::mattermost::ConnectError;

use crate::provider::ProviderError;
use crate::state::State;

use super::exit::{Exit, Failure};
use super::progress::Progress;

/// How often the progress line is refreshed.
const LOOK: Duration = Duration::from_millis(500);

/// Does the work in this process.
#[derive(Debug)]
pub struct LocalWorker {
    settings: Settings,
    /// The person who asks, for the record.
    by: String,
    /// The service user that this process became.
    service_user: Option<String>,
}

impl LocalWorker {
    /// Returns a worker with these settings.
    pub fn new(settings: Settings, by: String, service_user: Option<String>) -> Self {
        Self {
            settings,
            by,
            service_user,
        }
    }

    /// Returns the settings.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Opens the state for reading only; returns `None` if there is none yet.
    ///
    /// # Errors
    /// An error if the state cannot be read.
    pub fn state(&self) -> Result<Option<State>, Failure> {
        Ok(State::open_read_only(&self.settings.state_directory)?)
    }

    fn open_read_only(&self) -> Result<State, Failure> {
        Ok(match self.state()? {
            Some(state) => state,
            None => State::before_the_first(&self.settings.state_directory)?,
        })
    }

    /// Carries out a request.
    ///
    /// # Errors
    /// An error if it cannot be done, or if it writes and another mattersync is at work.
    pub async fn ask<R: Listed>(
        &self,
        request: R,
        progress: &Progress,
    ) -> Result<R::Answer, Failure>
    where
        R::Tool: LocalTool,
    {
        let mut tool = R::Tool::open(self, request.writes())?;
        let stop = match request.turn() {
            Turn::NextCycle => stop_on_signals().map_err(|error| {
                Failure::new(Exit::SYSTEM, format!("signals cannot be caught: {error}"))
            })?,
            Turn::InOrder | Turn::First => watch::channel(false).1,
        };
        let asker = Asker {
            by: &self.by,
            stages: &|stage: Stage| progress.goes_on(stage.into()),
            listener: &|_| {},
            stop,
        };
        let pulse = tool.pulse();
        let answer = shown(progress, pulse.as_ref(), request.run(&mut tool, &asker)).await;
        answer.map_err(|error| match error {
            DeskError::Cycle(error) => self.failure(error),
            other => other.into(),
        })
    }

    /// Adds to a failure about a secret as which user it was read, because root may be surprised.
    pub fn failure(&self, error: CycleError) -> Failure {
        let secret = matches!(
            error,
            CycleError::Secret(_)
                | CycleError::Connect(ConnectError::Token(_))
                | CycleError::Provider(ProviderError::Secret(_) | ProviderError::SecretDenied(_))
        );
        let failure = Failure::from(error);
        match (secret, &self.service_user) {
            (true, Some(service_user)) => failure.and(format!(
                "    (the work is done as the user {service_user}, who must be able to read it)"
            )),
            _ => failure,
        }
    }
}

/// What a request needs for its work, made from the settings.
pub trait LocalTool: Sized {
    /// Makes it from the worker's settings.
    ///
    /// # Errors
    /// An error if secrets or the state cannot be read, or if it is to write and another mattersync
    /// is at work.
    fn open(own: &LocalWorker, writes: bool) -> Result<Self, Failure>;

    /// Returns what tells which answers are being waited for.
    fn pulse(&self) -> Option<Pulse>;
}

impl LocalTool for Record {
    fn open(own: &LocalWorker, _writes: bool) -> Result<Self, Failure> {
        Ok(Self(Arc::new(own.open_read_only()?)))
    }

    fn pulse(&self) -> Option<Pulse> {
        None
    }
}

impl LocalTool for Engine {
    fn open(own: &LocalWorker, writes: bool) -> Result<Self, Failure> {
        let directory = &own.settings.state_directory;
        let store: Arc<State> = match writes {
            true => Arc::new(State::open(directory)?),
            false => Arc::new(own.open_read_only()?),
        };
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        Self::new(own.settings.clone(), store, clock).map_err(|error| own.failure(error))
    }

    fn pulse(&self) -> Option<Pulse> {
        Some(Self::pulse(self))
    }
}

/// Does a piece of work, and shows meanwhile what it waits for.
async fn shown<T>(progress: &Progress, pulse: Option<&Pulse>, work: impl Future<Output = T>) -> T {
    tokio::pin!(work);
    let mut look = tokio::time::interval(LOOK);
    let result = loop {
        tokio::select! {
            result = &mut work => break result,
            _ = look.tick(), if progress.is_seen() => {
                progress.waits(&pulse.map(Pulse::waits).unwrap_or_default());
            }
        }
    };
    progress.clear();
    result
}

/// Returns a value that becomes true at the first SIGINT or SIGTERM; the second ends the process.
fn stop_on_signals() -> std::io::Result<watch::Receiver<bool>> {
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    let (stop, stopped) = watch::channel(false);
    tokio::spawn(async move {
        if let Some(signal) = signals.next().await {
            stop.send_replace(true);
            // The run ends within seconds; a second signal ends it at once.
            if signals.next().await.is_some() {
                std::process::exit(128_i32.saturating_add(signal));
            }
        }
    });
    Ok(stopped)
}
