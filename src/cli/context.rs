//! What every command needs: the settings, and who does the work.

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

/// The settings, and who does the work.
#[derive(Debug)]
pub struct Context {
    /// What the configuration says.
    pub settings: Settings,
    /// What is unreasonable in it.
    pub warnings: Vec<Warning>,
    /// Shows how far the work is.
    pub progress: Progress,
    /// The service, where one runs; else this process does the work.
    pub service: Option<Remote>,
    /// The person behind the calling user, where `sudo` tells.
    person: Option<String>,
    runtime: OnceLock<Runtime>,
}

impl Context {
    /// Reads the configuration, and looks whether a service runs.
    ///
    /// # Errors
    /// When the configuration cannot be used, or the service may not be asked.
    pub fn open(config: &Path) -> Result<Self, Failure> {
        let mut context = Self::here(config)?;
        let person = std::env::var("SUDO_USER").ok().filter(|p| !p.is_empty());
        context.service = Remote::find(&context.settings.control_socket, person.clone())?;
        context.person = person;
        Ok(context)
    }

    /// Reads the configuration as [`Context::open`] does; the work is done here even if a service
    /// runs.
    ///
    /// # Errors
    /// When the configuration cannot be used.
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

    /// Whether a service does the work.
    pub fn is_served(&self) -> bool {
        self.service.is_some()
    }

    /// Does the work here, as the service user if root asks. To be called before anything is waited
    /// for. `writes` says whether the state may be written.
    ///
    /// # Errors
    /// When the work may not be done here.
    pub fn own(&self, writes: bool) -> Result<LocalWorker, Failure> {
        let by = caller(self.person.as_deref());
        let servant = service_user::step_down(&self.settings.state_directory, writes)?;
        if let Some(servant) = &servant {
            write_err(&format!("this is done here, as the user {servant}"));
        }
        Ok(LocalWorker::new(self.settings.clone(), by, servant))
    }

    /// Waits for something that takes its time.
    ///
    /// # Errors
    /// When no thread can be started.
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

    /// Asks for something: of the service, or of this process.
    ///
    /// # Errors
    /// When it cannot be done, with what to type instead.
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

/// Names who asks: the user and, with `sudo`, the person behind it.
fn caller(person: Option<&str>) -> String {
    let uid = Uid::current();
    let name = match User::from_uid(uid).ok().flatten() {
        Some(user) => user.name,
        None => format!("uid {uid}"),
    };
    asked_by(&name, person)
}
