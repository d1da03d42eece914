//! Identifiers. Each is a type of its own, so that one cannot be passed for another.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::IdAttribute;

// The text is shared: a plan repeats the same ids in many steps, and cloning one allocates nothing.
macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Wraps a text that is already in this identifier's canonical form.
            pub fn new(text: impl Into<String>) -> Self {
                Self(text.into().into())
            }

            /// Returns the identifier as text.
            #[allow(dead_code, reason = "nobody looks into every kind of id")]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer).map(Self::new)
            }
        }
    };
}

text_id! {
    /// The name of a provider, as the configuration gives it.
    ProviderName
}
text_id! {
    /// An account's immutable id in its directory, in one canonical lower-case form, for example of
    /// `entryUUID` (RFC 4530) or `objectGUID`.
    DirectoryId
}
text_id! {
    /// A group's immutable id in its directory, in the same canonical form as [`DirectoryId`].
    GroupId
}
text_id! {
    /// The id of a Mattermost user: 26 characters that the server chose.
    UserId
}
text_id! {
    /// The id of a Mattermost team: 26 characters that the server chose.
    TeamId
}
text_id! {
    /// A random text given to a user at creation (in `props`), by which a creation whose outcome
    /// was lost is recognised as ours.
    Nonce
}
text_id! {
    /// A hash of what a step would do, and to whom. The same change has the same fingerprint in
    /// every plan. Approvals are bound to it.
    Fingerprint
}

/// The words that programs write where there is no value yet, in lower case: FreeIPA writes
/// `autogenerate`; languages and databases write `none`, `null` and `undefined`; exports and
/// templates write the others.
const PLACEHOLDERS: [&str; 11] = [
    "autogenerate",
    "changeme",
    "n.a.",
    "n/a",
    "none",
    "not set",
    "null",
    "placeholder",
    "undefined",
    "unknown",
    "unset",
];

/// What stands before the id of an account that had none when everybody got another id. Ids are in
/// lower case, so that no entry ever has such an id by itself.
const FORMER: &str = "WAS:";

impl DirectoryId {
    /// Returns the id under which an account is remembered that was not in the directory when all
    /// accounts got other ids: one that no entry can have.
    /// It names the attribute: two people may have one value of different attributes.
    pub fn former(&self, by: &IdAttribute) -> Self {
        Self::new(format!("{FORMER}{by}={self}"))
    }

    /// Returns whether it was made by [`DirectoryId::former`].
    pub fn is_former(&self) -> bool {
        self.as_str().starts_with(FORMER)
    }

    /// Returns whether it stands for an id that is still to come and therefore belongs to nobody.
    /// Many accounts have such an id one after the other, and the next one must not get the user of
    /// the one before.
    ///
    /// A placeholder is one of a few words that programs write, alone or in brackets (`<none>`,
    /// `(null)`); a text of nothing but zeros or `x` (four or more), or of nothing but `f` as long
    /// as a UUID; or a text without a letter or digit. The attribute with the ids may be one that
    /// people chose: a number, initials or a username. Somebody may well be called `no`, `nil`,
    /// `na`, `tbd`, `todo` or `default`, so none of these words is a placeholder. Two accounts that
    /// have one of those ids at once are still kept apart, because an id that two entries have
    /// belongs to neither.
    pub fn is_placeholder(&self) -> bool {
        let id = self.as_str().trim();
        let plain: String = id.chars().filter(|c| c.is_alphanumeric()).collect();
        let bare = id.trim_matches(|c: char| !c.is_alphanumeric());
        let is_all = |of: char| plain.chars().all(|c| c == of);
        plain.is_empty()
            || plain.len() > 3 && (is_all('0') || is_all('x'))
            || plain.len() >= 32 && is_all('f')
            || PLACEHOLDERS.contains(&id)
            || PLACEHOLDERS.contains(&bare)
    }
}

/// One account of one provider: the identity of a person.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AccountKey {
    /// The provider that the account comes from.
    pub provider: ProviderName,
    /// The account's id in that provider's directory.
    pub id: DirectoryId,
}

impl fmt::Display for AccountKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.provider, self.id)
    }
}

/// A place, known by the id that the server chose. Places are teams as yet, and no channels.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PlaceId {
    /// A team.
    Team(TeamId),
}

/// The number of a step within its plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StepId(pub u32);

/// The number of a run in the state file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunId(pub i64);

/// Compares a text with one that a person typed, in any case.
pub fn same_text(text: &str, typed: &str) -> bool {
    text.eq_ignore_ascii_case(typed) || text.to_lowercase() == typed.to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_many_have_in_turn_is_nobody_s_id() {
        for text in [
            "autogenerate",
            "none",
            "<none>",
            "(null)",
            "n/a",
            "0000",
            "-",
            "???",
            "00000000-0000-0000-0000-000000000000",
            "{00000000-0000-0000-0000-000000000000}",
            "ffffffff-ffff-ffff-ffff-ffffffffffff",
            "xxxx",
            "xxx-xxx",
            "unknown",
            "#n/a",
            "",
        ] {
            assert!(DirectoryId::new(text).is_placeholder(), "{text}");
        }
        for text in [
            "0",
            "1",
            "x",
            "f",
            "ffff",
            "1000",
            "nona",
            "none-1",
            // People whose username, initials or number it may be.
            "no",
            "na",
            "nil",
            "tba",
            "tbd",
            "todo",
            "xxx",
            "default",
            "dummy",
            "false",
            "pending",
            "00000000-0000-0000-0000-000000000001",
            "李",
        ] {
            assert!(!DirectoryId::new(text).is_placeholder(), "{text}");
        }
    }
}
