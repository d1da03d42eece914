//! What became of a step.

use serde::{Deserialize, Serialize};
use strum::{IntoStaticStr, VariantArray};

/// The kind of an outcome, in which lists, filters and JSON speak; in alphabetical order.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    IntoStaticStr,
    VariantArray,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum OutcomeKind {
    /// Done.
    Done,
    /// Its turn never came, or nothing of it arrived.
    NotBegun,
    /// Not done.
    NotDone,
    /// Nobody can tell yet.
    Unknown,
}

impl OutcomeKind {
    /// All kinds.
    pub const ALL: &[Self] = Self::VARIANTS;

    /// Returns its name in lists and in JSON.
    pub fn name(self) -> &'static str {
        self.into()
    }
}

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
    /// Returns its kind.
    pub fn kind(&self) -> OutcomeKind {
        match self {
            Self::Done => OutcomeKind::Done,
            Self::NotDone(_) => OutcomeKind::NotDone,
            Self::NotBegun | Self::NeverArrived(_) => OutcomeKind::NotBegun,
            Self::Unknown(_) => OutcomeKind::Unknown,
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
