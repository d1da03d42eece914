//! Errors inside the room, and how they are reported to people.

use std::path::Path;

use rusqlite::ErrorCode;

use super::StateError;
use super::fence::Fence;
use crate::model::{AccountKey, RunId, StepId, UserId};

/// Why a command failed, before the path of the file is known.
#[derive(Debug)]
pub enum Fault {
    /// SQLite reported it.
    Sqlite(rusqlite::Error),
    /// A row contains what this version does not write.
    Row(String),
    /// The rules of the store forbid it.
    Refused(String),
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl Fault {
    /// Returns the error for the caller, with the path and what to do.
    pub(super) fn at(&self, path: &Path) -> StateError {
        let what = match self {
            Self::Refused(what) => return StateError::Refused(what.clone()),
            Self::Sqlite(error) => advice(error),
            Self::Row(what) => format!(
                "holds something that mattersync did not write ({what}); {}",
                restore()
            ),
        };
        StateError::Failed {
            path: path.display().to_string(),
            what,
        }
    }
}

/// Returns what to do about an error of SQLite.
pub(super) fn advice(error: &rusqlite::Error) -> String {
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => "the disk is full; free some space. What was confirmed \
             before is safe, and nothing is changed in Mattermost until there is space again"
            .into(),
        Some(ErrorCode::ReadOnly) => "cannot be written; check that the file system is mounted \
             read-write and that file and directory belong to the user who runs mattersync"
            .into(),
        Some(ErrorCode::SystemIoFailure) => format!(
            "the disk failed ({error}); look for disk errors in `journalctl -k`, and whether \
             the file system is full or mounted read-only"
        ),
        Some(ErrorCode::DatabaseCorrupt) => format!("is damaged ({error}); {}", restore()),
        Some(ErrorCode::NotADatabase) => format!("is not an SQLite file; {}", restore()),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => "another program keeps it \
             locked, perhaps an open `sqlite3`; close that program"
            .into(),
        Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => "cannot be opened; check \
             that file and directory belong to the user who runs mattersync"
            .into(),
        _ => format!("SQLite says: {error}"),
    }
}

fn restore() -> &'static str {
    "stop mattersync and type `mattersync state restore`, which puts the last copy \
     (state.sqlite.copy) in its place; without a copy move the file away together with those that \
     end in -wal and -shm: users are found again as adoptions, which wait for approval"
}

pub(super) fn linked_twice(user: &UserId, holder: &AccountKey, account: &AccountKey) -> Fault {
    Fault::Refused(format!(
        "user {user} is linked to account {holder} and cannot be linked to {account} as well: \
         look at `mattersync conflicts`, and remove one of the links with `mattersync unlink`"
    ))
}

pub(super) fn not_open(run: RunId) -> Fault {
    Fault::Refused(format!("run {} is not open", run.0))
}

pub(super) fn no_such_run(run: RunId) -> Fault {
    Fault::Refused(format!("there is no run {}", run.0))
}

pub(super) fn no_such_step(run: RunId, step: StepId) -> Fault {
    Fault::Refused(format!("run {} has no step {}", run.0, step.0))
}

pub(super) fn settled_already(run: RunId, step: StepId) -> Fault {
    Fault::Refused(format!("step {} of run {} is settled", step.0, run.0))
}

pub(super) fn step_twice(step: StepId) -> Fault {
    Fault::Refused(format!("the plan has two steps with number {}", step.0))
}

pub(super) fn lease_lost(ours: Fence, newest: Fence) -> Fault {
    Fault::Refused(format!(
        "another mattersync took over (lease {}, this one had {}): nothing is written by this one \
         any more; stop it, or restart it",
        newest.0, ours.0
    ))
}
