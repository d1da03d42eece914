//! TLS, StartTLS, and the certificates that are refused.

use std::io::Write as _;

use ldap_fault::{Certificate, Fault, FaultServer, Tls};
use mattersync::config::{LdapSettings, Trust};
use mattersync::provider::ProviderError;

use crate::support::{BASE, assert_proven, read, reader, rfc2307, server, settings};

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

#[tokio::test]
async fn a_certificate_like_sambas_needs_the_pin_and_is_told_so() {
    let server = server(3, |script| script.over(Tls::Ldaps(Certificate::SelfSigned))).await;
    let (ca, _file) = ca_of(&server).await;
    let said = refused(&server, ca).await;
    assert!(
        said.contains(&format!(
            "certificate-sha256 = \"{}\"",
            server.pin().unwrap()
        )),
        "{said}"
    );
    let (settings, _file) = guarded(&server, Trust::Pin(pin(&server)));
    assert_proven(&read(settings, rfc2307(BASE), &[]).await.unwrap());
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
