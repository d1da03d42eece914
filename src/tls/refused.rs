//! Why a server's certificate was not accepted, and what to do.

use std::fmt;

use rustls::{CertificateError, OtherError};

use crate::model::Timestamp;

/// A server certificate that was not accepted.
#[derive(Clone, Debug)]
pub(crate) struct Refused {
    /// What is wrong with it.
    pub cause: RefusedCause,
    /// SHA-256 of the certificate that was seen.
    pub seen: [u8; 32],
}

/// The reason why a certificate was not accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RefusedCause {
    /// It is not the pinned one.
    OtherThanPin {
        /// The pin that the configuration has.
        pin: [u8; 32],
    },
    /// It has expired; the moment is `None` if the library does not tell.
    Expired(Option<Timestamp>),
    /// It is not valid yet; the moment is `None` if the library does not tell.
    NotYet(Option<Timestamp>),
    /// No authority that we trust signed it.
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
    /// Any other reason, in the library's words.
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
                 PEM file of the CA that issued it, or of the certificate itself if it is \
                 self-signed, {or_pin}"
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
                "the server uses a CA's certificate as its own (with CA:TRUE): set ca-file to the \
                 PEM file of this very certificate, issue a server certificate, {or_pin}"
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

/// Returns the refusal of a certificate, if `error` is about one, however deeply it is wrapped.
pub(crate) fn refusal<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a Refused> {
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

/// Returns a pin as it is written in the configuration: 64 hex digits.
pub(crate) fn pin_text(pin: &[u8; 32]) -> String {
    pin.iter().map(|byte| format!("{byte:02x}")).collect()
}
