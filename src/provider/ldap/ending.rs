//! The end of a connection.

use std::io;
use std::sync::{Arc, OnceLock};

use super::frame::Outcome;

/// How a connection ended, if we did not end it.
#[derive(Debug)]
pub(super) enum Ended {
    /// The server closed it.
    Closed,
    /// The server closed it and said why.
    Notice(Outcome),
    /// The operating system or TLS reported an error.
    Io(io::Error),
    /// The server sent a message that could harm us.
    Violation(&'static str),
}

/// Where the relay records how the connection ended, before the library can notice the end.
pub(super) type Ending = Arc<OnceLock<Ended>>;
