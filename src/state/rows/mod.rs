//! Rows: how memory and runs lie in the tables.

pub(super) mod about;
pub(super) mod clean;
pub(super) mod history;
pub(super) mod memory;
pub(super) mod notes;
pub(super) mod runs;

use rusqlite::types::Type;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::fault::Fault;

/// A value as JSON text.
pub(super) fn to_json<T: Serialize>(value: &T) -> Result<String, Fault> {
    serde_json::to_string(value).map_err(|error| Fault::Row(format!("no JSON: {error}")))
}

/// A value from JSON text that `what` (a table, for the message) holds.
fn from_json<T: DeserializeOwned>(what: &str, text: &str) -> Result<T, Fault> {
    serde_json::from_str(text).map_err(|error| Fault::Row(format!("{what}: {error}")))
}

/// A word that a column may not hold.
fn odd(what: &str, word: &str) -> Fault {
    Fault::Row(format!("{what}: {word:?}"))
}

/// A count from SQLite, which has no unsigned numbers.
fn unsigned(number: i64) -> Result<u64, Fault> {
    u64::try_from(number).map_err(|_| {
        Fault::Sqlite(rusqlite::Error::FromSqlConversionFailure(
            0,
            Type::Integer,
            format!("{number} is no count").into(),
        ))
    })
}
