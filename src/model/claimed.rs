//! What several accounts or users claim, and the user who has it.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{User, UserId};

/// A thing that an account wants and a user has, and that only one of them can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Claimed {
    /// The username.
    #[serde(rename = "username")]
    Username,
    /// An e-mail address.
    #[serde(rename = "e-mail address")]
    EmailAddress,
    /// The second anchor.
    #[serde(rename = "second anchor")]
    SecondAnchor,
    /// The mark of a creation, which shows for which account a user was created.
    #[serde(rename = "mark of a creation")]
    CreationMark,
}

impl fmt::Display for Claimed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Username => f.write_str("username"),
            Self::EmailAddress => f.write_str("e-mail address"),
            Self::SecondAnchor => f.write_str("second anchor"),
            Self::CreationMark => {
                write!(f, "mark (props.{}) of the creation of", User::NONCE_PROP)
            }
        }
    }
}

/// A user by name and id, as far as either is known.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct NamedUser {
    /// The username.
    pub name: Option<String>,
    /// The id.
    pub id: Option<UserId>,
}

impl NamedUser {
    /// Names a user who was read.
    pub fn of(user: &User) -> Self {
        Self {
            name: Some(user.username.clone()),
            id: Some(user.id.clone()),
        }
    }

    /// Names a user by the id, and by the username if the user was read.
    pub fn known(id: &UserId, user: Option<&User>) -> Self {
        Self {
            name: user.map(|user| user.username.clone()),
            id: Some(id.clone()),
        }
    }

    /// Returns the word by which commands know the user: the username, or else the id.
    pub fn word(&self) -> &str {
        let id = self.id.as_ref().map(UserId::as_str);
        self.name.as_deref().or(id).unwrap_or_default()
    }
}

impl fmt::Display for NamedUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.name, &self.id) {
            (Some(name), Some(id)) => write!(f, "{name} ({id})"),
            _ => f.write_str(self.word()),
        }
    }
}
