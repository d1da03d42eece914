//! What every command needs: the settings, and the service or this process to do the work.

use std::path::Path;
use std::sync::OnceLock;

use nix::unistd::{Uid, User};
use tokio::runtime::Runtime;

use crate::config::{Settings, Warning};
use crate::daemon::asked_by;
use crate::desk::Listed;

use super::exit::{Exit, Failure};
use super::local::{LocalTool, LocalWorker};
use super::print::write_err;
use super::progress::Progress;
use super::remote::Remote;
use super::service_user;

/// The settings, and the service that does the work if one runs.
#[derive(Debug)]
pub struct Context {
    /// The settings.
    pub settings: Settings,
    /// The warnings about the configuration.
    pub warnings: Vec<Warning>,
    /// Shows the progress of the work.
    pub progress: Progress,
    /// The service; `None` where none runs, and this process does the work.
    pub service: Option<Remote>,
    /// The person behind the calling user, if `sudo` names one.
    person: Option<String>,
    runtime: OnceLock<Runtime>,
}

impl Context {
    /// Reads the configuration, and looks for a running service.
    ///
    /// # Errors
    /// An error if the configuration cannot be used, or the service may not be asked.
    pub fn open(config: &Path) -> Result<Self, Failure> {
        let mut context = Self::here(config)?;
        let person = std::env::var("SUDO_USER").ok().filter(|p| !p.is_empty());
        context.service = Remote::find(&context.settings.control_socket, person.clone())?;
        context.person = person;
        Ok(context)
    }

    /// Reads the configuration as [`Context::open`] does, for work done here even beside a service.
    ///
    /// # Errors
    /// An error if the configuration cannot be used.
    pub fn here(config: &Path) -> Result<Self, Failure> {
        let (settings, warnings) = Settings::load(config)?;
        Ok(Self {
            settings,
            warnings,
            progress: Progress::of_stderr(),
            service: None,
            person: None,
            runtime: OnceLock::new(),
        })
    }

    /// Returns whether a service does the work.
    pub fn is_served(&self) -> bool {
        self.service.is_some()
    }

    /// Returns a worker in this process; started by root it becomes the service user. It must be
    /// called before any future is waited for. `writes` says whether the state may be written.
    ///
    /// # Errors
    /// An error if the work may not be done here.
    pub fn own(&self, writes: bool) -> Result<LocalWorker, Failure> {
        let by = caller(self.person.as_deref());
        let service_user = service_user::step_down(&self.settings.state_directory, writes)?;
        if let Some(service_user) = &service_user {
            write_err(&format!("this is done here, as the user {service_user}"));
        }
        Ok(LocalWorker::new(self.settings.clone(), by, service_user))
    }

    /// Waits for a future.
    ///
    /// # Errors
    /// An error if no thread can be started.
    pub fn wait<T>(&self, work: impl Future<Output = T>) -> Result<T, Failure> {
        let runtime = match self.runtime.get() {
            Some(runtime) => runtime,
            None => {
                let new = tokio::runtime::Builder::new_multi_thread()
                    .worker_threads(2)
                    .enable_all()
                    .build()
                    .map_err(|e| {
                        Failure::new(Exit::SYSTEM, format!("no threads can be started: {e}"))
                    })?;
                self.runtime.get_or_init(|| new)
            }
        };
        Ok(runtime.block_on(work))
    }

    /// Sends a request to the service or, without one, carries it out here.
    ///
    /// # Errors
    /// An error if it cannot be done, with what to type instead.
    pub fn ask<R: Listed>(&self, request: R) -> Result<R::Answer, Failure>
    where
        R::Tool: LocalTool,
    {
        match &self.service {
            Some(service) => self.wait(service.ask(&request, &self.progress))?,
            None => {
                let own = self.own(request.writes())?;
                self.wait(own.ask(request, &self.progress))?
            }
        }
    }
}

/// Returns who asks: the user and, with `sudo`, the person behind it.
fn caller(person: Option<&str>) -> String {
    let uid = Uid::current();
    let name = match User::from_uid(uid).ok().flatten() {
        Some(user) => user.name,
        None => format!("uid {uid}"),
    };
    asked_by(&name, person)
}
