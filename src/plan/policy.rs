//! What the administrator wants, as the plan needs it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::model::{Class, ProfileField, ProviderName, ScopeKey, ScopeValue};
use crate::plan::facts::names::own_name;

/// The rules that a plan follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// When a user who was there before is taken for the account's.
    pub adopt: AdoptRule,
    /// How long an account must be missing before its user is deactivated. With zero the first
    /// proven reading decides.
    pub grace: Duration,
    /// Usernames whose users are never touched, in lower case. For a linked user the directory's
    /// own username counts, for any other the present one on Mattermost.
    pub protect: BTreeSet<String>,
    /// The directory's own username, in lower case, of the account that may become the first user,
    /// and therefore the administrator, of a server without an active human administrator.
    pub first_admin: Option<String>,
    /// The authority over each profile field; a field that is not in it is [`Authority::Off`].
    pub fields: BTreeMap<ProfileField, Authority>,
    /// The authority over the username.
    pub username: Authority,
    /// The authority over the e-mail address.
    pub email: Authority,
    /// The groups, by name or DN, whose members get a free seat first. Accounts in none of them
    /// come last.
    pub seat_order: Vec<String>,
    /// The teams of which everyone is a member.
    pub teams: Vec<TeamPolicy>,
    /// The rules about leaving, staying and coming back.
    pub lifecycle: LifecyclePolicy,
    /// The limits of the guard; a class that is not in it has [`Limit::Auto`].
    pub guard: BTreeMap<Class, Limit>,
    /// The settings that decide who is in scope, by provider. If they change, the steps that take
    /// something away because of it are held.
    pub scopes: BTreeMap<ProviderName, BTreeMap<ScopeKey, Setting>>,
}

impl Policy {
    /// Returns whether `protect` contains the directory's own username of an account.
    pub fn protects_own(&self, raw: &str) -> bool {
        !self.protect.is_empty() && own_name(raw).is_some_and(|name| self.protect.contains(&name))
    }

    /// Returns whether `protect` keeps this username from an account, for somebody else.
    pub fn keeps_from(&self, raw: &str, name: &str) -> bool {
        self.protect.contains(name) && !self.protects_own(raw)
    }
}

/// A setting that decides who is in scope. Settings with one value are equal wherever they stand.
#[derive(Clone, Debug)]
pub struct Setting {
    /// The value.
    pub value: ScopeValue,
    /// The file and line; `None` for a default.
    pub place: Option<String>,
}

impl PartialEq for Setting {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl Eq for Setting {}

/// The rules about leaving, staying and coming back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LifecyclePolicy {
    /// How many times within seven days we may deactivate and reactivate a user, both counted,
    /// before a reactivation waits for a person; `None` for no limit.
    pub flap_limit: Option<u32>,
    /// What happens to a user whom somebody reactivated although the account is locked or missing.
    pub reactivated_by_hand: ByHand,
    /// For how long the account of a user whom we created and deactivated must be gone before the
    /// user is deleted for ever; `None` for never.
    pub purge_after: Option<Duration>,
}

impl LifecyclePolicy {
    /// The default limit: the third return within seven days waits for a person.
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

/// What happens when an administrator reactivates a user whose account is locked or missing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ByHand {
    /// The user stays active, and is listed until the account is in use again.
    #[default]
    Respect,
    /// The user is deactivated again.
    Enforce,
}

/// When a user who was there before is taken for the account's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AdoptRule {
    /// Never; such a user is always a conflict.
    Never,
    /// When the username is equal.
    Username,
    /// When any candidate address is equal.
    Email,
    /// When both are equal.
    #[default]
    UsernameAndEmail,
}

/// The authority over a field.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Authority {
    /// The directory decides; the field is kept equal.
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
    /// This number of people.
    Number(u64),
    /// This many hundredths of a percent of the active linked users, rounded up.
    BasisPoints(u32),
    /// No limit.
    Off,
}
