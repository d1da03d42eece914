//! The lease: one process writes at a time.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::Path;

use super::StateError;
use super::directory::{LEASE_NAME, cannot, create_private, prepare};
use crate::model::Timestamp;

/// How many characters of the command line are recorded at most.
const COMMAND_CHARS: usize = 200;
/// How many bytes of the holder's description are read at most.
const HOLDER_BYTES: u64 = 1024;

/// The right to write in a state directory, held until it is dropped. The system takes it back from
/// a process that dies in any way.
#[derive(Debug)]
pub struct Lease {
    file: File,
}

impl Lease {
    /// Takes the lease of this state directory, which is made if it is missing.
    ///
    /// # Errors
    ///
    /// [`StateError::Busy`] with the holder's description if another process (or another part of
    /// this one) has the lease; [`StateError::Open`] if the directory or the file cannot be used.
    pub fn take(directory: &Path) -> Result<Self, StateError> {
        prepare(directory)?;
        let path = directory.join(LEASE_NAME);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let mut file = create_private(&mut options, &path)
            .map_err(|error| cannot(&path, "cannot be opened", &error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(StateError::Busy {
                    path: path.display().to_string(),
                    holder: holder(&mut file),
                });
            }
            Err(TryLockError::Error(error)) => {
                return Err(cannot(&path, "cannot be locked", &error));
            }
        }
        describe_holder(&mut file).map_err(|error| cannot(&path, "cannot be written", &error))?;
        Ok(Self { file })
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        // Only the lock counts; the description of a process that is gone would mislead.
        let _ = self.file.set_len(0);
        let _ = self.file.unlock();
    }
}

fn describe_holder(file: &mut File) -> std::io::Result<()> {
    let command: String = std::env::args_os()
        .map(|word| word.to_string_lossy().into_owned())
        .collect::<Vec<_>>()
        .join(" ")
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(COMMAND_CHARS)
        .collect();
    let since = Timestamp(jiff::Timestamp::now().as_millisecond());
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "pid {}, {command}, since {since}", std::process::id())
}

fn holder(file: &mut File) -> Option<String> {
    let mut words = Vec::new();
    file.take(HOLDER_BYTES).read_to_end(&mut words).ok()?;
    let words = String::from_utf8_lossy(&words).trim().to_owned();
    (!words.is_empty()).then_some(words)
}
