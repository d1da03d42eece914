//! The copy of the state file that is made after each run that changed something.

use std::fs::{File, OpenOptions};
use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

use rusqlite::backup::Backup;
use rusqlite::{Connection, OpenFlags};

use super::StateError;
use super::directory::{COPY_NAME, cannot, create_private};
use super::fault::Fault;

/// Makes or replaces the copy beside the state file at `path`. A copy that was there stays
/// until the new one is complete, sound and on disk.
pub(super) fn make(db: &Connection, path: &Path) -> Result<(), StateError> {
    let directory = path.parent().unwrap_or(Path::new("."));
    let made = make_in(db, directory);
    if made.is_err() {
        clean(directory);
    }
    made
}

/// Removes the remains of a copy that failed or was cut short.
pub(super) fn clean(directory: &Path) {
    for log in ["", "-journal", "-wal", "-shm"] {
        let left = directory.join(format!("{COPY_NAME}.new{log}"));
        match std::fs::remove_file(&left) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                tracing::warn!("{} cannot be removed: {error}", left.display());
            }
            _ => {}
        }
    }
}

fn make_in(db: &Connection, directory: &Path) -> Result<(), StateError> {
    let copy = directory.join(COPY_NAME);
    let fresh = directory.join(format!("{COPY_NAME}.new"));
    let io = |what: &'static str| {
        let fresh = &fresh;
        move |error: std::io::Error| cannot(fresh, what, &error)
    };
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    let file = create_private(&mut options, &fresh).map_err(io("cannot be made"))?;
    fill(db, &fresh)?;
    file.sync_all().map_err(io("cannot be written to disk"))?;
    std::fs::rename(&fresh, &copy).map_err(io("cannot be renamed"))?;
    File::open(directory)
        .and_then(|directory| directory.sync_all())
        .map_err(io("its directory cannot be written to disk"))
}

fn fill(db: &Connection, fresh: &Path) -> Result<(), StateError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let fill = || -> Result<(), Fault> {
        let mut target = Connection::open_with_flags(fresh, flags)?;
        // The caller syncs the file once, at the end.
        target.pragma_update(None, "synchronous", "OFF")?;
        Backup::new(db, &mut target)?.run_to_completion(i32::MAX, Duration::ZERO, None)?;
        // The copy inherits the journal mode of the original, but has to be complete in one file.
        target.pragma_update(None, "journal_mode", "DELETE")?;
        let verdict: String = target.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
        if verdict == "ok" {
            Ok(())
        } else {
            Err(Fault::Row(verdict))
        }
    };
    fill().map_err(|fault| fault.at(fresh))
}
