//! The temporary usernames and addresses that open rings.

use sha2::{Digest, Sha256};

use crate::model::{AccountKey, ValueOf};

/// The beginning of a temporary username.
const USERNAME: &str = "renaming-";

/// The end of a temporary address.
const ADDRESS: &str = "@mattersync.invalid";

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// Returns the temporary username of an account, the same in every plan.
pub fn username_of(key: &AccountKey) -> String {
    let hash = hex(&Sha256::digest(key.to_string().as_bytes())[..6]);
    format!("{USERNAME}{hash}")
}

/// Returns the temporary address of an account, the same in every plan.
pub fn email_of(key: &AccountKey) -> String {
    let hash = Sha256::digest(key.to_string().as_bytes());
    let name = hex(&hash[..6]);
    format!("changing-{name}{ADDRESS}")
}

/// Returns whether a name is a temporary one of this account.
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

/// Returns whether an address is a temporary one of this account.
pub fn is_temporary_email(email: &str, key: &AccountKey) -> bool {
    email.ends_with(ADDRESS) && email.ends_with(&email_of(key))
}

/// Returns whether a value is a temporary one of this account.
pub fn is_temporary(of: ValueOf, value: &str, key: &AccountKey) -> bool {
    match of {
        ValueOf::Username => is_temporary_username(value, key),
        ValueOf::Email => is_temporary_email(value, key),
        ValueOf::Field(_) => false,
    }
}
