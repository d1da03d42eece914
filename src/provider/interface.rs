//! The interface of a provider, whatever its kind.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::BoxFuture;

use crate::model::{ChangeStamp, DirectoryId, Now, Reading};

use super::error::ProviderError;
use super::progress::Progress;

/// What a cycle asks of a provider.
#[derive(Clone, Debug)]
pub struct Ask {
    /// Ids that must be looked up one by one in the naming context if the reading does not contain
    /// them: those of the linked accounts, without users who left and were deactivated.
    pub known: BTreeSet<DirectoryId>,
    /// How far the directory's servers had come when they answered before
    /// ([`crate::model::SourceIdentity::progress`]). A server that has not come so far is not
    /// believed.
    pub heard: BTreeMap<String, ChangeStamp>,
    /// The time that decides whether dates of expiry have passed.
    pub now: Now,
    /// Counts every entry that arrives, to tell a slow reading from one that hangs.
    pub progress: Progress,
}

/// A source of accounts. An implementation does not retry; the daemon's schedule does.
pub trait Provider: Send + Sync {
    /// Reads everything once. The connection is closed when this returns. Dropping the future
    /// gives up the reading.
    fn read<'a>(&'a mut self, ask: &'a Ask) -> BoxFuture<'a, Result<Reading, ProviderError>>;
}
