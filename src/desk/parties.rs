//! Both sides of a person, as they are told.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::cycle::{View, state_in_words};
use crate::model::{
    Account, AccountKey, AccountPart, Rejected, Timestamp, User, UserId, full_name,
};
use crate::plan::{UserIndex, legal_username};

/// An account of the directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountSide {
    /// The provider's name.
    pub provider: String,
    /// The directory id.
    pub id: String,
    /// Where the entry is.
    pub dn: String,
    /// The username as the directory spells it.
    pub username: String,
    /// The username that Mattermost would get, suffix included; none if there is no legal form.
    pub becomes: Option<String>,
    /// Every address, best source first.
    pub emails: Vec<String>,
    /// First and last name.
    pub name: String,
    /// Active, locked or unknown, with the attribute that says so.
    pub state: String,
    /// When it expires by itself, if the directory says so.
    pub expires: Option<Timestamp>,
    /// Of how many groups it is a member, as far as they were read.
    pub groups: usize,
    /// What is there but cannot be read, with the attribute that holds it.
    pub unreadable: BTreeMap<String, String>,
    /// The user that it is linked to.
    pub linked_to: Option<UserId>,
}

/// An entry that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntrySide {
    /// Where it is.
    pub dn: String,
    /// Its id, if that could be read.
    pub id: Option<String>,
    /// What is wrong with it, and what to do.
    pub why: String,
}

/// A user of Mattermost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserSide {
    /// The server's id.
    pub id: UserId,
    /// The username now.
    pub username: String,
    /// The address now.
    pub email: String,
    /// First and last name.
    pub name: String,
    /// Whether it is a bot.
    pub bot: bool,
    /// Whether it is another server's user.
    #[serde(default)]
    pub remote: bool,
    /// Whether it is a guest.
    pub guest: bool,
    /// Whether it is a system administrator.
    pub admin: bool,
    /// Whether mattersync works with it.
    pub own: bool,
    /// Whether `policy.protect` names it.
    pub protected: bool,
    /// The login service, if it is bound to one.
    pub login_service: Option<String>,
    /// Since when it is deactivated.
    pub deactivated_at: Option<Timestamp>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last active, where the server tells.
    pub last_activity: Option<Timestamp>,
    /// The account that it is linked to.
    pub linked_to: Option<AccountKey>,
    /// Where that account was last seen.
    pub linked_dn: Option<String>,
    /// The username of that account when it was last seen.
    #[serde(default)]
    pub linked_name: Option<String>,
}

impl AccountSide {
    /// An account as read in this cycle.
    pub fn of(view: &View, key: &AccountKey, account: &Account) -> Self {
        let memory = &view.memory;
        let base = legal_username(&account.username);
        let chosen = memory
            .account(key)
            .name
            .as_ref()
            .filter(|c| Some(&c.base) == base.as_ref());
        let part = |(part, attribute): (&AccountPart, &String)| {
            let part = match part {
                AccountPart::Email => "e-mail address".to_owned(),
                AccountPart::Field(field) => field.to_string(),
            };
            (part, attribute.clone())
        };
        Self {
            provider: key.provider.to_string(),
            id: key.id.to_string(),
            dn: account.dn.clone(),
            username: account.username.clone(),
            becomes: chosen.map(|c| c.name.clone()).or(base),
            emails: account
                .emails
                .iter()
                .flat_map(|c| c.values.clone())
                .collect(),
            name: full_name(&account.profile),
            state: state_in_words(&account.state),
            expires: account.expires,
            groups: account.groups.len(),
            unreadable: account.unreadable.iter().map(part).collect(),
            linked_to: memory.link(key).map(|link| link.user.clone()),
        }
    }
}

impl EntrySide {
    /// An entry that was read and could not be used.
    pub fn of<K: ToString>(bad: &Rejected<K>) -> Self {
        Self {
            dn: bad.name.clone(),
            id: bad.key.as_ref().map(ToString::to_string),
            why: bad.why.clone(),
        }
    }
}

impl UserSide {
    /// A user as read in this cycle.
    pub fn of(view: &View, user_index: &UserIndex<'_>, user: &User) -> Self {
        let owner = user_index.owner(&user.id);
        let link = owner.and_then(|key| view.memory.link(key));
        Self {
            id: user.id.clone(),
            username: user.username.clone(),
            email: user.email.clone(),
            name: full_name(&user.profile),
            bot: user.is_bot,
            remote: user.is_remote,
            guest: user.is_guest(),
            admin: user.is_admin(),
            own: user_index.is_own(user),
            protected: user_index.is_protected(user),
            login_service: (!user.auth_service.is_empty()).then(|| user.auth_service.clone()),
            deactivated_at: user.deactivated_at,
            created_at: user.created_at,
            last_activity: None,
            linked_to: owner.cloned(),
            linked_dn: link.map(|link| link.last_dn.clone()),
            linked_name: link.map(|link| link.last_username.clone()),
        }
    }

    /// What it is, in words: human, administrator, deactivated, linked to whom.
    pub fn words(&self) -> String {
        let kind = match (self.bot, self.remote) {
            (true, _) => "bot",
            (false, true) => "another server's user",
            (false, false) => "human",
        };
        let mut words = vec![kind.to_owned()];
        let mut add = |is: bool, word: &str| words.extend(is.then(|| word.to_owned()));
        add(self.guest, "guest");
        add(self.admin, "SYSTEM ADMINISTRATOR");
        add(self.own, "mattersync works with it");
        add(self.protected, "in policy.protect");
        match self.deactivated_at {
            None => words.push("active".to_owned()),
            Some(at) => words.push(format!("deactivated since {at}")),
        }
        words.extend(
            self.login_service
                .iter()
                .map(|s| format!("logs in through {s}")),
        );
        words.push(match (&self.linked_to, &self.linked_name) {
            (Some(_), Some(name)) => format!("linked to the account {name}"),
            (Some(key), None) => format!("linked to the account {}", key.id),
            (None, _) => "linked to nobody".to_owned(),
        });
        words.join(", ")
    }
}
