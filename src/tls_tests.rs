use std::io::Write as _;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, Issuer, KeyPair, date_time_ymd,
};
use rustls::pki_types::PrivateKeyDer;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{ClientConnection, ServerConfig, ServerConnection};

use super::*;

const NAME: &str = "directory.example.org";

struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    fn file(&self) -> tempfile::NamedTempFile {
        let other = Self::new();
        let mut file = tempfile::NamedTempFile::new().unwrap();
        write!(file, "{}\n{}", other.0.pem(), self.0.pem()).unwrap();
        file
    }

    fn issue(&self, names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Identity {
        let names: Vec<_> = names.iter().map(|n| (*n).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let issuer: &Issuer<'_, KeyPair> = &self.0;
        Identity {
            certificate: params.signed_by(&key, issuer).unwrap().der().clone(),
            key: key.serialize_der(),
        }
    }
}

struct Identity {
    certificate: CertificateDer<'static>,
    key: Vec<u8>,
}

/// Hands out a certificate without checking that the key belongs to it.
#[derive(Debug)]
struct Always(Arc<CertifiedKey>);

impl ResolvesServerCert for Always {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }
}

/// A handshake in memory, and what the client made of it.
fn handshake(trust: &Trust, server: Identity) -> Result<(), rustls::Error> {
    let provider = aws_lc_rs::default_provider();
    let key = PrivateKeyDer::Pkcs8(server.key.into());
    let key = provider.key_provider.load_private_key(key).unwrap();
    let chain = Arc::new(CertifiedKey::new(vec![server.certificate], key));
    let config = ServerConfig::builder_with_provider(Arc::new(provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(Always(chain)));
    let mut server = ServerConnection::new(Arc::new(config)).unwrap();
    let config = Arc::new(client_config(trust).unwrap());
    let mut client = ClientConnection::new(config, NAME.try_into().unwrap()).unwrap();
    while client.is_handshaking() || server.is_handshaking() {
        let mut bytes = Vec::new();
        while client.wants_write() {
            client.write_tls(&mut bytes).unwrap();
        }
        server.read_tls(&mut bytes.as_slice()).unwrap();
        let said = server.process_new_packets();
        let mut bytes = Vec::new();
        while server.wants_write() {
            server.write_tls(&mut bytes).unwrap();
        }
        client.read_tls(&mut bytes.as_slice()).unwrap();
        client.process_new_packets()?;
        said.expect("the server has no reason to refuse");
    }
    Ok(())
}

fn refused(trust: &Trust, server: Identity) -> RefusedCause {
    let seen = pin_of(&server.certificate);
    let error = handshake(trust, server).expect_err("must not be accepted");
    // As tokio-rustls hands it on.
    let error = std::io::Error::new(std::io::ErrorKind::InvalidData, error);
    let refused = refusal(&error).expect("a refusal that can be found again");
    assert_eq!(refused.seen, seen);
    refused.cause.clone()
}

#[test]
fn a_ca_file_accepts_what_any_of_its_certificates_signed() {
    let ca = Authority::new();
    let file = ca.file();
    let trust = Trust::CaFile(file.path().to_owned());
    handshake(&trust, ca.issue(&[NAME], |_| ())).unwrap();
    assert_eq!(
        refused(&trust, Authority::new().issue(&[NAME], |_| ())),
        RefusedCause::UnknownIssuer
    );
}

#[test]
fn each_fault_of_a_certificate_has_its_own_word() {
    let ca = Authority::new();
    let file = ca.file();
    let trust = Trust::CaFile(file.path().to_owned());
    let old = |p: &mut CertificateParams| p.not_after = date_time_ymd(2020, 1, 1);
    assert_eq!(
        refused(&trust, ca.issue(&[NAME], old)),
        RefusedCause::Expired(Some(Timestamp(1_577_836_800_000)))
    );
    let early = |p: &mut CertificateParams| p.not_before = date_time_ymd(4000, 1, 1);
    assert!(matches!(
        refused(&trust, ca.issue(&[NAME], early)),
        RefusedCause::NotYet(Some(_))
    ));
    assert_eq!(
        refused(&trust, ca.issue(&["dc2.example.org", "127.0.0.1"], |_| ())),
        RefusedCause::OtherName {
            asked: NAME.into(),
            has: vec!["dc2.example.org".into(), "127.0.0.1".into()]
        }
    );
    assert_eq!(refused(&trust, ca.issue(&[], |_| ())), RefusedCause::NoName);
    let authority = |p: &mut CertificateParams| p.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    assert_eq!(
        refused(&trust, ca.issue(&[NAME], authority)),
        RefusedCause::CaAsServer
    );
}

/// A certificate that its own key signed, in a file that names it.
fn named(
    names: &[&str],
    change: impl FnOnce(&mut CertificateParams),
) -> (Trust, Identity, tempfile::NamedTempFile) {
    let names: Vec<_> = names.iter().map(|n| (*n).to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    change(&mut params);
    let key = KeyPair::generate().unwrap();
    let made = params.self_signed(&key).unwrap();
    let mut file = tempfile::NamedTempFile::new().unwrap();
    write!(file, "{}", made.pem()).unwrap();
    let identity = Identity {
        certificate: made.der().clone(),
        key: key.serialize_der(),
    };
    (Trust::CaFile(file.path().to_owned()), identity, file)
}

#[test]
fn of_the_very_certificate_that_was_named_dates_and_name_count() {
    let common = |name: &'static str| {
        move |p: &mut CertificateParams| p.distinguished_name.push(rcgen::DnType::CommonName, name)
    };
    for name in [NAME, "*.example.org", "Directory.Example.ORG"] {
        let (trust, server, _file) = named(&[], common(name));
        handshake(&trust, server).unwrap();
    }
    let (trust, server, _file) = named(&[NAME], common("other.example.org"));
    handshake(&trust, server).unwrap();
    // The common name is of no account beside others.
    for (names, name) in [
        (&["other.example.org"][..], NAME),
        (&[], "*.directory.example.org"),
    ] {
        let (trust, server, _file) = named(names, common(name));
        let cause = refused(&trust, server);
        assert!(matches!(cause, RefusedCause::OtherName { .. }), "{cause:?}");
    }
    let (trust, server, _file) = named(&[], |p| {
        p.distinguished_name = rcgen::DistinguishedName::new();
    });
    assert_eq!(refused(&trust, server), RefusedCause::NoName);
    let (trust, server, _file) = named(&[NAME], |p| p.not_after = date_time_ymd(2020, 1, 1));
    assert_eq!(
        refused(&trust, server),
        RefusedCause::Expired(Some(Timestamp(1_577_836_800_000)))
    );
    let (trust, server, _file) = named(&[NAME], |p| p.not_before = date_time_ymd(2500, 1, 1));
    assert!(matches!(
        refused(&trust, server),
        RefusedCause::NotYet(Some(_))
    ));
}

#[test]
fn who_copies_the_named_certificate_has_not_its_key() {
    let (trust, mut server, _file) = named(&[NAME], |_| ());
    server.key = KeyPair::generate().unwrap().serialize_der();
    let error = handshake(&trust, server).unwrap_err();
    assert_eq!(error, CertificateError::BadSignature.into());
}

#[test]
fn a_ca_file_that_others_may_write_or_that_has_no_end_is_refused() {
    use std::os::unix::fs::PermissionsExt;

    let file = Authority::new().file();
    let open = std::fs::Permissions::from_mode(0o666);
    std::fs::set_permissions(file.path(), open).unwrap();
    for (path, says) in [
        (file.path(), "chmod go-w"),
        (Path::new("/dev/zero"), "no regular file"),
        (file.path().parent().unwrap(), "no regular file"),
    ] {
        let error = client_config(&Trust::CaFile(path.to_owned())).unwrap_err();
        assert!(error.to_string().contains(says), "{error}");
    }
}

#[test]
fn a_pin_accepts_that_certificate_and_no_other() {
    // Unknown issuer, no name, expired: with the pin, none of that matters.
    let odd = |p: &mut CertificateParams| p.not_after = date_time_ymd(2020, 1, 1);
    let server = Authority::new().issue(&[], odd);
    let pin = pin_of(&server.certificate);
    handshake(&Trust::Pin(pin), server).unwrap();
    let other = Authority::new().issue(&[NAME], |_| ());
    assert_eq!(
        refused(&Trust::Pin(pin), other),
        RefusedCause::OtherThanPin { pin }
    );
}

#[test]
fn a_copied_certificate_without_its_key_is_refused_whatever_the_trust() {
    let ca = Authority::new();
    for pinned in [true, false] {
        let mut server = ca.issue(&[NAME], |_| ());
        let trust = if pinned {
            Trust::Pin(pin_of(&server.certificate))
        } else {
            Trust::DangerAny
        };
        server.key = KeyPair::generate().unwrap().serialize_der();
        let error = handshake(&trust, server).unwrap_err();
        assert_eq!(error, CertificateError::BadSignature.into());
    }
}

#[test]
fn danger_accepts_any_certificate() {
    handshake(&Trust::DangerAny, Authority::new().issue(&[], |_| ())).unwrap();
}

#[test]
fn an_unusable_ca_file_is_named() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    write!(file, "not a certificate").unwrap();
    for path in [file.path(), Path::new("/nonexistent/ca.pem")] {
        let error = client_config(&Trust::CaFile(path.to_owned())).unwrap_err();
        assert!(error.to_string().contains(&path.display().to_string()));
        assert!(error.to_string().contains("CA file"), "{error}");
    }
}

#[test]
fn a_pin_is_written_in_hex() {
    assert_eq!(pin_text(&[0xa5; 32]), "a5".repeat(32));
}

#[test]
fn the_system_does_not_trust_an_authority_of_ours() {
    match client_config(&Trust::System) {
        Ok(_) => assert_eq!(
            refused(&Trust::System, Authority::new().issue(&[NAME], |_| ())),
            RefusedCause::UnknownIssuer
        ),
        // A machine that trusts nobody says so, and what to install.
        Err(error) => assert!(error.to_string().contains("ca-certificates"), "{error}"),
    }
}
