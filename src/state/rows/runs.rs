//! Runs and their steps in rows.

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::super::fault::{Fault, no_such_step, not_open, settled_already, step_twice};
use super::super::target::Target;
use super::super::{Outcome, RunRecord, RunState, Settlement, Unsettled};
use super::{from_json, odd, to_json};
use crate::model::{Made, RunId, Step, StepId, StepRecord, Timestamp, UserId};

/// What is told of a step that was begun and whose outcome nobody recorded.
pub(in super::super) const NOT_RECORDED: &str = "begun, and the outcome was not recorded";

/// A step as it will lie in its row.
pub(in super::super) struct StepRow {
    id: StepId,
    name: String,
    target: Target,
    json: String,
}

/// The rows of a plan's steps.
pub(in super::super) fn rows(steps: &[Step]) -> Result<Vec<StepRow>, Fault> {
    steps
        .iter()
        .map(|step| {
            Ok(StepRow {
                id: step.id,
                name: step.subject.name.clone(),
                target: Target::of(step),
                json: to_json(step)?,
            })
        })
        .collect()
}

/// Closes runs that were begun and never finished.
pub(in super::super) fn abandon(db: &Connection) -> Result<(), Fault> {
    db.prepare_cached("UPDATE runs SET state = 'abandoned' WHERE state = 'open'")?
        .execute([])?;
    Ok(())
}

/// Opens a run.
pub(in super::super) fn begin(
    db: &Connection,
    steps: &[StepRow],
    config: &str,
    about: Option<&str>,
    now: Timestamp,
) -> Result<RunId, Fault> {
    abandon(db)?;
    db.prepare_cached(
        "INSERT INTO runs (began, state, config, about) VALUES (?1, 'open', ?2, ?3)",
    )?
    .execute(params![now.0, config, about])?;
    let run = RunId(db.last_insert_rowid());
    let mut insert = db.prepare_cached(
        "INSERT INTO steps (run, number, position, action, class, provider, account, user, team,
                            name, step)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
         ON CONFLICT (run, number) DO NOTHING",
    )?;
    for (position, step) in steps.iter().enumerate() {
        let target = &step.target;
        let inserted = insert.execute(params![
            run.0,
            step.id.0,
            position,
            target.action,
            target.class.map(|class| class.name()),
            target.account.as_ref().map(|key| key.provider.as_str()),
            target.account.as_ref().map(|key| key.id.as_str()),
            target.user.as_ref().map(|user| user.as_str()),
            target.team,
            step.name,
            step.json,
        ])?;
        if inserted == 0 {
            return Err(step_twice(step.id));
        }
    }
    Ok(run)
}

/// Records that the steps are about to be sent.
pub(in super::super) fn intend(
    db: &Connection,
    run: RunId,
    steps: &[StepId],
    now: Timestamp,
) -> Result<(), Fault> {
    let open = db
        .prepare_cached("SELECT 1 FROM runs WHERE id = ?1 AND state = 'open'")?
        .exists([run.0])?;
    if !open {
        return Err(not_open(run));
    }
    for &step in steps {
        refuse_settled(db, run, step)?;
        db.prepare_cached(
            "UPDATE steps SET intended_at = coalesce(intended_at, ?3), 
             unsettled = coalesce(json_extract(result, '$.asked'), 0) = 0
             WHERE run = ?1 AND number = ?2",
        )?
        .execute(params![run.0, step.0, now.0])?;
        supersede(db, run, step)?;
    }
    Ok(())
}

/// The same rule as [`Target::repeats`].
fn supersede(db: &Connection, run: RunId, step: StepId) -> Result<(), Fault> {
    type Text = Option<String>;
    let (action, provider, account, user, team): (String, Text, Text, Text, Text) = db
        .prepare_cached(
            "SELECT action, provider, account, user, team FROM steps
             WHERE run = ?1 AND number = ?2",
        )?
        .query_row(params![run.0, step.0], |row| row.try_into())?;
    db.prepare_cached(
        "UPDATE steps SET unsettled = 0, superseded_by = ?1
         WHERE unsettled = 1 AND run < ?1 AND action = ?2 AND provider IS ?3 AND account IS ?4
               AND team IS ?6 AND (account IS NOT NULL OR user IS ?5)",
    )?
    .execute(params![run.0, action, provider, account, user, team])?;
    Ok(())
}

