//! The loop that decides what happens next. The work itself runs in a task of its own, so that the
//! loop always answers. Cycles never overlap: there is one engine, and whoever works holds it.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, RwLock};
use std::time::Duration;

use futures_util::StreamExt;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1};
use signal_hook_tokio::Signals;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::{JoinError, JoinHandle};
use tokio::time::Instant;

use crate::clock::{Clock, SystemClock};
use crate::config::{ConfigText, Settings};
use crate::cycle::{CycleError, Engine, LastReading, Pulse, Stage};
use crate::desk::Turn;
use crate::observe;
use crate::state::State;

use super::asked::{Asked, Refusal, Waiting};
use super::config_file::ConfigFile;
use super::control::{Control, Service, SharedStatus};
use super::error::DaemonError;
use super::notify::ServiceManager;
use super::reporter::Reporter;
use super::schedule::{Ended, REMINDER, next_delay};
use super::stamp::SecretFiles;
use super::status::{LastCycle, Phase, StatusReport};
use super::work::{Finished, Tools, Work, engine, work};

/// How long a run may take to end once it was asked to; a little more than its own limit.
const STOP_TIMEOUT: Duration = Duration::from_millis(4_500);

/// How long answers may take to be sent when the daemon ends.
const ANSWER_TIME: Duration = Duration::from_millis(50);

/// How often the files of secrets are looked at after one was refused.
const SECRETS_TICK: Duration = Duration::from_secs(2);

/// How long whoever writes a secret may take to finish.
const WRITING: Duration = Duration::from_secs(1);

/// How often the loop looks around without any other reason.
const TICK: Duration = Duration::from_millis(500);

/// As many requests may wait for their turn: a caller who asks and hangs up, again and again, must
/// not fill the memory.
const MOST_WAITING: usize = 100;

/// Runs the daemon until it is told to end.
///
/// # Errors
/// When it cannot begin: configuration, secrets, state or control socket. A directory or a
/// Mattermost that does not answer is no such reason.
pub fn run(config: &Path) -> Result<(), DaemonError> {
    // Signals are caught before any thread exists. The second SIGTERM ends the process at once,
    // whatever the loop does; this must be registered before the flag is set by the first.
    let asked_to_end = Arc::new(AtomicBool::new(false));
    for signal in [SIGTERM, SIGINT] {
        signal_hook::flag::register_conditional_shutdown(signal, 1, Arc::clone(&asked_to_end))?;
        signal_hook::flag::register(signal, Arc::clone(&asked_to_end))?;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let ended = runtime.block_on(async {
        let signals = Signals::new([SIGTERM, SIGINT, SIGHUP, SIGUSR1])?;
        if asked_to_end.load(Ordering::SeqCst) {
            return Ok(());
        }
        Daemon::begin(config)?.go(signals).await
    });
    // A hanging thread of a reading must not hold up the end.
    runtime.shutdown_timeout(Duration::from_millis(200));
    ended
}

pub(super) struct Daemon {
    config: PathBuf,
    pub(super) config_file: Arc<ConfigFile>,
    /// What the last cycle read, for questions.
    last_reading: LastReading,
    settings: Settings,
    pub(super) store: Arc<State>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) manager: ServiceManager,
    _control: Control,
    asked: mpsc::Receiver<Asked>,
    pub(super) status: SharedStatus,
    reporter: Arc<Reporter>,
    /// The engine while nobody works.
    engine: Option<Engine>,
    /// An engine of a new configuration, for when the present work ends.
    new_engine: Option<Engine>,
    pub(super) working: Option<Working>,
    /// Whether the present cycle was asked to end because of an urgent request.
    interrupted: bool,
    queue: VecDeque<Work>,
    pub(super) next: Instant,
    pub(super) failures: u32,
    last_failure: Option<(String, Instant)>,
    /// The files of the secrets when the last cycle began.
    secret_files: SecretFiles,
    /// Whether the last cycle failed because of a secret: then a changed file is tried soon.
    secret_refused: bool,
    pub(super) last_pulse: u64,
}

