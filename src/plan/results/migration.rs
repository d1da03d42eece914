//! Everybody gets another id: from one attribute of the directory to another.
//!
//! The directory is read by the old attribute, with the new one as second anchor, so that one
//! reading says both of each account.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::model::{
    AccountChange, AccountKey, Directory, DirectoryId, Evidence, Fingerprint, Link, Memory,
    MemoryDelta, ProviderName, Remember, UserId,
};
use crate::plan::facts::temporary::hex;

/// What stands before the old id of somebody who has no new one. Ids are in lower case, so that
/// no account ever has such an id by itself.
const FORMER: &str = "WAS:";

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
    /// Why the new id is only a mark, for who is not in the directory any more.
    pub gone: Option<String>,
}

/// A linked account that cannot be given a new id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stuck {
    /// The id so far.
    pub id: DirectoryId,
    /// Where the entry is, or was.
    pub dn: String,
    /// The linked user.
    pub user: UserId,
    /// Why not, and what to do.
    pub why: String,
}

/// The whole mapping.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Migration {
    /// Who gets which id, in the order of the old ids.
    pub renumbered: Vec<Renumbered>,
    /// Who cannot; nothing is done until there is nobody left.
    pub stuck: Vec<Stuck>,
}

impl Migration {
    /// Maps everybody of whom something is remembered. `directory` was read by the old attribute,
    /// with the new one, called `attribute`, as second anchor.
    pub fn of(
        memory: &Memory,
        provider: &ProviderName,
        directory: &Directory,
        attribute: &str,
    ) -> Self {
        let mut bearers: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (_, account) in directory.accounts.iter() {
            if let Some(new) = value(account.anchor.as_deref(), attribute) {
                bearers.entry(new).or_default().push(&account.dn);
            }
        }
        let mut migration = Self::default();
        for key in known(memory, provider) {
            let link = memory.link(key);
            match new_id(directory, attribute, &bearers, key, link) {
                Ok(renumbered) => migration.renumbered.push(renumbered),
                Err(why) => migration.stuck.extend(link.map(|link| Stuck {
                    id: key.id.clone(),
                    dn: link.last_dn.clone(),
                    user: link.user.clone(),
                    why,
                })),
            }
        }
        migration
    }

    /// Each line of it as a hash, by which what is applied is known to be what was shown.
    pub fn fingerprints(&self) -> BTreeSet<Fingerprint> {
        let lines = self.renumbered.iter().map(|line| {
            let mut hash = Sha256::new();
            let user = line.user.as_ref().map_or("", UserId::as_str);
            for part in [line.from.as_str(), line.to.as_str(), user] {
                hash.update((part.len() as u64).to_be_bytes());
                hash.update(part.as_bytes());
            }
            Fingerprint::new(hex(&hash.finalize()[..16]))
        });
        lines.collect()
    }

    /// What is to be remembered instead of what is: to be stored as one.
    pub fn rewrite(&self, memory: &Memory, provider: &ProviderName) -> MemoryDelta {
        let mut delta = MemoryDelta::new();
        let key = |id: &DirectoryId| AccountKey {
            provider: provider.clone(),
            id: id.clone(),
        };
        // The new id of one may be the old id of another.
        let moved = self.renumbered.iter().map(|line| key(&line.from));
        delta.extend(moved.map(Remember::forget_account));
        for line in &self.renumbered {
            let record = Box::new(memory.account(&key(&line.from)).clone());
            delta.push(Remember::Account(key(&line.to), AccountChange::All(record)));
        }
        delta
    }
}

/// The accounts of whom something is remembered by an id that means something.
fn known<'m>(memory: &'m Memory, provider: &ProviderName) -> BTreeSet<&'m AccountKey> {
    let keys = memory.accounts.keys();
    keys.filter(|key| key.provider == *provider && !key.id.as_str().starts_with(FORMER))
        .collect()
}

fn value<'a>(anchor: Option<&'a str>, attribute: &str) -> Option<&'a str> {
    anchor?.strip_prefix(attribute)?.strip_prefix('=')
}

fn new_id(
    directory: &Directory,
    attribute: &str,
    bearers: &BTreeMap<&str, Vec<&str>>,
    key: &AccountKey,
    link: Option<&Link>,
) -> Result<Renumbered, String> {
    let (account, gone) = match directory.accounts.look(&key.id) {
        Evidence::Present(account) => (account, None),
        Evidence::Absent(proof) => {
            let dn = match &proof.lookup {
                Some(crate::model::Lookup::Elsewhere { dn, .. }) => {
                    format!("outside the base or the filter: {dn}")
                }
                _ => "not in the directory".to_owned(),
            };
            return Ok(former(key, link, dn));
        }
        Evidence::Unknown(gap) => return Err(format!("whether it is there is not known: {gap}")),
    };
    let Some(new) = value(account.anchor.as_deref(), attribute) else {
        return Err(format!(
            "it has no usable {attribute}: give it exactly one, or leave it out with the filter"
        ));
    };
    let others = bearers.get(new).into_iter().flatten();
    let mut others = others.filter(|dn| **dn != account.dn);
    if let Some(other) = others.next() {
        return Err(format!(
            "its {attribute} {new} is also that of {other}: give one of them another"
        ));
    }
    Ok(Renumbered {
        from: key.id.clone(),
        to: DirectoryId::new(new),
        dn: account.dn.clone(),
        username: account.username.clone(),
        user: link.map(|link| link.user.clone()),
        gone,
    })
}

/// Who is not in the directory keeps what is remembered, under an id that nobody can have: an old
/// id may be somebody else's new one.
fn former(key: &AccountKey, link: Option<&Link>, why: String) -> Renumbered {
    Renumbered {
        from: key.id.clone(),
        to: DirectoryId::new(format!("{FORMER}{}", key.id)),
        dn: link.map(|l| l.last_dn.clone()).unwrap_or_default(),
        username: link.map(|l| l.last_username.clone()).unwrap_or_default(),
        user: link.map(|link| link.user.clone()),
        gone: Some(why),
    }
}
