//! For what a cycle waits, so that a person at a terminal is not left in the dark.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::mattermost::Pause;

use super::engine::Pulse;

/// Who answers within this time is not waited for.
const SOON: Duration = Duration::from_millis(700);

/// For what a cycle waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum Wait {
    /// For the directory: so much has arrived of the reading.
    Directory {
        /// Answers that have arrived.
        arrived: u64,
        /// For how long.
        seconds: u64,
    },
    /// For the turn of the next request to Mattermost.
    Pause {
        /// Why it may not start yet.
        why: Pause,
        /// How much longer.
        seconds: u64,
    },
    /// For an answer of Mattermost.
    Mattermost {
        /// For how long.
        seconds: u64,
    },
}

impl fmt::Display for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory { arrived, seconds } => {
                write!(f, "the directory ({arrived} answers in {seconds} s)")
            }
            Self::Pause {
                why: Pause::Pace, ..
            } => f.write_str("the pace (mattermost.requests-per-second)"),
            Self::Pause {
                why: Pause::Courtesy,
                seconds,
            } => write!(f, "others' share of Mattermost's limit ({seconds} s more)"),
            Self::Pause {
                why: Pause::Refused(status),
                seconds,
            } => write!(
                f,
                "Mattermost's limit ({seconds} s more; it refused with status {status})"
            ),
            Self::Mattermost { seconds } => write!(f, "Mattermost's answer (for {seconds} s)"),
        }
    }
}

impl Pulse {
    /// For what the cycle waits now; empty where it does not.
    pub fn waits(&self) -> Vec<Wait> {
        let mut waits = Vec::new();
        if let Some((since, arrived)) = self
            .progress
            .under_way()
            .filter(|(since, _)| *since >= SOON)
        {
            waits.push(Wait::Directory {
                arrived,
                seconds: since.as_secs(),
            });
        }
        if let Some((why, left)) = self.client.pauses() {
            let seconds = left.as_secs_f64().ceil() as u64;
            waits.push(Wait::Pause { why, seconds });
        } else if let Some(since) = self.client.unanswered().filter(|since| *since >= SOON) {
            let seconds = since.as_secs();
            waits.push(Wait::Mattermost { seconds });
        }
        waits
    }
}
