//! The settings that decide who is in scope.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use strum::IntoStaticStr;

use super::time::as_configured;

/// A setting that decides who is in scope.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, IntoStaticStr,
)]
pub enum ScopeKey {
    /// Which kind of provider it is.
    #[serde(rename = "provider.kind")]
    #[strum(serialize = "provider.kind")]
    Kind,
    /// The file of a provider of the kind `ldif`.
    #[serde(rename = "provider.path")]
    #[strum(serialize = "provider.path")]
    Path,
    /// As whom the directory is read.
    #[serde(rename = "provider.bind-dn")]
    #[strum(serialize = "provider.bind-dn")]
    BindDn,
    /// The schema.
    #[serde(rename = "provider.schema")]
    #[strum(serialize = "provider.schema")]
    Schema,
    /// The subtree with the accounts.
    #[serde(rename = "provider.base")]
    #[strum(serialize = "provider.base")]
    Base,
    /// Which entries are accounts.
    #[serde(rename = "accounts.filter")]
    #[strum(serialize = "accounts.filter")]
    Filter,
    /// The attributes that say who is locked.
    #[serde(rename = "accounts.lock")]
    #[strum(serialize = "accounts.lock")]
    Lock,
    /// The rules that say who is not a person.
    #[serde(rename = "accounts.not-a-person")]
    #[strum(serialize = "accounts.not-a-person")]
    NotAPerson,
    /// How long somebody may be missing.
    #[serde(rename = "policy.grace")]
    #[strum(serialize = "policy.grace")]
    Grace,
    /// What an administrator's reactivation counts for.
    #[serde(rename = "policy.reactivated-by-hand")]
    #[strum(serialize = "policy.reactivated-by-hand")]
    ReactivatedByHand,
    /// Who is left alone.
    #[serde(rename = "policy.protect")]
    #[strum(serialize = "policy.protect")]
    Protect,
}

impl ScopeKey {
    /// Returns the key as the configuration spells it.
    pub fn name(self) -> &'static str {
        self.into()
    }
}

impl fmt::Display for ScopeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a setting says; never a secret.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ScopeValue {
    /// A text.
    Text(String),
    /// Words whose order does not matter.
    List(BTreeSet<String>),
    /// A duration.
    Duration(Duration),
}

impl fmt::Display for ScopeValue {
    /// Writes it as the configuration spells it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "{text:?}"),
            Self::List(words) => f.debug_list().entries(words).finish(),
            Self::Duration(duration) => write!(f, "\"{}\"", as_configured(*duration)),
        }
    }
}

/// What is said of each setting.
pub type ScopeValues = BTreeMap<ScopeKey, ScopeValue>;

/// A setting that is not what it was.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Changed {
    /// Which.
    pub key: ScopeKey,
    /// What it was; `None` if there was none.
    pub from: Option<ScopeValue>,
    /// What it is; `None` if there is none.
    pub to: Option<ScopeValue>,
    /// File and line, if it is written there; else it is the default.
    pub place: Option<String>,
}
