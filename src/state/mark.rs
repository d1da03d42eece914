//! Recognises an older copy of the state file: the number of the last run is in a small file beside
//! it. A state file with a lower number was restored from a copy, or is another file.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

use rusqlite::Connection;

use super::StateError;
use super::directory::{MARK_NAME, cannot, create_private};
use super::fault::Fault;
use super::rows::SqliteRows;
use super::rules::{apply, doubted};
use super::store::Rows;
use crate::model::{Restored, RunId, Timestamp};

/// Returns the number in the mark; `None` if there is none that can be read.
pub(super) fn read(directory: &Path) -> Option<RunId> {
    let text = std::fs::read_to_string(directory.join(MARK_NAME)).ok()?;
    text.trim().parse().ok().map(RunId)
}

/// Raises the mark. Without it, an older copy is only noticed by what is on Mattermost.
pub(super) fn raised(directory: &Path, run: RunId) {
    if let Err(error) = raise(directory, run) {
        tracing::warn!(
            "the file that shows whether the state file is an older copy cannot be \
                        written: {error}"
        );
    }
}

/// Writes the mark without waiting for the disk: if the power fails, the mark may be too low, and
/// then detects less.
fn raise(directory: &Path, run: RunId) -> Result<(), StateError> {
    let path = directory.join(MARK_NAME);
    let fresh = directory.join(format!("{MARK_NAME}.new"));
    let write = || -> std::io::Result<()> {
        let mut options = OpenOptions::new();
        let mut file = create_private(options.write(true).create(true).truncate(true), &fresh)?;
        writeln!(file, "{}", run.0)?;
        std::fs::rename(&fresh, &path)
    };
    write().map_err(|error| cannot(&path, "cannot be written", &error))
}

/// Returns why a file whose last run is `run` is an older copy by the mark. The mark must be read
/// before the file, because a run may begin in between.
pub(super) fn objection(marked: Option<RunId>, run: RunId) -> Option<Restored> {
    let marked = marked.filter(|marked| *marked > run)?;
    Some(restored(match run.0 {
        0 => format!(
            "the state file was lost: run {} was the last that it had recorded",
            marked.0
        ),
        _ => format!(
            "the state file is an older copy: run {} is the last that it knows, and there was a \
             run {}",
            run.0, marked.0
        ),
    }))
}

/// Returns the fact that the state was just found to be an older copy.
pub(super) fn restored(how: String) -> Restored {
    Restored {
        at: Timestamp(jiff::Timestamp::now().as_millisecond()),
        how,
        witnesses: Default::default(),
    }
}

/// Records that the file is an older copy, and forgets what must not be believed any more. The next
/// runs get numbers above that of the mark, so that no number means two runs.
pub(super) fn record_older_copy(
    db: &mut Connection,
    restored: &Restored,
    marked: RunId,
) -> Result<(), Fault> {
    let change = db.transaction()?;
    let mut rows = SqliteRows(&change);
    let memory = rows.memory()?;
    apply(&mut rows, &doubted(&memory, restored))?;
    rows.skip_runs(marked)?;
    Ok(change.commit()?)
}

/// Returns what a state directory without a state file shows about one that was lost.
pub(super) fn lost(directory: &Path) -> Option<Restored> {
    objection(read(directory), RunId(0))
}
