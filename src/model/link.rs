//! Links: which user an account is, and what was done to that user because of the account.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Nonce, ProfileField, Timestamp, User, UserId};

/// "This account is this user."
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// The user.
    pub user: UserId,
    /// How the link came to be.
    pub origin: LinkOrigin,
    /// Since when the account is linked.
    pub since: Timestamp,
    /// The DN when the account was last seen, for messages about a missing one.
    pub last_dn: String,
    /// The username in the directory when the account was last seen.
    pub last_username: String,
    /// Our deactivation of the user, as long as it lasts.
    pub deactivated: Option<Deactivation>,
    /// An address that was requested and waits for the person's confirmation, because the server
    /// verifies addresses. It is requested once, not again.
    pub email_waiting: Option<String>,
    /// Fields that we set, with what was sent and what the server stored. A field that we never set
    /// may hold what the person typed; we do not empty it.
    #[serde(default)]
    pub given: BTreeMap<ProfileField, Given>,
    /// The account's second anchor (`attribute=value`), where the configuration names one, as it
    /// was when the account was last seen and nobody else had the same value. It recognises a
    /// person who moved between directories.
    #[serde(default)]
    pub anchor: Option<String>,
    /// The username and address that the user had and the directory wanted at the same time.
    #[serde(default)]
    pub agreed: Agreed,
}

impl Link {
    /// Returns whether a deactivation was sent, or about to be sent, and its outcome never seen.
    pub fn is_in_doubt(&self) -> bool {
        self.deactivated
            .as_ref()
            .is_some_and(|d| d.delete_at.is_none())
    }
}

/// A user's username and address when both sides last agreed about them. A user who has another one
/// now, while the directory still wants this one, has changed it on Mattermost.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agreed {
    /// The username as the server has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// The address as the server has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
}

/// A value that we gave to a field. A server may store another one: an unknown locale becomes the
/// default. To send it again would change nothing, and would be a write in every cycle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Given {
    /// What was sent.
    pub sent: String,
    /// What the server answered.
    pub stored: String,
}

/// A creation that was begun and whose user is not linked yet. All attempts at it share the nonce,
/// for any of them may have arrived.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BegunCreation {
    /// By what the user is recognised.
    pub nonce: Nonce,
    /// The fields that an attempt sent with a value, and the value that was sent last.
    #[serde(default)]
    pub sent: BTreeMap<ProfileField, String>,
}

impl From<Nonce> for BegunCreation {
    fn from(nonce: Nonce) -> Self {
        let sent = BTreeMap::new();
        Self { nonce, sent }
    }
}

impl BegunCreation {
    /// Returns the fields of the user whom it made that hold what we sent.
    pub fn given(&self, user: &User) -> BTreeMap<ProfileField, Given> {
        let given = |(field, sent): (&ProfileField, &String)| {
            let (sent, stored) = (sent.clone(), user.field(*field).to_owned());
            (*field, Given { sent, stored })
        };
        self.sent.iter().map(given).collect()
    }
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

/// Our own deactivation of a user. We reactivate only a user whose deactivation is still this one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deactivation {
    /// The server's `delete_at` as it was after our call; `None` from the moment the call was
    /// intended until its outcome is known. An inactive user found then is our work.
    pub delete_at: Option<Timestamp>,
    /// Why the user was deactivated, in words.
    pub why: String,
    /// The person who ordered it by `mattersync deactivate`; then only a person undoes it.
    pub ordered_by: Option<String>,
}
