//! What a run tells: of each step while it goes on, and of all at its end.

use crate::mattermost::RandomError;
use crate::model::{Step, StepId};
use crate::state::{Outcome, StateError};

/// The outcome of one step, reported while the run goes on.
#[derive(Clone, Debug)]
pub struct Event<'a> {
    /// The step.
    pub step: &'a Step,
    /// The outcome.
    pub outcome: &'a Outcome,
    /// How many steps have an outcome now.
    pub settled: usize,
    /// How many steps there are.
    pub total: usize,
}

/// Receives the outcome of every step, for the journal and the terminal.
pub type Listener<'a> = dyn Fn(Event<'_>) + Send + Sync + 'a;

/// The result of a run.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// The steps that were carried out.
    pub done: Vec<StepId>,
    /// The steps that were not carried out, and why.
    pub not_done: Vec<(StepId, String)>,
    /// Those of them that found no seat left, as the server's refusal showed. The next cycle lists
    /// these people as waiting.
    pub waiting: Vec<StepId>,
    /// The steps whose outcome is not known, and why.
    pub unknown: Vec<(StepId, String)>,
    /// Why the run ended early or left something for the next cycle. Steps that are in none of the
    /// lists were not begun.
    pub stopped: Option<String>,
}

/// The run could not be recorded or prepared. Nothing more was sent.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// The state could not be read or written.
    #[error("the run was stopped because it could not be recorded: {0}")]
    State(#[from] StateError),
    /// There were no random numbers for a password or nonce.
    #[error("the run was stopped: {0}")]
    Random(#[from] RandomError),
}
