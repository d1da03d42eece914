//! The directory's side: entries, accounts, groups, and one reading of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};
use strum::IntoStaticStr;

use super::{ChangeStamp, DirectoryId, Dn, GroupId, IdAttribute, Timestamp};

/// An entry as the provider returned it. Its `Debug` form shows no values: one may be a password.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Entry {
    /// The distinguished name as the server spells it.
    pub dn: String,
    /// The values by attribute name in lower case, options included (`member;range=0-1499`).
    pub attributes: BTreeMap<String, Vec<Vec<u8>>>,
}

impl Entry {
    /// Returns the values of an attribute, given in lower case; an empty slice when there are none.
    pub fn values(&self, name: &str) -> &[Vec<u8>] {
        self.attributes.get(name).map_or(&[], Vec::as_slice)
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = self.attributes.iter().map(|(name, v)| (name, v.len()));
        write!(f, "Entry {{ dn: {:?}, values: ", self.dn)?;
        f.debug_map().entries(counts).finish()?;
        f.write_str(" }")
    }
}

/// One person as the provider describes them, normalised but not yet judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The immutable id.
    pub id: DirectoryId,
    /// The DN of the entry now.
    pub dn: String,
    /// The username as the directory spells it, with [`Account::HIDDEN`] for each invisible
    /// character. The plan makes it legal.
    pub username: String,
    /// Other values of the username's attribute, the preferred first.
    pub other_usernames: Vec<String>,
    /// Candidate addresses, best source first.
    pub emails: Vec<EmailCandidates>,
    /// The fields that Mattermost has too.
    pub profile: Profile,
    /// Whether the person may use the account.
    pub state: AccountState,
    /// When the account expires by itself, where the directory says so.
    pub expires: Option<Timestamp>,
    /// The groups that the account is a member of, as far as they were read.
    pub groups: BTreeSet<GroupId>,
    /// Parts whose value is there but is no UTF-8 text, with the attribute that holds it. Such a
    /// part is neither empty nor known: nothing may be emptied or replaced because of it.
    pub unreadable: BTreeMap<AccountPart, String>,
    /// The second anchor, where the configuration names one and the entry has exactly one usable
    /// value: `attribute=value`, both in canonical form. A blank value is none.
    pub anchor: Option<String>,
    /// The id by the attribute that the configuration names now, where the reading goes by the one
    /// before; `None` where the entry has no usable value of it.
    pub new_id: Option<DirectoryId>,
}

/// A part of an account besides its id and username.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AccountPart {
    /// One of the sources of e-mail addresses; better sources may still have been read.
    Email,
    /// One of the profile's fields.
    Field(ProfileField),
}

/// The addresses that one of the configured sources offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmailCandidates {
    /// The source as configured: an attribute name in lower case, or a template. For a template
    /// that cannot be filled in, the attribute that has no value.
    pub source: String,
    /// The values, trimmed, in lower case, the preferred one first; empty where the entry has none.
    pub values: Vec<String>,
}

/// A field that is kept in step, apart from the username and the e-mail address.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, IntoStaticStr,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "snake_case")]
pub enum ProfileField {
    /// At most 64 characters.
    FirstName,
    /// At most 64 characters.
    LastName,
    /// At most 64 characters.
    Nickname,
    /// At most 128 characters.
    Position,
    /// At most 5 characters; the server replaces a locale that it does not know.
    Locale,
}

impl ProfileField {
    /// Every field.
    pub const ALL: [Self; 5] = [
        Self::FirstName,
        Self::LastName,
        Self::Nickname,
        Self::Position,
        Self::Locale,
    ];

    /// Returns the field's name in Mattermost's API.
    pub fn api_name(self) -> &'static str {
        self.into()
    }

    /// Returns the number of characters that Mattermost stores at most.
    pub fn max_chars(self) -> usize {
        match self {
            Self::FirstName | Self::LastName | Self::Nickname => 64,
            Self::Position => 128,
            Self::Locale => 5,
        }
    }
}

impl fmt::Display for ProfileField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::FirstName => "first name",
            Self::LastName => "last name",
            Self::Nickname => "nickname",
            Self::Position => "position",
            Self::Locale => "locale",
        })
    }
}

/// Values of profile fields; a field that is not in it has no value.
pub type Profile = BTreeMap<ProfileField, String>;

/// Returns the first and the last name, as far as they are set.
pub fn full_name(profile: &Profile) -> String {
    let names = [ProfileField::FirstName, ProfileField::LastName];
    let names = names.iter().filter_map(|field| profile.get(field));
    let names = names
        .map(|name| name.trim())
        .filter(|name| !name.is_empty());
    names.collect::<Vec<_>>().join(" ")
}

