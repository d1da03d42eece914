//! The person that a step or a message is about.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{AccountKey, UserId};

/// The person that a step or a message is about.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Subject {
    /// The account, if one is concerned.
    pub account: Option<AccountKey>,
    /// The account's DN.
    pub dn: Option<String>,
    /// The user, if one is concerned.
    pub user: Option<UserId>,
    /// The username on Mattermost, or the one that the user would get, or the team's name.
    pub name: String,
    /// The address, if it is known.
    pub email: Option<String>,
    /// The person's full name; empty if it is not known.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub full_name: String,
}

impl Subject {
    /// Returns a subject that is no person, such as a team or a provider, by its name.
    pub fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            ..Self::default()
        }
    }

    /// Returns the ids of both sides as far as they are known, for messages about errors: names and
    /// addresses change, while ids find the person again.
    pub fn ids(&self) -> String {
        let account = self.account.as_ref().map(|key| format!("account {key}"));
        let user = self.user.as_ref().map(|id| format!("user {id}"));
        let ids: Vec<String> = account.into_iter().chain(user).collect();
        if ids.is_empty() {
            "no id".to_owned()
        } else {
            ids.join(", ")
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        let full_name = Some(self.full_name.as_str()).filter(|name| !name.is_empty());
        // Who is known by nothing else is found by the DN.
        let dn = self.dn.as_deref().filter(|dn| *dn != self.name);
        let dn = dn.filter(|_| full_name.is_none() && self.email.is_none());
        let parts: Vec<&str> = [full_name, self.email.as_deref(), dn]
            .into_iter()
            .flatten()
            .collect();
        if parts.is_empty() {
            Ok(())
        } else {
            write!(f, " ({})", parts.join(", "))
        }
    }
}
