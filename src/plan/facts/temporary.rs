//! The usernames and addresses that rings are opened with: nobody keeps them.

use sha2::{Digest, Sha256};

use crate::model::{AccountKey, ValueOf};

/// How the names begin that rings are opened with.
const USERNAME: &str = "renaming-";

/// How the addresses end that rings are opened with.
const ADDRESS: &str = "@mattersync.invalid";

/// Bytes as lower-case hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// The temporary username of an account, the same in every plan.
pub fn username_of(key: &AccountKey) -> String {
    let hash = hex(&Sha256::digest(key.to_string().as_bytes())[..6]);
    format!("{USERNAME}{hash}")
}

/// The temporary address of an account, the same in every plan.
pub fn email_of(key: &AccountKey) -> String {
    let hash = Sha256::digest(key.to_string().as_bytes());
    let name = hex(&hash[..6]);
    format!("changing-{name}{ADDRESS}")
}

/// Whether a name is one that a ring was to be opened with: nobody keeps it.
pub fn is_temporary_username(name: &str, key: &AccountKey) -> bool {
    if !name.starts_with(USERNAME) {
        return false;
    }
    let number = name.strip_prefix(&username_of(key));
    let is_number = |rest: &str| {
        let digits = rest.strip_prefix('-').unwrap_or_default();
        !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())
    };
    number.is_some_and(|rest| rest.is_empty() || is_number(rest))
}

/// Whether an address is one that a ring was to be opened with: nobody keeps it.
pub fn is_temporary_email(email: &str, key: &AccountKey) -> bool {
    email.ends_with(ADDRESS) && email.ends_with(&email_of(key))
}

/// Whether a value is one that a ring was to be opened with.
pub fn is_temporary(of: ValueOf, value: &str, key: &AccountKey) -> bool {
    match of {
        ValueOf::Username => is_temporary_username(value, key),
        ValueOf::Email => is_temporary_email(value, key),
        ValueOf::Field(_) => false,
    }
}
