//! Bytes on the wire that no client library lets one see.

use std::time::Duration;

use ldap_fault::{At, Fault, FaultServer, Raw};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::client::server;

/// Message 7: a search of the root's subtree for `(objectClass=*)`.
const SEARCH: &[u8] = b"\x30\x37\x02\x01\x07\x63\x32\x04\x12dc=directory,dc=nh\x0a\x01\x02\x0a\x01\x00\x02\x01\x00\x02\x01\x00\x01\x01\x00\x87\x0bobjectClass\x30\x00";

/// Sends a request.
async fn ask(server: &FaultServer, request: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    stream.write_all(request).await.unwrap();
    stream
}

/// All that comes until the server closes the connection, which it must.
async fn until_closed(mut stream: TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    let reading = stream.read_to_end(&mut bytes);
    tokio::time::timeout(Duration::from_secs(10), reading)
        .await
        .unwrap()
        .unwrap();
    bytes
}

/// So many bytes, after which neither more nor the end may come.
async fn then_silence(mut stream: TcpStream, size: usize) -> Vec<u8> {
    let mut bytes = vec![0; size];
    let reading = stream.read_exact(&mut bytes);
    tokio::time::timeout(Duration::from_secs(10), reading)
        .await
        .unwrap()
        .unwrap();
    let more = tokio::time::timeout(Duration::from_millis(200), stream.read_u8()).await;
    assert!(more.is_err(), "{more:?}");
    bytes
}

async fn raw(raw: Raw, size: usize) -> Vec<u8> {
    let server = server(0, |script| script.with(Fault::Send(At::START, raw))).await;
    then_silence(ask(&server, SEARCH).await, size).await
}

#[tokio::test]
async fn garbage_is_sent_as_it_is() {
    let bytes = raw(Raw::Garbage, 47).await;
    assert!(bytes.starts_with(b"HTTP/1.1 400") && bytes.ends_with(b"\r\n\r\n"));
    assert_eq!(raw(Raw::Bytes(vec![1, 2, 3]), 3).await, [1, 2, 3]);
}

#[tokio::test]
async fn twenty_thousand_levels_fit_into_a_hundred_kilobytes() {
    let server = server(0, |script| {
        script.with(Fault::Send(At::START, Raw::Nested(20_000)))
    })
    .await;
    let mut stream = ask(&server, SEARCH).await;
    let mut header = [0; 5];
    stream.read_exact(&mut header).await.unwrap();
    assert_eq!(header[..2], [0x30, 0x83]);
    let size = header[2..]
        .iter()
        .fold(0, |size, byte| size * 256 + usize::from(*byte));
    assert!((60_000..100_000).contains(&size), "{size}");
    let bytes = then_silence(stream, size).await;
    assert!(bytes.ends_with(&[0x30, 4, 0x30, 2, 0x30, 0]));
}

#[tokio::test]
async fn a_giant_only_claims_to_be_one() {
    let expected = [0x30, 0x84, 0x80, 0, 0, 0, 2, 1, 7];
    assert_eq!(raw(Raw::Length(2 << 30), 9).await, expected);
}

#[tokio::test]
async fn a_cut_within_an_entry_leaves_half_a_message() {
    let server = server(0, |script| script.with(Fault::CutInsideEntry(At::START))).await;
    let bytes = until_closed(ask(&server, SEARCH).await).await;
    assert!(
        !bytes.is_empty() && usize::from(bytes[1]) > bytes.len(),
        "{bytes:?}"
    );
}

#[tokio::test]
async fn a_notice_of_disconnection_has_the_id_0_and_its_oid() {
    let server = server(0, |script| script.with(Fault::Disconnection(At::START))).await;
    let bytes = until_closed(ask(&server, SEARCH).await).await;
    assert_eq!(bytes[2..6], [2, 1, 0, 0x78]);
    assert!(bytes.ends_with(b"1.3.6.1.4.1.1466.20036"));
}

#[tokio::test]
async fn what_is_no_request_ends_the_connection() {
    let server = server(0, |script| script).await;
    let bytes = until_closed(ask(&server, b"\x30\x03\x04\x01x").await).await;
    assert!(bytes.is_empty());
}
