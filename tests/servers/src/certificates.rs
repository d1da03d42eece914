//! Certificates for servers of tests: an authority, and leaves with the faults that real ones have.

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose, date_time_ymd,
};
use sha2::{Digest, Sha256};

use crate::ServerError;

/// The names under which a server of tests is reached: `127.0.0.1` and `localhost`.
pub const LOOPBACK_NAMES: [&str; 2] = ["127.0.0.1", "localhost"];

/// What a certificate says.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// The subject's common name.
    pub common_name: String,
    /// Subject alternative names; an IP address becomes one of that kind. Empty: none, as in the
    /// certificates that Samba makes for itself.
    pub names: Vec<String>,
    /// Valid until the end of 2020 only.
    pub expired: bool,
}

impl Default for Wanted {
    /// A good certificate for `127.0.0.1` and `localhost`.
    fn default() -> Self {
        Self {
            common_name: "localhost".to_owned(),
            names: LOOPBACK_NAMES.map(str::to_owned).to_vec(),
            expired: false,
        }
    }
}

impl Wanted {
    fn params(&self) -> Result<CertificateParams, rcgen::Error> {
        let mut params = CertificateParams::new(self.names.clone())?;
        params.distinguished_name = named(&self.common_name);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.not_before = date_time_ymd(2019, 1, 1);
        params.not_after = date_time_ymd(if self.expired { 2020 } else { 2049 }, 12, 31);
        Ok(params)
    }
}

fn named(common_name: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common_name);
    name
}

/// A certificate and its key.
#[derive(Debug, Clone)]
pub struct Issued {
    /// The certificate, PEM.
    pub certificate_pem: String,
    /// The certificate, DER.
    pub certificate_der: Vec<u8>,
    /// Its private key, PKCS #8 PEM.
    pub key_pem: String,
    /// Its private key, PKCS #8 DER.
    pub key_der: Vec<u8>,
}

impl Issued {
    /// The SHA-256 of the certificate's DER form, 64 lower-case hexadecimal digits.
    #[must_use]
    pub fn pin(&self) -> String {
        pin(&self.certificate_der)
    }

    /// A certificate signed by its own key.
    ///
    /// # Errors
    /// When a name is not one that a certificate can hold.
    pub fn self_signed(wanted: &Wanted) -> Result<Self, ServerError> {
        let key = KeyPair::generate()?;
        let certificate = wanted.params()?.self_signed(&key)?;
        Ok(Self::new(&certificate, &key))
    }

    fn new(certificate: &rcgen::Certificate, key: &KeyPair) -> Self {
        Self {
            certificate_pem: certificate.pem(),
            certificate_der: certificate.der().to_vec(),
            key_pem: key.serialize_pem(),
            key_der: key.serialize_der(),
        }
    }
}

/// A certificate authority.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Authority")
    }
}

impl Authority {
    /// A new authority with a key of its own.
    ///
    /// # Errors
    /// When the system has no randomness to give.
    pub fn new(common_name: &str) -> Result<Self, ServerError> {
        let mut params = CertificateParams::default();
        params.distinguished_name = named(common_name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        Ok(Self(CertifiedIssuer::self_signed(
            params,
            KeyPair::generate()?,
        )?))
    }

    /// The authority's own certificate, PEM.
    #[must_use]
    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// A certificate signed by this authority.
    ///
    /// # Errors
    /// When a name is not one that a certificate can hold.
    pub fn issue(&self, wanted: &Wanted) -> Result<Issued, ServerError> {
        let key = KeyPair::generate()?;
        let certificate = wanted.params()?.signed_by(&key, &self.0)?;
        Ok(Issued::new(&certificate, &key))
    }
}

/// The SHA-256 of a certificate in DER form, 64 lower-case hexadecimal digits.
#[must_use]
pub fn pin(der: &[u8]) -> String {
    Sha256::digest(der)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
