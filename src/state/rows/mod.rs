//! Reads and writes rows in SQLite.

mod clean;
mod history;
mod memory;
mod notes;
mod renumber;
mod runs;

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::de::DeserializeOwned;

pub(super) use clean::{scrub, tidy};

use super::fault::Fault;
use super::fence::Fence;
use super::history::{
    Erased, PastStep, People, RunFilter, RunHead, RunRecord, RunState, Unsettled,
};
use super::json::{from_json, to_json};
use super::step_row::{NewStep, StepRow};
use super::store::Rows;
use crate::model::{
    AccountKey, AccountMemory, ActionKind, DirectoryId, Done, Fingerprint, HoldKey, HoldMemory,
    Memory, Note, PlaceId, PlaceMemory, ProviderMemory, ProviderName, RunId, ServerMemory, Step,
    StepId, Timestamp, UserId, UserMemory,
};

/// The tables of a state file, within a transaction of its connection.
pub(super) struct SqliteRows<'a>(pub(super) &'a Connection);

impl Rows for SqliteRows<'_> {
    fn fence(&mut self) -> Result<Fence, Fault> {
        let mut select = self.0.prepare_cached("SELECT fence FROM server")?;
        Ok(Fence(select.query_row([], |row| row.get(0))?))
    }

    fn raise_fence(&mut self) -> Result<Fence, Fault> {
        execute(self.0, "UPDATE server SET fence = fence + 1", [])?;
        self.fence()
    }

    fn memory(&mut self) -> Result<Memory, Fault> {
        memory::load(self.0)
    }

    fn account(&mut self, key: &AccountKey) -> Result<AccountMemory, Fault> {
        let key = params![key.provider.as_str(), key.id.as_str()];
        let sql = "SELECT memory FROM accounts WHERE provider = ?1 AND id = ?2";
        memory::record(self.0, sql, key)
    }

    fn put_account(&mut self, key: &AccountKey, record: &AccountMemory) -> Result<(), Fault> {
        memory::put_account(self.0, key, record)
    }

    fn linked_to(&mut self, user: &UserId) -> Result<Option<AccountKey>, Fault> {
        let mut select = self
            .0
            .prepare_cached("SELECT provider, id FROM accounts WHERE user = ?1")?;
        let found = select.query_row([user.as_str()], |row| account_key(row, 0, 1));
        Ok(found.optional()?)
    }

    fn user(&mut self, user: &UserId) -> Result<UserMemory, Fault> {
        memory::USERS.get(self.0, user.as_str())
    }

    fn put_user(&mut self, user: &UserId, record: &UserMemory) -> Result<(), Fault> {
        memory::USERS.put(self.0, user.as_str(), record, record.is_empty())
    }

    fn provider(&mut self, name: &ProviderName) -> Result<ProviderMemory, Fault> {
        memory::PROVIDERS.get(self.0, name.as_str())
    }

    fn put_provider(&mut self, name: &ProviderName, record: &ProviderMemory) -> Result<(), Fault> {
        memory::PROVIDERS.put(self.0, name.as_str(), record, record.is_empty())
    }

    fn place(&mut self, place: &PlaceId) -> Result<PlaceMemory, Fault> {
        memory::PLACES.get(self.0, &to_json(place)?)
    }

    fn put_place(&mut self, place: &PlaceId, record: &PlaceMemory) -> Result<(), Fault> {
        memory::PLACES.put(self.0, &to_json(place)?, record, record.is_empty())
    }

    fn hold(&mut self, hold: &HoldKey) -> Result<HoldMemory, Fault> {
        memory::hold(self.0, &to_json(hold)?)
    }

    fn put_hold(&mut self, hold: &HoldKey, record: &HoldMemory) -> Result<(), Fault> {
        memory::put_hold(self.0, &to_json(hold)?, record)
    }

    fn take_released(&mut self, hold: &HoldKey, step: &Fingerprint) -> Result<bool, Fault> {
        memory::take_released(self.0, &to_json(hold)?, step)
    }

    fn server(&mut self) -> Result<ServerMemory, Fault> {
        memory::record(self.0, "SELECT memory FROM server", [])
    }

    fn put_server(&mut self, record: &ServerMemory) -> Result<(), Fault> {
        execute(self.0, "UPDATE server SET memory = ?1", [to_json(record)?])
    }

    fn add_done(&mut self, done: &Done) -> Result<(), Fault> {
        execute(
            self.0,
            "INSERT INTO done (class, at, fingerprint) VALUES (?1, ?2, ?3)",
            params![done.class.name(), done.at.0, done.whom.as_str()],
        )
    }

    fn remove_done(&mut self, before: Timestamp) -> Result<(), Fault> {
        execute(self.0, "DELETE FROM done WHERE at < ?1", [before.0])
    }

    fn add_run(
        &mut self,
        began: Timestamp,
        config: &str,
        about: Option<&str>,
    ) -> Result<RunId, Fault> {
        runs::add(self.0, began, config, about)
    }

    fn skip_runs(&mut self, to: RunId) -> Result<(), Fault> {
        runs::skip(self.0, to)
    }

    fn last_run(&mut self) -> Result<RunId, Fault> {
        runs::last(self.0)
    }

    fn abandon_runs(&mut self) -> Result<(), Fault> {
        let sql = "UPDATE runs SET state = 'abandoned' WHERE state = 'open'";
        execute(self.0, sql, [])
    }

    fn run_state(&mut self, run: RunId) -> Result<Option<RunState>, Fault> {
        let mut select = self
            .0
            .prepare_cached("SELECT state FROM runs WHERE id = ?1")?;
        let word: Option<String> = select.query_row([run.0], |row| row.get(0)).optional()?;
        word.as_deref().map(runs::state).transpose()
    }

    fn finish_run(&mut self, run: RunId, changed: bool, at: Timestamp) -> Result<(), Fault> {
        execute(
            self.0,
            "UPDATE runs SET ended = ?2, changed = ?3, state = 'finished' WHERE id = ?1",
            params![run.0, at.0, changed],
        )
    }

    fn add_step(&mut self, run: RunId, place: usize, step: &NewStep) -> Result<bool, Fault> {
        runs::add_step(self.0, run, place, step)
    }

    fn step(&mut self, run: RunId, step: StepId) -> Result<Option<StepRow>, Fault> {
        runs::step(self.0, run, step)
    }

    fn put_step(&mut self, run: RunId, step: StepId, row: &StepRow) -> Result<(), Fault> {
        runs::put_step(self.0, run, step, row)
    }

    fn unsettled_like(&mut self, run: RunId, row: &StepRow) -> Result<Vec<(RunId, StepId)>, Fault> {
        runs::unsettled_like(self.0, run, row)
    }

    fn unsettled(&mut self) -> Result<Vec<Unsettled>, Fault> {
        runs::unsettled(self.0)
    }

    fn runs(&mut self, most: u32) -> Result<Vec<RunRecord>, Fault> {
        runs::newest(self.0, most)
    }

    fn run(&mut self, run: RunId) -> Result<Option<RunRecord>, Fault> {
        runs::one(self.0, run)
    }

    fn heads(&mut self, which: &RunFilter) -> Result<Vec<RunHead>, Fault> {
        history::heads(self.0, which)
    }

    fn steps_about(
        &mut self,
        account: Option<&AccountKey>,
        user: Option<&UserId>,
        most: u32,
    ) -> Result<Vec<PastStep>, Fault> {
        history::steps_about(self.0, account, user, most)
    }

    fn steps_with(&mut self, text: &str) -> Result<Vec<(Step, Option<UserId>)>, Fault> {
        history::steps_with(self.0, text)
    }

    fn count_runs(&mut self) -> Result<(u64, u64, u64), Fault> {
        runs::count(self.0)
    }

    fn add_note(&mut self, note: &Note) -> Result<(), Fault> {
        notes::add(self.0, note)
    }

    fn notes(&mut self, run: Option<RunId>) -> Result<Vec<Note>, Fault> {
        notes::of(self.0, run)
    }

    fn old_runs(
        &mut self,
        before: Timestamp,
        keep: &BTreeSet<RunId>,
        most: usize,
    ) -> Result<Vec<RunId>, Fault> {
        clean::old_runs(self.0, before, keep, most)
    }

    fn has_old_notes(&mut self, before: Timestamp) -> Result<bool, Fault> {
        let sql = "SELECT 1 FROM notes WHERE run IS NULL AND at < ?1 LIMIT 1";
        Ok(self.0.prepare_cached(sql)?.exists([before.0])?)
    }

    fn remove_old_notes(&mut self, before: Timestamp) -> Result<(), Fault> {
        let sql = "DELETE FROM notes WHERE run IS NULL AND at < ?1";
        execute(self.0, sql, [before.0])
    }

    fn remove_runs(&mut self, runs: &[RunId]) -> Result<(), Fault> {
        clean::remove_runs(self.0, runs)
    }

    fn renumber(
        &mut self,
        provider: &ProviderName,
        ids: &BTreeMap<DirectoryId, DirectoryId>,
    ) -> Result<(), Fault> {
        renumber::renumber(self.0, provider, ids)
    }

    fn remove_about(&mut self, who: &People) -> Result<Erased, Fault> {
        clean::remove_about(self.0, who)
    }
}

