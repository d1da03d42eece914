//! Reads what counts of a certificate that is trusted for itself (RFC 5280, 4.1), in any version.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls13_signature_with_raw_key};
use rustls::pki_types::{CertificateDer, SubjectPublicKeyInfoDer, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, Error};

use crate::ber::{self, Elements};
use crate::model::Timestamp;

use super::refused::RefusedCause;

/// The explicit tag of a version; version 1 leaves it out.
const VERSION: u8 = 0xa0;
const BIT_STRING: u8 = 0x03;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
/// 2.5.4.3
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];

/// A certificate's parts.
#[derive(Debug)]
pub(super) struct Certificate<'a> {
    not_before: DateTime,
    not_after: DateTime,
    /// The last common name, which is the innermost.
    common_name: Option<String>,
    key: SubjectPublicKeyInfoDer<'a>,
    algorithm: &'a [u8],
    bits: &'a [u8],
}

impl<'a> Certificate<'a> {
    /// Parses a certificate; `None` if it is not one.
    pub(super) fn read(certificate: &'a CertificateDer<'_>) -> Option<Self> {
        let bytes: &'a [u8] = certificate.as_ref();
        let mut outer = Elements(sequence(&mut Elements(bytes))?);
        let mut parts = Elements(sequence(&mut outer)?);
        if parts.0.first() == Some(&VERSION) {
            parts.next().ok()?;
        }
        parts.expect(ber::INTEGER, "no serial number").ok()?;
        sequence(&mut parts)?; // the signature's algorithm
        sequence(&mut parts)?; // the issuer
        let mut validity = Elements(sequence(&mut parts)?);
        let (not_before, not_after) = (time(&mut validity)?, time(&mut validity)?);
        let common_name = common_name(sequence(&mut parts)?);
        let before = parts.0;
        let mut key = Elements(sequence(&mut parts)?);
        let whole = &before[..before.len() - parts.0.len()];
        let algorithm = sequence(&mut key)?;
        let bits = key.expect(BIT_STRING, "no key").ok()?;
        Some(Self {
            not_before,
            not_after,
            common_name,
            key: SubjectPublicKeyInfoDer::from(whole),
            algorithm,
            // The first octet tells how many bits at the end are unused: none.
            bits: bits.strip_prefix(&[0])?,
        })
    }

    /// Checks that its time has come and is not over.
    pub(super) fn good_at(&self, now: UnixTime) -> Result<(), RefusedCause> {
        let seconds = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
        let now = jiff::Timestamp::from_second(seconds).unwrap_or(jiff::Timestamp::MAX);
        let now = now.to_zoned(TimeZone::UTC).datetime();
        if now < self.not_before {
            return Err(RefusedCause::NotYet(moment(self.not_before)));
        }
        if now > self.not_after {
            return Err(RefusedCause::Expired(moment(self.not_after)));
        }
        Ok(())
    }

    /// Checks that its common name is this host, or `*.` and all of the host but its first part.
    pub(super) fn is_for(&self, host: &str) -> Result<(), RefusedCause> {
        let Some(name) = &self.common_name else {
            return Err(RefusedCause::NoName);
        };
        let below = host.split_once('.').map(|(_, domain)| domain);
        let any = name.strip_prefix("*.").filter(|_| !is_address(host));
        let same = |a: &str, b: &str| a.eq_ignore_ascii_case(b);
        if same(name, host) || any.zip(below).is_some_and(|(a, b)| same(a, b)) {
            return Ok(());
        }
        Err(RefusedCause::OtherName {
            asked: host.to_owned(),
            has: vec![name.clone()],
        })
    }
}

fn is_address(host: &str) -> bool {
    host.parse::<std::net::IpAddr>().is_ok()
}

fn sequence<'a>(parts: &mut Elements<'a>) -> Option<&'a [u8]> {
    parts.expect(ber::SEQUENCE, "no sequence").ok()
}

/// Reads `YYMMDDHHMMSSZ`, of the years 1950 to 2049, or `YYYYMMDDHHMMSSZ` (RFC 5280, 4.1.2.5).
fn time(parts: &mut Elements<'_>) -> Option<DateTime> {
    let (tag, text) = parts.next().ok()??;
    let text = std::str::from_utf8(text).ok()?.strip_suffix('Z')?;
    let text = match tag {
        UTC_TIME if text >= "50" => format!("19{text}"),
        UTC_TIME => format!("20{text}"),
        GENERALIZED_TIME => text.to_owned(),
        _ => return None,
    };
    if text.len() != 14 || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let number = |from: usize| text[from..from + 2].parse::<i8>().ok();
    let year = text[..4].parse().ok()?;
    // The date type has no leap seconds.
    let second = number(12)?.min(59);
    DateTime::new(
        year,
        number(4)?,
        number(6)?,
        number(8)?,
        number(10)?,
        second,
        0,
    )
    .ok()
}

fn moment(time: DateTime) -> Option<Timestamp> {
    let zoned = time.to_zoned(TimeZone::UTC).ok()?;
    Some(Timestamp(zoned.timestamp().as_millisecond()))
}

/// Returns the last common name of a subject.
fn common_name(subject: &[u8]) -> Option<String> {
    let mut sets = Elements(subject);
    let mut found = None;
    while let Ok(Some((ber::SET, set))) = sets.next() {
        let mut pairs = Elements(set);
        while let Ok(Some((ber::SEQUENCE, pair))) = pairs.next() {
            let mut pair = Elements(pair);
            let (Ok(Some((_, kind))), Ok(Some((_, value)))) = (pair.next(), pair.next()) else {
                continue;
            };
            if kind == COMMON_NAME {
                // A host name is ASCII, which all forms have in common except the rare one of two
                // octets for each character.
                found = Some(String::from_utf8_lossy(value).into_owned());
            }
        }
    }
    found
}

/// Checks the handshake's signature by the key of a certificate that the library does not read.
pub(super) fn verify_tls13_signature(
    message: &[u8],
    certificate: &Certificate<'_>,
    signed: &DigitallySignedStruct,
    algorithms: &WebPkiSupportedAlgorithms,
) -> Result<HandshakeSignatureValid, Error> {
    verify_tls13_signature_with_raw_key(message, &certificate.key, signed, algorithms)
}

/// Checks such a signature in TLS 1.2, where a scheme does not tell the curve.
pub(super) fn verify_tls12_signature(
    message: &[u8],
    certificate: &Certificate<'_>,
    signed: &DigitallySignedStruct,
    algorithms: &WebPkiSupportedAlgorithms,
) -> Result<HandshakeSignatureValid, Error> {
    let known = algorithms.mapping.iter();
    let known = known.filter(|(scheme, _)| *scheme == signed.scheme);
    let fits = |algorithm: &&&dyn rustls::pki_types::SignatureVerificationAlgorithm| {
        algorithm.public_key_alg_id().as_ref() == certificate.algorithm
    };
    let good = known
        .flat_map(|(_, algorithms)| algorithms.iter())
        .filter(fits)
        .any(|algorithm| {
            let verified =
                algorithm.verify_signature(certificate.bits, message, signed.signature());
            verified.is_ok()
        });
    if good {
        Ok(HandshakeSignatureValid::assertion())
    } else {
        Err(CertificateError::BadSignature.into())
    }
}
