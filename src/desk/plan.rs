//! What would be done.

use serde::{Deserialize, Serialize};

use crate::cycle::Engine;

use super::error::DeskError;
use super::holds::note_shown;
use super::request::{Asker, Request};
use crate::observe::PlanFacts;

/// Read both sides and plan.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct ShowPlan {
    /// Writes nothing down, not even that what is held was shown; an approval needs that.
    #[serde(default)]
    pub read_only: bool,
}

impl Request for ShowPlan {
    const NAME: &'static str = "plan";
    type Tool = Engine;
    type Answer = PlanFacts;

    fn writes(&self) -> bool {
        !self.read_only
    }

    fn is_dropped_unheard(&self) -> bool {
        true
    }

    async fn run(self, engine: &mut Engine, asker: &Asker<'_>) -> Result<PlanFacts, DeskError> {
        let view = engine.look(asker.stages).await?;
        if !self.read_only {
            note_shown(engine, &view).await?;
        }
        Ok(view.facts(&engine.clock().now()))
    }
}
