//! What became of a step.

use serde::{Deserialize, Serialize};

/// What became of a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Done; the server confirmed it.
    Done,
    /// Not done: the server refused, or what was expected was not found.
    NotDone(String),
    /// Written down and never sent: the run ended before its turn. Nothing failed.
    NotBegun,
    /// Sent, perhaps, and the server knows nothing of it.
    NeverArrived(String),
    /// Sent, and nobody can tell yet; the next reading decides.
    Unknown(String),
}

impl Outcome {
    /// The word for what never began.
    pub const NOT_BEGUN: &'static str = "not-begun";

    /// The word used in lists and in JSON.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::NotDone(_) => "not-done",
            Self::NotBegun | Self::NeverArrived(_) => Self::NOT_BEGUN,
            Self::Unknown(_) => "unknown",
        }
    }

    /// Why it is not done.
    pub fn why(&self) -> Option<&str> {
        match self {
            Self::Done => None,
            Self::NotBegun => Some("the run ended before its turn"),
            Self::NotDone(why) | Self::NeverArrived(why) | Self::Unknown(why) => Some(why),
        }
    }
}
