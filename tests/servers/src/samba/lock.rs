//! One domain controller at a time: Samba's ports cannot be chosen.

use std::fs::{File, TryLockError};
use std::time::{Duration, Instant};

use crate::{ServerError, tools};

/// How long to wait for the tests of others.
const PATIENCE: Duration = Duration::from_secs(600);

/// Holds Samba's ports against other tests, in this process and in others, until it is dropped or
/// its process ends.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    /// Waits for its turn.
    pub(super) fn take() -> Result<Self, ServerError> {
        let path = std::env::temp_dir().join("servers-samba.lock");
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(ServerError::io("cannot open", &path))?;
        let until = Instant::now() + PATIENCE;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Self { _file: file }),
                Err(TryLockError::WouldBlock) if Instant::now() < until => {
                    tools::pause(Duration::from_millis(100));
                }
                Err(TryLockError::WouldBlock) => {
                    return Err(ServerError::NotReady {
                        server: "Samba",
                        reason: format!(
                            "another test has held {} for {} s",
                            path.display(),
                            PATIENCE.as_secs()
                        ),
                        log: String::new(),
                    });
                }
                Err(TryLockError::Error(error)) => {
                    return Err(ServerError::io("cannot lock", path)(error));
                }
            }
        }
    }
}
