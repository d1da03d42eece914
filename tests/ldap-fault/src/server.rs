//! The server: listening, and the test's handle on it.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

use crate::connection;
use crate::entry::Entry;
use crate::fault::Armed;
use crate::script::Script;
use crate::state::{BindRecord, SearchRecord, State};
use crate::tls::{Certificate, Identity, Tls};

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// No port to listen on.
    #[error("cannot listen on 127.0.0.1: {0}")]
    Listen(#[from] io::Error),
    /// No certificate.
    #[error(transparent)]
    Certificate(#[from] servers::ServerError),
    /// A certificate that TLS does not take.
    #[error("cannot set TLS up: {0}")]
    Tls(#[from] rustls::Error),
}

/// What connections share.
pub(crate) struct Shared {
    state: Mutex<State>,
    pub(crate) identity: Option<Identity>,
}

impl Shared {
    /// The state. A test that panicked while it held it is not a reason to stop.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A running server. It ends on drop.
pub struct FaultServer {
    shared: Arc<Shared>,
    address: SocketAddr,
    task: Option<JoinHandle<()>>,
}

impl std::fmt::Debug for FaultServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FaultServer")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

impl FaultServer {
    /// Starts a server on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// Without a free port or a certificate.
    pub async fn start(script: Script) -> Result<Self, StartError> {
        let identity = script
            .tls
            .certificate()
            .map(Certificate::identity)
            .transpose()?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let mut server = Self {
            address: listener.local_addr()?,
            shared: Arc::new(Shared {
                state: Mutex::new(State::new(script)),
                identity,
            }),
            task: None,
        };
        server.listen(listener);
        Ok(server)
    }

    fn listen(&mut self, listener: TcpListener) {
        let shared = Arc::clone(&self.shared);
        self.task = Some(tokio::spawn(async move {
            // Its connections end with it.
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(connection::serve(stream, Arc::clone(&shared)));
                while connections.try_join_next().is_some() {}
            }
        }));
    }

    /// Cuts all connections and refuses new ones until [`Self::start_again`].
    pub async fn stop(&mut self) {
        if let Some(task) = self.task.take() {
            task.abort();
            let _ = task.await;
        }
    }

    /// Listens again on the same port after [`Self::stop`], with its entries, faults and records.
    ///
    /// # Errors
    /// When somebody else has taken the port.
    pub async fn start_again(&mut self) -> Result<(), StartError> {
        if self.task.is_none() {
            let listener = TcpListener::bind(self.address).await?;
            self.listen(listener);
        }
        Ok(())
    }

    /// `ldap://127.0.0.1:PORT` or `ldaps://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        let scheme = match self.shared.state().script.tls {
            Tls::Ldaps(_) => "ldaps",
            Tls::None | Tls::StartTls(_) => "ldap",
        };
        format!("{scheme}://{}", self.address)
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The DN and password that [`Script::new`] lets bind.
    #[must_use]
    pub fn reader(&self) -> (String, String) {
        let state = self.shared.state();
        state
            .script
            .credentials
            .first()
            .cloned()
            .unwrap_or_default()
    }

    /// The SHA-256 of its certificate in DER form, lower-case hexadecimal; `None` without TLS.
    #[must_use]
    pub fn pin(&self) -> Option<String> {
        self.shared
            .identity
            .as_ref()
            .map(|identity| identity.pin.clone())
    }

    /// The certificate to trust, PEM; `None` without TLS.
    #[must_use]
    pub fn ca_pem(&self) -> Option<String> {
        self.shared
            .identity
            .as_ref()
            .map(|identity| identity.ca_pem.clone())
    }

    /// Arms a fault, behind those that are armed: the first that fits strikes.
    pub fn arm(&self, fault: impl Into<Armed>) {
        self.shared.state().armed.push(fault.into());
    }

    /// Disarms all faults.
    pub fn disarm(&self) {
        self.shared.state().armed.clear();
    }

    /// Replaces all entries.
    pub fn set_entries(&self, entries: Vec<Entry>) {
        self.shared.state().directory.fill(entries);
    }

    /// How many binds were attempted: who counts a wrong password's attempts counts these.
    #[must_use]
    pub fn binds(&self) -> usize {
        self.shared.state().binds.len()
    }

    /// The binds that were attempted.
    #[must_use]
    pub fn bind_records(&self) -> Vec<BindRecord> {
        self.shared.state().binds.clone()
    }

    /// The searches that were asked for, each page being one.
    #[must_use]
    pub fn searches(&self) -> Vec<SearchRecord> {
        self.shared.state().searches.clone()
    }

    /// How many connections were accepted.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.shared.state().connections
    }

    /// Forgets binds and searches seen so far.
    pub fn forget(&self) {
        let mut state = self.shared.state();
        state.binds.clear();
        state.searches.clear();
    }
}

impl Drop for FaultServer {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}
