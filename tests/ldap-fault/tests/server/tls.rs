//! TLS with good and bad certificates, and StartTLS.

use std::sync::Arc;

use ldap_fault::{Certificate, Fault, FaultServer, Tls};
use ldap3::{LdapConnAsync, LdapConnSettings, Scope};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::client::{BASE, EVERYBODY, search, server};

/// A client that trusts the server's `ca_pem` and nothing else.
fn trusting(server: &FaultServer) -> LdapConnSettings {
    let mut roots = RootCertStore::empty();
    let pem = server.ca_pem().unwrap();
    roots
        .add(CertificateDer::from_pem_slice(pem.as_bytes()).unwrap())
        .unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    LdapConnSettings::new().set_config(Arc::new(config))
}

async fn count(server: &FaultServer, settings: LdapConnSettings) -> Result<usize, String> {
    let connected = LdapConnAsync::with_settings(settings, &server.url()).await;
    let (connection, mut ldap) = connected.map_err(|error| format!("{error:?}"))?;
    ldap3::drive!(connection);
    let (dn, password) = server.reader();
    ldap.simple_bind(&dn, &password)
        .await
        .map_err(|error| format!("{error:?}"))?;
    let found = search(&mut ldap, BASE, Scope::Subtree, EVERYBODY, &[]).await;
    Ok(found.map_err(|error| format!("{error:?}"))?.entries.len())
}

#[tokio::test]
async fn a_good_certificate_works_over_ldaps_and_starttls() {
    let server_tls = server(3, |script| script.over(Tls::Ldaps(Certificate::Good))).await;
    assert!(server_tls.url().starts_with("ldaps://"));
    assert_eq!(count(&server_tls, trusting(&server_tls)).await, Ok(3));
    assert!(server_tls.bind_records()[0].tls);
    let server = server(3, |script| script.over(Tls::StartTls(Certificate::Good))).await;
    let settings = trusting(&server).set_starttls(true);
    assert_eq!(count(&server, settings).await, Ok(3));
    assert!(server.bind_records()[0].tls);
    assert_ne!(server.pin(), server_tls.pin());
}

#[tokio::test]
async fn bad_certificates_are_bad_in_their_own_way() {
    for (certificate, reason) in [
        (Certificate::Expired, "Expired"),
        (Certificate::OtherName, "NotValidForName"),
        (Certificate::SelfSigned, "NotValidForName"),
    ] {
        let server = server(1, |script| script.over(Tls::Ldaps(certificate))).await;
        let error = count(&server, trusting(&server)).await.unwrap_err();
        assert!(error.contains(reason), "{certificate:?}: {error}");
        assert_eq!(server.binds(), 0);
        // The server itself is well: who looks at no certificate is served.
        let careless = LdapConnSettings::new().set_no_tls_verify(true);
        assert_eq!(count(&server, careless).await, Ok(1));
    }
}

#[tokio::test]
async fn the_pin_is_that_of_the_certificate_shown() {
    let server = server(1, |script| script.over(Tls::Ldaps(Certificate::SelfSigned))).await;
    let settings = LdapConnSettings::new().set_no_tls_verify(true);
    let (connection, mut ldap) = LdapConnAsync::with_settings(settings, &server.url())
        .await
        .unwrap();
    ldap3::drive!(connection);
    let shown = ldap.get_peer_certificate().await.unwrap().unwrap();
    assert_eq!(Some(servers::certificates::pin(&shown)), server.pin());
    let pem = server.ca_pem().unwrap();
    assert_eq!(
        CertificateDer::from_pem_slice(pem.as_bytes())
            .unwrap()
            .as_ref(),
        shown
    );
}

#[tokio::test]
async fn starttls_may_be_refused() {
    let server = server(1, |script| {
        script
            .over(Tls::StartTls(Certificate::Good))
            .with(Fault::StartTlsRefused(52))
    })
    .await;
    let error = count(&server, trusting(&server).set_starttls(true))
        .await
        .unwrap_err();
    assert!(error.contains("52"), "{error}");
    assert_eq!(server.binds(), 0);
}

#[tokio::test]
async fn forged_answers_come_in_plain_text_right_after_starttls() {
    let server = server(1, |script| {
        script
            .over(Tls::StartTls(Certificate::Good))
            .with(Fault::StartTlsInjection)
    })
    .await;
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    stream
        .write_all(b"\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037")
        .await
        .unwrap();
    let mut bytes = [0; 512];
    let n = stream.read(&mut bytes).await.unwrap();
    let start_tls = 2 + usize::from(bytes[1]);
    assert_eq!(bytes[2..6], [2, 1, 1, 0x78]);
    assert_eq!(bytes[start_tls + 2..start_tls + 6], [2, 1, 2, 0x61]);
    let bind = start_tls + 2 + usize::from(bytes[start_tls + 1]);
    assert_eq!(bytes[bind + 2..bind + 6], [2, 1, 3, 0x65]);
    assert_eq!(n, bind + 2 + usize::from(bytes[bind + 1]));
}
