//! Why a provider could not be read.

use std::time::Duration;

use crate::model::ChangeStamp;

/// Why nothing could be read at all.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    /// No address answered, or none of several could be read.
    #[error("no directory server answered as it should: {0}")]
    Unreachable(String),
    /// Certificate or StartTLS.
    #[error("{url}: TLS failed: {what}")]
    Tls {
        /// Which server.
        url: String,
        /// What is wrong, and what to do.
        what: String,
    },
    /// Result 49: not tried again elsewhere, so that the account is not locked by us.
    #[error(
        "{url}: the directory refused the bind (result 49, wrong name or password{said}); \
         no other server was tried, so that the account does not get locked"
    )]
    WrongPassword {
        /// Which server.
        url: String,
        /// `: ` and the reason in the server's words, if it gave any.
        said: String,
    },
    /// The bind failed for another reason.
    #[error("{url}: bind failed with result {code}: {message}")]
    Bind {
        /// Which server.
        url: String,
        /// The LDAP result code.
        code: u32,
        /// The server's words, and what to do.
        message: String,
    },
    /// A secret could not be read, or cannot be used.
    #[error("{0}")]
    Secret(String),
    /// This process may not read a secret.
    #[error("{0}")]
    SecretDenied(String),
    /// The certificates that are to be trusted cannot be used.
    #[error("{url}: TLS cannot be set up: {what}")]
    Certificates {
        /// For which server.
        url: String,
        /// What is wrong with them, and what to do.
        what: String,
    },
    /// The search failed or broke off.
    #[error("{url}: {what}")]
    Search {
        /// Which server.
        url: String,
        /// What happened.
        what: String,
    },
    /// The server has not heard of what another one, or itself, told before.
    #[error(
        "{url}: what it says is older than what the directory told before: its last change is of \
         {to}, and one of {from} is known. It was not read, and nothing follows from it: look \
         whether it still replicates. After a day that change is taken to be lost"
    )]
    Behind {
        /// Which server.
        url: String,
        /// The change that is known.
        from: ChangeStamp,
        /// The last change that the server knows of.
        to: ChangeStamp,
    },
    /// The whole reading took longer than it may.
    #[error("{url}: the reading was not finished within {deadline:?}")]
    Deadline {
        /// Which server.
        url: String,
        /// `read-deadline`.
        deadline: Duration,
    },
    /// The answer is not LDAP, or could harm us.
    #[error("{url}: what the server sent cannot be used: {what}")]
    Protocol {
        /// Which server.
        url: String,
        /// What was wrong with it.
        what: String,
    },
    /// The file cannot be read or is no LDIF.
    #[error("{path}: {what}")]
    File {
        /// Which file.
        path: String,
        /// What is wrong, with the line.
        what: String,
    },
}
