//! The configuration names another id attribute: who gets which id waits for a person.
//!
//! Guarantees: until somebody approves, everybody is known by the old attribute, and the rest of
//! the plan goes on; an approval is for exactly the ids that were shown; either everybody gets the
//! new id or nobody does; what is remembered of an account goes along; whoever has no entry any more,
//! or one outside the base that has no new id, keeps what is remembered under an id that no entry can
//! have, because their old id may be somebody else's new one, and is never deleted.
//!
//! Assumes that the directory was read by the old attribute, with the new one beside it
//! ([`crate::model::Account::new_id`]).

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};

use crate::model::{
    AccountKey, Directory, DirectoryId, Evidence, Fingerprint, Gone, Hold, HoldCause, HoldKey,
    IdAttribute, Link, Lookup, Memory, NewIds, NoNewId, ProviderName, Renumbered, Stuck, UserId,
};
use crate::plan::facts::temporary::hex;
use crate::plan::ledger::draft::Draft;

/// Holds the new ids of each provider whose id attribute was changed.
pub fn holds(draft: &Draft<'_>) -> Vec<Hold> {
    let memory = draft.world.memory;
    let directories = draft.world.directories.iter();
    let changed = directories.filter_map(|(provider, directory)| {
        let new_ids = new_ids(memory, provider, directory)?;
        Some(Hold {
            key: HoldKey::NewIds(provider.clone()),
            fingerprints: fingerprints(&new_ids),
            cause: HoldCause::NewIds(new_ids),
            steps: Vec::new(),
        })
    });
    changed.collect()
}

/// Maps everybody of whom something is remembered; `None` where no new ids are to be given.
fn new_ids(memory: &Memory, provider: &ProviderName, directory: &Directory) -> Option<NewIds> {
    let mut new_ids = NewIds {
        from: directory.accounts.source().ids.clone()?,
        to: directory.new_ids.clone()?,
        renumbered: Vec::new(),
        stuck: Vec::new(),
        complete: directory.accounts.gaps().is_empty(),
    };
    let mut bearers: BTreeMap<&DirectoryId, Vec<&str>> = BTreeMap::new();
    for (_, account) in directory.accounts.iter() {
        if let Some(new) = &account.new_id {
            bearers.entry(new).or_default().push(&account.dn);
        }
    }
    let keys = memory.accounts.keys();
    for key in keys.filter(|key| key.provider == *provider && !key.id.is_former()) {
        let link = memory.link(key);
        match new_id(directory, (&new_ids.from, &bearers), key, link) {
            Ok(renumbered) => new_ids.renumbered.push(renumbered),
            Err(why) => {
                let there = directory.accounts.get(&key.id).map(|account| &account.dn);
                new_ids.stuck.push(Stuck {
                    id: key.id.clone(),
                    dn: there
                        .or(link.map(|l| &l.last_dn))
                        .cloned()
                        .unwrap_or_default(),
                    user: link.map(|link| link.user.clone()),
                    why,
                });
            }
        }
    }
    let shared = take_shared(&mut new_ids.renumbered);
    new_ids.stuck.extend(shared);
    Some(new_ids)
}

/// Takes out the lines that give two accounts one id, which only accounts outside the base have.
fn take_shared(lines: &mut Vec<Renumbered>) -> Vec<Stuck> {
    let mut bearers: BTreeMap<DirectoryId, Vec<String>> = BTreeMap::new();
    for line in lines.iter() {
        bearers
            .entry(line.to.clone())
            .or_default()
            .push(line.dn.clone());
    }
    let (kept, shared) = std::mem::take(lines)
        .into_iter()
        .partition(|line| bearers.get(&line.to).is_none_or(|dns| dns.len() == 1));
    *lines = kept;
    let shared: Vec<Renumbered> = shared;
    let stuck = shared.into_iter().map(|line| {
        let mut dns = bearers.get(&line.to).into_iter().flatten();
        let other = dns.find(|dn| **dn != line.dn).cloned();
        Stuck {
            id: line.from,
            dn: line.dn,
            user: line.user,
            why: NoNewId::Shared {
                id: line.to,
                dn: other.unwrap_or_default(),
            },
        }
    });
    stuck.collect()
}

fn new_id(
    directory: &Directory,
    (by, bearers): (&IdAttribute, &BTreeMap<&DirectoryId, Vec<&str>>),
    key: &AccountKey,
    link: Option<&Link>,
) -> Result<Renumbered, NoNewId> {
    let account = match directory.accounts.look(&key.id) {
        Evidence::Present(account) => account,
        Evidence::Absent(proof) => {
            return match proof.lookup {
                Some(Lookup::Elsewhere {
                    dn,
                    new_id: Some(new),
                    ..
                }) => renumbered(bearers, key, link, new, &dn),
                Some(Lookup::Elsewhere { dn, .. }) => {
                    Ok(former(by, key, link, Gone::OutOfScope { dn }))
                }
                _ => Ok(former(by, key, link, Gone::NotThere)),
            };
        }
        Evidence::Unknown(gap) => return Err(NoNewId::Unknown(gap)),
    };
    let new = account.new_id.clone().ok_or(NoNewId::NoValue)?;
    Ok(Renumbered {
        username: account.username.clone(),
        ..renumbered(bearers, key, link, new, &account.dn)?
    })
}

/// The line of an account that has a new id, unless another one has the same.
fn renumbered(
    bearers: &BTreeMap<&DirectoryId, Vec<&str>>,
    key: &AccountKey,
    link: Option<&Link>,
    new: DirectoryId,
    dn: &str,
) -> Result<Renumbered, NoNewId> {
    let mut others = bearers.get(&new).into_iter().flatten();
    if let Some(other) = others.find(|other| **other != dn) {
        let dn = (*other).to_owned();
        return Err(NoNewId::Shared { id: new, dn });
    }
    Ok(Renumbered {
        from: key.id.clone(),
        to: new,
        dn: dn.to_owned(),
        username: link.map(|l| l.last_username.clone()).unwrap_or_default(),
        user: link.map(|link| link.user.clone()),
        gone: None,
    })
}

fn former(by: &IdAttribute, key: &AccountKey, link: Option<&Link>, gone: Gone) -> Renumbered {
    Renumbered {
        from: key.id.clone(),
        to: key.id.former(by),
        dn: link.map(|l| l.last_dn.clone()).unwrap_or_default(),
        username: link.map(|l| l.last_username.clone()).unwrap_or_default(),
        user: link.map(|link| link.user.clone()),
        gone: Some(gone),
    }
}

/// Returns each line as a hash, by which what is approved is known to be what was shown.
fn fingerprints(new_ids: &NewIds) -> BTreeSet<Fingerprint> {
    let lines = new_ids.renumbered.iter().map(|line| {
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
