//! Writes a user whole, where the transport has no patch: reads, compares, changes and writes.

use serde_json::{Map, Value};

use crate::model::{UserId, Values};

use super::error::{CallError, WriteError};
use super::transport::Method;
use super::wire::{self, ApiUser};
use super::writer::Writer;

/// Fields that are never sent back. The server keeps its own; an old one returns the first of them
/// in some answers.
const SECRETS: [&str; 3] = ["password", "mfa_secret", "auth_data"];
/// A person's notification settings. 5.38 hides them when a user is read, and replaces them by the
/// defaults when a user is written without them (measured).
const NOTIFICATIONS: &str = "notify_props";

impl Writer {
    /// Reads the user again and writes them whole with the changes, only if the fields still have
    /// the values that they are changed from.
    pub(super) async fn change_whole(
        &self,
        id: &UserId,
        fields: &[(&'static str, &Values)],
    ) -> Result<ApiUser, WriteError> {
        let path = format!("/users/{id}");
        let mut user: Map<String, Value> = self
            .client()
            .get(&path)
            .await
            .map_err(WriteError::NotSent)?;
        for (name, values) in fields {
            let found = user.get(*name).and_then(Value::as_str).unwrap_or_default();
            if found != values.from {
                return Err(WriteError::Stale {
                    field: (*name).to_owned(),
                    expected: values.from.clone(),
                    found: found.to_owned(),
                });
            }
        }
        if !user.contains_key(NOTIFICATIONS) {
            let mut full = self.mark_verified(id).await?;
            if let Some(notifications) = full.remove(NOTIFICATIONS) {
                user.insert(NOTIFICATIONS.into(), notifications);
            }
        }
        for name in SECRETS {
            user.remove(name);
        }
        for (name, values) in fields {
            user.insert((*name).to_owned(), values.to.as_str().into());
        }
        self.client().write(Method::Put, &path, user.into()).await
    }

    /// Marks the address as verified. 5.38 answers with the whole user, including the password
    /// hash: what is not needed is dropped at once, and nothing of it is ever shown.
    pub(super) async fn mark_verified(
        &self,
        id: &UserId,
    ) -> Result<Map<String, Value>, WriteError> {
        let path = format!("/users/{id}/email/verify/member");
        let (_, answer) = self
            .client()
            .write_for(Method::Post, &path, None, std::time::Duration::ZERO)
            .await?;
        // An old server returns the whole user, a new one less; either is accepted.
        let mut user: Map<String, Value> = wire::parse(&answer.body).map_err(|why| {
            let call = format!("POST {path}");
            WriteError::Unknown(CallError::Garbled { call, why })
        })?;
        for name in SECRETS {
            user.remove(name);
        }
        Ok(user)
    }
}
