//! Nothing that a server says or does not say takes the process down or holds it.

use std::time::{Duration, Instant};

use ldap_fault::{At, Fault, Raw};
use mattersync::provider::ProviderError;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::provider::support::{BASE, read, read_from, rfc2307, server, settings, simple};

#[tokio::test]
async fn what_is_no_ldap_ends_the_reading() {
    let truncated_bind = vec![0x30, 5, 0x02, 1, 3, 0x65, 0];
    for raw in [
        Raw::Garbage,
        Raw::Nested(20_000),
        Raw::Nested(200_000),
        Raw::Length(2 << 30),
        Raw::Length(u64::MAX),
        Raw::Bytes(vec![0x30, 0x80, 0, 0]),
        Raw::Bytes(truncated_bind),
        Raw::Bytes(vec![0x30, 0]),
    ] {
        for at in [At::START, At::entries(30), At::SECOND_PAGE] {
            let fault = Fault::Send(at, raw.clone());
            let server = server(250, |script| script.with(fault)).await;
            let error = read_from(&server).await.expect_err("no reading");
            assert!(
                matches!(error, ProviderError::Protocol { .. }),
                "{raw:?}: {error}"
            );
        }
    }
}

#[tokio::test]
async fn silence_and_a_drip_end_with_the_deadline() {
    for fault in [
        Fault::Silence(At::START),
        Fault::Silence(At::entries(30)),
        Fault::Silence(At::SECOND_PAGE),
        Fault::Drip(Duration::from_millis(20)),
    ] {
        let server = server(250, |script| script.with(fault.clone())).await;
        let mut settings = settings(&server.url());
        settings.read_deadline = Duration::from_millis(700);
        let began = Instant::now();
        let error = read(settings, rfc2307(BASE), &[])
            .await
            .expect_err("no reading");
        assert!(
            matches!(error, ProviderError::Deadline { .. }),
            "{fault:?}: {error}"
        );
        assert!(began.elapsed() < Duration::from_secs(5), "{fault:?}");
    }
}

#[tokio::test]
async fn a_server_that_never_answers_costs_the_connect_timeout() {
    for fault in [Fault::NeverAnswer, Fault::BindSilence] {
        let server = server(3, |script| script.with(fault.clone())).await;
        let mut settings = settings(&server.url());
        let (bind, _file) = crate::provider::support::reader();
        settings.bind = bind;
        settings.connect_timeout = Duration::from_millis(300);
        let began = Instant::now();
        let error = read(settings, rfc2307(BASE), &[])
            .await
            .expect_err("no reading");
        assert!(
            error.to_string().contains("connect-timeout"),
            "{fault:?}: {error}"
        );
        assert!(began.elapsed() < Duration::from_secs(3), "{fault:?}");
    }
}

/// A server that answers the n-th request with the n-th text, whatever was asked.
async fn canned(answers: Vec<Vec<u8>>) -> (String, tokio::task::JoinHandle<TcpStream>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("ldap://{}", listener.local_addr().unwrap());
    let task = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut bytes = [0; 4096];
        for answer in answers {
            let n = stream.read(&mut bytes).await.unwrap();
            assert!(n > 0, "there should be one more request");
            stream.write_all(&answer).await.unwrap();
        }
        stream
    });
    (address, task)
}

/// A response that says success: bind with 0x61, extended with 0x78 and an empty value.
fn success(id: u8, tag: u8, rest: &[u8]) -> Vec<u8> {
    let result = [&[0x0a, 1, 0, 0x04, 0, 0x04, 0], rest].concat();
    let length = u8::try_from(result.len()).unwrap();
    [
        &[0x30, length + 5, 0x02, 1, id, tag, length],
        result.as_slice(),
    ]
    .concat()
}

#[tokio::test]
async fn an_answer_to_what_was_not_asked_ends_the_reading() {
    // The first request is a search: a bind's answer makes the library panic, another number
    // makes it wait.
    for (answer, words) in [
        (success(1, 0x61, &[]), "another question"),
        (success(9, 0x65, &[]), "no request"),
        (success(0, 0x65, &[]), "no request"),
    ] {
        let (address, task) = canned(vec![answer]).await;
        let error = read(settings(&address), rfc2307(BASE), &[])
            .await
            .expect_err("no reading");
        assert!(matches!(error, ProviderError::Protocol { .. }), "{error}");
        assert!(error.to_string().contains(words), "{error}");
        drop(task.await.unwrap());
    }
}

#[tokio::test]
async fn a_success_that_proves_nothing_is_no_bind() {
    let whoami = success(2, 0x78, &[0x8b, 0]);
    let (address, task) = canned(vec![success(1, 0x61, &[]), whoami]).await;
    let mut settings = settings(&address);
    let (bind, _file) = simple("cn=reader", "anything");
    settings.bind = bind;
    let error = read(settings, rfc2307(BASE), &[])
        .await
        .expect_err("not bound");
    assert!(
        matches!(error, ProviderError::Bind { code: 0, .. }),
        "{error}"
    );
    drop(task.await.unwrap());
}

#[tokio::test]
async fn an_empty_password_is_never_sent() {
    let server = server(3, |script| script).await;
    for (dn, password) in [("cn=reader,dc=directory,dc=nh", ""), ("", "secret")] {
        let mut settings = settings(&server.url());
        let (bind, _file) = simple(dn, password);
        settings.bind = bind;
        let error = read(settings, rfc2307(BASE), &[])
            .await
            .expect_err("no reading");
        assert!(matches!(error, ProviderError::Secret(_)), "{error}");
    }
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn the_connection_is_closed_when_the_reading_returns_or_is_dropped() {
    for dropped in [false, true] {
        let (address, task) = canned(Vec::new()).await;
        let mut settings = settings(&address);
        if !dropped {
            settings.read_deadline = Duration::from_millis(300);
        }
        let reading =
            tokio::spawn(async move { read(settings, rfc2307(BASE), &[]).await.map(drop) });
        let mut stream = task.await.unwrap();
        if dropped {
            reading.abort();
        } else {
            reading.await.unwrap().expect_err("no reading");
        }
        let mut rest = Vec::new();
        let end = tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut rest));
        assert!(
            end.await.is_ok(),
            "the server sees the end; dropped: {dropped}"
        );
    }
}
