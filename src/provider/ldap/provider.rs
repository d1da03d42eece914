//! The provider `ldap`.

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::task::JoinSet;

use super::inspect::{self, Inspection};
use super::read;
use super::source::LdapSource;
use crate::config::{LdapSettings, LdapUrl, Mapping};
use crate::model::Reading;
use crate::provider::{Ask, Provider, ProviderError};

/// Reads a directory over LDAP. It holds no connection and no secret between two readings.
#[derive(Clone, Debug)]
pub struct LdapProvider(LdapSource);

impl LdapProvider {
    /// Makes a provider with these settings. `sentinels` are DNs or usernames that every complete
    /// reading must contain.
    pub fn new(settings: LdapSettings, mapping: Mapping, sentinels: Vec<String>) -> Self {
        Self(LdapSource {
            settings,
            mapping,
            sentinels,
        })
    }

    /// Asks every server about itself and reads the first that accepts us, for `check`. After a
    /// wrong password no other server is asked.
    ///
    /// # Errors
    /// An error if no server could be tried: an unusable secret or CA file.
    pub async fn inspect(&self, ask: Ask) -> Result<Inspection, ProviderError> {
        let source = LdapSource {
            mapping: ask.mapping(&self.0.mapping),
            ..self.0.clone()
        };
        let work = async move { inspect::inspect(&source, ask).await };
        in_own_task(&self.0.settings.urls, work).await
    }
}

impl Provider for LdapProvider {
    fn read<'a>(&'a mut self, ask: &'a Ask) -> BoxFuture<'a, Result<Reading, ProviderError>> {
        let source = LdapSource {
            mapping: ask.mapping(&self.0.mapping),
            ..self.0.clone()
        };
        let ask = ask.clone();
        let work = async move { read::read(&source, &ask).await.map(Reading::Full) };
        in_own_task(&self.0.settings.urls, work).boxed()
    }
}

/// Runs work in a task of its own. Everything that it opens lives within that task, so that nothing
/// is left when it ends or the caller gives it up. If the LDAP library panics at a message that
/// `frame` lets through, the task ends and not the daemon.
async fn in_own_task<T: Send + 'static>(
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
        let result: Result<(), _> =
            in_own_task(&urls, async { panic!("as the library does") }).await;
        let error = result.expect_err("failed");
        assert!(matches!(error, ProviderError::Protocol { .. }), "{error}");
        assert!(error.to_string().contains("ldapi:///run/ldapi"));
    }
}
