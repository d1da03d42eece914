//! Why the state could not be used.

/// Why the state could not be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StateError {
    /// The directory or file cannot be opened or made.
    #[error("{path}: {what}")]
    Open {
        /// Which file.
        path: String,
        /// What is wrong, and what to do.
        what: String,
    },
    /// The file was written by a newer mattersync.
    #[error(
        "{path} has schema {found}, this mattersync knows up to {known}: \
         install the newer version again; the file was not touched"
    )]
    Newer {
        /// Which file.
        path: String,
        /// Its schema.
        found: i64,
        /// The newest that we know.
        known: i64,
    },
    /// Another process holds the lease.
    #[error("{path} is in use by another mattersync{}", holder.as_ref().map(|h| format!(" ({h})")).unwrap_or_default())]
    Busy {
        /// The lease file.
        path: String,
        /// What the holder wrote about itself.
        holder: Option<String>,
    },
    /// Reading or writing failed: full disk, read-only file system, damage.
    #[error("{path}: {what}")]
    Failed {
        /// Which file.
        path: String,
        /// What is wrong, and what to do.
        what: String,
    },
    /// The caller asked for something that the rules of [`State`](super::State) forbid; nothing was recorded.
    #[error("not recorded: {0}")]
    Refused(String),
    /// The state thread has ended.
    #[error("the state is closed")]
    Closed,
}
