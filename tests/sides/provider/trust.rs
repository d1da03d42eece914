//! TLS, StartTLS, and the certificates that are refused.

use std::io::Write as _;
use std::path::Path;
use std::process::Command;

use ldap_fault::{Certificate, Fault, FaultServer, Tls};
use mattersync::config::{LdapSettings, Trust};
use mattersync::provider::ProviderError;
use servers::{Slapd, SlapdOptions, people};

use crate::provider::support::{BASE, assert_proven, read, reader, rfc2307, server, settings};

fn pin(server: &FaultServer) -> [u8; 32] {
    let text = server.pin().expect("TLS");
    let byte = |i: usize| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap();
    std::array::from_fn(byte)
}

/// Settings with a bind, so that there is a secret to protect.
fn guarded(server: &FaultServer, trust: Trust) -> (LdapSettings, tempfile::NamedTempFile) {
    let (bind, file) = reader();
    let mut settings = settings(&server.url());
    settings.start_tls = true;
    settings.bind = bind;
    settings.trust = trust;
    (settings, file)
}

async fn ca_of(server: &FaultServer) -> (Trust, tempfile::NamedTempFile) {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(server.ca_pem().unwrap().as_bytes()).unwrap();
    (Trust::CaFile(file.path().to_owned()), file)
}

async fn refused(server: &FaultServer, trust: Trust) -> String {
    let (settings, _file) = guarded(server, trust);
    let error = read(settings, rfc2307(BASE), &[])
        .await
        .expect_err("refused");
    assert_eq!(server.binds(), 0, "the password was not sent");
    assert!(matches!(error, ProviderError::Tls { .. }), "{error}");
    error.to_string()
}

#[tokio::test]
async fn a_ca_file_and_a_pin_are_enough_for_either_kind_of_tls() {
    for tls in [Tls::Ldaps, Tls::StartTls] {
        let server = server(120, |script| script.over(tls(Certificate::Good))).await;
        let (ca, _file) = ca_of(&server).await;
        for trust in [ca, Trust::Pin(pin(&server)), Trust::DangerAny] {
            let (settings, _file) = guarded(&server, trust);
            let directory = read(settings, rfc2307(BASE), &[]).await.unwrap();
            assert_eq!(directory.accounts.len(), 120);
            assert_proven(&directory);
        }
        assert!(
            server
                .bind_records()
                .iter()
                .all(|bind| bind.tls && bind.code == Some(0))
        );
    }
}

#[tokio::test]
async fn each_bad_certificate_is_refused_in_its_own_words() {
    for tls in [Tls::Ldaps, Tls::StartTls] {
        for (certificate, words) in [
            (Certificate::Expired, "expired at 20"),
            (
                Certificate::OtherName,
                "not for 127.0.0.1 but for other.example.org",
            ),
        ] {
            let server = server(3, |script| script.over(tls(certificate))).await;
            let (ca, _file) = ca_of(&server).await;
            let said = refused(&server, ca).await;
            assert!(said.contains(words), "{said}");
            assert!(
                said.contains(&server.pin().unwrap()),
                "the pin to set: {said}"
            );
        }
    }
}

#[tokio::test]
async fn an_unknown_issuer_and_a_wrong_pin_are_refused() {
    let other = server(3, |script| script.over(Tls::Ldaps(Certificate::Good))).await;
    let server = server(3, |script| script.over(Tls::Ldaps(Certificate::Good))).await;
    let (ca, _file) = ca_of(&other).await;
    let said = refused(&server, ca).await;
    assert!(
        said.contains("issued by nobody whom we trust: set ca-file"),
        "{said}"
    );
    let said = refused(&server, Trust::Pin(pin(&other))).await;
    assert!(said.contains("not the pinned one"), "{said}");
    assert!(said.contains(&server.pin().unwrap()) && said.contains(&other.pin().unwrap()));
}

/// Without a subject alternative name only the common name says whose it is, and that is another.
#[tokio::test]
async fn a_certificate_like_sambas_needs_the_pin_and_is_told_so() {
    let server = server(3, |script| script.over(Tls::Ldaps(Certificate::SelfSigned))).await;
    let (ca, _file) = ca_of(&server).await;
    let said = refused(&server, ca).await;
    assert!(
        said.contains("not for 127.0.0.1 but for dc1.example.org")
            && said.contains(&format!(
                "certificate-sha256 = \"{}\"",
                server.pin().unwrap()
            )),
        "{said}"
    );
    let (settings, _file) = guarded(&server, Trust::Pin(pin(&server)));
    assert_proven(&read(settings, rfc2307(BASE), &[]).await.unwrap());
}

fn openssl(place: &Path, line: &str) {
    let made = Command::new("openssl")
        .args(line.split(' '))
        .current_dir(place)
        .output()
        .expect("openssl is installed");
    assert!(made.status.success(), "{line}: {made:?}");
}

/// Makes `key.pem` and `certificate.pem`, as administrators do.
fn self_signed(place: &Path, how: &str) {
    let key = "-newkey rsa:2048 -nodes -keyout key.pem -subj /O=Example/CN=localhost";
    if how == "version 1" {
        openssl(place, &format!("req -new {key} -out request.pem"));
        let sign = "x509 -req -in request.pem -signkey key.pem -days 30 -out certificate.pem";
        openssl(place, sign);
    } else {
        let line = format!("req -x509 {key} -days 30 -out certificate.pem {how}");
        openssl(place, line.trim_end());
    }
}

