//! What a person has seen of what is held: an approval releases no more than that.

use crate::cycle::{CycleError, Engine, View};
use crate::model::{HoldChange, MemoryDelta, Remember, ServerChange};

/// Notes that a person sees everything that is held in this view.
///
/// # Errors
/// When the state cannot be written.
pub async fn note_shown(engine: &Engine, view: &View) -> Result<(), CycleError> {
    let is_shown = |l: &&Remember| {
        matches!(
            l,
            Remember::Hold(_, HoldChange::Shown(..))
                | Remember::Server(ServerChange::Restored(Some(_)))
        )
    };
    note(engine, view, is_shown).await
}

/// Notes that a person sees what is held in a view of a part of the plan. Nothing follows for what
/// else is held.
///
/// # Errors
/// When the state cannot be written.
pub async fn note_shown_in_part(engine: &Engine, view: &View) -> Result<(), CycleError> {
    let is_shown = |l: &&Remember| matches!(l, Remember::Hold(_, HoldChange::Shown(Some(_))));
    note(engine, view, is_shown).await
}

async fn note(
    engine: &Engine,
    view: &View,
    is_shown: impl FnMut(&&Remember) -> bool,
) -> Result<(), CycleError> {
    let learned = view.plan.learned.iter();
    let shown: MemoryDelta = learned.filter(is_shown).cloned().collect();
    if !shown.is_empty() {
        engine.store().observe(shown).await?;
    }
    Ok(())
}
