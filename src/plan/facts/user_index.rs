//! Finds the users that an account may be: those with its name or address, those without an
//! account, and what speaks against a link.

use std::collections::BTreeMap;
use std::fmt;

use crate::model::{Account, AccountKey, User, UserId};
use crate::plan::facts::{address, names};
use crate::plan::input::World;
use crate::plan::policy::Policy;

/// What speaks against linking a user to an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkObstacle {
    /// It is mattersync's own user.
    Own,
    /// It is a bot.
    Bot,
    /// `policy.protect` names the user.
    Protected,
    /// It is another server's user.
    Remote,
    /// The user is linked to this account.
    Linked(AccountKey),
    /// It is a guest; a person must ask for the link explicitly.
    Guest,
    /// It is a system administrator; a person must ask for the link explicitly.
    Admin,
}

impl fmt::Display for LinkObstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Own => f.write_str("it is the account that mattersync works with"),
            Self::Bot => f.write_str("it is a bot"),
            Self::Remote => f.write_str(
                "it is another server's user, here through a shared channel or a plugin (it has a \
                 remote_id): nobody can log in as it",
            ),
            Self::Protected => f.write_str("policy.protect names this user"),
            Self::Linked(key) => write!(f, "it is linked to the account {}", key.id),
            Self::Guest => f.write_str("it is a guest"),
            Self::Admin => f.write_str("it is a system administrator"),
        }
    }
}

/// A user who has an account's name or address: somebody else, or the same person.
#[derive(Clone, Debug)]
pub struct Claim<'a> {
    /// The user.
    pub user: &'a User,
    /// The username that the account would have, if this user has it.
    pub username: Option<String>,
    /// One of the account's addresses, if this user has it.
    pub email: Option<String>,
}

/// All users of Mattermost, with the look-ups that find them.
pub struct UserIndex<'a> {
    world: &'a World<'a>,
    policy: &'a Policy,
    owners: BTreeMap<&'a UserId, &'a AccountKey>,
    by_username: BTreeMap<&'a str, &'a User>,
    by_email: BTreeMap<&'a str, &'a User>,
}

impl<'a> UserIndex<'a> {
    /// Builds the look-ups over all users that were read.
    pub fn of(world: &'a World<'a>, policy: &'a Policy) -> Self {
        let users = || world.users.iter().map(|(_, user)| user);
        Self {
            world,
            policy,
            owners: world.memory.accounts_by_user(),
            by_username: users().map(|u| (u.username.as_str(), u)).collect(),
            by_email: users().map(|u| (u.email.as_str(), u)).collect(),
        }
    }

    /// Returns the account that a user is linked to.
    pub fn owner(&self, user: &UserId) -> Option<&'a AccountKey> {
        self.owners.get(user).copied()
    }

    /// Returns what speaks against linking this user, the most important first.
    pub fn obstacle(&self, user: &User) -> Option<LinkObstacle> {
        if self.is_own(user) {
            Some(LinkObstacle::Own)
        } else if user.is_bot {
            Some(LinkObstacle::Bot)
        } else if user.is_remote {
            Some(LinkObstacle::Remote)
        } else if let Some(key) = self.owner(&user.id) {
            Some(LinkObstacle::Linked(key.clone()))
        } else if self.is_protected(user) {
            Some(LinkObstacle::Protected)
        } else if user.is_admin() {
            Some(LinkObstacle::Admin)
        } else if user.is_guest() {
            Some(LinkObstacle::Guest)
        } else {
            None
        }
    }

    /// Returns whether this is mattersync's own user.
    pub fn is_own(&self, user: &User) -> bool {
        self.world.server.own_user.as_ref() == Some(&user.id)
    }

    /// Returns whether `policy.protect` contains the user's present name.
    pub fn is_protected(&self, user: &User) -> bool {
        self.policy.protect.contains(&user.username)
    }

    /// Returns the users that have the account's username or one of its addresses, except the user
    /// that it is linked to. Users who have both come first.
    pub fn claims(&self, key: &AccountKey, account: &Account) -> Vec<Claim<'a>> {
        let mut claims: BTreeMap<&UserId, Claim<'a>> = BTreeMap::new();
        let memory = self.world.memory;
        let own = memory.link(key).map(|link| &link.user);
        let base = names::legal_username(&account.username);
        let chosen = memory
            .account(key)
            .name
            .as_ref()
            .filter(|c| Some(&c.base) == base.as_ref());
        let name = chosen.map(|c| c.name.clone()).or(base);
        let claim = |user: &'a User| Claim {
            user,
            username: None,
            email: None,
        };
        if let Some(name) = name
            && let Some(user) = self.by_username.get(name.as_str())
        {
            claims
                .entry(&user.id)
                .or_insert_with(|| claim(user))
                .username = Some(name);
        }
        for email in address::all(account) {
            if let Some(user) = self.by_email.get(email.as_ref()) {
                let claim = claims.entry(&user.id).or_insert_with(|| claim(user));
                claim.email.get_or_insert(email.into_owned());
            }
        }
        let mut claims: Vec<_> = claims.into_values().collect();
        claims.retain(|c| Some(&c.user.id) != own);
        claims.sort_by_key(|c| {
            (
                c.username.is_none() || c.email.is_none(),
                c.username.is_none(),
            )
        });
        claims
    }

    /// Returns the active human users without an account, guests included; never our own user.
    pub fn orphans(&self) -> impl Iterator<Item = &'a User> {
        let users = self.world.users.iter().map(|(_, user)| user);
        users.filter(|user| {
            let human = user.is_active() && user.is_human() && !self.is_own(user);
            human && self.owner(&user.id).is_none()
        })
    }
}
