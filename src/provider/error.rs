//! The errors of providers.

use std::time::Duration;

use crate::model::ChangeStamp;

/// Why nothing could be read at all.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    /// No address answered, or none of several could be read.
    #[error("no directory server answered as it should: {0}")]
    Unreachable(String),
    /// The certificate or StartTLS failed.
    #[error("{url}: TLS failed: {what}")]
    Tls {
        /// The server.
        url: String,
        /// What is wrong, and what to do.
        what: String,
    },
    /// The bind ended with result 49. No other server is tried, so that we do not lock the account.
    #[error(
        "{url}: the directory refused the bind (result 49, wrong name or password{said}); \
         no other server was tried, so that the account does not get locked{remedy}"
    )]
    WrongPassword {
        /// The server.
        url: String,
        /// `: ` and the server's reason, if it gave one.
        said: String,
        /// `. ` and where name and password are, and what to type; empty where there are none.
        remedy: String,
    },
    /// The bind failed for another reason.
    #[error("{url}: bind failed with result {code}: {message}")]
    Bind {
        /// The server.
        url: String,
        /// The LDAP result code.
        code: u32,
        /// The server's message, and what to do.
        message: String,
    },
    /// A secret could not be read, or cannot be used.
    #[error("{0}")]
    Secret(String),
    /// This process may not read a secret.
    #[error("{0}")]
    SecretDenied(String),
    /// The certificates to trust cannot be used.
    #[error("{url}: TLS cannot be set up: {what}")]
    Certificates {
        /// The server.
        url: String,
        /// What is wrong with them, and what to do.
        what: String,
    },
    /// The search failed or was interrupted.
    #[error("{url}: {what}")]
    Search {
        /// The server.
        url: String,
        /// What happened.
        what: String,
    },
    /// The server has not heard of a change that another server, or itself, told of before.
    #[error(
        "{url}: this server is behind the directory: its last change is of {to}, and one of \
         {from} is known. It was not read: check whether it still replicates. After a day the \
         known change is taken to be lost"
    )]
    Behind {
        /// The server.
        url: String,
        /// The known change.
        from: ChangeStamp,
        /// The last change that the server has.
        to: ChangeStamp,
    },
    /// The whole reading took longer than it may.
    #[error("{url}: the reading was not finished within {deadline:?}")]
    Deadline {
        /// The server.
        url: String,
        /// `read-deadline`.
        deadline: Duration,
    },
    /// The answer is not LDAP, or could harm us.
    #[error("{url}: what the server sent cannot be used: {what}")]
    Protocol {
        /// The server.
        url: String,
        /// What was wrong with it.
        what: String,
    },
    /// The file cannot be read or is not LDIF.
    #[error("{path}: {what}")]
    File {
        /// The file.
        path: String,
        /// What is wrong, with the line.
        what: String,
    },
}
