//! Other ids for the accounts in the rows about steps and notes.

use std::collections::BTreeMap;

use rusqlite::{Connection, params};

use super::super::fault::Fault;
use super::super::json::{from_json, to_json};
use crate::model::{AccountKey, DirectoryId, ProviderName, Step};

/// Gives the accounts of a provider other ids. Each row is changed once, by its old id: the new id
/// of one may be the old id of another.
pub(super) fn renumber(
    db: &Connection,
    provider: &ProviderName,
    ids: &BTreeMap<DirectoryId, DirectoryId>,
) -> Result<(), Fault> {
    let mut select = db.prepare("SELECT run, number, step FROM steps")?;
    let mut update =
        db.prepare("UPDATE steps SET account = ?3, step = ?4 WHERE run = ?1 AND number = ?2")?;
    let rows = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    let rows: Vec<(i64, i64, String)> = rows.collect::<Result<_, _>>()?;
    for (run, number, json) in rows {
        let mut step: Step = from_json("steps", &json)?;
        let mut keys = step.action.accounts_mut();
        keys.extend(&mut step.subject.account);
        let mut is_changed = false;
        for key in keys {
            is_changed |= give(key, provider, ids);
        }
        if is_changed {
            let account = step.action.account().map(|key| key.id.as_str());
            update.execute(params![run, number, account, to_json(&step)?])?;
        }
    }
    let mut select = db.prepare("SELECT number, account FROM notes WHERE provider = ?1")?;
    let mut update = db.prepare("UPDATE notes SET account = ?2 WHERE number = ?1")?;
    let rows = select.query_map([provider.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let rows: Vec<(i64, Option<String>)> = rows.collect::<Result<_, _>>()?;
    for (number, account) in rows {
        let new = account.and_then(|account| ids.get(&DirectoryId::new(account)));
        if let Some(new) = new {
            update.execute(params![number, new.as_str()])?;
        }
    }
    Ok(())
}

fn give(
    key: &mut AccountKey,
    provider: &ProviderName,
    ids: &BTreeMap<DirectoryId, DirectoryId>,
) -> bool {
    let new = ids.get(&key.id).filter(|_| key.provider == *provider);
    if let Some(new) = new {
        key.id.clone_from(new);
    }
    new.is_some()
}
