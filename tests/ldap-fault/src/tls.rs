//! TLS of a server: how, and with which certificate.

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use servers::certificates::{Authority, Issued, Wanted};
use tokio_rustls::TlsAcceptor;

use crate::server::StartError;

/// How a server is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tls {
    /// `ldap://` only; StartTLS gets 2.
    None,
    /// `ldap://` with StartTLS.
    StartTls(Certificate),
    /// `ldaps://`.
    Ldaps(Certificate),
}

/// Which certificate a server shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Certificate {
    /// For `127.0.0.1` and `localhost`, by the authority of `ca_pem`.
    Good,
    /// The same, expired in 2020.
    Expired,
    /// Signed by itself, without a subject alternative name, as Samba's; `ca_pem` is itself.
    SelfSigned,
    /// For `other.example.org`, by the authority of `ca_pem`.
    OtherName,
}

/// What a server shows and what a client may trust.
pub(crate) struct Identity {
    pub(crate) acceptor: TlsAcceptor,
    pub(crate) pin: String,
    pub(crate) ca_pem: String,
}

impl Tls {
    /// Its certificate.
    pub(crate) fn certificate(self) -> Option<Certificate> {
        match self {
            Self::None => None,
            Self::StartTls(certificate) | Self::Ldaps(certificate) => Some(certificate),
        }
    }
}

impl Certificate {
    /// Makes a certificate of this kind, its authority too.
    pub(crate) fn identity(self) -> Result<Identity, StartError> {
        let (issued, ca_pem) = self.issue()?;
        let certificate = CertificateDer::from(issued.certificate_der.clone());
        let key = PrivateKeyDer::Pkcs8(issued.key_der.clone().into());
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)?;
        Ok(Identity {
            acceptor: TlsAcceptor::from(Arc::new(config)),
            pin: issued.pin(),
            ca_pem,
        })
    }

    fn issue(self) -> Result<(Issued, String), StartError> {
        let mut wanted = Wanted::default();
        match self {
            Self::Good => {}
            Self::Expired => wanted.expired = true,
            Self::OtherName => {
                wanted.common_name = "other.example.org".to_owned();
                wanted.names = vec![wanted.common_name.clone()];
            }
            Self::SelfSigned => {
                wanted.common_name = "dc1.example.org".to_owned();
                wanted.names.clear();
                let issued = Issued::self_signed(&wanted)?;
                let pem = issued.certificate_pem.clone();
                return Ok((issued, pem));
            }
        }
        let authority = Authority::new("Test authority of a fault server")?;
        Ok((authority.issue(&wanted)?, authority.pem()))
    }
}
