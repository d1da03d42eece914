//! Why the daemon could not begin, or had to end.

use crate::config::ConfigError;
use crate::cycle::CycleError;
use crate::state::StateError;

/// Why the daemon could not begin, or had to end.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// The configuration.
    #[error("{0}")]
    Config(#[from] ConfigError),
    /// The state.
    #[error("{0}")]
    State(#[from] StateError),
    /// The way to one of the sides.
    #[error("{0}")]
    Cycle(#[from] CycleError),
    /// The control socket.
    #[error(
        "the control socket {path} cannot be made: {error}. Its directory must exist and belong \
         to the service user (systemd's RuntimeDirectory= makes it), or set control.socket"
    )]
    Control {
        /// Which socket.
        path: String,
        /// What happened.
        error: std::io::Error,
    },
    /// Signals or threads.
    #[error("the operating system refuses: {0}")]
    System(#[from] std::io::Error),
}

impl DaemonError {
    /// The exit code (sysexits.h): 71 operating system, 73 control socket, 74 state, 75 another
    /// mattersync, 78 configuration.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Config(_) => 78,
            Self::State(StateError::Busy { .. }) => 75,
            Self::State(_) => 74,
            Self::Cycle(error) => error.exit_code(),
            Self::Control { .. } => 73,
            Self::System(_) => 71,
        }
    }
}
