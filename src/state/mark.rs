//! How an older copy of the state file is recognised: the number of the last run stands in a small
//! file of its own beside it. A state file that has not come so far was put back, or is another.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

use rusqlite::{Connection, OptionalExtension, params};

use super::StateError;
use super::directory::{MARK_NAME, cannot, create_private};
use super::fault::Fault;
use super::rows::to_json;
use crate::model::{Memory, Restored, RunId, Timestamp};

/// What is forgotten when a file turns out to be an older copy: since when who was missing or
/// back, what people permitted or ordered, what they were shown. All that may have been done, or
/// taken back, since.
const KINDS: [&str; 4] = ["absence", "return", "order", "held"];

/// The number in the mark; `None` if there is none that can be read.
pub(super) fn read(directory: &Path) -> Option<i64> {
    let text = std::fs::read_to_string(directory.join(MARK_NAME)).ok()?;
    text.trim().parse().ok()
}

/// Raises the mark. What is not on disk when the power fails makes the mark too low, which only
/// makes it say less.
pub(super) fn raise(directory: &Path, run: RunId) -> Result<(), StateError> {
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

/// The number of the last run that a state file has recorded, 0 for none. Numbers are not used
/// again, also when runs are forgotten.
pub(super) fn last_run(db: &Connection) -> Result<i64, Fault> {
    let seq = db
        .query_row(
            "SELECT seq FROM sqlite_sequence WHERE name = 'runs'",
            [],
            |row| row.get(0),
        )
        .optional()?;
    Ok(seq.unwrap_or(0))
}

/// What the mark says against a file that has come as far as `run`. The mark is to be read before
/// the file: a run may begin in between.
pub(super) fn objection(marked: Option<i64>, run: i64) -> Option<Restored> {
    let marked = marked.filter(|marked| *marked > run)?;
    Some(restored(match run {
        0 => format!("the state file was lost: run {marked} was the last that it had recorded"),
        _ => format!(
            "the state file is an older copy: run {run} is the last that it knows, and there was \
             a run {marked}"
        ),
    }))
}

/// The state was found to be older just now.
pub(super) fn restored(how: String) -> Restored {
    Restored {
        at: Timestamp(jiff::Timestamp::now().as_millisecond()),
        how,
        witnesses: Default::default(),
    }
}

/// Writes down that the file is an older copy, and forgets what must not be believed any more.
/// Runs go on behind the number of the mark, so that no number means two runs.
pub(super) fn confess(db: &mut Connection, restored: &Restored, marked: i64) -> Result<(), Fault> {
    let change = db.transaction()?;
    for kind in KINDS {
        change.execute("DELETE FROM memory WHERE kind = ?1", [kind])?;
    }
    change.execute("DELETE FROM approvals", [])?;
    change.execute(
        "INSERT OR REPLACE INTO memory (kind, provider, key, value) VALUES ('restored', '', '', ?1)",
        [to_json(restored)?],
    )?;
    if last_run(&change)? < marked {
        change.execute("DELETE FROM sqlite_sequence WHERE name = 'runs'", [])?;
        change.execute(
            "INSERT INTO sqlite_sequence (name, seq) VALUES ('runs', ?1)",
            params![marked],
        )?;
    }
    change.commit()?;
    Ok(())
}

/// The same for what was loaded from a file that may only be read.
pub(super) fn confessed(memory: &mut Memory, restored: &Restored) {
    memory.absences.clear();
    memory.returns.clear();
    memory.orders.clear();
    memory.held.clear();
    memory.approvals.clear();
    memory.restored = Some(restored.clone());
}

/// What a state directory without a state file says of one that was there.
pub fn lost(directory: &Path) -> Option<Restored> {
    objection(read(directory), 0)
}
