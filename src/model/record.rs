//! What is written down about a run, for those who look at it later.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{AccountKey, RunId, Timestamp, UserId};

/// Something else that was found out about a person, for example what a leaver leaves alive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// In which run; none for what happened outside of one.
    pub run: Option<RunId>,
    /// When.
    pub at: Timestamp,
    /// About which account, if about one.
    pub account: Option<AccountKey>,
    /// About which user, if about one.
    pub user: Option<UserId>,
    /// What kind of note it is: a word in kebab-case.
    pub kind: String,
    /// What it says.
    pub value: Value,
}
