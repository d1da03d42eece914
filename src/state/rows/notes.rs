//! Reads and writes notes.

use rusqlite::{Connection, params};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::super::fault::Fault;
use super::super::json::{from_json, to_json};
use super::any_account;
use crate::model::{Note, RunId, Timestamp, UserId};

/// The two columns with the contents of a note.
#[derive(Serialize, Deserialize)]
struct NoteColumns {
    kind: String,
    value: Value,
}

pub(super) fn add(db: &Connection, note: &Note) -> Result<(), Fault> {
    let says: NoteColumns = from_json("notes", &to_json(&note.what)?)?;
    db.prepare_cached(
        "INSERT INTO notes (run, at, provider, account, user, kind, value)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?
    .execute(params![
        note.run.map(|run| run.0),
        note.at.0,
        note.account.as_ref().map(|key| key.provider.as_str()),
        note.account.as_ref().map(|key| key.id.as_str()),
        note.user.as_ref().map(UserId::as_str),
        says.kind,
        to_json(&says.value)?,
    ])?;
    Ok(())
}

/// Reads the notes of a run, or those outside of runs.
pub(super) fn of(db: &Connection, run: Option<RunId>) -> Result<Vec<Note>, Fault> {
    let mut select = db.prepare_cached(
        "SELECT run, at, provider, account, user, kind, value FROM notes
         WHERE run IS ?1 ORDER BY number",
    )?;
    let mut rows = select.query([run.map(|run| run.0)])?;
    let mut notes = Vec::new();
    while let Some(row) = rows.next()? {
        let says = NoteColumns {
            kind: row.get(5)?,
            value: from_json("notes", &row.get::<_, String>(6)?)?,
        };
        notes.push(Note {
            run: row.get::<_, Option<i64>>(0)?.map(RunId),
            at: Timestamp(row.get(1)?),
            account: any_account(row, 2, 3)?,
            user: row.get::<_, Option<String>>(4)?.map(UserId::new),
            what: from_json("notes", &to_json(&says)?)?,
        });
    }
    Ok(notes)
}
