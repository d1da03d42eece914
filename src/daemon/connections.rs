//! Connections to the control socket: how many at once, for whom, and how long a slow one may take.
//! Nobody in the socket's group can crowd out root, or take the descriptors that cycles need.

use std::collections::BTreeMap;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::{Extension, Router};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{UnixListener, UnixStream};
use tokio::time::{Instant, Sleep};

/// How long a caller may take to say what it wants.
const HEADERS: Duration = Duration::from_secs(5);

/// How long a caller may leave an answer unread.
const UNREAD: Duration = Duration::from_secs(30);

/// The pause after a connection could not be taken, for want of descriptors as a rule.
const REST: Duration = Duration::from_millis(200);

/// Descriptors that cycles, the state file and the rest of the daemon keep for themselves.
const RESERVE: u64 = 128;

/// As many descriptors are asked for where the system lets us.
const WANTED: u64 = 1_024;

/// Who called, as the kernel says; none where it does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Caller {
    /// The user's number.
    pub uid: Option<u32>,
}

impl Caller {
    fn of(stream: &UnixStream) -> Self {
        Self {
            uid: stream.peer_cred().ok().map(|cred| cred.uid()),
        }
    }
}

/// The most connections at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Limits {
    /// Of everybody.
    all: usize,
    /// Of all but root, who is never crowded out.
    others: usize,
    /// Of one user.
    each: usize,
}

impl Limits {
    /// So that as many descriptors as these are enough.
    fn within(descriptors: u64) -> Self {
        let free = descriptors.saturating_sub(RESERVE).clamp(8, 96);
        let all = usize::try_from(free).unwrap_or(8);
        Self {
            all,
            others: all - all / 4,
            each: (all / 4).max(4),
        }
    }

    /// Asks the system for enough descriptors, and makes do with what it gives.
    fn of_this_process() -> Self {
        let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else {
            return Self::within(0);
        };
        let wanted = soft.max(WANTED.min(hard));
        let raised = setrlimit(Resource::RLIMIT_NOFILE, wanted, hard);
        Self::within(if raised.is_ok() { wanted } else { soft })
    }
}

/// The open connections of each caller.
#[derive(Debug)]
struct Open {
    limits: Limits,
    of: Mutex<BTreeMap<Caller, usize>>,
}

impl Open {
    /// A slot for one more connection of a caller, until it is dropped; `None` where there is none.
    fn admit(self: &Arc<Self>, caller: Caller) -> Option<Slot> {
        const ROOT: Caller = Caller { uid: Some(0) };
        let mut open = self.of.lock().ok()?;
        let all: usize = open.values().sum();
        let root = open.get(&ROOT).copied().unwrap_or(0);
        let own = open.get(&caller).copied().unwrap_or(0);
        let limits = self.limits;
        let is_full = all >= limits.all
            || own >= limits.each
            || (caller != ROOT && all - root >= limits.others);
        if is_full {
            return None;
        }
        open.insert(caller, own + 1);
        Some(Slot {
            open: Arc::clone(self),
            caller,
        })
    }
}

/// One connection's slot.
#[derive(Debug)]
struct Slot {
    open: Arc<Open>,
    caller: Caller,
}

impl Drop for Slot {
    fn drop(&mut self) {
        if let Ok(mut open) = self.open.of.lock()
            && let Some(number) = open.get_mut(&self.caller)
        {
            *number -= 1;
            if *number == 0 {
                open.remove(&self.caller);
            }
        }
    }
}

/// Takes connections and lets the router answer, one request each, for ever. A caller with too many
/// connections is hung up on.
pub async fn serve(listener: UnixListener, router: Router) {
    let open = Arc::new(Open {
        limits: Limits::of_this_process(),
        of: Mutex::default(),
    });
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::debug!("a connection to the control socket was not taken: {error}");
                tokio::time::sleep(REST).await;
                continue;
            }
        };
        let caller = Caller::of(&stream);
        let Some(slot) = open.admit(caller) else {
            continue;
        };
        let router = router.clone().layer(Extension(caller));
        tokio::spawn(async move {
            answer(stream, router).await;
            drop(slot);
        });
    }
}

async fn answer(stream: UnixStream, router: Router) {
    let service = TowerToHyperService::new(router);
    let mut http = hyper::server::conn::http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(HEADERS)
        .keep_alive(false);
    let stream = TokioIo::new(Deadline::new(stream));
    if let Err(error) = http.serve_connection(stream, service).await {
        tracing::debug!("a caller of the control socket did not wait, or was too slow: {error}");
    }
}

/// A stream on which a write fails when the reader stops reading.
struct Deadline<S> {
    stream: S,
    until: Option<Pin<Box<Sleep>>>,
}

impl<S> Deadline<S> {
    fn new(stream: S) -> Self {
        Self {
            stream,
            until: None,
        }
    }

    /// Returns the result of a write, or fails when it waits too long.
    fn written<T>(
        &mut self,
        context: &mut Context<'_>,
        polled: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if polled.is_ready() {
            self.until = None;
            return polled;
        }
        let until = self
            .until
            .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(Instant::now() + UNREAD)));
        ready!(until.as_mut().poll(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Deadline<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Deadline<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.written(context, polled)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_flush(context);
        self.written(context, polled)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncWriteExt;

    fn caller(uid: u32) -> Caller {
        Caller { uid: Some(uid) }
    }

    fn admitted(open: &Arc<Open>, uid: u32, wanted: usize) -> Vec<Slot> {
        (0..wanted)
            .filter_map(|_| open.admit(caller(uid)))
            .collect()
    }

    #[test]
    fn a_user_or_a_crowd_of_them_leaves_room_for_others_and_root() {
        let limits = Limits::within(1_024);
        assert_eq!((limits.all, limits.others, limits.each), (96, 72, 24));
        let open = Arc::new(Open {
            limits,
            of: Mutex::default(),
        });
        let one = admitted(&open, 1_000, 500);
        assert_eq!(one.len(), limits.each);
        let others: Vec<Vec<Slot>> = (1_001..1_100)
            .map(|uid| admitted(&open, uid, 500))
            .collect();
        let taken: usize = others.iter().map(Vec::len).sum();
        assert_eq!(one.len() + taken, limits.others);
        assert!(open.admit(Caller { uid: None }).is_none());
        assert_eq!(admitted(&open, 0, 500).len(), limits.all - limits.others);
        drop((one, others));
        assert!(
            open.of.lock().unwrap().is_empty(),
            "each slot is given back"
        );
        assert_eq!(admitted(&open, 1_000, 500).len(), limits.each);
    }

    #[test]
    fn cycles_keep_descriptors_of_their_own() {
        for descriptors in [160, 200, 256, 1_024, 1 << 20] {
            let all = u64::try_from(Limits::within(descriptors).all).unwrap();
            assert!(all + RESERVE <= descriptors, "{descriptors}");
        }
        let few = Limits::within(0);
        assert!(
            few.all >= 8 && few.others < few.all && few.each < few.others,
            "{few:?}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_nobody_reads_is_given_up() {
        let (near, _far) = tokio::io::duplex(16);
        let began = Instant::now();
        let error = Deadline::new(near).write_all(&[0; 64]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert_eq!(began.elapsed().as_secs(), UNREAD.as_secs());
    }
}
