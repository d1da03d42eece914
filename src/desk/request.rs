//! What somebody asks for, wherever the work is done: in the service or in the command.
//!
//! A *question* only reads; an *errand* changes something, here or on Mattermost. Both are a type
//! with a [`Request`], a line in [`super::registry`], and a view in the command line.

use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::watch;

use crate::apply::Listener;
use crate::cycle::{Course, Engine, Scope, Sides, Stages};
use crate::model::{Origin, RunKind};
use crate::state::State;

use super::error::DeskError;

/// Who asks, and who hears of the work.
pub struct Asker<'a> {
    /// Who asks, for the record.
    pub by: &'a str,
    /// Hears what the engine is doing.
    pub stages: &'a Stages<'a>,
    /// Hears of every step.
    pub listener: &'a Listener<'a>,
    /// Becomes true when a whole cycle shall end early. What is about one person does not end
    /// early.
    pub stop: watch::Receiver<bool>,
}

impl<'a> Asker<'a> {
    /// Makes the course of a cycle that is run for this person. It does not end early.
    pub(super) fn course(&self, kind: RunKind, scope: Scope) -> Course<'a> {
        Course {
            origin: Origin::asked(kind, self.by),
            scope,
            stop: watch::channel(false).1,
            stages: self.stages,
            listener: self.listener,
        }
    }
}

/// When the service does what was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// After what was asked for before.
    InOrder,
    /// Before everything that waits; a cycle that nobody waits for ends early because of it.
    First,
    /// In the next cycle, which all who ask for one share.
    NextCycle,
}

/// Something that a person asks for and that is answered once.
pub trait Request: Serialize + DeserializeOwned + Send + 'static {
    /// Names it on the control socket.
    const NAME: &'static str;
    /// Whether it can be very large, because it contains a plan.
    const IS_LARGE: bool = false;
    /// What it works with: the [`Record`], so that it waits for no cycle, or the
    /// [`Engine`].
    type Tool: Send;
    /// What comes of it.
    type Answer: Serialize + DeserializeOwned + Send;

    /// Whether it is an errand: one writes to the state, and needs its lease.
    fn writes(&self) -> bool;

    /// Whether the service drops it when nobody waits for the answer any more. Errands are done.
    fn is_dropped_unheard(&self) -> bool {
        !self.writes()
    }

    /// When the service does it.
    fn turn(&self) -> Turn {
        Turn::InOrder
    }

    /// Does it.
    ///
    /// # Errors
    /// When it cannot be done, with what to type instead.
    fn run(
        self,
        tool: &mut Self::Tool,
        asker: &Asker<'_>,
    ) -> impl Future<Output = Result<Self::Answer, DeskError>> + Send;
}

/// The state file alone. It answers while a cycle runs, and while directory and Mattermost are
/// down.
pub struct Record(pub Arc<State>);

/// A question about both sides. The service answers it from what it read last, unless it is asked to
/// read them anew; then, and without a service, it is a [`Request`] like others.
pub trait Question: Request<Tool = Engine> {
    /// Whether both sides are to be read anew.
    fn is_fresh(&self) -> bool;

    /// Answers it.
    ///
    /// # Errors
    /// When it cannot be answered.
    fn answer(self, sides: &Sides) -> impl Future<Output = Result<Self::Answer, DeskError>> + Send;
}
