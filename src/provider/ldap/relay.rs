//! Copies between the real connection and the LDAP library, and stops what is no LDAP.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};

use super::frame::{self, Message, Outcome, is_last};

/// The connection to a server, whatever carries it.
pub(super) trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

/// How a connection ended, if not by us.
#[derive(Debug)]
pub(super) enum Ended {
    /// The server closed it.
    Closed,
    /// The server closed it and said why.
    Notice(Outcome),
    /// The operating system or TLS reported an error.
    Io(io::Error),
    /// The server sent what could harm us.
    Violation(&'static str),
}

/// Where the relay writes how the connection ended, before the library can notice that it did.
pub(super) type Ending = Arc<OnceLock<Ended>>;

/// Copies until one side closes. Both sides are closed when this returns.
pub(super) async fn relay(wire: Box<dyn Wire>, library: UnixStream, ending: Ending) {
    let (from_server, to_server) = tokio::io::split(wire);
    let (from_library, to_library) = library.into_split();
    let open = Mutex::default();
    tokio::select! {
        () = up(from_library, to_server, &open) => (),
        ended = down(from_server, to_library, &open) => {
            // Ours is the only writer; the first reason is the one that counts.
            let _ = ending.set(ended);
        }
    }
}

/// The operations of requests that are not answered to the end, by the requests' numbers. Both
/// directions run in one task: the lock is never waited for.
type Open = Mutex<BTreeMap<u32, u8>>;

fn held(open: &Open) -> MutexGuard<'_, BTreeMap<u32, u8>> {
    open.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Requests go as they are, and are remembered.
async fn up(mut from: OwnedReadHalf, mut to: WriteHalf<Box<dyn Wire>>, open: &Open) {
    let mut buffer = Vec::new();
    while let Ok(1..) = from.read_buf(&mut buffer).await {
        let mut whole = 0;
        while let Ok(Some(length)) = frame::complete(&buffer[whole..]) {
            if let Ok((id, tag)) = frame::request(&buffer[whole..whole + length]) {
                held(open).insert(id, tag);
            }
            whole += length;
        }
        if send(&mut to, &buffer[..whole]).await.is_err() {
            // It shows up on the other direction too, where it is reported.
            std::future::pending::<()>().await;
        }
        buffer.drain(..whole);
    }
    let _ = to.shutdown().await;
}

async fn send(to: &mut WriteHalf<Box<dyn Wire>>, bytes: &[u8]) -> io::Result<()> {
    to.write_all(bytes).await?;
    to.flush().await
}

/// Answers go one whole, checked message after another.
async fn down(mut from: ReadHalf<Box<dyn Wire>>, mut to: OwnedWriteHalf, open: &Open) -> Ended {
    let mut buffer = Vec::with_capacity(64 << 10);
    loop {
        match from.read_buf(&mut buffer).await {
            Ok(0) => return Ended::Closed,
            Ok(_) => (),
            Err(error) => return Ended::Io(error),
        }
        let checked = match checked_prefix(&buffer, &mut held(open)) {
            Ok(length) => length,
            Err(ended) => return ended,
        };
        if to.write_all(&buffer[..checked]).await.is_err() {
            // The library has gone: we closed.
            return Ended::Closed;
        }
        buffer.drain(..checked);
    }
}

/// How many octets at the beginning are whole and harmless messages.
fn checked_prefix(buffer: &[u8], open: &mut BTreeMap<u32, u8>) -> Result<usize, Ended> {
    let mut checked = 0;
    while let Some(length) = frame::complete(&buffer[checked..]).map_err(Ended::Violation)? {
        let message = &buffer[checked..checked + length];
        match frame::check(message).map_err(Ended::Violation)? {
            Message::Answer { id, tag } => match open.get(&id).map(|ask| is_last(*ask, tag)) {
                None => return Err(Ended::Violation("an answer to no request")),
                Some(None) => return Err(Ended::Violation("an answer to another question")),
                Some(Some(false)) => (),
                Some(Some(true)) => {
                    open.remove(&id);
                }
            },
            Message::Notice(outcome) => return Err(Ended::Notice(outcome)),
        }
        checked += length;
    }
    Ok(checked)
}
