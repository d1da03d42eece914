//! Why something that was asked for is not done.

use crate::cycle::CycleError;

use super::alike::Instead;
use super::person::PersonError;

/// Why something that was asked for is not done.
#[derive(Debug, thiserror::Error)]
pub enum DeskError {
    /// Nothing of that name is held.
    #[error("nothing is held as {0:?}{rest}", rest = held_list(.1))]
    NothingHeld(String, Vec<String>),
    /// It is not clear who is meant.
    #[error("{0}")]
    Person(#[from] PersonError),
    /// It must not be done, or the plan does not do it.
    #[error("{0}")]
    Refused(String),
    /// It must not be done for many reasons, each a line of its own below the first one.
    #[error("{0}: {more}", more = .1.join("; "))]
    RefusedFor(String, Vec<String>),
    /// The cycle failed.
    #[error("{0}")]
    Cycle(#[from] CycleError),
}

impl DeskError {
    /// Returns the usernames that could be typed instead of the text that named nobody.
    pub fn instead(&self) -> Option<Instead> {
        match self {
            Self::Person(error) => error.instead(),
            _ => None,
        }
    }
}

fn held_list(names: &[String]) -> String {
    if names.is_empty() {
        ": nothing is held at all".to_owned()
    } else {
        format!("; held are: {}", names.join(", "))
    }
}

impl From<crate::state::StateError> for DeskError {
    fn from(error: crate::state::StateError) -> Self {
        Self::Cycle(error.into())
    }
}
