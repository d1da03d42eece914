//! The directory.

use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use mattersync::model::Reading;
use mattersync::provider::ldap::LdapProvider;
use mattersync::provider::{Ask, Provider, ProviderError};

use super::Hub;

/// The directory. The real provider works on a runtime of its own, whose clock runs.
pub struct Door {
    pub hub: Arc<Hub>,
    pub real: LdapProvider,
    pub runtime: tokio::runtime::Handle,
}

impl Provider for Door {
    fn read<'a>(&'a mut self, ask: &'a Ask) -> BoxFuture<'a, Result<Reading, ProviderError>> {
        if self.hub.tick().is_some() {
            let gone = Err(ProviderError::Unreachable("the process is dead".into()));
            return async { gone }.boxed();
        }
        let (mut real, ask) = (self.real.clone(), ask.clone());
        let (said, heard) = std::sync::mpsc::channel();
        self.runtime.spawn(async move {
            let _ = said.send(real.read(&ask).await);
        });
        async move { heard.recv().unwrap() }.boxed()
    }
}
