//! Reads and writes runs and their steps.

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::super::fault::Fault;
use super::super::history::{RunRecord, RunState, Unsettled};
use super::super::json::{from_json, to_json};
use super::super::step_row::{NewStep, StepRow};
use super::{action, any_account, execute, from_column, unknown_word, unsigned};
use crate::model::{RunId, StepId, StepRecord, Timestamp, UserId};

/// The columns of a [`StepRow`], from the second on.
macro_rules! step_columns {
    () => {
        "steps.step, action, provider, account, user, team, intended_at, outcome, settled_at, made,
         superseded_by"
    };
}

pub(super) const STEP_COLUMNS: &str = step_columns!();

/// Adds an open run.
pub(super) fn add(
    db: &Connection,
    began: Timestamp,
    config: &str,
    about: Option<&str>,
) -> Result<RunId, Fault> {
    execute(
        db,
        "INSERT INTO runs (began, state, config, about) VALUES (?1, 'open', ?2, ?3)",
        params![began.0, config, about],
    )?;
    Ok(RunId(db.last_insert_rowid()))
}

/// Returns the number of the last run, removed runs included.
pub(super) fn last(db: &Connection) -> Result<RunId, Fault> {
    let sql = "SELECT seq FROM sqlite_sequence WHERE name = 'runs'";
    let last = db.query_row(sql, [], |row| row.get(0)).optional()?;
    Ok(RunId(last.unwrap_or(0)))
}

/// Raises the number of the next run above `to`.
pub(super) fn skip(db: &Connection, to: RunId) -> Result<(), Fault> {
    if last(db)? < to {
        execute(db, "DELETE FROM sqlite_sequence WHERE name = 'runs'", [])?;
        let sql = "INSERT INTO sqlite_sequence (name, seq) VALUES ('runs', ?1)";
        execute(db, sql, [to.0])?;
    }
    Ok(())
}

/// Adds a step. Returns whether its number was free.
pub(super) fn add_step(
    db: &Connection,
    run: RunId,
    place: usize,
    step: &NewStep,
) -> Result<bool, Fault> {
    let row = &step.row;
    let mut insert = db.prepare_cached(
        "INSERT INTO steps (run, number, position, action, class, provider, account, user, team,
                            name, step, mails, word)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)
         ON CONFLICT (run, number) DO NOTHING",
    )?;
    let inserted = insert.execute(params![
        run.0,
        step.id.0,
        place,
        row.action.name(),
        step.class.map(|class| class.name()),
        row.account.as_ref().map(|key| key.provider.as_str()),
        row.account.as_ref().map(|key| key.id.as_str()),
        row.user.as_ref().map(UserId::as_str),
        row.team,
        step.name,
        step.json,
        step.mails,
        row.outcome_kind().name(),
    ])?;
    Ok(inserted > 0)
}

pub(super) fn step(db: &Connection, run: RunId, step: StepId) -> Result<Option<StepRow>, Fault> {
    let mut select = db.prepare_cached(concat!(
        "SELECT ",
        step_columns!(),
        " FROM steps WHERE run = ?1 AND number = ?2"
    ))?;
    let mut rows = select.query([run.0, i64::from(step.0)])?;
    rows.next()?.map(step_row).transpose()
}

fn step_row(row: &Row<'_>) -> Result<StepRow, Fault> {
    let time = |column: usize| -> Result<Option<Timestamp>, rusqlite::Error> {
        Ok(row.get::<_, Option<i64>>(column)?.map(Timestamp))
    };
    Ok(StepRow {
        action: action(row, 1)?,
        account: any_account(row, 2, 3)?,
        user: row.get::<_, Option<String>>(4)?.map(UserId::new),
        team: row.get(5)?,
        intended: time(6)?,
        outcome: from_column("steps", row, 7)?,
        settled: time(8)?,
        made: from_column("steps", row, 9)?,
        superseded_by: row.get::<_, Option<i64>>(10)?.map(RunId),
    })
}

/// Reads a step with its outcome from a row that begins with [`STEP_COLUMNS`].
pub(super) fn step_record(row: &Row<'_>) -> Result<StepRecord, Fault> {
    let step = from_json("steps", &row.get::<_, String>(0)?)?;
    Ok(step_row(row)?.record(step))
}

/// Writes a step's row.
pub(super) fn put_step(
    db: &Connection,
    run: RunId,
    step: StepId,
    row: &StepRow,
) -> Result<(), Fault> {
    execute(
        db,
        "UPDATE steps SET user = ?3, intended_at = ?4, outcome = ?5, word = ?6, settled_at = ?7,
                          made = ?8, superseded_by = ?9, unsettled = ?10
         WHERE run = ?1 AND number = ?2",
        params![
            run.0,
            step.0,
            row.user.as_ref().map(UserId::as_str),
            row.intended.map(|at| at.0),
            row.outcome.as_ref().map(to_json).transpose()?,
            row.outcome_kind().name(),
            row.settled.map(|at| at.0),
            row.made.as_ref().map(to_json).transpose()?,
            row.superseded_by.map(|run| run.0),
            row.is_unsettled(),
        ],
    )
}

