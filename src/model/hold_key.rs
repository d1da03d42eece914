//! What a hold, and the approval that releases it, is known by.

use serde::{Deserialize, Serialize};

use super::{Class, Dn, ProfileField, ProviderName};

/// What an approval releases.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HoldKey {
    /// The steps of one class.
    Class(Class),
    /// A roster that shrank by more than a fifth.
    Shrank(ProviderName),
    /// A whole container that vanished.
    Container(ProviderName, Dn),
    /// An attribute, in lower case, that most accounts lost at once.
    Attribute(ProviderName, String),
    /// A field of the profile that most accounts lost at once.
    Field(ProviderName, ProfileField),
    /// The configuration names another id attribute: who gets which id.
    NewIds(ProviderName),
    /// The provider is another one than before.
    Identity(ProviderName),
    /// The configuration decides otherwise than before who is in scope.
    Configuration(ProviderName),
    /// The state file is an older copy.
    Restored,
    /// People who go and come back again and again.
    Flapping,
    /// What rests on dates while the wall clock has jumped.
    Clock,
    /// A team that was filled under this name, which another one or none has now.
    Team(String),
}