/// Records what became of a step.
pub(in super::super) fn settle(
    db: &Connection,
    run: RunId,
    step: StepId,
    settlement: &Settlement,
) -> Result<(), Fault> {
    refuse_settled(db, run, step)?;
    let before = made(db, run, step)?;
    let (word, message) = match &settlement.outcome {
        Outcome::Done => ("done", None),
        Outcome::NotDone(message) => ("not-done", Some(message)),
        Outcome::Unknown(message) => ("unknown", Some(message)),
    };
    let made = Made::and_before(settlement.made.clone(), before.as_ref());
    let result = made.as_ref().map(to_json).transpose()?;
    let user = |made: &Option<Made>| made.as_ref().and_then(|made| made.user.clone());
    let (user, earlier) = (user(&made), user(&before));
    // What has an unknown outcome was sent, even if nobody recorded the intent. A user who was
    // created gets to be known by the step, too.
    db.prepare_cached(
        "UPDATE steps SET outcome = ?3, message = ?4, settled_at = ?5, result = ?6,
             user = CASE WHEN user IS ?9 THEN ?7 ELSE user END,
             intended_at = CASE WHEN ?3 = 'unknown' THEN coalesce(intended_at, ?5)
                                ELSE intended_at END,
             unsettled = (?3 = 'unknown' AND NOT ?8 AND superseded_by IS NULL)
         WHERE run = ?1 AND number = ?2",
    )?
    .execute(params![
        run.0,
        step.0,
        word,
        message,
        settlement.at.0,
        result,
        user.as_ref().map(UserId::as_str),
        settlement.made.as_ref().is_some_and(|made| made.asked),
        earlier.as_ref().map(UserId::as_str),
    ])?;
    Ok(())
}

/// What an earlier settlement of a step said that was made.
fn made(db: &Connection, run: RunId, step: StepId) -> Result<Option<Made>, Fault> {
    let result: Option<String> = db
        .prepare_cached("SELECT result FROM steps WHERE run = ?1 AND number = ?2")?
        .query_row(params![run.0, step.0], |row| row.get(0))?;
    result.map(|made| from_json("steps", &made)).transpose()
}

fn refuse_settled(db: &Connection, run: RunId, step: StepId) -> Result<(), Fault> {
    let outcome: Option<Option<String>> = db
        .prepare_cached("SELECT outcome FROM steps WHERE run = ?1 AND number = ?2")?
        .query_row(params![run.0, step.0], |row| row.get(0))
        .optional()?;
    match outcome.as_ref().map(Option::as_deref) {
        None => Err(no_such_step(run, step)),
        Some(None | Some("unknown")) => Ok(()),
        Some(Some(_)) => Err(settled_already(run, step)),
    }
}

/// Closes a run in order.
pub(in super::super) fn finish(
    db: &Connection,
    run: RunId,
    changed: bool,
    now: Timestamp,
) -> Result<(), Fault> {
    let finished = db
        .prepare_cached(
            "UPDATE runs SET ended = ?2, changed = ?3, state = 'finished'
             WHERE id = ?1 AND state = 'open'",
        )?
        .execute(params![run.0, now.0, changed])?;
    if finished == 0 {
        return Err(not_open(run));
    }
    Ok(())
}

/// Steps whose outcome is not known.
pub(in super::super) fn unsettled(db: &Connection) -> Result<Vec<Unsettled>, Fault> {
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

/// The newest runs with their steps.
pub(in super::super) fn runs(db: &Connection, most: u32) -> Result<Vec<RunRecord>, Fault> {
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

/// One run.
pub(in super::super) fn run(db: &Connection, run: RunId) -> Result<Option<RunRecord>, Fault> {
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
        about: match row.get::<_, Option<String>>(5)? {
            Some(about) => Some(from_json("runs", &about)?),
            None => None,
        },
        steps: steps(db, id)?,
    })
}

pub(super) fn state(word: &str) -> Result<RunState, Fault> {
    Ok(match word {
        "open" => RunState::Open,
        "finished" => RunState::Finished,
        "abandoned" => RunState::Abandoned,
        other => return Err(odd("runs have the state", other)),
    })
}

fn steps(db: &Connection, run: RunId) -> Result<Vec<StepRecord>, Fault> {
    let mut select = db.prepare_cached(
        "SELECT step, intended_at, outcome, message, settled_at, result FROM steps
         WHERE run = ?1 ORDER BY position",
    )?;
    let mut rows = select.query([run.0])?;
    let mut steps = Vec::new();
    while let Some(row) = rows.next()? {
        steps.push(step_record(row)?);
    }
    Ok(steps)
}

/// A step with what became of it, from a row that begins with `step`, `intended_at`, `outcome`,
/// `message`, `settled_at`, `result`.
pub(super) fn step_record(row: &Row<'_>) -> Result<StepRecord, Fault> {
    Ok(StepRecord {
        step: from_json("steps", &row.get::<_, String>(0)?)?,
        outcome: outcome(row)?,
        intended: row.get::<_, Option<i64>>(1)?.map(Timestamp),
        settled: row.get::<_, Option<i64>>(4)?.map(Timestamp),
        made: match row.get::<_, Option<String>>(5)? {
            Some(made) => Some(from_json("steps", &made)?),
            None => None,
        },
    })
}

fn outcome(row: &Row<'_>) -> Result<Option<Outcome>, Fault> {
    let begun = row.get::<_, Option<i64>>(1)?.is_some();
    let message = || {
        row.get::<_, Option<String>>(3)
            .map(Option::unwrap_or_default)
    };
    Ok(match row.get::<_, Option<String>>(2)?.as_deref() {
        None if begun => Some(Outcome::Unknown(NOT_RECORDED.into())),
        None => None,
        Some("done") => Some(Outcome::Done),
        Some("not-done") => Some(Outcome::NotDone(message()?)),
        Some("unknown") => Some(Outcome::Unknown(message()?)),
        Some(other) => return Err(odd("steps have the outcome", other)),
    })
}
