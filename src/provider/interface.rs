//! The interface of a provider, whatever its kind.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::BoxFuture;

use crate::config::Mapping;
use crate::model::{ChangeStamp, DirectoryId, IdAttribute, Now, Reading};

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
    /// The id attribute by which people are known, where the configuration names another one since:
    /// the directory is read by this one, with the configured one beside it
    /// ([`crate::model::Account::new_id`]).
    pub former_ids: Option<IdAttribute>,
    /// The time that decides whether dates of expiry have passed.
    pub now: Now,
    /// Counts every entry that arrives, to tell a slow reading from one that hangs.
    pub progress: Progress,
}

impl Ask {
    /// Returns a question about everybody, in which these are looked up.
    pub fn about(known: BTreeSet<DirectoryId>, now: Now) -> Self {
        Self {
            known,
            heard: BTreeMap::new(),
            former_ids: None,
            now,
            progress: Progress::default(),
        }
    }

    /// Returns the mapping that is to be read by: the configured one, or the one before.
    pub(super) fn mapping(&self, configured: &Mapping) -> Mapping {
        let former = self.former_ids.as_ref();
        former.map_or_else(
            || configured.clone(),
            |former| configured.by_former_ids(former),
        )
    }
}

/// A source of accounts. An implementation does not retry; the daemon's schedule does.
pub trait Provider: Send + Sync {
    /// Reads everything once. The connection is closed when this returns. Dropping the future
    /// gives up the reading.
    fn read<'a>(&'a mut self, ask: &'a Ask) -> BoxFuture<'a, Result<Reading, ProviderError>>;
}
