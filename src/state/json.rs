//! Values as JSON in columns.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::fault::Fault;

pub(super) fn to_json<T: Serialize>(value: &T) -> Result<String, Fault> {
    serde_json::to_string(value).map_err(|error| Fault::Row(format!("no JSON: {error}")))
}

/// Reads a value from JSON text. `what` names the table for the error.
pub(super) fn from_json<T: DeserializeOwned>(what: &str, text: &str) -> Result<T, Fault> {
    serde_json::from_str(text).map_err(|error| Fault::Row(format!("{what}: {error}")))
}
