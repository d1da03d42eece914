//! Whom we trust on the other end of a TLS connection, and what to say when we do not.
//!
//! Directory and Mattermost are reached under the same four kinds of [`Trust`]. Whatever refuses
//! a certificate says so in a [`Refused`], which names the certificate's SHA-256 and what to do;
//! it travels inside the errors of the libraries above, and [`refusal`] finds it there.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, OtherError, RootCertStore,
    SignatureScheme,
};
use sha2::{Digest, Sha256};

use crate::config::Trust;
use crate::model::Timestamp;

/// Why there can be no TLS configuration.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The CA file is missing, unreadable or no PEM.
    #[error("{}: {what}", path.display())]
    CaFile {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// This system trusts nobody, so that no server could be trusted either.
    #[error(
        "the system's trusted certificates cannot be used: {0}; install the package \
         ca-certificates, or set ca-file or certificate-sha256"
    )]
    SystemRoots(String),
    /// The crypto library refuses.
    #[error("TLS cannot be set up: {0}")]
    Library(#[from] rustls::Error),
}

/// A TLS client that trusts as configured, speaks TLS 1.2 and 1.3, and explains refusals.
///
/// # Errors
/// When the CA file or the system's roots cannot be used.
pub fn client_config(trust: &Trust) -> Result<ClientConfig, TlsError> {
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

/// The pin of a certificate: SHA-256 of its DER form.
pub fn pin_of(certificate: &CertificateDer<'_>) -> [u8; 32] {
    Sha256::digest(certificate).into()
}

/// A pin as it is written in the configuration: 64 hex digits.
pub fn pin_text(pin: &[u8; 32]) -> String {
    pin.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The refusal of a certificate, if that is what `error` is about, however deeply wrapped.
pub fn refusal<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a Refused> {
    let mut cause = Some(error);
    while let Some(this) = cause {
        if let Some(refused) = this.downcast_ref::<Refused>() {
            return Some(refused);
        }
        if let Some(found) = this.downcast_ref().and_then(inside_rustls) {
            return Some(found);
        }
        // `io::Error::source` skips the error that it wraps and goes on with that one's source.
        let wrapped = this
            .downcast_ref::<std::io::Error>()
            .and_then(std::io::Error::get_ref);
        cause = match wrapped {
            Some(inner) => Some(inner),
            None => this.source(),
        };
    }
    None
}

fn inside_rustls(error: &rustls::Error) -> Option<&Refused> {
    match error {
        rustls::Error::InvalidCertificate(CertificateError::Other(OtherError(inner))) => {
            inner.downcast_ref()
        }
        _ => None,
    }
}

/// A server certificate that was not accepted.
#[derive(Clone, Debug)]
pub struct Refused {
    /// What is wrong with it.
    pub cause: RefusedCause,
    /// SHA-256 of the certificate that was seen.
    pub seen: [u8; 32],
}

/// What is wrong with a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RefusedCause {
    /// It is not the pinned one.
    OtherThanPin {
        /// The pin that the configuration has.
        pin: [u8; 32],
    },
    /// Its time is over; the moment is `None` where the library does not tell.
    Expired(Option<Timestamp>),
    /// Its time has not come; the moment is `None` where the library does not tell.
    NotYet(Option<Timestamp>),
    /// Nobody whom we trust signed it.
    UnknownIssuer,
    /// It belongs to other names.
    OtherName {
        /// The name that was asked for.
        asked: String,
        /// The names in it.
        has: Vec<String>,
    },
    /// It has no subject alternative name, so that no name can be checked.
    NoName,
    /// It is a CA's own certificate, used as a server's.
    CaAsServer,
    /// Something else, in the library's words.
    Else(String),
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seen = pin_text(&self.seen);
        let or_pin = format!(
            "or, if you know that it is the right one, set certificate-sha256 = \"{seen}\""
        );
        match &self.cause {
            RefusedCause::OtherThanPin { pin } => write!(
                f,
                "the server's certificate is not the pinned one: its SHA-256 is {seen}, \
                 certificate-sha256 is {}; if the certificate was renewed, set the new value; \
                 if not, somebody else may be answering",
                pin_text(pin)
            ),
            RefusedCause::Expired(when) => write!(
                f,
                "the server's certificate has expired{}: renew it on the server, {or_pin}",
                at(" at ", *when)
            ),
            RefusedCause::NotYet(when) => write!(
                f,
                "the server's certificate is not valid yet{}: check the clocks of both machines",
                at(" before ", *when)
            ),
            RefusedCause::UnknownIssuer => write!(
                f,
                "the server's certificate was issued by nobody whom we trust: set ca-file to the \
                 PEM file of the CA that issued it, {or_pin}"
            ),
            RefusedCause::OtherName { asked, has } => write!(
                f,
                "the server's certificate is not for {asked} but for {}: use one of these names \
                 in the address, {or_pin}",
                has.join(", ")
            ),
            RefusedCause::NoName => write!(
                f,
                "the server's certificate has no subject alternative name, so its name cannot be \
                 checked: issue one that has it, {or_pin}"
            ),
            RefusedCause::CaAsServer => write!(
                f,
                "the server uses a CA's certificate as its own (a self-signed one with CA:TRUE): \
                 issue a server certificate, {or_pin}"
            ),
            RefusedCause::Else(what) => {
                write!(f, "the server's certificate was refused: {what} ({or_pin})")
            }
        }
    }
}

