//! Decides which servers are trusted over TLS, and explains refusals.
//!
//! The same four kinds of [`Trust`] hold for the directory and for Mattermost. A refusal of a
//! certificate is a [`Refused`], which names the certificate's SHA-256 and what to do; it travels
//! inside the errors of the libraries above, and [`refusal`] finds it there.

mod refused;
mod x509;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, OtherError, RootCertStore,
    SignatureScheme,
};
use sha2::{Digest, Sha256};

use crate::config::Trust;
use crate::config::trusted::{self, FileError};
use crate::model::Timestamp;
use x509::Certificate;

pub(crate) use refused::{Refused, RefusedCause, pin_text, refusal};

/// The largest file of certificates in bytes: a system trusts some 150, of 2 KiB each.
const LARGEST_CA_FILE: u64 = 16 << 20;

/// Why there can be no TLS configuration.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The CA file is missing, unreadable or not PEM.
    #[error("{}: {what}", path.display())]
    CaFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// This system trusts no authority, so no server could be trusted either.
    #[error(
        "the system's trusted certificates cannot be used: {0}; install the package \
         ca-certificates, or set ca-file or certificate-sha256"
    )]
    SystemRoots(String),
    /// The cryptographic library refuses.
    #[error("TLS cannot be set up: {0}")]
    Library(#[from] rustls::Error),
}

/// Returns a TLS client that trusts as configured, speaks TLS 1.2 and 1.3, and explains refusals.
///
/// # Errors
/// An error if the CA file or the system's roots cannot be used.
pub(crate) fn client_config(trust: &Trust) -> Result<ClientConfig, TlsError> {
    let crypto = Arc::new(aws_lc_rs::default_provider());
    let judge = Judge::new(trust, &crypto)?;
    let explaining = Explaining { judge, crypto };
    Ok(
        ClientConfig::builder_with_provider(Arc::clone(&explaining.crypto))
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(explaining))
            .with_no_client_auth(),
    )
}

/// Returns the pin of a certificate: SHA-256 of its DER form.
pub(crate) fn pin_of(certificate: &CertificateDer<'_>) -> [u8; 32] {
    Sha256::digest(certificate).into()
}

/// The rule that decides about a certificate.
#[derive(Debug)]
enum Judge {
    Chain(Arc<dyn ServerCertVerifier>),
    /// Certificates that were signed by one of these, or are one of these, known by their pins.
    Named {
        chain: Option<Arc<WebPkiServerVerifier>>,
        exact: BTreeSet<[u8; 32]>,
    },
    Pin([u8; 32]),
    Nobody,
}

impl Judge {
    fn new(trust: &Trust, crypto: &Arc<CryptoProvider>) -> Result<Self, TlsError> {
        Ok(match trust {
            Trust::System => {
                let verifier = rustls_platform_verifier::Verifier::new(Arc::clone(crypto))
                    .map_err(|e| TlsError::SystemRoots(e.to_string()))?;
                Self::Chain(Arc::new(verifier))
            }
            Trust::CaFile(path) => Self::named(path, crypto)?,
            Trust::Pin(pin) => Self::Pin(*pin),
            Trust::DangerAny => Self::Nobody,
        })
    }

    fn named(path: &Path, crypto: &Arc<CryptoProvider>) -> Result<Self, TlsError> {
        let wrong = |what: String| TlsError::CaFile {
            path: path.to_owned(),
            what,
        };
        let bytes = trusted::read(path, LARGEST_CA_FILE).map_err(|error| {
            let remedy = match &error {
                FileError::Unreadable(_) => String::new(),
                error => format!("; {}", error.remedy()),
            };
            wrong(format!("the CA file cannot be used: {error}{remedy}"))
        })?;
        let mut roots = RootCertStore::empty();
        let mut exact = BTreeSet::new();
        for certificate in CertificateDer::pem_slice_iter(&bytes) {
            let certificate =
                certificate.map_err(|e| wrong(format!("the CA file is not PEM: {e}")))?;
            // A certificate that cannot be a CA's can still be the server's own.
            if let Err(error) = roots.add(certificate.clone())
                && Certificate::read(&certificate).is_none()
            {
                let what = format!("a certificate in the CA file cannot be used: {error}");
                return Err(wrong(what));
            }
            exact.insert(pin_of(&certificate));
        }
        if exact.is_empty() {
            return Err(wrong(
                "the CA file has no certificate: it must have at least one \
                 \"-----BEGIN CERTIFICATE-----\""
                    .into(),
            ));
        }
        let crypto = Arc::clone(crypto);
        let chain = match roots.is_empty() {
            true => None,
            false => {
                let builder =
                    WebPkiServerVerifier::builder_with_provider(Arc::new(roots), crypto).build();
                Some(builder.map_err(|e| wrong(e.to_string()))?)
            }
        };
        Ok(Self::Named { chain, exact })
    }
}

