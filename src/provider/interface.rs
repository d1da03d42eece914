//! What a cycle asks of a provider, whichever kind it is.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::BoxFuture;

use crate::model::{ChangeStamp, DirectoryId, Now, Reading};

use super::error::ProviderError;
use super::progress::Progress;

/// One question of a cycle to a provider.
#[derive(Clone, Debug)]
pub struct Ask {
    /// Ids that must be looked up one by one, from the naming context, if the reading does not
    /// contain them: the linked accounts, without those that left and were dealt with.
    pub known: BTreeSet<DirectoryId>,
    /// How far the directory's servers had come when they answered before
    /// ([`crate::model::SourceIdentity::progress`]): a server that is behind that is not believed.
    pub heard: BTreeMap<String, ChangeStamp>,
    /// The time that decides whether dates of expiry have passed.
    pub now: Now,
    /// Counts every entry that arrives, which tells a slow reading from one that hangs.
    pub progress: Progress,
}

/// A source of accounts. An implementation does not retry: the daemon's schedule does.
pub trait Provider: Send + Sync {
    /// Reads everything once. The connection is closed when this returns. Dropping the future
    /// gives up the reading.
    fn read<'a>(&'a mut self, ask: &'a Ask) -> BoxFuture<'a, Result<Reading, ProviderError>>;
}
