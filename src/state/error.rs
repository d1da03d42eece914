//! Why the state could not be used.

/// Why the state could not be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StateError {
    /// The directory or file cannot be opened or made.
    #[error("{path}: {what}")]
    Open {
        /// The file or directory.
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
        /// The file.
        path: String,
        /// The schema of the file.
        found: i64,
        /// The newest schema that this version knows.
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
    /// Reading or writing failed because of a full disk, a read-only file system or damage.
    #[error("{path}: {what}")]
    Failed {
        /// The file.
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
