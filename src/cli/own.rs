//! Doing the work here, where no service runs.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook_tokio::Signals;
use tokio::sync::watch;

use crate::clock::{Clock, SystemClock};
use crate::config::Settings;
use crate::cycle::{
    Approved, Asker, CycleError, Engine, Errand, PlanReport, Pulse, Question, Stage, SyncReport,
    View, WordError,
};
use crate::mattermost::ConnectError;
use crate::model::{Origin, RunKind};
use crate::provider::ProviderError;
use crate::state::State;

use super::exit::{Exit, Failure};
use super::progress::Progress;

/// How often it is looked for what the work waits.
const LOOK: Duration = Duration::from_millis(500);

/// Does the work itself.
#[derive(Debug)]
pub struct Own {
    settings: Settings,
    /// Who asks, for the record.
    by: String,
    /// The service user that we became.
    servant: Option<String>,
}

impl Own {
    /// Somebody who works with these settings.
    pub fn new(settings: Settings, by: String, servant: Option<String>) -> Self {
        Self {
            settings,
            by,
            servant,
        }
    }

    /// What the configuration says.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// What is remembered, to be read only; `None` if there is nothing yet.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn state(&self) -> Result<Option<State>, Failure> {
        Ok(State::open_read_only(&self.settings.state_directory)?)
    }

    /// Reads both sides and plans. Writes nothing anywhere, and needs no lease.
    ///
    /// # Errors
    /// When a side or the state cannot be read.
    pub async fn look(&self, progress: &Progress) -> Result<View, Failure> {
        let mut engine = self.looking_engine()?;
        let pulse = engine.pulse();
        let view = shown(progress, &pulse, engine.look(&stages(progress))).await;
        view.map_err(|error| self.failure(error))
    }

    /// Shows what is held, and remembers what was shown.
    ///
    /// # Errors
    /// As [`Own::look`], and when another mattersync is at work.
    pub async fn show_holds(&self, progress: &Progress) -> Result<PlanReport, Failure> {
        let mut engine = self.writing_engine()?;
        let pulse = engine.pulse();
        let view = shown(progress, &pulse, engine.show_holds(&stages(progress))).await;
        view.map(|view| view.report())
            .map_err(|error| self.failure(error))
    }

    /// One cycle. A first signal ends it in order, a second one at once.
    ///
    /// # Errors
    /// When the cycle could not be finished, or another mattersync is at work.
    pub async fn sync(&self, progress: &Progress) -> Result<SyncReport, Failure> {
        let mut engine = self.writing_engine()?;
        let stop = stop_on_signals().map_err(|error| {
            Failure::new(Exit::SYSTEM, format!("signals cannot be caught: {error}"))
        })?;
        let origin = Origin::asked(RunKind::Sync, &self.by);
        let (pulse, stages) = (engine.pulse(), stages(progress));
        let run = engine.run_for(origin, stop, &stages, &|_| {});
        let summary = shown(progress, &pulse, run).await;
        let summary = summary.map_err(|error| self.failure(error))?;
        let shown = engine.shown(&summary.view).await;
        shown.map_err(|error| self.failure(error))?;
        Ok(summary.report())
    }

    /// Releases what is held.
    ///
    /// # Errors
    /// When nothing of that name is held, and as [`Own::show_holds`].
    pub async fn approve(
        &self,
        what: &str,
        new_password: bool,
        progress: &Progress,
    ) -> Result<Approved, Failure> {
        let mut engine = self.writing_engine()?;
        let (pulse, stages) = (engine.pulse(), stages(progress));
        let approving = engine.approve_with(what, new_password, &self.by, &stages);
        Ok(shown(progress, &pulse, approving).await?)
    }

    /// Runs an errand.
    ///
    /// # Errors
    /// When it cannot be done, or it writes and another mattersync is at work.
    pub async fn errand<E: Errand>(
        &self,
        errand: E,
        progress: &Progress,
    ) -> Result<E::Answer, Failure> {
        let mut engine = match errand.writes() {
            true => self.writing_engine()?,
            false => self.looking_engine()?,
        };
        let stages = stages(progress);
        let asker = Asker {
            by: &self.by,
            stages: &stages,
            listener: &|_| {},
        };
        let pulse = engine.pulse();
        let answer = shown(progress, &pulse, errand.run(&mut engine, &asker)).await;
        answer.map_err(|error| match error {
            WordError::Cycle(error) => self.failure(error),
            other => other.into(),
        })
    }

    /// Answers what the state alone answers; nothing else is asked.
    ///
    /// # Errors
    /// When there is no such thing, or the state cannot be read.
    pub async fn question<Q: Question>(&self, question: Q) -> Result<Q::Answer, Failure> {
        let state = self.looked_at()?;
        Ok(question.answer(&state).await?)
    }

    fn looking_engine(&self) -> Result<Engine, Failure> {
        self.engine(Arc::new(self.looked_at()?))
    }

    fn looked_at(&self) -> Result<State, Failure> {
        Ok(match self.state()? {
            Some(state) => state,
            None => State::before_the_first(&self.settings.state_directory)?,
        })
    }

    fn writing_engine(&self) -> Result<Engine, Failure> {
        self.engine(Arc::new(State::open(&self.settings.state_directory)?))
    }

    fn engine(&self, store: Arc<State>) -> Result<Engine, Failure> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        Engine::new(self.settings.clone(), store, clock).map_err(|error| self.failure(error))
    }

    /// Root who became somebody else wonders what may not be read.
    pub fn failure(&self, error: CycleError) -> Failure {
        let secret = matches!(
            error,
            CycleError::Secret(_)
                | CycleError::Connect(ConnectError::Token(_))
                | CycleError::Provider(ProviderError::Secret(_) | ProviderError::SecretDenied(_))
        );
        let failure = Failure::from(error);
        match (secret, &self.servant) {
            (true, Some(servant)) => failure.and(format!(
                "    (the work is done as the user {servant}, who must be able to read it)"
            )),
            _ => failure,
        }
    }
}

/// Does a piece of work, and shows for what it waits meanwhile.
async fn shown<T>(progress: &Progress, pulse: &Pulse, work: impl Future<Output = T>) -> T {
    tokio::pin!(work);
    let mut look = tokio::time::interval(LOOK);
    let result = loop {
        tokio::select! {
            result = &mut work => break result,
            _ = look.tick(), if progress.is_seen() => progress.waits(&pulse.waits()),
        }
    };
    progress.clear();
    result
}

fn stages(progress: &Progress) -> impl Fn(Stage) + Send + Sync + '_ {
    |stage| progress.goes_on(stage.into())
}

/// Becomes true at the first SIGINT or SIGTERM; the second one ends the process.
fn stop_on_signals() -> std::io::Result<watch::Receiver<bool>> {
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    let (stop, stopped) = watch::channel(false);
    tokio::spawn(async move {
        if let Some(signal) = signals.next().await {
            stop.send_replace(true);
            // The run ends within seconds; whoever does not want to wait asks again.
            if signals.next().await.is_some() {
                std::process::exit(128_i32.saturating_add(signal));
            }
        }
    });
    Ok(stopped)
}
