//! What every command needs: the settings, and who does the work.

use std::path::Path;

use nix::unistd::{Uid, User};
use tokio::runtime::Runtime;

use crate::config::{Settings, Warning};
use crate::cycle::{Approved, Errand, PlanReport, Question, SyncReport};
use crate::daemon::asked_by;

use super::exit::{Exit, Failure};
use super::own::Own;
use super::print::write_err;
use super::progress::Progress;
use super::remote::Remote;
use super::service_user;

/// Whether a command changes what is remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// It only looks.
    Look,
    /// It writes to the state.
    Write,
}

/// Who does the work.
#[derive(Debug)]
pub enum Worker {
    /// The service.
    Service(Remote),
    /// This process.
    Own(Box<Own>),
}

/// The settings, and who does the work.
#[derive(Debug)]
pub struct Context {
    /// What the configuration says.
    pub settings: Settings,
    /// What is unreasonable in it.
    pub warnings: Vec<Warning>,
    /// Who does the work.
    pub worker: Worker,
    /// Shows how far the work is.
    pub progress: Progress,
    runtime: Runtime,
}

impl Context {
    /// Reads the configuration, and looks whether a service runs. If none does and root asks,
    /// becomes the service user.
    ///
    /// # Errors
    /// When the configuration cannot be used, or the work may not be done.
    pub fn open(config: &Path, need: Need) -> Result<Self, Failure> {
        let (settings, warnings) = Settings::load(config)?;
        let person = std::env::var("SUDO_USER").ok().filter(|p| !p.is_empty());
        let worker = match Remote::find(&settings.control_socket, person.clone())? {
            Some(remote) => Worker::Service(remote),
            None => Worker::Own(Box::new(own(&settings, person.as_deref(), need)?)),
        };
        Self::with(settings, warnings, worker)
    }

    /// As [`Context::open`], and the work is done here although a service may run.
    ///
    /// # Errors
    /// As [`Context::open`].
    pub fn here(config: &Path) -> Result<Self, Failure> {
        let (settings, warnings) = Settings::load(config)?;
        let worker = Worker::Own(Box::new(own(&settings, None, Need::Look)?));
        Self::with(settings, warnings, worker)
    }

    fn with(settings: Settings, warnings: Vec<Warning>, worker: Worker) -> Result<Self, Failure> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .map_err(|e| Failure::new(Exit::SYSTEM, format!("no threads can be started: {e}")))?;
        Ok(Self {
            settings,
            warnings,
            worker,
            progress: Progress::of_stderr(),
            runtime,
        })
    }

    /// Whether a service does the work.
    pub fn is_served(&self) -> bool {
        matches!(self.worker, Worker::Service(_))
    }

    /// Waits for something that takes its time.
    pub fn wait<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }

    /// What would be done.
    ///
    /// # Errors
    /// When a side or the state cannot be read.
    pub fn plan(&self) -> Result<PlanReport, Failure> {
        self.wait(async {
            match &self.worker {
                Worker::Service(remote) => remote.plan(&self.progress).await,
                Worker::Own(own) => Ok(own.look(&self.progress).await?.report()),
            }
        })
    }

    /// What would be done, and it is remembered what of it was shown as held.
    ///
    /// # Errors
    /// As [`Context::plan`], and when another mattersync is at work.
    pub fn show_holds(&self) -> Result<PlanReport, Failure> {
        self.wait(async {
            match &self.worker {
                Worker::Service(remote) => remote.plan(&self.progress).await,
                Worker::Own(own) => own.show_holds(&self.progress).await,
            }
        })
    }

    /// One cycle.
    ///
    /// # Errors
    /// When it could not be finished, or another mattersync is at work.
    pub fn sync(&self) -> Result<SyncReport, Failure> {
        self.wait(async {
            match &self.worker {
                Worker::Service(remote) => remote.sync(&self.progress).await,
                Worker::Own(own) => own.sync(&self.progress).await,
            }
        })
    }

    /// Releases what is held.
    ///
    /// # Errors
    /// When nothing of that name is held, and as [`Context::show_holds`].
    pub fn approve(&self, what: &str, new_password: bool) -> Result<Approved, Failure> {
        self.wait(async {
            match &self.worker {
                Worker::Service(remote) => remote.approve(what, new_password, &self.progress).await,
                Worker::Own(own) => own.approve(what, new_password, &self.progress).await,
            }
        })
    }

    /// Asks what the state alone answers.
    ///
    /// # Errors
    /// When there is no such thing, or the state cannot be read.
    pub fn question<Q: Question>(&self, question: Q) -> Result<Q::Answer, Failure> {
        self.wait(async {
            match &self.worker {
                Worker::Service(remote) => remote.question(&question).await,
                Worker::Own(own) => own.question(question).await,
            }
        })
    }

    /// Runs an errand.
    ///
    /// # Errors
    /// When it cannot be done, with what to type instead.
    pub fn errand<E: Errand>(&self, errand: E) -> Result<E::Answer, Failure> {
        self.wait(async {
            match &self.worker {
                Worker::Service(remote) => remote.errand(&errand, &self.progress).await,
                Worker::Own(own) => own.errand(errand, &self.progress).await,
            }
        })
    }
}

fn own(settings: &Settings, person: Option<&str>, need: Need) -> Result<Own, Failure> {
    let by = caller(person);
    let servant = service_user::step_down(&settings.state_directory, need == Need::Write)?;
    if let Some(servant) = &servant {
        write_err(&format!("this is done here, as the user {servant}"));
    }
    Ok(Own::new(settings.clone(), by, servant))
}

/// Who asks: the user, and the person behind it where `sudo` tells.
fn caller(person: Option<&str>) -> String {
    let uid = Uid::current();
    let name = match User::from_uid(uid).ok().flatten() {
        Some(user) => user.name,
        None => format!("uid {uid}"),
    };
    asked_by(&name, person)
}
