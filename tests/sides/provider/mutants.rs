//! Answers with a few wrong bytes. The check in front of the LDAP library has to refuse what the
//! library would panic at; that a panic would be caught too is the second line, not the first.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::provider::support::{BASE, PEOPLE, read, rfc2307, settings};

const ROUNDS: u64 = 400;
const AT_ONCE: u64 = 50;

fn element(tag: u8, contents: &[u8]) -> Vec<u8> {
    let length = u8::try_from(contents.len()).unwrap();
    let head = if length < 0x80 {
        vec![tag, length]
    } else {
        vec![tag, 0x81, length]
    };
    [head, contents.to_vec()].concat()
}

fn message(id: u8, parts: &[Vec<u8>]) -> Vec<u8> {
    element(0x30, &[element(0x02, &[id]), parts.concat()].concat())
}

/// An entry, a reference and the end of a page, as a server would send them.
fn answer(id: u8) -> Vec<u8> {
    let attribute = |name: &str, value: &str| {
        let values = element(0x31, &element(0x04, value.as_bytes()));
        element(0x30, &[element(0x04, name.as_bytes()), values].concat())
    };
    let attributes = [attribute("uid", "anna"), attribute("entryUUID", "1-2-3")].concat();
    let dn = element(0x04, format!("uid=anna,{PEOPLE}").as_bytes());
    let entry = element(0x64, &[dn, element(0x30, &attributes)].concat());
    let reference = element(0x73, &element(0x04, b"ldap://x/CN=Configuration,DC=nh"));
    let result = [
        element(0x0a, &[0]),
        element(0x04, b""),
        element(0x04, b"fine"),
    ]
    .concat();
    let cookie = element(0x30, &[element(0x02, &[0]), element(0x04, b"")].concat());
    let oid = element(0x04, b"1.2.840.113556.1.4.319");
    let control = [oid, element(0x01, &[0]), element(0x04, &cookie)].concat();
    let controls = element(0xa0, &element(0x30, &control));
    [
        message(id, &[entry]),
        message(id, &[reference]),
        message(id, &[element(0x65, &result), controls]),
    ]
    .concat()
}

fn spoil(mut bytes: Vec<u8>, chance: &mut StdRng) -> Vec<u8> {
    for _ in 0..chance.random_range(1..4) {
        let at = chance.random_range(0..bytes.len());
        match chance.random_range(0..3) {
            0 => bytes[at] = chance.random(),
            1 => bytes[at] ^= 1 << chance.random_range(0..8),
            _ => {
                bytes.remove(at);
            }
        }
    }
    bytes
}

/// Reads from a server that gives good answers to so many requests and then a spoilt one.
async fn round(seed: u64) -> String {
    let mut chance = StdRng::seed_from_u64(seed);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut settings = settings(&format!("ldap://{}", listener.local_addr().unwrap()));
    settings.read_deadline = Duration::from_millis(400);
    let serve = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let good = chance.random_range(0..4);
        let mut request = [0; 4096];
        for id in 1.. {
            if !matches!(stream.read(&mut request).await, Ok(n) if n > 0) {
                break;
            }
            let answer = answer(id);
            let sent = if id > good {
                spoil(answer, &mut chance)
            } else {
                answer
            };
            if stream.write_all(&sent).await.is_err() {
                break;
            }
        }
    };
    let mut mapping = rfc2307(BASE);
    mapping.filter = "(uid=*)".into();
    let (_, reading) = tokio::join!(serve, read(settings, mapping, &[]));
    reading.map_or_else(|error| error.to_string(), |_| "read".into())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_few_wrong_bytes_never_reach_what_they_would_break() {
    let (mut refused, mut survived) = (0, 0);
    for first in (0..ROUNDS).step_by(AT_ONCE as usize) {
        let mut rounds = JoinSet::new();
        for seed in first..first + AT_ONCE {
            rounds.spawn(async move { (seed, round(seed).await) });
        }
        while let Some(done) = rounds.join_next().await {
            let (seed, said) = done.unwrap();
            assert!(
                !said.contains("could not cope"),
                "seed {seed}: the library panicked"
            );
            refused += u64::from(said.contains("cannot be used"));
            survived += u64::from(said == "read");
        }
    }
    // Both happen: the bytes are neither all harmless nor all refused.
    assert!(refused > ROUNDS / 20, "{refused} refused");
    assert!(survived > ROUNDS / 20, "{survived} read");
}
