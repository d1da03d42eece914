//! Rows of users, including those that cannot be used, and batches of ids.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::model::{Rejected, User, UserId};

use super::ids::is_id;
use super::wire::ApiUser;

/// How many ids one request asks for.
const IDS: usize = 1_000;
/// The longest username, in characters.
const USERNAME_CHARS: usize = 64;

/// The users in a list.
#[derive(Default)]
pub(super) struct Listed {
    /// The users by their ids.
    pub users: BTreeMap<UserId, User>,
    /// The rows that cannot be used.
    pub rejected: Vec<Rejected<UserId>>,
    /// What shows that users are missing.
    pub doubts: Vec<String>,
}

impl Listed {
    /// Takes a row; of two rows of one user the newer one counts.
    pub(super) fn add(&mut self, row: Value) {
        match understood(row) {
            Ok(user) => {
                let known = self.users.get(&user.id);
                if known.is_none_or(|known| known.updated_at <= user.updated_at) {
                    self.users.insert(user.id.clone(), user);
                }
            }
            Err(bad) if self.rejected.contains(&bad) => {}
            Err(bad) => self.rejected.push(bad),
        }
    }
}

/// Parses a row of a list. One that is not understood keeps its id, and so its user is not absent.
pub(super) fn understood(row: Value) -> Result<User, Rejected<UserId>> {
    let text = |name: &str| {
        row.get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let bad = Rejected {
        key: Some(text("id")).filter(|id| is_id(id)).map(UserId::new),
        name: text("username"),
        why: "the server's description of this user is not understood".into(),
    };
    serde_json::from_value::<ApiUser>(row)
        .map_err(|_| bad)?
        .into_user()
}

/// Returns whether a text can be a username.
pub fn is_username(name: &str) -> bool {
    let legal = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(&b);
    !name.is_empty() && name.len() <= USERNAME_CHARS && name.bytes().all(legal)
}

/// Splits ids into batches of [`IDS`], without texts that are no ids: the server cannot know them.
pub(super) fn batches<'a>(ids: impl Iterator<Item = &'a UserId>) -> Vec<Vec<UserId>> {
    let ids: Vec<UserId> = ids.filter(|id| is_id(id.as_str())).cloned().collect();
    ids.chunks(IDS).map(<[UserId]>::to_vec).collect()
}

pub(super) fn ids_body(ids: &[UserId]) -> Value {
    ids.iter().map(|id| Value::from(id.as_str())).collect()
}
