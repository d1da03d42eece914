//! Replaces a state file that cannot be used by the last copy.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use super::copy_facts::look_at_copy;
use super::directory::{COPY_NAME, FILE_NAME, cannot, create_private};
use super::{Lease, StateError, file, mark};
use crate::model::RunId;

/// Puts the copy in the place of the state file, under the lease. The old file, with its logs, is
/// kept beside it; its name is returned. What was done since the copy was made is not known, so the
/// next cycles hold what they would take away until `mattersync approve restored`.
///
/// # Errors
/// [`StateError::Busy`] while another process has the lease; another error when the copy cannot be
/// used, or the disk fails. A crash in between leaves no state file or the copy, and both are
/// recognised.
pub fn restore(directory: &Path) -> Result<Option<PathBuf>, StateError> {
    let lease = Lease::take(directory)?;
    let facts = look_at_copy(directory)?;
    let (copy, state) = (directory.join(COPY_NAME), directory.join(FILE_NAME));
    let fresh = directory.join(format!("{FILE_NAME}.new"));
    let io = |path: &Path, error: io::Error| cannot(path, "cannot be written", &error);
    let fill = || -> io::Result<()> {
        let mut options = OpenOptions::new();
        let mut to = create_private(options.write(true).create(true).truncate(true), &fresh)?;
        io::copy(&mut File::open(&copy)?, &mut to)?;
        to.sync_all()
    };
    fill().map_err(|error| io(&fresh, error))?;
    let aside = move_aside(directory).map_err(|error| io(&state, error))?;
    let put_back = || -> io::Result<()> {
        std::fs::rename(&fresh, &state)?;
        File::open(directory)?.sync_all()
    };
    put_back().map_err(|error| io(&state, error))?;
    let mut db = file::for_writing(directory)?;
    let how = format!("the copy of {} was put back", facts.made);
    let marked = mark::read(directory).unwrap_or(RunId(0));
    let confessed = mark::record_older_copy(&mut db, &mark::restored(how), marked);
    confessed.map_err(|fault| fault.at(&state))?;
    drop(db);
    drop(lease);
    Ok(aside)
}

/// Renames the present file and its logs, the file last, because the logs are useless without it.
fn move_aside(directory: &Path) -> io::Result<Option<PathBuf>> {
    let state = directory.join(FILE_NAME);
    if !state.exists() {
        for log in ["-wal", "-shm"] {
            gone(std::fs::remove_file(
                directory.join(format!("{FILE_NAME}{log}")),
            ))?;
        }
        return Ok(None);
    }
    let now = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%S%3fZ");
    let aside = directory.join(format!("{FILE_NAME}.damaged-{now}"));
    for log in ["-wal", "-shm"] {
        let from = directory.join(format!("{FILE_NAME}{log}"));
        let to = directory.join(format!("{FILE_NAME}.damaged-{now}{log}"));
        gone(std::fs::rename(from, to))?;
    }
    std::fs::rename(&state, &aside)?;
    Ok(Some(aside))
}

fn gone(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
