//! The outcome of a step.

use serde::{Deserialize, Serialize};
use strum::{IntoStaticStr, VariantArray};

/// The kind of an outcome, used in lists, filters and JSON; in alphabetical order.
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
    /// The server confirmed it.
    Done,
    /// It was never sent, or nothing of it arrived.
    NotBegun,
    /// The server refused it, or it could not be sent.
    NotDone,
    /// It is not known yet.
    Unknown,
}

impl OutcomeKind {
    /// Every kind.
    pub const ALL: &[Self] = Self::VARIANTS;

    /// Returns its name in lists and in JSON.
    pub fn name(self) -> &'static str {
        self.into()
    }
}

/// The outcome of a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// The server confirmed it.
    Done,
    /// The server refused it, or what was expected was not found.
    NotDone(String),
    /// It was recorded and never sent, because the run ended before its turn. Nothing failed.
    NotBegun,
    /// It may have been sent, but the server has nothing of it.
    NeverArrived(String),
    /// It was sent, and its effect is not known yet; the next reading decides.
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

    /// Returns why the step is not done.
    pub fn why(&self) -> Option<&str> {
        match self {
            Self::Done => None,
            Self::NotBegun => Some("the run ended before its turn"),
            Self::NotDone(why) | Self::NeverArrived(why) | Self::Unknown(why) => Some(why),
        }
    }
}
