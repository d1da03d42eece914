//! Everybody gets another id: what follows when the configuration names another id attribute.

use serde::{Deserialize, Serialize};

use super::{
    AccountChange, AccountKey, DirectoryId, Gap, IdAttribute, Memory, MemoryDelta, ProviderName,
    Remember, UserId,
};

/// Who gets which id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewIds {
    /// The attribute by which people are known until a person approves.
    pub from: IdAttribute,
    /// The attribute by which they are known from then on.
    pub to: IdAttribute,
    /// Everybody of whom something is remembered, in the order of the old ids.
    pub renumbered: Vec<Renumbered>,
    /// Accounts of which something is remembered and that cannot be given a new id. While there are any, nobody gets one.
    pub stuck: Vec<Stuck>,
    /// Whether the reading proves who is not there. If it does not, nobody gets a new id.
    pub complete: bool,
}

/// One account that is known, and its new id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Renumbered {
    /// The id so far.
    pub from: DirectoryId,
    /// The id from now on.
    pub to: DirectoryId,
    /// Where the entry is, or was.
    pub dn: String,
    /// The username in the directory.
    pub username: String,
    /// The linked user; `None` for an account of which something else is remembered.
    pub user: Option<UserId>,
    /// Why the new id is [`DirectoryId::former`].
    pub gone: Option<Gone>,
}

/// Why an account that is not in the reading gets no new id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Gone {
    /// Nowhere in the directory.
    NotThere,
    /// Outside the base or the filter, and without a usable value of the new attribute.
    OutOfScope {
        /// Where.
        dn: String,
    },
}

/// An account that cannot be given a new id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stuck {
    /// The id so far.
    pub id: DirectoryId,
    /// Where the entry is, or was.
    pub dn: String,
    /// The linked user; `None` for an account of which something else is remembered.
    pub user: Option<UserId>,
    /// Why not.
    pub why: NoNewId,
}

/// Why an account cannot be given a new id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NoNewId {
    /// Nobody knows whether the account is there.
    Unknown(Gap),
    /// The entry has no usable value of the new attribute, or several.
    NoValue,
    /// Another entry has the same value.
    Shared {
        /// The value.
        id: DirectoryId,
        /// The other entry.
        dn: String,
    },
}

impl NewIds {
    /// Tells whether everybody can get a new id.
    pub fn is_possible(&self) -> bool {
        self.complete && self.stuck.is_empty()
    }

    /// Returns what is to be remembered instead of what is: to be stored as one.
    pub fn rewrite(&self, memory: &Memory, provider: &ProviderName) -> MemoryDelta {
        let key = |id: &DirectoryId| AccountKey {
            provider: provider.clone(),
            id: id.clone(),
        };
        // The new id of one may be the old id of another: forget all, then remember all.
        let moved = self.renumbered.iter().map(|line| key(&line.from));
        let forgotten = moved.map(Remember::forget_account);
        let remembered = self.renumbered.iter().map(|line| {
            let record = Box::new(memory.account(&key(&line.from)).clone());
            Remember::Account(key(&line.to), AccountChange::All(record))
        });
        forgotten.chain(remembered).collect()
    }
}
