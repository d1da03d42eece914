//! The state file: opened for writing or for reading, unless it was lost.

use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use super::StateError;
use super::copy_facts::not_lost;
use super::directory::{FILE_NAME, prepare_file};
use super::fault::Fault;
use super::migrations::{migrate, newest};
use super::open::{Found, look, open_error, reader, settle_in};

/// Opens the file for writing; makes it or brings it to the newest version as needed. Where there
/// is none beside a copy it is not made: it was lost, and the copy knows what it knew.
pub(super) fn for_writing(directory: &Path) -> Result<Connection, StateError> {
    let path = directory.join(FILE_NAME);
    if !path.exists() {
        not_lost(directory)?;
    }
    prepare_file(directory)?;
    if let Found::Nothing = look(&path)? {
        not_lost(directory)?;
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let open = || -> Result<Connection, rusqlite::Error> {
        let mut db = Connection::open_with_flags(&path, flags)?;
        settle_in(&db)?;
        db.pragma_update(None, "journal_mode", "WAL")?;
        db.pragma_update(None, "synchronous", "FULL")?;
        // What is deleted is personal data.
        db.pragma_update(None, "secure_delete", true)?;
        migrate(&mut db)?;
        Ok(db)
    };
    open().map_err(|error| Fault::from(error).tell(&path))
}

/// Opens the file for reading; `None` if there is none yet. As [`for_writing`] beside a copy.
pub(super) fn for_reading(directory: &Path) -> Result<Option<Connection>, StateError> {
    let path = &directory.join(FILE_NAME);
    match look(path)? {
        Found::Nothing => not_lost(directory).map(|()| None),
        Found::Version(version) if version < newest() => Err(open_error(
            path,
            format!(
                "has schema {version}, and this mattersync reads {}; restart the service, or run \
                 `mattersync sync`, to bring it up to date",
                newest()
            ),
        )),
        Found::Version(_) => reader(path).map(Some),
    }
}