/// Turns every refusal of the rule into a [`Refused`]. The handshake's signature is checked
/// whatever the trust: a server without the key of the certificate is never accepted.
#[derive(Debug)]
struct Explaining {
    judge: Judge,
    crypto: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Explaining {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let seen = pin_of(end_entity);
        let by = |verifier: &dyn ServerCertVerifier| {
            let verified = verifier.verify_server_cert(
                end_entity,
                intermediates,
                server_name,
                ocsp_response,
                now,
            );
            match verified {
                Ok(_) => Ok(()),
                Err(rustls::Error::InvalidCertificate(error)) => Err(cause_of(&error)),
                Err(error) => Err(RefusedCause::Else(error.to_string())),
            }
        };
        let judged = match &self.judge {
            Judge::Nobody => Ok(()),
            Judge::Pin(pin) if *pin == seen => Ok(()),
            Judge::Pin(pin) => Err(RefusedCause::OtherThanPin { pin: *pin }),
            Judge::Chain(verifier) => by(verifier.as_ref()),
            Judge::Named { exact, .. } if exact.contains(&seen) => {
                good_in_itself(end_entity, server_name, now)
            }
            Judge::Named { chain, .. } => match chain {
                Some(verifier) => by(verifier.as_ref()),
                None => Err(RefusedCause::UnknownIssuer),
            },
        };
        judged
            .map(|()| ServerCertVerified::assertion())
            .map_err(|cause| {
                let refused = Arc::new(Refused { cause, seen });
                CertificateError::Other(OtherError(refused)).into()
            })
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.crypto.signature_verification_algorithms;
        match old_key(cert) {
            Some(old) => x509::verify_tls12_signature(message, &old, dss, algorithms),
            None => verify_tls12_signature(message, cert, dss, algorithms),
        }
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.crypto.signature_verification_algorithms;
        match old_key(cert) {
            Some(old) => x509::verify_tls13_signature(message, &old, dss, algorithms),
            None => verify_tls13_signature(message, cert, dss, algorithms),
        }
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.crypto
            .signature_verification_algorithms
            .supported_schemes()
    }
}

/// Returns a certificate in a form that the library does not read at all, such as X.509 version 1.
/// It was trusted for itself, or refused, before its key matters.
fn old_key<'a>(certificate: &'a CertificateDer<'_>) -> Option<Certificate<'a>> {
    match ParsedCertificate::try_from(certificate) {
        Ok(_) => None,
        Err(_) => Certificate::read(certificate),
    }
}

/// Checks the dates and the name of a certificate that was named itself. Who signed it, and whether
/// it is a CA's, does not matter: `openssl req -x509` makes one with CA:TRUE.
///
/// The name may be in the common name if there is no alternative name, as OpenLDAP's clients accept
/// it (`TLS_REQSAN` in ldap.conf(5)): such a certificate may be of version 1, which has no place
/// for others.
fn good_in_itself(
    certificate: &CertificateDer<'_>,
    name: &ServerName<'_>,
    now: UnixTime,
) -> Result<(), RefusedCause> {
    let parts = Certificate::read(certificate)
        .ok_or_else(|| RefusedCause::Else("it cannot be understood".into()))?;
    parts.good_at(now)?;
    if let Ok(parsed) = ParsedCertificate::try_from(certificate) {
        match verify_server_name(&parsed, name) {
            Ok(()) => return Ok(()),
            Err(rustls::Error::InvalidCertificate(error)) => match cause_of(&error) {
                RefusedCause::NoName => (),
                other => return Err(other),
            },
            Err(error) => return Err(RefusedCause::Else(error.to_string())),
        }
    }
    parts.is_for(&name.to_str())
}

fn cause_of(error: &CertificateError) -> RefusedCause {
    match error {
        CertificateError::Expired => RefusedCause::Expired(None),
        CertificateError::ExpiredContext { not_after, .. } => {
            RefusedCause::Expired(moment(*not_after))
        }
        CertificateError::NotValidYet => RefusedCause::NotYet(None),
        CertificateError::NotValidYetContext { not_before, .. } => {
            RefusedCause::NotYet(moment(*not_before))
        }
        // A CA with the same name and another key causes a bad signature.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            RefusedCause::UnknownIssuer
        }
        CertificateError::NotValidForNameContext {
            expected,
            presented,
        } if !presented.is_empty() => RefusedCause::OtherName {
            asked: expected.to_str().into_owned(),
            has: presented.iter().map(|name| plain_name(name)).collect(),
        },
        CertificateError::NotValidForNameContext { .. } => RefusedCause::NoName,
        // webpki has an error for it, and rustls has none.
        other if other.to_string().contains("CaUsedAsEndEntity") => RefusedCause::CaAsServer,
        other => RefusedCause::Else(other.to_string()),
    }
}

fn moment(time: UnixTime) -> Option<Timestamp> {
    let seconds = i64::try_from(time.as_secs()).ok()?;
    Some(Timestamp(seconds.checked_mul(1000)?))
}

/// Returns a name without its type: webpki writes `DnsName("example.org")` or
/// `IpAddress(127.0.0.1)`.
fn plain_name(name: &str) -> String {
    let inner = name
        .split_once('(')
        .and_then(|(_, rest)| rest.strip_suffix(')'));
    inner.unwrap_or(name).trim_matches('"').to_owned()
}

#[cfg(test)]
#[path = "tls_tests.rs"]
mod tests;
