//! Where accounts come from.

pub mod ldap;
pub mod ldif;
pub mod mapping;
mod referral;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;

use crate::config::{ProviderKind, ProviderSettings};
use crate::model::{DirectoryId, Now, Reading};

/// What a cycle asks of a provider.
#[derive(Clone, Debug)]
pub struct Ask {
    /// Ids that must be looked up one by one, from the naming context, if the reading does not
    /// contain them: the linked accounts, but for those whose leaving is done with.
    pub known: BTreeSet<DirectoryId>,
    /// How far the directory's servers had come when they answered before
    /// ([`crate::model::SourceIdentity::progress`]): who is behind that is not believed.
    pub heard: BTreeMap<String, String>,
    /// What time it is; decides about dates of expiry.
    pub now: Now,
    /// Told of every entry that arrives, so that a reading that goes on can be told from one
    /// that hangs.
    pub progress: Progress,
}

/// A count that goes up while something goes on.
#[derive(Clone, Debug, Default)]
pub struct Progress(Arc<Reached>);

#[derive(Debug, Default)]
struct Reached {
    count: AtomicU64,
    /// The reading that is under way: when it began, and the count then.
    reading: Mutex<Option<(Instant, u64)>>,
}

impl Progress {
    /// Something arrived.
    pub fn step(&self) {
        self.0.count.fetch_add(1, Ordering::Relaxed);
    }

    /// How much arrived so far.
    pub fn count(&self) -> u64 {
        self.0.count.load(Ordering::Relaxed)
    }

    /// A reading begins; it ends when the guard is dropped.
    pub fn reading(&self) -> UnderWay {
        self.set(Some((Instant::now(), self.count())));
        UnderWay(self.clone())
    }

    /// How long the present reading has been under way, and how much of it arrived; `None` when
    /// there is none.
    pub fn under_way(&self) -> Option<(Duration, u64)> {
        let reading = self.0.reading.lock();
        let (since, before) = (*reading.unwrap_or_else(PoisonError::into_inner))?;
        Some((since.elapsed(), self.count().saturating_sub(before)))
    }

    fn set(&self, reading: Option<(Instant, u64)>) {
        let mut now = self
            .0
            .reading
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *now = reading;
    }
}

/// A reading that is under way.
#[derive(Debug)]
pub struct UnderWay(Progress);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.set(None);
    }
}

/// A source of accounts. An implementation does not retry; the daemon's schedule does.
pub trait Provider: Send + Sync {
    /// Reads everything once. The connection is closed when this returns. Dropping the future
    /// gives up the reading.
    fn read<'a>(&'a mut self, ask: &'a Ask) -> BoxFuture<'a, Result<Reading, ProviderError>>;

    /// Changes as the directory announces them, where it can.
    fn hints(&mut self) -> Option<BoxStream<'static, Hint>> {
        None
    }
}

/// The provider that the settings describe.
pub fn open(settings: &ProviderSettings) -> Box<dyn Provider> {
    let mapping = settings.mapping.clone();
    let sentinels = settings.sentinels.clone();
    match &settings.kind {
        ProviderKind::Ldap(ldap) => {
            Box::new(ldap::LdapProvider::new(ldap.clone(), mapping, sentinels))
        }
        ProviderKind::Ldif { path } => {
            let name = settings.name.clone();
            Box::new(ldif::LdifProvider::new(
                name,
                path.clone(),
                mapping,
                sentinels,
            ))
        }
    }
}

/// The directory says that something changed: a cycle now is worth it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hint;

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
        /// The change that is known, as `contextCSN` has it.
        from: String,
        /// The last change that the server knows of.
        to: String,
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
