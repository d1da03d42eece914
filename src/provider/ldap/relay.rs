//! Copies between the connection and the LDAP library, and stops what is not LDAP.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, MutexGuard, PoisonError};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};

use super::ending::{Ended, Ending};
use super::frame;
use super::message_filter::{MessageFilter, PendingRequests};

/// The connection to a server, over any transport.
pub(super) trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

/// Copies until one side closes. Both sides are closed when this returns. `largest` is the size in
/// octets of the largest entry that is not skipped; it may change between two requests.
pub(super) async fn relay(
    wire: Box<dyn Wire>,
    library: UnixStream,
    ending: Ending,
    largest: Arc<AtomicUsize>,
) {
    let (from_server, to_server) = tokio::io::split(wire);
    let (from_library, to_library) = library.into_split();
    let pending = PendingRequests::default();
    let mut message_filter = MessageFilter::new(&largest);
    tokio::select! {
        () = forward_requests(from_library, to_server, &pending) => (),
        ended = forward_answers(from_server, to_library, &pending, &mut message_filter) => {
            // There is no other writer, and the first reason counts.
            let _ = ending.set(ended);
        }
    }
}

/// Locks the pending requests. Both directions run in one task, so the lock is never waited for.
fn lock_pending(pending: &PendingRequests) -> MutexGuard<'_, BTreeMap<u32, u8>> {
    pending.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Passes requests on unchanged, and remembers them.
async fn forward_requests(
    mut from: OwnedReadHalf,
    mut to: WriteHalf<Box<dyn Wire>>,
    pending: &PendingRequests,
) {
    let mut buffer = Vec::new();
    while let Ok(1..) = from.read_buf(&mut buffer).await {
        let mut whole = 0;
        while let Ok(Some(length)) = frame::complete(&buffer[whole..]) {
            if let Ok((id, tag)) = frame::request(&buffer[whole..whole + length]) {
                lock_pending(pending).insert(id, tag);
            }
            whole += length;
        }
        if send(&mut to, &buffer[..whole]).await.is_err() {
            // The other direction gets the error too, and reports it.
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

/// Passes answers on, one complete and checked message after the other.
async fn forward_answers(
    mut from: ReadHalf<Box<dyn Wire>>,
    mut to: OwnedWriteHalf,
    pending: &PendingRequests,
    message_filter: &mut MessageFilter<'_>,
) -> Ended {
    let mut buffer = Vec::with_capacity(64 << 10);
    loop {
        match from.read_buf(&mut buffer).await {
            Ok(0) => return Ended::Closed,
            Ok(_) => (),
            Err(error) => return Ended::Io(error),
        }
        let passed = match message_filter.pass(&mut buffer, &mut lock_pending(pending)) {
            Ok(passed) => passed,
            Err(ended) => return ended,
        };
        if to.write_all(&passed).await.is_err() {
            // The library closed its side: we ended the connection.
            return Ended::Closed;
        }
    }
}