impl std::error::Error for Refused {}

fn at(word: &str, when: Option<Timestamp>) -> String {
    when.map_or_else(String::new, |moment| format!("{word}{moment}"))
}

/// Decides about a certificate.
#[derive(Debug)]
enum Judge {
    Chain(Arc<dyn ServerCertVerifier>),
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
            Trust::CaFile(path) => Self::Chain(chain_to(path, crypto)?),
            Trust::Pin(pin) => Self::Pin(*pin),
            Trust::DangerAny => Self::Nobody,
        })
    }
}

fn chain_to(
    path: &Path,
    crypto: &Arc<CryptoProvider>,
) -> Result<Arc<WebPkiServerVerifier>, TlsError> {
    let wrong = |what: String| TlsError::CaFile {
        path: path.to_owned(),
        what,
    };
    let mut roots = RootCertStore::empty();
    let certificates = CertificateDer::pem_file_iter(path)
        .map_err(|e| wrong(format!("the CA file cannot be read: {e}")))?;
    for certificate in certificates {
        let certificate = certificate.map_err(|e| wrong(format!("the CA file is not PEM: {e}")))?;
        roots
            .add(certificate)
            .map_err(|e| wrong(format!("a certificate in the CA file cannot be used: {e}")))?;
    }
    if roots.is_empty() {
        return Err(wrong(
            "the CA file has no certificate: it must have at least one \
             \"-----BEGIN CERTIFICATE-----\""
                .into(),
        ));
    }
    WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(crypto))
        .build()
        .map_err(|e| wrong(e.to_string()))
}

/// Turns every refusal of the judge into a [`Refused`]. The handshake's signature is checked
/// whatever the trust: who has not the key of the certificate is never accepted.
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
        let cause = match &self.judge {
            Judge::Nobody => return Ok(ServerCertVerified::assertion()),
            Judge::Pin(pin) if *pin == seen => return Ok(ServerCertVerified::assertion()),
            Judge::Pin(pin) => RefusedCause::OtherThanPin { pin: *pin },
            Judge::Chain(verifier) => {
                match verifier.verify_server_cert(
                    end_entity,
                    intermediates,
                    server_name,
                    ocsp_response,
                    now,
                ) {
                    Ok(verified) => return Ok(verified),
                    Err(rustls::Error::InvalidCertificate(error)) => cause_of(&error),
                    Err(error) => RefusedCause::Else(error.to_string()),
                }
            }
        };
        let refused = Arc::new(Refused { cause, seen });
        Err(CertificateError::Other(OtherError(refused)).into())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.crypto.signature_verification_algorithms;
        verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.crypto.signature_verification_algorithms;
        verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.crypto
            .signature_verification_algorithms
            .supported_schemes()
    }
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
        // A bad signature is what a CA with the same name and another key leaves behind.
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
        // webpki's own word; rustls has none for it.
        other if other.to_string().contains("CaUsedAsEndEntity") => RefusedCause::CaAsServer,
        other => RefusedCause::Else(other.to_string()),
    }
}

fn moment(time: UnixTime) -> Option<Timestamp> {
    let seconds = i64::try_from(time.as_secs()).ok()?;
    Some(Timestamp(seconds.checked_mul(1000)?))
}

/// webpki presents names as `DnsName("example.org")` or `IpAddress(127.0.0.1)`.
fn plain_name(name: &str) -> String {
    let inner = name
        .split_once('(')
        .and_then(|(_, rest)| rest.strip_suffix(')'));
    inner.unwrap_or(name).trim_matches('"').to_owned()
}

#[cfg(test)]
#[path = "tls_tests.rs"]
mod tests;