pub(super) struct Working {
    task: JoinHandle<Finished>,
    pub(super) stage: watch::Receiver<Stage>,
    stop: watch::Sender<bool>,
    pub(super) pulse: Pulse,
    /// Whether nobody waits for it: then an urgent request interrupts it.
    is_unattended: bool,
}

impl Daemon {
    fn begin(config: &Path) -> Result<Self, DaemonError> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let config = std::path::absolute(config)?;
        let (config_file, settings, warnings) = ConfigFile::load(&config, clock.now().wall)?;
        for warning in warnings {
            tracing::warn!("{warning}");
        }
        let store = Arc::new(State::open(&settings.state_directory)?);
        let last_reading = LastReading::default();
        let engine = engine(&settings, &store, &clock)?;
        let mut control =
            Control::bind(&settings.control_socket).map_err(|error| DaemonError::Control {
                path: settings.control_socket.display().to_string(),
                error,
            })?;
        let status = SharedStatus::new(RwLock::new(StatusReport {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: Some(std::process::id()),
            config: config.display().to_string(),
            since: Some(clock.now().wall),
            ..StatusReport::default()
        }));
        let (sender, asked) = mpsc::channel(16);
        control.serve(Service {
            asked: sender,
            status: Arc::clone(&status),
            store: Arc::clone(&store),
            config_file: Arc::clone(&config_file),
            last_reading: last_reading.clone(),
            clock: Arc::clone(&clock),
            one_question: Arc::new(Semaphore::new(1)),
        });
        observe::started(
            env!("CARGO_PKG_VERSION"),
            &config.display().to_string(),
            settings.provider_names(),
        );
        Ok(Self {
            config,
            config_file,
            last_reading,
            settings,
            reporter: Arc::new(Reporter::new(Arc::clone(&clock))),
            store,
            clock,
            manager: ServiceManager::default(),
            _control: control,
            asked,
            status,
            engine: Some(engine),
            new_engine: None,
            working: None,
            interrupted: false,
            queue: VecDeque::new(),
            next: Instant::now(),
            failures: 0,
            last_failure: None,
            secret_files: SecretFiles::default(),
            secret_refused: false,
            last_pulse: 0,
        })
    }

    async fn go(mut self, mut signals: Signals) -> Result<(), DaemonError> {
        self.count().await;
        self.manager.ready();
        let mut tick = tokio::time::interval(TICK);
        let watchdog = self.manager.watchdog();
        let mut secrets = tokio::time::interval(SECRETS_TICK);
        let mut feed = tokio::time::interval(watchdog.unwrap_or(REMINDER) / 3);
        loop {
            self.begin_work();
            self.tell();
            tokio::select! {
                Some(signal) = signals.next() => match signal {
                    SIGHUP => self.reload(),
                    SIGUSR1 => self.cycle_now(None),
                    _ => return self.end().await,
                },
                Some(asked) = self.asked.recv() => self.take(asked),
                finished = done(&mut self.working) => self.finished(finished).await,
                () = tokio::time::sleep_until(self.next), if self.is_idle() => {
                    self.queue.push_back(Work::Cycle(Vec::new()));
                }
                _ = secrets.tick(), if self.secret_refused && self.is_idle() => {
                    self.look_at_secrets();
                }
                _ = feed.tick(), if watchdog.is_some() => self.feed(),
                _ = tick.tick(), if self.working.is_some() => {}
            }
        }
    }

    /// Lets the next cycle begin soon if somebody changed a secret after one was refused.
    fn look_at_secrets(&mut self) {
        if let Some(path) = self.secret_files.changed() {
            observe::secret_changed(&path.display());
            self.secret_refused = false;
            self.next = self.next.min(Instant::now() + WRITING);
        }
    }

    fn is_idle(&self) -> bool {
        self.working.is_none() && self.queue.is_empty()
    }

    /// Begins the next piece of work, if nobody works.
    fn begin_work(&mut self) {
        if self.working.is_some() {
            return;
        }
        if let Some(new) = self.new_engine.take() {
            self.engine = Some(new);
        }
        let Some(next) = self.queue.pop_front() else {
            return;
        };
        if matches!(next, Work::Cycle(_)) {
            self.secret_files = SecretFiles::now(&self.settings);
            self.secret_refused = false;
        }
        let old = self.engine.take().map(Ok);
        let new = || engine(&self.settings, &self.store, &self.clock);
        let engine = match old.unwrap_or_else(new) {
            Ok(engine) => engine.keeping(self.last_reading.clone()),
            Err(error) => {
                next.refuse(&Refusal::from(&error));
                return self.failed(&error);
            }
        };
        let (stage, stages) = watch::channel(Stage::Reading);
        let (stop, stopped) = watch::channel(false);
        let tools = Tools {
            stage,
            stop: stopped,
            reporter: Arc::clone(&self.reporter),
        };
        let pulse = engine.pulse();
        let is_unattended = matches!(&next, Work::Cycle(waiting) if waiting.is_empty());
        self.working = Some(Working {
            task: tokio::spawn(work(engine, next, tools)),
            stage: stages,
            stop,
            pulse,
            is_unattended,
        });
    }

    /// Takes what was asked for into the queue.
    fn take(&mut self, asked: Asked) {
        match asked.turn {
            Turn::NextCycle => self.cycle_now(Some(asked.waiting)),
            // A person is locked out at once: a first fill can take hours. It goes on afterwards.
            Turn::First => {
                self.queue.push_front(Work::Request(asked));
                if let Some(working) = self.working.as_ref().filter(|w| w.is_unattended) {
                    self.interrupted = working.stop.send(true).is_ok();
                    self.cycle_now(None);
                }
            }
            Turn::InOrder => {
                let waits =
                    |work: &Work| !matches!(work, Work::Request(asked) if asked.is_pointless());
                self.queue.retain(waits);
                if self.queue.len() < MOST_WAITING {
                    self.queue.push_back(Work::Request(asked));
                } else {
                    asked.waiting.refuse(Refusal::busy());
                }
            }
        }
    }

    /// Queues a cycle. One that waits already answers everybody who asks.
    fn cycle_now(&mut self, asker: Option<Waiting>) {
        for work in &mut self.queue {
            if let Work::Cycle(waiting) = work {
                waiting.extend(asker);
                return;
            }
        }
        self.queue
            .push_back(Work::Cycle(asker.into_iter().collect()));
    }

    async fn finished(&mut self, finished: Result<Finished, JoinError>) {
        self.working = None;
        let interrupted = std::mem::take(&mut self.interrupted);
        let mut finished = match finished {
            Ok(finished) => finished,
            Err(error) => {
                // The engine is lost with the task; a new one is made.
                tracing::error!("a cycle ended unexpectedly: {error}");
                self.failures = self.failures.saturating_add(1);
                self.pause(false);
                self.degraded(format!("the last cycle ended unexpectedly: {error}"));
                return;
            }
        };
        match &finished.cycle {
            None => {}
            Some(Ok(summary)) => {
                let facts = &summary.facts;
                self.reporter.cycle(facts);
                let now = self.clock.now().wall;
                let last = LastCycle::of(facts, now);
                let until_expiry = facts.plan.next_expiry.map(|at| at.since(now));
                match &facts.stopped {
                    None => self.well(last, until_expiry),
                    Some(_) if interrupted => self.well(last, until_expiry),
                    // A signal does not lead here.
                    Some(why) => {
                        self.update(|status| status.last = Some(last));
                        self.fail("stopped", why, false);
                    }
                }
            }
            Some(Err(error)) => self.failed(error),
        }
        self.count().await;
        self.tell();
        // Answered last: a status that is asked for after the answer is up to date.
        finished.answer();
        self.engine = Some(finished.engine);
    }

    fn well(&mut self, last: LastCycle, until_expiry: Option<Duration>) {
        if self.failures > 0 {
            observe::cycle_recovered(self.failures);
        }
        self.failures = 0;
        self.last_failure = None;
        self.update(|status| {
            status.health = last.health();
            status.last = Some(last);
            status.failures = 0;
        });
        let ended = Ended::Well { until_expiry };
        let pause = next_delay(&self.settings.schedule, ended, rand::random());
        self.next = Instant::now() + pause;
    }

    fn failed(&mut self, error: &CycleError) {
        self.secret_refused = error.is_about_secret();
        self.fail(error.kind(), &error.to_string(), error.must_not_hurry());
    }

    fn fail(&mut self, kind: &str, why: &str, must_not_hurry: bool) {
        self.failures = self.failures.saturating_add(1);
        let pause = self.pause(must_not_hurry);
        let reported = self
            .last_failure
            .as_ref()
            .is_some_and(|(what, when)| what == kind && when.elapsed() < REMINDER);
        if !reported {
            observe::cycle_failed(kind, &why, self.failures, pause);
            self.last_failure = Some((kind.to_owned(), Instant::now()));
        }
        self.degraded(why.to_owned());
    }

    fn pause(&mut self, must_not_hurry: bool) -> Duration {
        let ended = Ended::Failed {
            in_a_row: self.failures,
            must_not_hurry,
        };
        let pause = next_delay(&self.settings.schedule, ended, rand::random());
        self.next = Instant::now() + pause;
        pause
    }

    /// Reads the configuration again. A bad one changes nothing.
    fn reload(&mut self) {
        self.manager.reloading();
        let text = ConfigText::read(&self.config).map_err(DaemonError::from);
        let content = text.as_ref().ok().map(ConfigText::fingerprint);
        let read = text.and_then(|text| Ok(text.settings()?));
        let outcome = read.and_then(|(settings, warnings)| {
            let engine = engine(&settings, &self.store, &self.clock)?;
            for warning in warnings {
                tracing::warn!("{warning}");
            }
            Ok((settings, engine))
        });
        match outcome {
            Err(error) => {
                observe::reload_failed(&error);
                if let Some(content) = content {
                    self.config_file.refused(content, error.to_string());
                }
            }
            Ok((settings, engine)) => {
                if let Some(content) = content {
                    self.config_file.took(content, self.clock.now().wall);
                }
                let old = &self.settings;
                if settings.state_directory != old.state_directory
                    || settings.control_socket != old.control_socket
                {
                    tracing::warn!("state.directory and control.socket change only with a restart");
                }
                self.settings = settings;
                self.new_engine = Some(engine);
                self.last_failure = None;
                self.cycle_now(None);
                observe::reload_done(&self.config.display().to_string());
            }
        }
        self.manager.ready();
    }

    /// Ends the daemon: drops what is only read, lets calls that change something finish. A call
    /// that is abandoned has an unknown outcome, and the next start finds out.
    async fn end(mut self) -> Result<(), DaemonError> {
        self.manager.stopping();
        observe::stopping("a signal asked for it");
        self.update(|status| status.phase = Phase::Stopping);
        self.tell_stopping();
        // Nothing new begins, and those who wait are refused.
        self.asked.close();
        for work in self.queue.drain(..) {
            work.refuse(&Refusal::stopping());
        }
        if let Some(working) = self.working.take() {
            let applying = matches!(*working.stage.borrow(), Stage::Applying { .. });
            let _ = working.stop.send(true);
            let abort = working.task.abort_handle();
            let patience = if applying {
                STOP_TIMEOUT
            } else {
                Duration::ZERO
            };
            match tokio::time::timeout(patience, working.task).await {
                Ok(Ok(mut finished)) => {
                    if let Some(Ok(summary)) = &finished.cycle {
                        self.reporter.cycle(&summary.facts);
                    }
                    finished.answer();
                }
                _ => abort.abort(),
            }
        }
        tokio::time::sleep(ANSWER_TIME).await;
        Ok(())
    }
}

async fn done(working: &mut Option<Working>) -> Result<Finished, JoinError> {
    match working {
        Some(working) => (&mut working.task).await,
        None => std::future::pending().await,
    }
}