/// Whether a person may use the account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AccountState {
    /// Every lock rule says that the account may be used.
    Active,
    /// A lock rule matched.
    Locked {
        /// The attribute that the rule matched.
        attribute: String,
        /// Its value, never that of a password attribute.
        value: String,
        /// The date that has passed, where the rule is about a date of expiry.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expired: Option<Timestamp>,
    },
    /// The lock cannot be seen. The user is neither deactivated nor reactivated.
    Unknown {
        /// Why it cannot be seen.
        why: String,
    },
    /// The entry belongs to a service, a machine, a room or a shared mailbox.
    NotAPerson {
        /// The rule that says so, with the value.
        rule: String,
        /// What the lock rules say: a person who left may have a mailbox that others share now.
        state: Box<AccountState>,
    },
}

impl AccountState {
    /// Returns what the lock rules say, whether or not the entry belongs to a person.
    pub fn by_locks(&self) -> &Self {
        match self {
            Self::NotAPerson { state, .. } => state.by_locks(),
            other => other,
        }
    }
}

/// The answer of a look-up by id of an account that the reading did not contain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lookup {
    /// No entry has this id.
    Nowhere,
    /// The entry is outside the base or no longer matches the filter.
    Elsewhere {
        /// The DN of the entry now.
        dn: String,
        /// Its state there.
        state: AccountState,
        /// Its id by the attribute that the configuration names now, as [`Account::new_id`].
        new_id: Option<DirectoryId>,
    },
}

/// A group and who is in it, as far as this provider's accounts are concerned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// The immutable id.
    pub id: GroupId,
    /// The DN of the entry now.
    pub dn: String,
    /// The name, as a rule the value of `cn`.
    pub name: String,
    /// The members that are accounts of the same reading.
    pub members: BTreeSet<DirectoryId>,
    /// How many members are not: nested groups, foreign or dangling names.
    pub other_members: usize,
    /// The attributes that would list the members, if the group shows none and nothing proves that
    /// it has none. Then its members are unknown; it is not empty.
    pub unseen: BTreeSet<String>,
}

/// The server or file that answered; it is kept to notice when another one answers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceIdentity {
    /// The address or path, for people.
    pub name: String,
    /// The naming context, domain or base that was read.
    pub context: String,
    /// The attribute that holds the ids there. Another attribute gives everybody another id, as
    /// another directory would.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ids: Option<IdAttribute>,
    /// What the server calls itself (`dsServiceName`, `entryUUID` of the context, …), if anything.
    pub server: Option<String>,
    /// How far each server has come, as it says itself: `highestCommittedUSN` by `dsServiceName`,
    /// or each `contextCSN` by address and server id. The names are for people.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub progress: BTreeMap<String, ChangeStamp>,
    /// Set only in what is remembered: a server has gone back in time, and no person has approved
    /// the changes that take something away because of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub went_back: Option<WentBack>,
}

impl SourceIdentity {
    /// Returns whether an id means the same person in both: the tree and the attribute of the ids
    /// are the same.
    pub fn knows_same_ids(&self, other: &Self) -> bool {
        (&self.context, &self.ids) == (&other.context, &other.ids)
    }

    /// Returns the tree and the attribute of the ids, for people: `dc=example,dc=org by entryuuid`.
    pub fn where_ids_count(&self) -> String {
        match &self.ids {
            Some(ids) => format!("{} by {ids}", self.context),
            None => self.context.clone(),
        }
    }
}

/// A server that knows fewer changes than it did before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WentBack {
    /// The server.
    pub server: String,
    /// Its last change as it was known before.
    pub from: ChangeStamp,
    /// Its last change as it was found then.
    pub to: ChangeStamp,
}

impl Group {
    /// Returns whether a text of the configuration means this group: its name, in any case, or DN.
    pub fn is_called(&self, text: &str) -> bool {
        self.name.trim().to_lowercase() == text.trim().to_lowercase()
            || Dn::read(text).is_some_and(|dn| dn == Dn::of(&self.dn))
    }

    /// Returns why the members are unknown and what to do about it; `None` where they were read.
    pub fn why_unseen(&self) -> Option<String> {
        let lists: Vec<&str> = self.unseen.iter().map(String::as_str).collect();
        (!lists.is_empty()).then(|| {
            format!(
                "{} shows no member, and nothing proves that it has none: let the account that \
                 reads the directory read {} of groups",
                self.dn,
                lists.join(", ")
            )
        })
    }
}

impl Account {
    /// Replaces each invisible character in a username, to tell the name from one that looks alike.
    pub const HIDDEN: char = '\u{fffd}';

    /// Returns the attribute and the date, if only a date in the past locks the account: every other
    /// reason to lock is reported before it.
    pub fn expired(&self) -> Option<(&str, Timestamp)> {
        let AccountState::Locked {
            attribute, expired, ..
        } = self.state.by_locks()
        else {
            return None;
        };
        let at = self.expires.filter(|at| *expired == Some(*at))?;
        Some((attribute, at))
    }

    /// Returns a short text by which people know whose account it is: the username and the full name
    /// or, of somebody without one, the DN.
    pub fn label(&self) -> String {
        let full_name = full_name(&self.profile);
        let who = if full_name.is_empty() {
            &self.dn
        } else {
            &full_name
        };
        format!("{} ({who})", self.username)
    }
}
