//! How far a directory's server has come, by its own word.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Timestamp;

/// A server's word of its last change. Stamps of different kinds, or of changes that were made at
/// different servers, cannot be compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChangeStamp {
    /// Active Directory's `highestCommittedUSN`: a count of one server's own changes.
    Count(i64),
    /// A value of OpenLDAP's `contextCSN` (`time#count#server#modifier`).
    Moment {
        /// The server where the change was made, by its `serverID`.
        origin: String,
        /// When, in whole seconds.
        at: Timestamp,
    },
}

impl fmt::Display for ChangeStamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(count) => write!(f, "{count}"),
            Self::Moment { at, .. } => write!(f, "{at}"),
        }
    }
}
