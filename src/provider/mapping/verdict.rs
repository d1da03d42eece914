//! The verdict of a lock rule.

use crate::model::Timestamp;

/// What one rule says of one entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is locked, because of this value.
    Locked(String),
    /// It is locked, because this date of expiry has passed.
    Expired(Timestamp),
    /// It is locked, because of the name and value of what the rule's attribute is computed from.
    LockedBy(&'static str, String),
    /// The value says that it is not locked.
    Open,
    /// There is no value.
    Silent,
    /// There is a value that cannot be interpreted.
    Unclear(String),
}
