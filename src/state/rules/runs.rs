//! The rules of runs: open from beginning to end; a step is intended, then settled, once.

use super::super::fault::{
    Fault, no_such_run, no_such_step, not_open, settled_already, step_twice,
};
use super::super::history::Settlement;
use super::super::step_row::{NewStep, StepRow};
use super::super::store::Rows;
use super::super::{Outcome, RunState};
use crate::model::{Made, Note, RunId, StepId, Timestamp};

/// Opens a run. A run that was never finished is closed.
///
/// # Errors
/// [`Fault::Refused`] if two steps have one number.
pub(in super::super) fn begin(
    rows: &mut dyn Rows,
    steps: &[NewStep],
    config: &str,
    about: Option<&str>,
    now: Timestamp,
) -> Result<RunId, Fault> {
    rows.abandon_runs()?;
    let run = rows.add_run(now, config, about)?;
    for (place, step) in steps.iter().enumerate() {
        if !rows.add_step(run, place, step)? {
            return Err(step_twice(step.id));
        }
    }
    Ok(run)
}

/// Records that steps of an open run are about to be sent. If an earlier run began the same change,
/// and its outcome is not known, that step is superseded.
///
/// # Errors
/// [`Fault::Refused`] if the run is not open, or a step is settled or does not exist.
pub(in super::super) fn intend(
    rows: &mut dyn Rows,
    run: RunId,
    steps: &[StepId],
    now: Timestamp,
) -> Result<(), Fault> {
    if rows.run_state(run)? != Some(RunState::Open) {
        return Err(not_open(run));
    }
    for &id in steps {
        let mut row = unsettled_step(rows, run, id)?;
        row.intended.get_or_insert(now);
        rows.put_step(run, id, &row)?;
        for (earlier, step) in rows.unsettled_like(run, &row)? {
            if let Some(mut superseded) = rows.step(earlier, step)? {
                superseded.superseded_by = Some(run);
                rows.put_step(earlier, step, &superseded)?;
            }
        }
    }
    Ok(())
}

/// Records the outcome of a step.
///
/// # Errors
/// [`Fault::Refused`] if the step is settled or does not exist.
pub(in super::super) fn settle(
    rows: &mut dyn Rows,
    run: RunId,
    step: StepId,
    settlement: &Settlement,
) -> Result<(), Fault> {
    let mut row = unsettled_step(rows, run, step)?;
    if matches!(settlement.outcome, Outcome::Unknown(_)) {
        // A step with an unknown outcome was sent, even if its intent was not recorded.
        row.intended.get_or_insert(settlement.at);
    }
    // The row of the step gets the user that it created.
    let user = |made: &Option<Made>| made.as_ref().and_then(|made| made.user.clone());
    let is_made = row.user == user(&row.made);
    row.made = Made::and_before(settlement.made.clone(), row.made.as_ref());
    if is_made {
        row.user = user(&row.made);
    }
    row.outcome = Some(settlement.outcome.clone());
    row.settled = Some(settlement.at);
    rows.put_step(run, step, &row)
}

fn unsettled_step(rows: &mut dyn Rows, run: RunId, step: StepId) -> Result<StepRow, Fault> {
    match rows.step(run, step)? {
        None => Err(no_such_step(run, step)),
        Some(row) if row.is_settled() => Err(settled_already(run, step)),
        Some(row) => Ok(row),
    }
}

/// Closes a run in order.
///
/// # Errors
/// [`Fault::Refused`] if the run is not open.
pub(in super::super) fn finish(
    rows: &mut dyn Rows,
    run: RunId,
    changed: bool,
    now: Timestamp,
) -> Result<(), Fault> {
    match rows.run_state(run)? {
        Some(RunState::Open) => rows.finish_run(run, changed, now),
        _ => Err(not_open(run)),
    }
}

/// Records a note.
///
/// # Errors
/// [`Fault::Refused`] if it names a run that does not exist.
pub(in super::super) fn note(rows: &mut dyn Rows, note: &Note) -> Result<(), Fault> {
    if let Some(run) = note.run
        && rows.run_state(run)?.is_none()
    {
        return Err(no_such_run(run));
    }
    rows.add_note(note)
}
