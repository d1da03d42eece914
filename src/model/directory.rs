//! A directory as a whole, as one reading shows it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{
    Account, DirectoryId, Dn, Group, GroupId, IdAttribute, ProfileField, ProviderName, Roster,
};

/// Numbers of one reading, kept to judge the next one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shape {
    /// How many entries are usable.
    pub accounts: usize,
    /// How many entries each container has, by its DN.
    pub containers: BTreeMap<Dn, usize>,
    /// How many entries have a value, by attribute of the mapping in lower case.
    pub attributes: BTreeMap<String, usize>,
    /// How many accounts have a value, by field of the profile. The plan counts them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<ProfileField, usize>,
    /// Set only in what is remembered: lock attributes that were seen once and are no longer seen.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub lost_locks: BTreeSet<String>,
}

/// What one provider returned in one cycle.
#[derive(Clone, Debug)]
pub struct Directory {
    /// The accounts.
    pub accounts: Roster<DirectoryId, Account>,
    /// The groups, read in the same cycle; a failure here leaves the accounts as they are.
    pub groups: Roster<GroupId, Group>,
    /// Numbers to compare with the last reading.
    pub shape: Shape,
    /// How many accounts have a lock that cannot be seen.
    pub state_unknown: usize,
    /// Attributes of lock rules, in lower case, that no entry showed although nothing proves that
    /// nobody has them: the right to read them may have been lost.
    pub hidden_locks: BTreeSet<String>,
    /// Attributes of lock rules that no entry showed, and whose absence proves nothing.
    pub unseen_locks: BTreeSet<String>,
    /// The id attribute that the configuration names now, where the reading goes by the one before.
    pub new_ids: Option<IdAttribute>,
}

/// What a provider returns.
#[derive(Clone, Debug)]
pub enum Reading {
    /// Every account and group.
    Full(Directory),
}

/// Directories by the name of their provider.
pub type Directories = BTreeMap<ProviderName, Directory>;