/// Makes a stopped slapd show this certificate.
fn show(slapd: &mut Slapd, place: &Path) {
    slapd.stop();
    for (from, to) in [("certificate.pem", "server.pem"), ("key.pem", "server.key")] {
        std::fs::copy(place.join(from), slapd.directory().join(to)).unwrap();
    }
    slapd.start_again().unwrap();
}

async fn read_by_name(slapd: &Slapd, ca: &Path) -> Result<usize, String> {
    let mut most = Ok(0);
    for address in [slapd.url(), slapd.ldaps_url()] {
        let mut settings = settings(&address.replace("127.0.0.1", "localhost"));
        settings.start_tls = true;
        settings.trust = Trust::CaFile(ca.to_owned());
        let read = read(settings, rfc2307(BASE), &[]).await;
        most = Ok(read.map_err(|error| error.to_string())?.accounts.len());
    }
    most
}

const NAMED: &str = "-addext subjectAltName=DNS:localhost";

#[tokio::test]
async fn the_very_certificate_that_was_named_is_trusted() {
    // GnuTLS, as Debian's slapd has it, without TLS 1.3, where a signature is checked otherwise.
    let old = "TLSCipherSuite NORMAL:-VERS-TLS1.3";
    for head in ["", old] {
        let mut slapd = Slapd::start(SlapdOptions {
            seed: people::ldif(&people::people(5)),
            head: head.into(),
            ..SlapdOptions::default()
        })
        .unwrap();
        for how in [
            NAMED,
            &format!("{NAMED} -addext basicConstraints=critical,CA:FALSE"),
            "",
            "version 1",
        ] {
            let [place, other] = [(), ()].map(|()| tempfile::tempdir().unwrap());
            self_signed(place.path(), how);
            self_signed(other.path(), how);
            show(&mut slapd, place.path());
            let ca = place.path().join("certificate.pem");
            assert_eq!(read_by_name(&slapd, &ca).await, Ok(5), "{how:?} {head}");
            // Another key under the same name.
            let ca = other.path().join("certificate.pem");
            let said = read_by_name(&slapd, &ca).await.unwrap_err();
            assert!(said.contains("certificate"), "{how:?}: {said}");
            // With many others beside it, as after adding it to the system's.
            let mut all = std::fs::read(other.path().join("certificate.pem")).unwrap();
            all.extend(std::fs::read(place.path().join("certificate.pem")).unwrap());
            let ca = place.path().join("all.pem");
            std::fs::write(&ca, all).unwrap();
            assert_eq!(read_by_name(&slapd, &ca).await, Ok(5), "{how:?} {head}");
        }
    }
}

#[tokio::test]
async fn its_name_still_counts() {
    let mut slapd = Slapd::start(SlapdOptions::default()).unwrap();
    for how in ["-addext subjectAltName=DNS:other.example.org", "version 1"] {
        let place = tempfile::tempdir().unwrap();
        self_signed(place.path(), how);
        show(&mut slapd, place.path());
        let ca = place.path().join("certificate.pem");
        let asked = if how == "version 1" {
            "127.0.0.1"
        } else {
            "localhost"
        };
        let mut settings = settings(&slapd.ldaps_url().replace("127.0.0.1", asked));
        settings.trust = Trust::CaFile(ca);
        let error = read(settings, rfc2307(BASE), &[])
            .await
            .expect_err("refused");
        let said = error.to_string();
        assert!(said.contains(&format!("not for {asked} but for")), "{said}");
    }
}

#[tokio::test]
async fn a_server_without_starttls_gets_no_password() {
    let plain = server(3, |script| script).await;
    let said = refused(&plain, Trust::DangerAny).await;
    assert!(said.contains("refused StartTLS with result 2"), "{said}");
    let busy = server(3, |script| {
        let script = script.over(Tls::StartTls(Certificate::Good));
        script.with(Fault::StartTlsRefused(52))
    })
    .await;
    let said = refused(&busy, Trust::DangerAny).await;
    assert!(said.contains("result 52"), "{said}");
}

#[tokio::test]
async fn what_is_slipped_in_before_tls_is_not_believed() {
    let server = server(3, |script| {
        let script = script.over(Tls::StartTls(Certificate::Good));
        script.with(Fault::StartTlsInjection)
    })
    .await;
    let (settings, _file) = guarded(&server, Trust::Pin(pin(&server)));
    let error = read(settings, rfc2307(BASE), &[])
        .await
        .expect_err("refused");
    assert!(matches!(error, ProviderError::Protocol { .. }), "{error}");
    assert!(
        error.to_string().contains("somebody may be in between"),
        "{error}"
    );
    assert_eq!(server.binds(), 0);
}

#[tokio::test]
async fn a_port_without_tls_is_guessed_at() {
    let server = server(3, |script| script).await;
    let address = server.url().replace("ldap://", "ldaps://");
    let error = read(settings(&address), rfc2307(BASE), &[])
        .await
        .expect_err("no TLS");
    assert!(matches!(error, ProviderError::Tls { .. }), "{error}");
}
