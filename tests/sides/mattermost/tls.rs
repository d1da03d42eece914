//! HTTPS with the certificates that the settings trust.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use mattersync::config::{MattermostAccess, MattermostSettings, SecretSource, Trust};
use mattersync::mattermost::{CallError, Client, SendError};
use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

const OWN_USER: &str =
    r#"{"id":"abcdefghijklmnopqrstuvwxyz","username":"bot","roles":"system_user"}"#;

/// An HTTPS server for localhost that answers everything with a user, and its certificate, made as
/// `openssl req -x509` makes one, or as its own.
async fn server(is_ca: IsCa) -> (u16, String) {
    let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
    params.is_ca = is_ca;
    let key = KeyPair::generate().unwrap();
    let made = params.self_signed(&key).unwrap();
    let pem = made.pem();
    let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else {
                continue;
            };
            let mut request = [0; 4096];
            let Ok(_) = stream.read(&mut request).await else {
                continue;
            };
            let answer = format!(
                "HTTP/1.1 200 OK\r\nx-version-id: 11.6.0\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{OWN_USER}",
                OWN_USER.len()
            );
            let _sent = stream.write_all(answer.as_bytes()).await;
            let _closed = stream.shutdown().await;
        }
    });
    (port, pem)
}

fn client(port: u16, trust: Trust) -> Client {
    let token = file("token\n");
    let settings = MattermostSettings {
        access: MattermostAccess::Http {
            url: format!("https://localhost:{port}"),
            token: SecretSource::File(token.path().into()),
            trust,
        },
        pace: None,
        concurrency: 1,
        timeout: Duration::from_secs(5),
        initial_password: None,
    };
    Client::connect(&settings).unwrap()
}

fn file(pem: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(pem.as_bytes()).unwrap();
    file
}

#[tokio::test]
async fn a_server_with_a_certificate_that_signed_itself() {
    for is_ca in [IsCa::NoCa, IsCa::Ca(BasicConstraints::Unconstrained)] {
        let (port, pem) = server(is_ca).await;
        let ca = file(&pem);
        let facts = client(port, Trust::CaFile(ca.path().into()))
            .reader()
            .facts()
            .await
            .unwrap();
        assert_eq!(facts.version.to_string(), "11.6.0");
    }
}

#[tokio::test]
async fn a_server_that_we_do_not_trust_gets_no_token() {
    let (port, _) = server(IsCa::NoCa).await;
    let (_, other) = server(IsCa::NoCa).await;
    let ca = file(&other);
    let unknown = (Trust::CaFile(ca.path().into()), "set ca-file");
    for (trust, says) in [unknown, (Trust::Pin([7; 32]), "not the pinned one")] {
        let error = client(port, trust).reader().facts().await.unwrap_err();
        let refused = matches!(
            &error,
            CallError::Send {
                error: SendError::NotConnected { .. },
                ..
            }
        );
        assert!(refused && error.to_string().contains(says), "{error}");
    }
}