fn execute(db: &Connection, sql: &str, values: impl rusqlite::Params) -> Result<(), Fault> {
    db.prepare_cached(sql)?.execute(values)?;
    Ok(())
}

/// Reads a value from the JSON of a column that may be empty.
fn from_column<T: DeserializeOwned>(
    what: &str,
    row: &Row<'_>,
    column: usize,
) -> Result<Option<T>, Fault> {
    let text: Option<String> = row.get(column)?;
    text.map(|text| from_json(what, &text)).transpose()
}

/// Returns the fault for a word that a column may not contain.
fn unknown_word(what: &str, word: &str) -> Fault {
    Fault::Row(format!("{what}: {word:?}"))
}

fn action(row: &Row<'_>, column: usize) -> Result<ActionKind, Fault> {
    let name: String = row.get(column)?;
    ActionKind::named(&name).ok_or_else(|| unknown_word("steps have the action", &name))
}

fn account_key(row: &Row<'_>, provider: usize, id: usize) -> Result<AccountKey, rusqlite::Error> {
    Ok(AccountKey {
        provider: ProviderName::new(row.get::<_, String>(provider)?),
        id: DirectoryId::new(row.get::<_, String>(id)?),
    })
}

/// Reads the account from two columns that may both be empty.
fn any_account(
    row: &Row<'_>,
    provider: usize,
    id: usize,
) -> Result<Option<AccountKey>, rusqlite::Error> {
    let found: Option<String> = row.get(provider)?;
    found.map(|_| account_key(row, provider, id)).transpose()
}

/// Converts a count of SQLite, which has no unsigned numbers.
fn unsigned(number: i64) -> Result<u64, Fault> {
    u64::try_from(number).map_err(|_| {
        Fault::Sqlite(rusqlite::Error::FromSqlConversionFailure(
            0,
            Type::Integer,
            format!("{number} is no count").into(),
        ))
    })
}
