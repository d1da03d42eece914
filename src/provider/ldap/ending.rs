//! How a connection ended.

use std::io;
use std::sync::{Arc, OnceLock};

use super::frame::Outcome;

/// How a connection ended, if not by us.
#[derive(Debug)]
pub(super) enum Ended {
    /// The server closed it.
    Closed,
    /// The server closed it and said why.
    Notice(Outcome),
    /// The operating system or TLS reported an error.
    Io(io::Error),
    /// The server sent what could harm us.
    Violation(&'static str),
}

/// Where the relay writes how the connection ended, before the library can notice that it did.
pub(super) type Ending = Arc<OnceLock<Ended>>;
