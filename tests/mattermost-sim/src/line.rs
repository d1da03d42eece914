//! Connections that can be cut from inside.

use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

/// Cuts one connection: from then on it neither reads nor writes, and is closed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scissors(Arc<AtomicBool>);

impl Scissors {
    pub(crate) fn cut(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    fn check(&self) -> io::Result<()> {
        if self.0.load(Ordering::SeqCst) {
            Err(io::ErrorKind::ConnectionReset.into())
        } else {
            Ok(())
        }
    }
}

/// What a handler knows of the connection that its request came by.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub scissors: Scissors,
    pub address: Option<IpAddr>,
}

/// A connection with its scissors.
#[derive(Debug)]
pub(crate) struct Line<S> {
    stream: S,
    scissors: Scissors,
}

impl<S> Line<S> {
    fn new(stream: S) -> Line<S> {
        Line {
            stream,
            scissors: Scissors::default(),
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Line<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.scissors.check()?;
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Line<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.scissors.check()?;
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.scissors.check()?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// Listens on TCP.
#[derive(Debug)]
pub(crate) struct TcpLines(pub TcpListener);

impl Listener for TcpLines {
    type Io = Line<TcpStream>;
    type Addr = std::net::SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        let (stream, address) = Listener::accept(&mut self.0).await;
        // A small answer must not wait for the acknowledgement of the one before.
        let _ = stream.set_nodelay(true);
        (Line::new(stream), address)
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.0.local_addr()
    }
}

/// Listens on a Unix socket.
#[derive(Debug)]
pub(crate) struct UnixLines(pub UnixListener);

impl Listener for UnixLines {
    type Io = Line<UnixStream>;
    type Addr = tokio::net::unix::SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        let (stream, address) = Listener::accept(&mut self.0).await;
        (Line::new(stream), address)
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.0.local_addr()
    }
}

impl Connected<IncomingStream<'_, TcpLines>> for Caller {
    fn connect_info(stream: IncomingStream<'_, TcpLines>) -> Caller {
        Caller {
            scissors: stream.io().scissors.clone(),
            address: Some(stream.remote_addr().ip()),
        }
    }
}

impl Connected<IncomingStream<'_, UnixLines>> for Caller {
    fn connect_info(stream: IncomingStream<'_, UnixLines>) -> Caller {
        Caller {
            scissors: stream.io().scissors.clone(),
            address: None,
        }
    }
}
