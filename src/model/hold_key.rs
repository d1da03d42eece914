//! The keys by which holds, and the approvals that release them, are known.

use serde::{Deserialize, Serialize};

use super::{Class, Dn, ProfileField, ProviderName};

/// What an approval can release.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HoldKey {
    /// The steps of one class.
    Class(Class),
    /// The steps that wait because a roster shrank by more than a fifth.
    Shrank(ProviderName),
    /// The steps that wait because a whole container vanished.
    Container(ProviderName, Dn),
    /// The steps that wait because most accounts lost this attribute (in lower case) at once.
    Attribute(ProviderName, String),
    /// The steps that wait because most accounts lost this field of the profile at once.
    Field(ProviderName, ProfileField),
    /// The new ids that accounts get because the configuration names another id attribute.
    NewIds(ProviderName),
    /// The steps that wait because another server or domain answers for the provider.
    Identity(ProviderName),
    /// The steps that wait because settings that decide who is in scope were changed.
    Configuration(ProviderName),
    /// The steps that wait because the state file is an older copy.
    Restored,
    /// The steps about people who go and come back again and again.
    Flapping,
    /// The steps that depend on dates while the wall clock has jumped.
    Clock,
    /// The steps of a team that was filled under this name, which another team or none has now.
    Team(String),
}