/// Finds the unsettled steps of earlier runs that change the same thing.
pub(super) fn unsettled_like(
    db: &Connection,
    run: RunId,
    row: &StepRow,
) -> Result<Vec<(RunId, StepId)>, Fault> {
    let mut select = db.prepare_cached(
        "SELECT run, number FROM steps
         WHERE unsettled = 1 AND run < ?1 AND action = ?2 AND provider IS ?3 AND account IS ?4
               AND team IS ?6 AND (account IS NOT NULL OR user IS ?5)",
    )?;
    let found = select.query_map(
        params![
            run.0,
            row.action.name(),
            row.account.as_ref().map(|key| key.provider.as_str()),
            row.account.as_ref().map(|key| key.id.as_str()),
            row.user.as_ref().map(UserId::as_str),
            row.team,
        ],
        |row| Ok((RunId(row.get(0)?), StepId(row.get(1)?))),
    )?;
    Ok(found.collect::<Result<_, _>>()?)
}

/// Reads the steps with an unknown outcome.
pub(super) fn unsettled(db: &Connection) -> Result<Vec<Unsettled>, Fault> {
    let mut select = db.prepare_cached(
        "SELECT run, step, intended_at FROM steps WHERE unsettled = 1 ORDER BY run, position",
    )?;
    let mut rows = select.query([])?;
    let mut steps = Vec::new();
    while let Some(row) = rows.next()? {
        steps.push(Unsettled {
            run: RunId(row.get(0)?),
            step: from_json("steps", &row.get::<_, String>(1)?)?,
            at: Timestamp(row.get(2)?),
        });
    }
    Ok(steps)
}

pub(super) fn newest(db: &Connection, most: u32) -> Result<Vec<RunRecord>, Fault> {
    let mut select = db.prepare_cached(
        "SELECT id, began, ended, config, state, about FROM runs ORDER BY id DESC LIMIT ?1",
    )?;
    let mut rows = select.query([most])?;
    let mut runs = Vec::new();
    while let Some(row) = rows.next()? {
        runs.push(record(db, row)?);
    }
    Ok(runs)
}

pub(super) fn one(db: &Connection, run: RunId) -> Result<Option<RunRecord>, Fault> {
    let mut select =
        db.prepare_cached("SELECT id, began, ended, config, state, about FROM runs WHERE id = ?1")?;
    let mut rows = select.query([run.0])?;
    rows.next()?.map(|row| record(db, row)).transpose()
}

fn record(db: &Connection, row: &Row<'_>) -> Result<RunRecord, Fault> {
    let id = RunId(row.get(0)?);
    Ok(RunRecord {
        id,
        began: Timestamp(row.get(1)?),
        ended: row.get::<_, Option<i64>>(2)?.map(Timestamp),
        state: state(&row.get::<_, String>(4)?)?,
        config: row.get(3)?,
        about: from_column("runs", row, 5)?,
        steps: steps(db, id)?,
    })
}

/// Reads the word for a run's state.
pub(super) fn state(word: &str) -> Result<RunState, Fault> {
    Ok(match word {
        "open" => RunState::Open,
        "finished" => RunState::Finished,
        "abandoned" => RunState::Abandoned,
        other => return Err(unknown_word("runs have the state", other)),
    })
}

fn steps(db: &Connection, run: RunId) -> Result<Vec<StepRecord>, Fault> {
    let mut select = db.prepare_cached(concat!(
        "SELECT ",
        step_columns!(),
        " FROM steps WHERE run = ?1 ORDER BY position"
    ))?;
    let mut rows = select.query([run.0])?;
    let mut steps = Vec::new();
    while let Some(row) = rows.next()? {
        steps.push(step_record(row)?);
    }
    Ok(steps)
}

/// Counts runs, steps, and steps that are unsettled.
pub(super) fn count(db: &Connection) -> Result<(u64, u64, u64), Fault> {
    let mut select = db.prepare_cached(
        "SELECT (SELECT count(*) FROM runs), (SELECT count(*) FROM steps),
                (SELECT count(*) FROM steps WHERE unsettled = 1)",
    )?;
    let (runs, steps, unsettled): (i64, i64, i64) = select.query_row([], |row| row.try_into())?;
    Ok((unsigned(runs)?, unsigned(steps)?, unsigned(unsettled)?))
}
