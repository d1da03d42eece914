//! What a lock rule says.

/// What one rule says of one entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is locked, because of this value.
    Locked(String),
    /// It is locked, because of what the rule's attribute is computed from: its name and its value.
    LockedBy(&'static str, String),
    /// The value says that it is not.
    Open,
    /// There is no value.
    Silent,
    /// There is a value, and it cannot be told what it means.
    Unclear(String),
}
