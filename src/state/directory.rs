//! The state directory: who may use it, and which files are in it.

use std::fs::{DirBuilder, File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::StateError;
use crate::config::trusted::OTHERS_MAY_WRITE;

/// The state file within the state directory.
pub const FILE_NAME: &str = "state.sqlite";
/// The copy that is made after each run that changed something.
pub const COPY_NAME: &str = "state.sqlite.copy";
/// The file with the number of the last run. It shows whether the state file is an older copy.
pub const MARK_NAME: &str = "last-run";
/// The lock file of the one process that may write.
pub const LEASE_NAME: &str = "lease";

/// Makes the directory (0700) if it is missing, and refuses one that other users could tamper with.
pub(super) fn prepare(directory: &Path) -> Result<(), StateError> {
    let made = DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory);
    if let Err(error) = made {
        return Err(cannot(directory, "cannot be made", &error));
    }
    inspect(directory, true)
}

/// Makes an empty state file (0600) if there is none, and refuses one that others could change.
pub(super) fn prepare_file(directory: &Path) -> Result<PathBuf, StateError> {
    let path = directory.join(FILE_NAME);
    match create_private(OpenOptions::new().write(true).create_new(true), &path) {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => inspect(&path, false)?,
        Err(error) => return Err(cannot(&path, "cannot be made", &error)),
    }
    Ok(path)
}

/// Returns the device and inode of a file, which identify it under any name.
pub(super) fn which(path: &Path) -> io::Result<(u64, u64)> {
    std::fs::metadata(path).map(|found| (found.dev(), found.ino()))
}

/// Opens a file that only we may read.
pub(super) fn create_private(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    options.mode(0o600).open(path)
}

/// Returns a [`StateError::Open`] that quotes the operating system and says what to do.
pub(super) fn cannot(path: &Path, what: &str, error: &io::Error) -> StateError {
    let advice = match error.kind() {
        io::ErrorKind::StorageFull => {
            "; free some space. Nothing is changed in Mattermost until there is space again"
        }
        io::ErrorKind::ReadOnlyFilesystem => {
            "; what is done has to be written down: mount the file system read-write, or name \
             another state.directory"
        }
        io::ErrorKind::PermissionDenied => {
            "; check that the state directory belongs to the user who runs mattersync"
        }
        _ => "",
    };
    StateError::Open {
        path: path.display().to_string(),
        what: format!("{what}: {error}{advice}"),
    }
}

fn inspect(path: &Path, directory: bool) -> Result<(), StateError> {
    let found = std::fs::metadata(path).map_err(|error| cannot(path, "cannot be read", &error))?;
    match objection(&found, directory, nix::unistd::geteuid().as_raw()) {
        None => Ok(()),
        Some(what) => Err(StateError::Open {
            path: path.display().to_string(),
            what,
        }),
    }
}

/// Returns why this file or directory must not be used by the user `us`.
fn objection(found: &Metadata, directory: bool, us: u32) -> Option<String> {
    let (expected, mode) = if directory {
        ("directory", "0700")
    } else {
        ("file", "0600")
    };
    if directory != found.is_dir() {
        return Some(format!(
            "is not a {expected}; move it away or name another state.directory"
        ));
    }
    if found.uid() != us {
        return Some(format!(
            "belongs to user {}, and this process runs as user {us}; run it as the owner, \
             or give the {expected} to the right user with `chown`",
            found.uid()
        ));
    }
    if found.mode() & OTHERS_MAY_WRITE != 0 {
        return Some(format!(
            "can be written by others than its owner (mode {:04o}), so nothing in it can be trusted; \
             look at what it holds, then `chmod {mode}` it",
            found.mode() & 0o7777
        ));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stranger_is_sent_away() {
        let place = tempfile::tempdir().unwrap();
        let found = std::fs::metadata(place.path()).unwrap();
        assert_eq!(objection(&found, true, found.uid()), None);
        let word = objection(&found, true, found.uid() + 1).unwrap();
        assert!(
            word.contains("belongs to user") && word.contains("chown"),
            "{word}"
        );
    }

    #[test]
    fn a_file_is_no_directory() {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("x");
        std::fs::write(&file, "").unwrap();
        assert!(matches!(prepare(&file), Err(StateError::Open { .. })));
    }
}
