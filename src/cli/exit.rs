//! Exit codes and failures of commands.

use std::process::ExitCode;

use crate::config::ConfigError;
use crate::cycle::CycleError;
use crate::daemon::{DaemonError, Refusal};
use crate::desk::{DeskError, Instead};
use crate::mattermost::ConnectError;
use crate::model::Unread;
use crate::state::StateError;

/// An exit code. 0 to 4 are ours, the others those of `sysexits.h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Exit(pub u8);

impl Exit {
    /// Done, or all is well. People who are left alone for a reason do not change that.
    pub const DONE: Self = Self(0);
    /// Something failed, or it is not known yet whether it was done.
    pub const FAILED: Self = Self(1);
    /// The command line is wrong.
    pub const USAGE: Self = Self(2);
    /// Something waits for a person.
    pub const HELD: Self = Self(3);
    /// A side could be read only in part: leavers may not be followed today.
    pub const INCOMPLETE: Self = Self(4);
    /// `EX_UNAVAILABLE`: the directory or Mattermost cannot be reached or read.
    pub const UNAVAILABLE: Self = Self(69);
    /// `EX_OSERR`: the operating system refuses.
    pub const SYSTEM: Self = Self(71);
    /// `EX_IOERR`: the state cannot be used.
    pub const STATE: Self = Self(74);
    /// `EX_TEMPFAIL`: another mattersync is at work.
    pub const BUSY: Self = Self(75);
    /// `EX_NOPERM`: no permission.
    pub const NO_PERMISSION: Self = Self(77);
    /// `EX_CONFIG`: the configuration or a secret cannot be used.
    pub const CONFIG: Self = Self(78);
}

/// What the exit code of a plan or a cycle says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// A side could be read only in part.
    pub incomplete: bool,
    /// Something failed, or it is not known yet whether it was done.
    pub failed: bool,
    /// Something waits for a person.
    pub held: bool,
}

impl From<Found> for Exit {
    /// Puts first what concerns the most people. An incomplete reading deactivates nobody, and no
    /// failure of one step and no hold, which may last for days, may hide that.
    fn from(found: Found) -> Self {
        match found {
            Found {
                incomplete: true, ..
            } => Self::INCOMPLETE,
            Found { failed: true, .. } => Self::FAILED,
            Found { held: true, .. } => Self::HELD,
            Found { .. } => Self::DONE,
        }
    }
}

impl Found {
    /// Returns the exit code of a command that only shows both sides.
    pub fn shown(unread: &[Unread]) -> Exit {
        Self {
            incomplete: !unread.is_empty(),
            ..Self::default()
        }
        .into()
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.0)
    }
}

/// The failure of a command that could not do what was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What failed, why, and what to do; never a secret.
    pub message: String,
    /// More lines below the message.
    pub more: Vec<String>,
    /// The exit code.
    pub exit: Exit,
    /// What could be typed instead, if the text named nobody.
    pub instead: Option<Instead>,
}

impl Failure {
    /// Returns a failure with this message.
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            more: Vec::new(),
            exit,
            instead: None,
        }
    }

    /// Returns a failure with a text of several lines, all written by this program.
    fn of_lines(exit: Exit, text: &str) -> Self {
        let mut lines = text.lines().map(str::to_owned);
        let message = lines.next().unwrap_or_default();
        Self {
            more: lines.collect(),
            ..Self::new(exit, message)
        }
    }

    /// Returns the failure with one more line.
    pub fn and(mut self, line: impl Into<String>) -> Self {
        self.more.push(line.into());
        self
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::of_lines(Exit::CONFIG, &error.to_string())
    }
}

impl From<StateError> for Failure {
    fn from(error: StateError) -> Self {
        Self::from(CycleError::State(error))
    }
}

impl From<CycleError> for Failure {
    fn from(error: CycleError) -> Self {
        let exit = Exit(error.exit_code());
        match &error {
            CycleError::Secret(secret) | CycleError::Connect(ConnectError::Token(secret)) => {
                Self::new(exit, error.to_string()).and(format!("    {}", secret.remedy()))
            }
            CycleError::State(StateError::Busy { .. }) => Self::new(
                exit,
                format!(
                    "{error}. It does not answer on the control socket: if it is a command, wait \
                     until it has ended; if it is the service, look at `systemctl status \
                     mattersync` and at control.socket in its configuration"
                ),
            ),
            _ => Self::new(exit, error.to_string()),
        }
    }
}

impl From<DeskError> for Failure {
    fn from(error: DeskError) -> Self {
        match error {
            DeskError::Cycle(error) => error.into(),
            DeskError::RefusedFor(message, more) => Self {
                more,
                ..Self::new(Exit::FAILED, format!("{message}:"))
            },
            other => Self {
                instead: other.instead(),
                ..Self::new(Exit::FAILED, other.to_string())
            },
        }
    }
}

impl From<DaemonError> for Failure {
    fn from(error: DaemonError) -> Self {
        Self::of_lines(Exit(error.exit_code()), &error.to_string())
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self {
            more: refusal.more,
            instead: refusal.instead,
            ..Self::new(Exit(refusal.exit), refusal.message)
        }
    }
}
