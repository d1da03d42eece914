//! What every command needs: the settings, and the service or this process to do the work.
//!
//! The service is asked first, and may be asked although the configuration file cannot be used: it
//! still works with what it read before, and somebody may have to be deactivated now.

use std::cell::RefCell;
use std::path::Path;
use std::sync::OnceLock;

use nix::unistd::{Uid, User};
use tokio::runtime::Runtime;

use crate::config::{Settings, Warning, control_sockets};
use crate::daemon::{ConfigReport, FileNow, StatusReport, asked_by};
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
    /// The settings, or why the configuration file cannot be used.
    settings: Result<Settings, Failure>,
    /// The warnings about the configuration.
    pub warnings: Vec<Warning>,
    /// Shows the progress of the work.
    pub progress: Progress,
    /// The service; `None` where none runs, and this process does the work.
    pub service: Option<Remote>,
    /// The person behind the calling user, if `sudo` names one.
    person: Option<String>,
    /// What is to be said of the configuration file before the service is asked.
    notice: RefCell<Vec<String>>,
    runtime: OnceLock<Runtime>,
}

impl Context {
    /// Reads the configuration, and looks for a running service. Where one works with an earlier
    /// content of the file, the file need not be one that can be used; then this is said.
    ///
    /// # Errors
    /// An error if the service may not be asked, or there is none and the configuration cannot be
    /// used.
    pub fn open(config: &Path) -> Result<Self, Failure> {
        let person = std::env::var("SUDO_USER").ok().filter(|p| !p.is_empty());
        let (settings, warnings) = match Settings::load(config).map_err(Failure::from) {
            Ok((settings, warnings)) => (Ok(settings), warnings),
            Err(failure) => (Err(failure), Vec::new()),
        };
        let mut service = match &settings {
            Ok(settings) => Remote::find(&settings.control_socket, person.clone())?,
            Err(_) => None,
        };
        let mut notice = Vec::new();
        if service.is_none()
            && let Some((remote, status)) = service_of(config, person.clone())
        {
            if let Err(failure) = &settings {
                notice = what_is_in_force(failure, &status);
            }
            service = Some(remote);
        }
        if let (Err(failure), None) = (&settings, &service) {
            return Err(failure.clone());
        }
        Ok(Self {
            settings,
            warnings,
            progress: Progress::of_stderr(),
            service,
            person,
            notice: RefCell::new(notice),
            runtime: OnceLock::new(),
        })
    }

    /// Reads the configuration as [`Context::open`] does, for work done here even beside a service.
    ///
    /// # Errors
    /// An error if the configuration cannot be used.
    pub fn here(config: &Path) -> Result<Self, Failure> {
        let (settings, warnings) = Settings::load(config)?;
        Ok(Self {
            settings: Ok(settings),
            warnings,
            progress: Progress::of_stderr(),
            service: None,
            person: None,
            notice: RefCell::default(),
            runtime: OnceLock::new(),
        })
    }

    /// Returns the settings.
    ///
    /// # Errors
    /// An error if the configuration file cannot be used.
    pub fn settings(&self) -> Result<&Settings, Failure> {
        self.settings.as_ref().map_err(Clone::clone)
    }

    /// Returns what the service says of the configuration file, if the file does not say what is
    /// in force and that is not said anyway.
    ///
    /// # Errors
    /// An error if the service does not answer.
    pub fn edited(&self) -> Result<Option<ConfigReport>, Failure> {
        let (Some(service), Ok(_)) = (&self.service, &self.settings) else {
            return Ok(None);
        };
        let status = self.wait(service.status())??;
        let is_other = |config: &ConfigReport| config.file != FileNow::InForce;
        Ok(status.config_file.filter(is_other))
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
        let settings = self.settings()?;
        let service_user = service_user::step_down(&settings.state_directory, writes)?;
        if let Some(service_user) = &service_user {
            write_err(&format!("this is done here, as the user {service_user}"));
        }
        Ok(LocalWorker::new(settings.clone(), by, service_user))
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
        for line in self.notice.take() {
            write_err(&line);
        }
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

/// Returns the service that works with this configuration file, and its status, if one listens at
/// the socket that the file names or at the usual one.
pub fn service_of(config: &Path, person: Option<String>) -> Option<(Remote, StatusReport)> {
    // A thread would keep root from becoming the service user later.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .ok()?;
    control_sockets(config).iter().find_map(|socket| {
        let remote = Remote::find(socket, person.clone()).ok().flatten()?;
        let status = runtime.block_on(remote.status()).ok()?;
        is_same_file(Path::new(&status.config), config).then_some((remote, status))
    })
}

/// Returns whether two paths name one file, which may be gone.
fn is_same_file(one: &Path, other: &Path) -> bool {
    let whole = |path: &Path| {
        let there = std::fs::canonicalize(path).or_else(|_| std::path::absolute(path));
        there.unwrap_or_else(|_| path.to_owned())
    };
    whole(one) == whole(other)
}

/// Says what is wrong with the file, and that the service works with what it read before. Nothing
/// is said if only the caller cannot use it.
fn what_is_in_force(failure: &Failure, status: &StatusReport) -> Vec<String> {
    let read = match &status.config_file {
        Some(config) if config.file == FileNow::InForce => return Vec::new(),
        Some(config) => format!(" that it read on {}", config.read),
        None => String::new(),
    };
    let mut lines = vec![format!("mattersync: {}", failure.message)];
    lines.extend(failure.more.iter().cloned());
    lines.push(format!(
        "The service still runs with the configuration{read}, and answers this. It will not start \
         again with this file: correct it, then type:"
    ));
    lines.push("  mattersync check".to_owned());
    lines.push(String::new());
    lines
}
