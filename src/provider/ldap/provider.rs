//! The provider `ldap`.

use std::collections::BTreeSet;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::task::JoinSet;

use super::inspect::{self, Inspection};
use super::read;
use super::source::LdapSource;
use crate::config::{LdapSettings, LdapUrl, Mapping};
use crate::model::{DirectoryId, Now, Reading};
use crate::provider::{Ask, Provider, ProviderError};

/// Reads a directory over LDAP. Between two readings it holds no connection and no secret.
#[derive(Clone, Debug)]
pub struct LdapProvider(LdapSource);

impl LdapProvider {
    /// A provider that reads with these settings. `sentinels` are DNs or usernames that every
    /// complete reading must contain.
    pub fn new(settings: LdapSettings, mapping: Mapping, sentinels: Vec<String>) -> Self {
        Self(LdapSource {
            settings,
            mapping,
            sentinels,
        })
    }

    /// Asks every server about itself and reads the first that lets us in: what `check` shows.
    /// After a wrong password no other server is asked. Whoever of `known` the reading does not
    /// contain is looked up by id.
    ///
    /// # Errors
    /// When no server could even be tried: an unusable secret or CA file.
    pub async fn inspect(
        &self,
        now: Now,
        known: BTreeSet<DirectoryId>,
    ) -> Result<Inspection, ProviderError> {
        let source = self.0.clone();
        let work = async move { inspect::inspect(&source, now, known).await };
        apart(&self.0.settings.urls, work).await
    }
}

impl Provider for LdapProvider {
    fn read<'a>(&'a mut self, ask: &'a Ask) -> BoxFuture<'a, Result<Reading, ProviderError>> {
        let source = self.0.clone();
        let ask = ask.clone();
        let work = async move { read::read(&source, &ask).await.map(Reading::Full) };
        apart(&self.0.settings.urls, work).boxed()
    }
}

/// Runs work in a task of its own. Everything that an attempt opens lives within that task: when
/// it ends, or is given up because the caller is, nothing of it is left. A panic of the LDAP
/// library, should it find a message to stumble over that `frame` lets through, ends the task and
/// not the daemon.
async fn apart<T: Send + 'static>(
    urls: &[LdapUrl],
    work: impl Future<Output = Result<T, ProviderError>> + Send + 'static,
) -> Result<T, ProviderError> {
    let mut tasks = JoinSet::new();
    tasks.spawn(work);
    match tasks.join_next().await {
        Some(Ok(result)) => result,
        _ => {
            let urls: Vec<_> = urls.iter().map(ToString::to_string).collect();
            Err(ProviderError::Protocol {
                url: urls.join(", "),
                what: "the LDAP library could not cope with an answer".into(),
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_in_the_library_is_a_failed_reading() {
        let urls = [LdapUrl::Unix("/run/ldapi".into())];
        let result: Result<(), _> = apart(&urls, async { panic!("as the library does") }).await;
        let error = result.expect_err("failed");
        assert!(matches!(error, ProviderError::Protocol { .. }), "{error}");
        assert!(error.to_string().contains("ldapi:///run/ldapi"));
    }
}
