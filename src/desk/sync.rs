//! A cycle now.

use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::apply::Listener;
use crate::cycle::{CycleError, Engine, Stages, Summary};
use crate::model::{Origin, RunKind};

use super::error::DeskError;
use super::holds::note_shown;
use super::request::{Asker, Request, Turn};
use crate::observe::CycleFacts;

/// Do one cycle now.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Sync {}

impl Request for Sync {
    const NAME: &'static str = "sync";
    type Tool = Engine;
    type Answer = CycleFacts;

    fn writes(&self) -> bool {
        true
    }

    fn turn(&self) -> Turn {
        Turn::NextCycle
    }

    async fn run(self, engine: &mut Engine, asker: &Asker<'_>) -> Result<CycleFacts, DeskError> {
        let stop = asker.stop.clone();
        let cycle = cycle_for(engine, asker.by, stop, asker.stages, asker.listener);
        Ok(cycle.await?.facts)
    }
}

/// Runs a cycle for somebody, who gets to see what it holds.
///
/// # Errors
/// As [`Engine::run`].
pub async fn cycle_for(
    engine: &mut Engine,
    by: &str,
    stop: watch::Receiver<bool>,
    stages: &Stages<'_>,
    listener: &Listener<'_>,
) -> Result<Summary, CycleError> {
    let origin = Origin::asked(RunKind::Sync, by);
    let summary = engine.run_for(origin, stop, stages, listener).await?;
    note_shown(engine, &summary.view).await?;
    Ok(summary)
}
