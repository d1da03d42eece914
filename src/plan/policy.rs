//! What the administrator wants, as the plan needs it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::model::{Class, ProfileField, ProviderName, ScopeKey, ScopeValue};
use crate::plan::facts::names::own_name;

/// The rules that a plan follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// When a user who was there before counts as the account's.
    pub adopt: AdoptRule,
    /// How long an account must be missing before its user is deactivated. Zero: the first proven
    /// reading decides.
    pub grace: Duration,
    /// Usernames whose users are never touched, in lower case. Of a linked user it is the one that the
    /// directory gives, as it spells it; of any other the present one on Mattermost.
    pub protect: BTreeSet<String>,
    /// The username, as the directory spells it but in lower case, of the account that may become the first user, and so the administrator, of
    /// a server that has no active human administrator.
    pub first_admin: Option<String>,
    /// Who decides about each profile field; a field that is not in it is [`Authority::Off`].
    pub fields: BTreeMap<ProfileField, Authority>,
    /// Who decides about the username.
    pub username: Authority,
    /// Who decides about the e-mail address.
    pub email: Authority,
    /// Who gets a free seat first: groups by name or DN. Who is in none of them comes after them.
    pub seat_order: Vec<String>,
    /// Teams of which everyone is a member.
    pub teams: Vec<TeamPolicy>,
    /// What else decides about who goes, stays and comes back.
    pub lifecycle: LifecyclePolicy,
    /// The limits of the guard; a class that is not in it has [`Limit::Auto`].
    pub guard: BTreeMap<Class, Limit>,
    /// The settings that decide who is in scope, by provider: should they change, what that takes
    /// away is held.
    pub scopes: BTreeMap<ProviderName, BTreeMap<ScopeKey, Setting>>,
}

impl Policy {
    /// Whether `protect` names the account that the directory calls so.
    pub fn protects_own(&self, raw: &str) -> bool {
        !self.protect.is_empty() && own_name(raw).is_some_and(|name| self.protect.contains(&name))
    }

    /// Whether an account may not have this username because somebody else is protected by it.
    pub fn keeps_from(&self, raw: &str, name: &str) -> bool {
        self.protect.contains(name) && !self.protects_own(raw)
    }
}

/// A setting that decides who is in scope. Where it stands is no part of what it says.
#[derive(Clone, Debug)]
pub struct Setting {
    /// What it says.
    pub value: ScopeValue,
    /// File and line; `None` for a default.
    pub place: Option<String>,
}

impl PartialEq for Setting {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl Eq for Setting {}

/// Rules about going, staying and coming back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LifecyclePolicy {
    /// How many times within seven days a user may be deactivated and reactivated by us, both
    /// counted, before a reactivation waits for a person; `None` for no limit.
    pub flap_limit: Option<u32>,
    /// What becomes of a user whom somebody reactivated although the account is locked or missing.
    pub reactivated_by_hand: ByHand,
    /// For how long the account of a user whom we created and deactivated must be gone before the
    /// user is to be deleted for ever; `None`: never.
    pub purge_after: Option<Duration>,
}

impl LifecyclePolicy {
    /// The usual limit: the third return within seven days is looked at.
    pub const FLAP_LIMIT: u32 = 5;
}

impl Default for LifecyclePolicy {
    fn default() -> Self {
        Self {
            flap_limit: Some(Self::FLAP_LIMIT),
            reactivated_by_hand: ByHand::default(),
            purge_after: None,
        }
    }
}

/// What an administrator's reactivation of somebody who is locked or missing counts for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ByHand {
    /// It stays, and is listed until the account is in use again.
    #[default]
    Respect,
    /// The directory decides: the user is deactivated again.
    Enforce,
}

/// When a user who was there before counts as the account's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AdoptRule {
    /// Never: such a user is always a conflict.
    Never,
    /// The username agrees.
    Username,
    /// Any candidate address agrees.
    Email,
    /// Both agree.
    #[default]
    UsernameAndEmail,
}

/// Who decides about a field.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Authority {
    /// The directory: kept equal.
    #[default]
    Directory,
    /// The directory at creation, the person afterwards.
    Initial,
    /// The person alone.
    Off,
}

/// A team of which every active account is a member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TeamPolicy {
    /// The name in addresses: legal, or derived from the display name.
    pub name: String,
    /// The name for people.
    pub display_name: String,
}

/// How many steps of a class one cycle may do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Limit {
    /// Grows with the square root of the number of active linked users; see `guard`.
    #[default]
    Auto,
    /// So many.
    Number(u64),
    /// So many hundredths of a percent of the active linked users, rounded up.
    BasisPoints(u32),
    /// No limit.
    Off,
}
