//! Reads and writes what is remembered, a row for each record.

use rusqlite::{Connection, OptionalExtension, params};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::super::fault::Fault;
use super::super::json::{from_json, to_json};
use super::{account_key, execute, unknown_word};
use crate::model::{
    AccountKey, AccountMemory, Approval, Class, Done, Fingerprint, HoldMemory, Memory,
    ProviderName, Timestamp, UserId,
};

/// A table of records with a text as key.
pub(super) struct Table {
    select: &'static str,
    put: &'static str,
    delete: &'static str,
}

macro_rules! table {
    ($name:literal, $key:literal) => {
        Table {
            select: concat!("SELECT memory FROM ", $name, " WHERE ", $key, " = ?1"),
            put: concat!(
                "INSERT INTO ",
                $name,
                " (",
                $key,
                ", memory) VALUES (?1, ?2) ",
                "ON CONFLICT (",
                $key,
                ") DO UPDATE SET memory = excluded.memory"
            ),
            delete: concat!("DELETE FROM ", $name, " WHERE ", $key, " = ?1"),
        }
    };
}

pub(super) const USERS: Table = table!("users", "id");
pub(super) const PROVIDERS: Table = table!("providers", "name");
pub(super) const PLACES: Table = table!("places", "place");
const HOLDS: Table = table!("holds", "hold");

impl Table {
    /// Reads the record of a key; an empty one if there is none.
    pub(super) fn get<T: DeserializeOwned + Default>(
        &self,
        db: &Connection,
        key: &str,
    ) -> Result<T, Fault> {
        record(db, self.select, [key])
    }

    /// Writes the record of a key, or removes it if it is empty.
    pub(super) fn put<T: Serialize>(
        &self,
        db: &Connection,
        key: &str,
        record: &T,
        is_empty: bool,
    ) -> Result<(), Fault> {
        match is_empty {
            true => execute(db, self.delete, [key]),
            false => execute(db, self.put, params![key, to_json(record)?]),
        }
    }
}

/// Reads the one record that a statement finds; an empty one if there is none.
pub(super) fn record<T: DeserializeOwned + Default>(
    db: &Connection,
    sql: &str,
    key: impl rusqlite::Params,
) -> Result<T, Fault> {
    let mut select = db.prepare_cached(sql)?;
    let text: Option<String> = select.query_row(key, |row| row.get(0)).optional()?;
    text.map_or_else(|| Ok(T::default()), |text| from_json("memory", &text))
}

/// Writes what is remembered of an account, or removes it.
pub(super) fn put_account(
    db: &Connection,
    key: &AccountKey,
    record: &AccountMemory,
) -> Result<(), Fault> {
    let (provider, id) = (key.provider.as_str(), key.id.as_str());
    if record.is_empty() {
        let sql = "DELETE FROM accounts WHERE provider = ?1 AND id = ?2";
        return execute(db, sql, [provider, id]);
    }
    let user = record.link.as_ref().map(|link| link.user.as_str());
    execute(
        db,
        "INSERT INTO accounts (provider, id, user, memory) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (provider, id) DO UPDATE SET user = excluded.user, memory = excluded.memory",
        params![provider, id, user, to_json(record)?],
    )
}

/// Reads what is remembered of a hold, with the steps that its approval still releases.
pub(super) fn hold(db: &Connection, hold: &str) -> Result<HoldMemory, Fault> {
    let mut record: HoldMemory = HOLDS.get(db, hold)?;
    if let Some(approval) = &mut record.approval {
        let sql = "SELECT fingerprint FROM released WHERE hold = ?1";
        let mut select = db.prepare_cached(sql)?;
        let mut rows = select.query([hold])?;
        while let Some(row) = rows.next()? {
            let step = Fingerprint::new(row.get::<_, String>(0)?);
            approval.steps.insert(step);
        }
    }
    Ok(record)
}

/// Writes what is remembered of a hold, or removes it.
pub(super) fn put_hold(db: &Connection, hold: &str, record: &HoldMemory) -> Result<(), Fault> {
    execute(db, "DELETE FROM released WHERE hold = ?1", [hold])?;
    let mut without_steps = record.clone();
    if let Some(Approval { steps, .. }) = &mut without_steps.approval {
        let sql = "INSERT INTO released (hold, fingerprint) VALUES (?1, ?2)";
        let mut insert = db.prepare_cached(sql)?;
        for step in std::mem::take(steps) {
            insert.execute([hold, step.as_str()])?;
        }
    }
    HOLDS.put(db, hold, &without_steps, record.is_empty())
}

/// Removes a step from those that an approval releases. Returns whether it was the last one.
pub(super) fn take_released(
    db: &Connection,
    hold: &str,
    step: &Fingerprint,
) -> Result<bool, Fault> {
    let sql = "DELETE FROM released WHERE hold = ?1 AND fingerprint = ?2";
    let taken = db.prepare_cached(sql)?.execute([hold, step.as_str()])?;
    let sql = "SELECT 1 FROM released WHERE hold = ?1 LIMIT 1";
    Ok(taken > 0 && !db.prepare_cached(sql)?.exists([hold])?)
}

/// Reads everything that is remembered.
pub(super) fn load(db: &Connection) -> Result<Memory, Fault> {
    let mut memory = Memory {
        server: record(db, "SELECT memory FROM server", [])?,
        ..Memory::default()
    };
    let mut accounts = db.prepare_cached("SELECT provider, id, memory FROM accounts")?;
    let mut rows = accounts.query([])?;
    while let Some(row) = rows.next()? {
        let text = row.get_ref(2)?.as_str().map_err(no_text)?;
        let record = from_json("accounts", text)?;
        memory.accounts.insert(account_key(row, 0, 1)?, record);
    }
    each(db, "SELECT id, memory FROM users", |id, text| {
        memory
            .users
            .insert(UserId::new(id), from_json("users", text)?);
        Ok(())
    })?;
    each(db, "SELECT name, memory FROM providers", |name, text| {
        let record = from_json("providers", text)?;
        memory.providers.insert(ProviderName::new(name), record);
        Ok(())
    })?;
    each(db, "SELECT place, memory FROM places", |place, text| {
        let place = from_json("places", place)?;
        memory.places.insert(place, from_json("places", text)?);
        Ok(())
    })?;
    each(db, "SELECT hold, memory FROM holds", |key, _| {
        let record = hold(db, key)?;
        memory.holds.insert(from_json("holds", key)?, record);
        Ok(())
    })?;
    let mut done = db.prepare_cached("SELECT class, at, fingerprint FROM done ORDER BY number")?;
    let mut rows = done.query([])?;
    while let Some(row) = rows.next()? {
        memory.done.push(Done {
            class: class(&row.get::<_, String>(0)?)?,
            at: Timestamp(row.get(1)?),
            whom: Fingerprint::new(row.get::<_, String>(2)?),
        });
    }
    Ok(memory)
}

fn each(
    db: &Connection,
    sql: &str,
    mut take: impl FnMut(&str, &str) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let mut select = db.prepare_cached(sql)?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        let (key, memory) = (row.get_ref(0)?, row.get_ref(1)?);
        take(
            key.as_str().map_err(no_text)?,
            memory.as_str().map_err(no_text)?,
        )?;
    }
    Ok(())
}

fn class(word: &str) -> Result<Class, Fault> {
    Class::ALL
        .into_iter()
        .find(|class| class.name() == word)
        .ok_or_else(|| unknown_word("done has the class", word))
}

fn no_text(error: rusqlite::types::FromSqlError) -> Fault {
    Fault::Row(error.to_string())
}
