//! The last copy of the state file, compared with the file.

use std::io;
use std::path::Path;

use rusqlite::Connection;
use serde::Serialize;

use super::directory::{COPY_NAME, FILE_NAME, cannot};
use super::fault::Fault;
use super::migrations::newest;
use super::rows::SqliteRows;
use super::store::Rows;
use super::{StateError, mark, open};
use crate::model::Timestamp;

/// The last copy, and the state of the file beside it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CopyFacts {
    /// Where the copy is.
    pub path: String,
    /// When the copy was made.
    pub made: Timestamp,
    /// How many links it has.
    pub links: u64,
    /// The number of its last run; 0 for none.
    pub last_run: i64,
    /// How many runs were made since then, as far as that can be told.
    pub lacks: Option<i64>,
    /// What is wrong with the present state file; `None` if nothing is.
    pub damage: Option<String>,
}

/// Checks the copy in a state directory, and whether it can replace the state file.
///
/// # Errors
/// There is no copy, or it cannot be used itself. Then the present file is left alone too.
pub fn look_at_copy(directory: &Path) -> Result<CopyFacts, StateError> {
    let path = directory.join(COPY_NAME);
    let found = std::fs::metadata(&path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => StateError::Open {
            path: path.display().to_string(),
            what: "there is no copy: one is made after each run that changes something. Start \
                   without a state file (move a damaged one away): users are found again as \
                   adoptions, which wait for approval"
                .into(),
        },
        _ => cannot(&path, "cannot be read", &error),
    })?;
    let made = found.modified().ok().and_then(|at| {
        let span = at.duration_since(std::time::UNIX_EPOCH).ok()?;
        i64::try_from(span.as_millis()).ok()
    });
    let marked = mark::read(directory);
    let (links, last_run) = check_copy(&path)?;
    Ok(CopyFacts {
        path: path.display().to_string(),
        made: Timestamp(made.unwrap_or(0)),
        links,
        last_run,
        lacks: marked.map(|marked| (marked.0 - last_run).max(0)),
        damage: damage(&directory.join(FILE_NAME)),
    })
}

/// Refuses to begin again without a state file while there is a copy, because the next run would
/// replace the copy.
///
/// # Errors
/// [`StateError::Open`] if there is a copy.
pub(super) fn refuse_beside_copy(directory: &Path) -> Result<(), StateError> {
    let copy = directory.join(COPY_NAME);
    if !copy.exists() {
        return Ok(());
    }
    let anew = format!(
        "to start again without it, move {} away: users are found again as adoptions, which wait \
         for approval",
        copy.display()
    );
    let what = match look_at_copy(directory) {
        Ok(facts) => format!(
            "is lost, and its copy is there: `mattersync state restore` puts back what was known \
             on {}, last run {}; or, {anew}",
            facts.made, facts.last_run
        ),
        Err(error) => format!("is lost, and its copy cannot be used ({error}); {anew}"),
    };
    Err(StateError::Open {
        path: directory.join(FILE_NAME).display().to_string(),
        what,
    })
}

/// Checks a copy as a whole. Returns the number of its links and its last run.
fn check_copy(path: &Path) -> Result<(u64, i64), StateError> {
    let failed = |what: String| StateError::Open {
        path: path.display().to_string(),
        what: format!("the copy cannot be used: {what}"),
    };
    let Some(db) = open::copy(path)? else {
        return Err(failed("it is empty".into()));
    };
    let look = || -> Result<(Vec<String>, u64, i64), Fault> {
        let faults = integrity(&db)?;
        let links = db.query_row(
            "SELECT count(*) FROM accounts WHERE user IS NOT NULL",
            [],
            |row| row.get(0),
        )?;
        Ok((faults, links, SqliteRows(&db).last_run()?.0))
    };
    match look() {
        Ok((faults, links, run)) if faults.is_empty() => Ok((links, run)),
        Ok((faults, ..)) => Err(failed(faults.join("; "))),
        Err(fault) => Err(fault.at(path)),
    }
}

/// Returns what SQLite finds wrong in a file, at most twenty things.
pub(super) fn integrity(db: &Connection) -> Result<Vec<String>, Fault> {
    let mut check = db.prepare("PRAGMA integrity_check(20)")?;
    let lines = check.query_map([], |row| row.get::<_, String>(0))?;
    let lines: Vec<String> = lines.collect::<Result<_, _>>()?;
    Ok(lines.into_iter().filter(|line| line != "ok").collect())
}

/// Returns what is wrong with the present state file.
fn damage(path: &Path) -> Option<String> {
    let db = match open::copy(path) {
        Ok(Some(db)) => db,
        Ok(None) => return Some(format!("{} is not there", path.display())),
        Err(error) => return Some(error.to_string()),
    };
    let version: Result<i64, _> = db.pragma_query_value(None, "user_version", |row| row.get(0));
    if version.is_ok_and(|version| version < newest()) {
        return None;
    }
    let failure = |fault: Fault| Some(fault.at(path).to_string());
    match integrity(&db) {
        Ok(faults) if !faults.is_empty() => {
            return Some(format!(
                "{} is damaged: {}",
                path.display(),
                faults.join("; ")
            ));
        }
        Ok(_) => {}
        Err(fault) => return failure(fault),
    }
    SqliteRows(&db).memory().err().and_then(failure)
}
