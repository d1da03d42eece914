//! Which user an account is, and what was done to that user for the account's sake.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{ProfileField, Timestamp, UserId};

/// "This account is this user."
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// The user.
    pub user: UserId,
    /// How the link came to be.
    pub origin: LinkOrigin,
    /// Since when.
    pub since: Timestamp,
    /// The DN when the account was last seen, for messages about a missing one.
    pub last_dn: String,
    /// The username in the directory when the account was last seen.
    pub last_username: String,
    /// Set while the user is deactivated by us.
    pub deactivated: Option<Deactivation>,
    /// An address that was asked for and waits for the person's click (the server verifies
    /// addresses): asked for once, not again.
    pub email_waiting: Option<String>,
    /// Fields that were set by us, with what was sent and what the server made of it. A field
    /// that never was may hold what the person typed; emptying it is not ours.
    #[serde(default)]
    pub given: BTreeMap<ProfileField, Given>,
    /// The account's second anchor (`attribute=value`) when it was last seen and nobody else had
    /// it, where the configuration names one: by it a person who moved between directories is recognised.
    #[serde(default)]
    pub anchor: Option<String>,
    /// What the user was last seen with that was also what the directory wanted.
    #[serde(default)]
    pub agreed: Agreed,
}

impl Link {
    /// Whether a deactivation was sent, or was about to be, and its outcome was never seen.
    pub fn is_in_doubt(&self) -> bool {
        self.deactivated
            .as_ref()
            .is_some_and(|d| d.delete_at.is_none())
    }
}

/// A user's username and address when both sides last agreed about them. Whoever has another one now
/// while the directory still wants this one has changed it on Mattermost.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agreed {
    /// As the server has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// As the server has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
}

/// A value that we gave to a field. A server may store another one (an unknown locale becomes the
/// default); sending it again at each cycle would change nothing and write every time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Given {
    /// What was sent.
    pub sent: String,
    /// What the server answered.
    pub stored: String,
}

/// How a link came to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LinkOrigin {
    /// We created the user.
    Created,
    /// The user was there before and was adopted.
    Adopted,
}

/// Our own deactivation of a user. Only what is still exactly this may be undone by us.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deactivation {
    /// The server's `delete_at` as it was after our call; `None` from the moment the call was
    /// intended until its outcome is known. An inactive user found then is our work.
    pub delete_at: Option<Timestamp>,
    /// Why, in words.
    pub why: String,
    /// Who ordered it by `mattersync deactivate`. Such a deactivation is never undone by itself.
    pub ordered_by: Option<String>,
}
