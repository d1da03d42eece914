//! What can go wrong with a server for tests.

use std::io;
use std::path::PathBuf;

/// Why a server did not start or did not do what it was told.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// A program is missing; the test that needs it fails rather than being skipped.
    #[error("{program} is not installed; install it with: {install}")]
    NotInstalled {
        /// The program that was looked for.
        program: String,
        /// The command that installs it on Debian.
        install: &'static str,
    },
    /// A file or directory of the server could not be used.
    #[error("{doing} {path}: {source}")]
    Io {
        /// What was attempted, as "cannot write".
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// A program ended with a failure.
    #[error("{command} failed ({status}):\n{output}")]
    Failed {
        /// The program and its arguments.
        command: String,
        /// Its exit status.
        status: String,
        /// What it printed, the end of it.
        output: String,
    },
    /// The server ended, or did not answer within its time.
    #[error("{server} is not ready: {reason}; the end of its log:\n{log}")]
    NotReady {
        /// Which server.
        server: &'static str,
        /// What was waited for in vain.
        reason: String,
        /// The end of its log.
        log: String,
    },
    /// A certificate could not be made.
    #[error("cannot make a certificate: {0}")]
    Certificate(#[from] rcgen::Error),
}

impl ServerError {
    /// Wraps an error of the file system.
    pub(crate) fn io(
        doing: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io {
            doing,
            path,
            source,
        }
    }
}
