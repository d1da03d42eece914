//! The provider `ldif`.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::future::BoxFuture;

use super::reading;
use super::source::LdifSource;
use crate::config::Mapping;
use crate::model::{ProviderName, Reading};
use crate::provider::{Ask, Provider, ProviderError};

/// Reads accounts and groups from an LDIF file.
#[derive(Debug)]
pub(crate) struct LdifProvider {
    name: ProviderName,
    source: Arc<LdifSource>,
}

impl LdifProvider {
    /// Makes a provider of the accounts in the file at `path`. The file need not exist yet: each
    /// reading opens it again.
    pub fn new(
        name: ProviderName,
        path: PathBuf,
        mapping: Mapping,
        sentinels: Vec<String>,
    ) -> Self {
        let source = Arc::new(LdifSource {
            path,
            mapping,
            sentinels,
        });
        Self { name, source }
    }
}

impl Provider for LdifProvider {
    fn read<'a>(&'a mut self, ask: &'a Ask) -> BoxFuture<'a, Result<Reading, ProviderError>> {
        let source = match ask.former_ids {
            None => Arc::clone(&self.source),
            Some(_) => Arc::new(LdifSource {
                mapping: ask.mapping(&self.source.mapping),
                path: self.source.path.clone(),
                sentinels: self.source.sentinels.clone(),
            }),
        };
        let ask = ask.clone();
        Box::pin(async move {
            let given_up = GiveUp(Arc::new(AtomicBool::new(false)));
            let flag = Arc::clone(&given_up.0);
            let task = tokio::task::spawn_blocking(move || {
                let directory = reading::read(&source, &ask, &flag);
                (directory, source)
            });
            let (directory, source) = task.await.map_err(|e| ProviderError::File {
                path: self.source.path.display().to_string(),
                what: format!("the thread that read it broke down: {e}"),
            })?;
            let directory = directory?;
            tracing::debug!(
                provider = %self.name,
                path = %source.path.display(),
                accounts = directory.accounts.len(),
                groups = directory.groups.len(),
                "the file was read"
            );
            Ok(Reading::Full(directory))
        })
    }
}

/// Tells the reading thread to stop when the future is dropped.
struct GiveUp(Arc<AtomicBool>);

impl Drop for GiveUp {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::mapping::testing::{now, rfc2307};

    #[test]
    fn dropping_the_future_stops_the_thread() {
        let file = tempfile::NamedTempFile::new().unwrap();
        // Zeros without end: reading them all would take minutes.
        file.as_file().set_len(1 << 40).unwrap();
        let name = ProviderName::new("default");
        let mut provider = LdifProvider::new(name, file.path().into(), rfc2307(), Vec::new());
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        let ask = Ask::about(Default::default(), now());
        let short = std::time::Duration::from_millis(50);
        runtime.block_on(async {
            assert!(
                tokio::time::timeout(short, provider.read(&ask))
                    .await
                    .is_err()
            );
            for _ in 0..100 {
                if Arc::strong_count(&provider.source) == 1 {
                    return;
                }
                tokio::time::sleep(short).await;
            }
            panic!("the thread is still reading");
        });
    }
}
