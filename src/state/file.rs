//! Opens the state file for writing or reading, unless it was lost.

use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use super::StateError;
use super::copy_facts::refuse_beside_copy;
use super::directory::{FILE_NAME, prepare_file};
use super::fault::Fault;
use super::migrations::{migrate, newest};
use super::open::{Found, look, open_error, prepare_connection, reader};

/// Opens the file for writing; makes it or brings it to the newest version if necessary. A missing
/// file is not made while there is a copy: then it was lost, and the copy has its contents.
pub(super) fn for_writing(directory: &Path) -> Result<Connection, StateError> {
    let path = directory.join(FILE_NAME);
    if !path.exists() {
        refuse_beside_copy(directory)?;
    }
    prepare_file(directory)?;
    if let Found::Nothing = look(&path)? {
        refuse_beside_copy(directory)?;
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let open = || -> Result<Connection, rusqlite::Error> {
        let mut db = Connection::open_with_flags(&path, flags)?;
        prepare_connection(&db)?;
        db.pragma_update(None, "journal_mode", "WAL")?;
        db.pragma_update(None, "synchronous", "FULL")?;
        // Deleted rows are personal data.
        db.pragma_update(None, "secure_delete", true)?;
        migrate(&mut db)?;
        Ok(db)
    };
    open().map_err(|error| Fault::from(error).at(&path))
}

/// Opens the file for reading; `None` if there is none yet. Beside a copy it does as
/// [`for_writing`].
pub(super) fn for_reading(directory: &Path) -> Result<Option<Connection>, StateError> {
    let path = &directory.join(FILE_NAME);
    match look(path)? {
        Found::Nothing => refuse_beside_copy(directory).map(|()| None),
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
