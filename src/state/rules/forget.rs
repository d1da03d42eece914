//! Forgets old runs, and everything about a person.

use std::collections::BTreeSet;

use super::super::fault::Fault;
use super::super::history::{Erased, People};
use super::super::store::Rows;
use crate::model::{Note, RunId, Timestamp};

/// How many runs are forgotten at once; a cycle does not wait for more.
const AT_ONCE: usize = 50;

/// Returns whether there are old runs or notes to forget.
pub(in super::super) fn has_old(
    rows: &mut dyn Rows,
    before: Timestamp,
    keep: &BTreeSet<RunId>,
) -> Result<bool, Fault> {
    Ok(!rows.old_runs(before, keep, 1)?.is_empty() || rows.has_old_notes(before)?)
}

/// Forgets old runs and notes. Returns how many runs.
pub(in super::super) fn prune(
    rows: &mut dyn Rows,
    before: Timestamp,
    keep: &BTreeSet<RunId>,
) -> Result<u64, Fault> {
    let old = rows.old_runs(before, keep, AT_ONCE)?;
    rows.remove_old_notes(before)?;
    rows.remove_runs(&old)?;
    Ok(u64::try_from(old.len()).unwrap_or(u64::MAX))
}

/// Erases what is recorded of some people, and records a note about that.
pub(in super::super) fn erase(
    rows: &mut dyn Rows,
    who: &People,
    note: &Note,
) -> Result<Erased, Fault> {
    let erased = rows.remove_about(who)?;
    super::note(rows, note)?;
    Ok(erased)
}
