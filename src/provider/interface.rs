//! What a cycle asks of a provider, whichever kind it is.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::BoxFuture;

use crate::model::{DirectoryId, Now, Reading};

use super::error::ProviderError;
use super::progress::Progress;

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

/// A source of accounts. An implementation does not retry; the daemon's schedule does.
pub trait Provider: Send + Sync {
    /// Reads everything once. The connection is closed when this returns. Dropping the future
    /// gives up the reading.
    fn read<'a>(&'a mut self, ask: &'a Ask) -> BoxFuture<'a, Result<Reading, ProviderError>>;
}
