//! Opens the state file, after finding out what it is without writing to it.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::StateError;
use super::fault::advice;
use super::migrations::{APPLICATION_ID, newest};

/// How long to wait for a lock of another program (an open `sqlite3`).
const BUSY: Duration = Duration::from_secs(5);
/// How many prepared statements are kept; there are fewer, so all are kept.
const STATEMENTS: usize = 64;

/// What is at the path of the state file.
pub(super) enum Found {
    /// Nothing yet, or an empty file.
    Nothing,
    /// A state file of this version.
    Version(i64),
}

/// Opens a state file for reading, whatever its schema; `None` if there is none.
pub(super) fn copy(path: &Path) -> Result<Option<Connection>, StateError> {
    match look(path)? {
        Found::Nothing => Ok(None),
        Found::Version(_) => reader(path).map(Some),
    }
}

/// Finds out what a file is, over a second, read-only connection. It does not change a file that is
/// not ours or is newer, and does not fold its write-ahead log into it when it is closed.
pub(super) fn look(path: &Path) -> Result<Found, StateError> {
    match std::fs::metadata(path) {
        Ok(found) if found.len() > 0 => {}
        Ok(_) => return Ok(Found::Nothing),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Found::Nothing),
        Err(error) => return Err(super::directory::cannot(path, "cannot be read", &error)),
    }
    let db = reader(path)?;
    let number = |pragma: &str| -> Result<i64, StateError> {
        db.pragma_query_value(None, pragma, |row| row.get(0))
            .map_err(|error| open_error(path, advice(&error)))
    };
    let (application, version) = (number("application_id")?, number("user_version")?);
    if application != i64::from(APPLICATION_ID) {
        // A first start that was interrupted leaves a header and no table.
        return if application == 0 && version == 0 && number("schema_version")? == 0 {
            Ok(Found::Nothing)
        } else {
            Err(open_error(
                path,
                "is an SQLite file of another program; move it away or name another \
                 state.directory",
            ))
        };
    }
    if version > newest() {
        return Err(StateError::Newer {
            path: path.display().to_string(),
            found: version,
            known: newest(),
        });
    }
    Ok(Found::Version(version))
}

pub(super) fn reader(path: &Path) -> Result<Connection, StateError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let ready = |db: Connection| -> Result<Connection, rusqlite::Error> {
        prepare_connection(&db)?;
        db.pragma_query_value(None, "user_version", |row| row.get::<_, i64>(0))?;
        Ok(db)
    };
    let opened = Connection::open_with_flags(path, flags).and_then(ready);
    let opened = opened.or_else(|error| match is_readable_alone(path, &error) {
        // A reader makes a file beside it too, which a full or read-only disk refuses.
        true => {
            let flags = flags | OpenFlags::SQLITE_OPEN_URI;
            Connection::open_with_flags(immutable(path), flags).and_then(ready)
        }
        false => Err(error),
    });
    opened.map_err(|error| open_error(path, advice(&error)))
}

/// Returns whether a file that could not be opened may be read as if nobody could change it: nobody
/// else has it open, and it is complete.
fn is_readable_alone(path: &Path, error: &rusqlite::Error) -> bool {
    let refused = matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::CannotOpen | ErrorCode::SystemIoFailure | ErrorCode::ReadOnly)
    );
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    let log = std::fs::metadata(Path::new(&log));
    refused && path.is_file() && log.map_or(true, |log| log.len() == 0)
}

/// Returns the file's name in the form in which SQLite takes options.
fn immutable(path: &Path) -> String {
    let path = path.display().to_string();
    let path = path.replace('%', "%25").replace('?', "%3f");
    format!("file:{}?immutable=1", path.replace('#', "%23"))
}

pub(super) fn prepare_connection(db: &Connection) -> Result<(), rusqlite::Error> {
    db.busy_timeout(BUSY)?;
    db.pragma_update(None, "foreign_keys", true)?;
    db.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(())
}

pub(super) fn open_error(path: &Path, what: impl Into<String>) -> StateError {
    StateError::Open {
        path: path.display().to_string(),
        what: what.into(),
    }
}
