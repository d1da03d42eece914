//! Putting the last copy in the place of a state file that cannot be used.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use serde::Serialize;

use super::directory::{COPY_NAME, FILE_NAME, cannot, create_private};
use super::fault::Fault;
use super::migrations::newest;
use super::rows::SqliteRows;
use super::store::Rows;
use super::{Lease, StateError, mark, open};
use crate::model::{RunId, Timestamp};

/// The last copy, and what the state file beside it is like.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CopyFacts {
    /// Where the copy is.
    pub path: String,
    /// When it was made.
    pub made: Timestamp,
    /// How many links it knows.
    pub links: u64,
    /// The number of its last run; 0 for none.
    pub last_run: i64,
    /// How many runs there were since, as far as that can be told.
    pub lacks: Option<i64>,
    /// What is wrong with the present state file; `None` if nothing is.
    pub damage: Option<String>,
}

/// Looks at the copy in a state directory, and whether it could take over.
///
/// # Errors
/// When there is none, or it cannot be used itself: then also the present file is left alone.
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
    let (links, last_run) = sound(&path)?;
    Ok(CopyFacts {
        path: path.display().to_string(),
        made: Timestamp(made.unwrap_or(0)),
        links,
        last_run,
        lacks: marked.map(|marked| (marked.0 - last_run).max(0)),
        damage: damage(&directory.join(FILE_NAME)),
    })
}

/// Refuses to begin anew beside a copy, which the next run would replace.
///
/// # Errors
/// [`StateError::Open`] if there is a copy.
pub(super) fn not_lost(directory: &Path) -> Result<(), StateError> {
    let copy = directory.join(COPY_NAME);
    if !copy.exists() {
        return Ok(());
    }
    let anew = format!(
        "to begin anew, move {} away: users are found again as adoptions, which wait for approval",
        copy.display()
    );
    let what = match look_at_copy(directory) {
        Ok(facts) => format!(
            "is lost, and its copy is there: `mattersync state restore` puts back what was known \
             on {}, last run {}; or, {anew}",
            facts.made, facts.last_run
        ),
        Err(error) => format!("is lost, and its copy is of no use ({error}); {anew}"),
    };
    Err(StateError::Open {
        path: directory.join(FILE_NAME).display().to_string(),
        what,
    })
}

/// Puts the copy in the place of the state file, under the lease. The old file, with its logs, is
/// kept beside it; its name is returned. What was done since the copy was made is not known: the
/// next cycles hold what they would take away until `mattersync approve restored`.
///
/// # Errors
/// [`StateError::Busy`] while another process has the lease; when the copy cannot be used, or the
/// disk fails. A crash in between leaves no state file or the copy, and both are recognised.
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
    let settle = || -> io::Result<()> {
        std::fs::rename(&fresh, &state)?;
        File::open(directory)?.sync_all()
    };
    settle().map_err(|error| io(&state, error))?;
    let mut db = open::for_writing(directory)?;
    let how = format!("the copy of {} was put back", facts.made);
    let marked = mark::read(directory).unwrap_or(RunId(0));
    let confessed = mark::confess(&mut db, &mark::restored(how), marked);
    confessed.map_err(|fault| fault.tell(&state))?;
    drop(db);
    drop(lease);
    Ok(aside)
}

/// Checks a copy as a whole; its links and its last run.
fn sound(path: &Path) -> Result<(u64, i64), StateError> {
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
        Err(fault) => Err(fault.tell(path)),
    }
}

/// What SQLite finds wrong in a file, at most twenty things.
pub(super) fn integrity(db: &Connection) -> Result<Vec<String>, Fault> {
    let mut check = db.prepare("PRAGMA integrity_check(20)")?;
    let lines = check.query_map([], |row| row.get::<_, String>(0))?;
    let lines: Vec<String> = lines.collect::<Result<_, _>>()?;
    Ok(lines.into_iter().filter(|line| line != "ok").collect())
}

/// What is wrong with the present state file.
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
    let told = |fault: Fault| Some(fault.tell(path).to_string());
    match integrity(&db) {
        Ok(faults) if !faults.is_empty() => {
            return Some(format!(
                "{} is damaged: {}",
                path.display(),
                faults.join("; ")
            ));
        }
        Ok(_) => {}
        Err(fault) => return told(fault),
    }
    SqliteRows(&db).memory().err().and_then(told)
}

/// Gives the present file and its logs other names, the file last: without it the logs mean
/// nothing.
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
