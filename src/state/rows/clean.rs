//! Removes old runs, and everything about a person.

use std::collections::BTreeSet;

use rusqlite::{Connection, params};

use super::super::fault::Fault;
use super::super::history::{Erased, People};
use super::super::json::to_json;
use crate::model::{RunId, Timestamp};

/// Returns the oldest runs that began before a moment, have ended, and have no unknown outcome.
pub(super) fn old_runs(
    db: &Connection,
    before: Timestamp,
    keep: &BTreeSet<RunId>,
    most: usize,
) -> Result<Vec<RunId>, Fault> {
    let mut select = db.prepare_cached(
        "SELECT id FROM runs WHERE began < ?1 AND state <> 'open'
         AND NOT EXISTS (SELECT 1 FROM steps WHERE run = runs.id AND unsettled = 1)
         AND id NOT IN (SELECT value FROM json_each(?2))
         ORDER BY id LIMIT ?3",
    )?;
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    let mut rows = select.query(params![before.0, to_json(keep)?, most])?;
    let mut old = Vec::new();
    while let Some(row) = rows.next()? {
        old.push(RunId(row.get(0)?));
    }
    Ok(old)
}

/// Removes runs with their steps and notes.
pub(super) fn remove_runs(db: &Connection, runs: &[RunId]) -> Result<(), Fault> {
    if runs.is_empty() {
        return Ok(());
    }
    let ids = to_json(&runs)?;
    // A step of a run that stays only remembers that something came after it.
    for sql in [
        "UPDATE steps SET superseded_by = run
         WHERE superseded_by IN (SELECT value FROM json_each(?1))",
        "DELETE FROM notes WHERE run IN (SELECT value FROM json_each(?1))",
        "DELETE FROM steps WHERE run IN (SELECT value FROM json_each(?1))",
        "DELETE FROM runs WHERE id IN (SELECT value FROM json_each(?1))",
    ] {
        db.prepare_cached(sql)?.execute([&ids])?;
    }
    Ok(())
}

/// Removes the steps and notes about these people.
pub(super) fn remove_about(db: &Connection, who: &People) -> Result<Erased, Fault> {
    let mut erased = Erased::default();
    for key in &who.accounts {
        let account = params![key.provider.as_str(), key.id.as_str()];
        let delete = |table: &str| -> Result<u64, Fault> {
            let sql = format!("DELETE FROM {table} WHERE provider = ?1 AND account = ?2");
            Ok(number(db.prepare_cached(&sql)?.execute(account)?))
        };
        erased.steps += delete("steps")?;
        erased.notes += delete("notes")?;
    }
    for user in &who.users {
        let delete = |table: &str| -> Result<u64, Fault> {
            let sql = format!("DELETE FROM {table} WHERE user = ?1");
            Ok(number(db.prepare_cached(&sql)?.execute([user.as_str()])?))
        };
        erased.steps += delete("steps")?;
        erased.notes += delete("notes")?;
    }
    Ok(erased)
}

fn number(rows: usize) -> u64 {
    u64::try_from(rows).unwrap_or(u64::MAX)
}

/// The unused part of the file from which on the file is rewritten: a quarter, and at least 4 MB.
const REWRITE_FROM: (i64, i64) = (4, 1_000);

/// Returns unused parts of the file to the file system, if they are large.
pub(in super::super) fn tidy(db: &Connection) -> Result<(), rusqlite::Error> {
    let number = |pragma| db.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0));
    let (unused, all) = (number("freelist_count")?, number("page_count")?);
    let (part, least) = REWRITE_FROM;
    if unused < least || unused.saturating_mul(part) < all {
        return Ok(());
    }
    scrub(db)
}

/// Rewrites the file, so that neither it nor its log contains anything that was deleted.
pub(in super::super) fn scrub(db: &Connection) -> Result<(), rusqlite::Error> {
    // Prepared statements would keep the file from being rewritten.
    db.flush_prepared_statement_cache();
    db.execute_batch("VACUUM")?;
    let busy: i64 = db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
    match busy {
        0 => Ok(()),
        _ => Err(rusqlite::Error::SqliteFailure(
            rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY),
            None,
        )),
    }
}
