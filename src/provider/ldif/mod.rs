//! The provider `ldif`: a file in the form of RFC 2849 stands in for a directory, for example a
//! dump by `ldapsearch` or `slapcat`.
//!
//! The file is read in one pass, one entry in memory at a time, on a thread that may block.

mod filter;
mod form;
mod lines;
mod places;
mod reading;
mod records;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::future::BoxFuture;

use crate::config::Mapping;
use crate::model::{ProviderName, Reading};

use super::{Ask, Provider, ProviderError};

/// Reads accounts and groups from an LDIF file.
#[derive(Debug)]
pub struct LdifProvider {
    name: ProviderName,
    what: Arc<What>,
}

/// What is read, and how it is understood.
#[derive(Debug)]
struct What {
    path: PathBuf,
    mapping: Mapping,
    sentinels: Vec<String>,
}

impl LdifProvider {
    /// A provider of the accounts in the file at `path`. The file need not exist yet: each
    /// reading opens it anew.
    pub fn new(
        name: ProviderName,
        path: PathBuf,
        mapping: Mapping,
        sentinels: Vec<String>,
    ) -> Self {
        let what = Arc::new(What {
            path,
            mapping,
            sentinels,
        });
        Self { name, what }
    }
}

impl Provider for LdifProvider {
    fn read<'a>(&'a mut self, ask: &'a Ask) -> BoxFuture<'a, Result<Reading, ProviderError>> {
        let what = Arc::clone(&self.what);
        let ask = ask.clone();
        Box::pin(async move {
            let given_up = GiveUp(Arc::new(AtomicBool::new(false)));
            let flag = Arc::clone(&given_up.0);
            let task = tokio::task::spawn_blocking(move || {
                let directory = reading::read(&what, &ask, &flag);
                (directory, what)
            });
            let (directory, what) = task.await.map_err(|e| ProviderError::File {
                path: self.what.path.display().to_string(),
                what: format!("the thread that read it broke down: {e}"),
            })?;
            let directory = directory?;
            tracing::debug!(
                provider = %self.name,
                path = %what.path.display(),
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
