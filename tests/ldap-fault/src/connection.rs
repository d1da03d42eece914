//! One connection: reading requests, carrying answers out.

use std::io;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::answer::Piece;
use crate::ber;
use crate::cookies::Cookies;
use crate::fault::Fault;
use crate::request::{Operation, Request, START_TLS, Search};
use crate::response::{self, Outcome};
use crate::server::Shared;
use crate::tls::Tls;

/// How the reading of a stream ended.
enum Ended {
    /// By either side.
    Closed,
    /// TLS is to begin on it.
    StartTls,
}

/// A connection from its acceptance to its end.
pub(crate) async fn serve(mut stream: TcpStream, shared: Arc<Shared>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let (number, tls, mute) = {
        let mut state = shared.state();
        state.connections += 1;
        let mute = state
            .strike_other(|fault| *fault == Fault::NeverAnswer)
            .is_some();
        (state.connections, state.script.tls, mute)
    };
    if mute {
        return silence(&mut stream).await;
    }
    let mut talk = Talk {
        cookies: Cookies::new(number),
        shared,
        number,
        bound: false,
        tls: false,
    };
    if matches!(tls, Tls::Ldaps(_)) {
        return talk.over_tls(stream).await;
    }
    match talk.serve(&mut stream).await? {
        Ended::Closed => Ok(()),
        Ended::StartTls => talk.over_tls(stream).await,
    }
}

/// Reads and never answers, until the client goes.
async fn silence(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<()> {
    let mut unread = [0; 4096];
    while stream.read(&mut unread).await? > 0 {}
    Ok(())
}

/// What is said on a connection.
struct Talk {
    shared: Arc<Shared>,
    cookies: Cookies,
    number: usize,
    bound: bool,
    tls: bool,
}

impl Talk {
    async fn over_tls(&mut self, stream: TcpStream) -> io::Result<()> {
        let Some(identity) = &self.shared.identity else {
            return Ok(());
        };
        let mut stream = identity.acceptor.accept(stream).await?;
        self.tls = true;
        self.serve(&mut stream).await?;
        stream.shutdown().await
    }

    async fn serve<S>(&mut self, stream: &mut S) -> io::Result<Ended>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let mut buffer = Vec::new();
        loop {
            while let Some(size) = ber::whole(&buffer).filter(|size| *size <= buffer.len()) {
                let message: Vec<u8> = buffer.drain(..size).collect();
                let Some(request) = Request::read(&message) else {
                    return Ok(Ended::Closed);
                };
                if let Some(ended) = self.respond(stream, request).await? {
                    return Ok(ended);
                }
            }
            let mut read = [0; 8192];
            let n = stream.read(&mut read).await?;
            if n == 0 {
                return Ok(Ended::Closed);
            }
            buffer.extend_from_slice(&read[..n]);
        }
    }

    async fn respond<S>(&mut self, stream: &mut S, request: Request) -> io::Result<Option<Ended>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let id = request.id;
        let pieces = match request.operation {
            Operation::Unbind => vec![Piece::Cut],
            Operation::Abandon => Vec::new(),
            Operation::Bind { dn, password } => self.bind(id, &dn, password.as_deref()),
            Operation::Search(search) => self.search(id, *search),
            Operation::Extended(oid) if oid == START_TLS => {
                return self.start_tls(stream, id).await;
            }
            Operation::Extended(_) => refused(id, response::EXTENDED, 2, "unknown operation"),
            // Responses have the number after their request's; a deletion's request is primitive.
            Operation::Other(tag) => refused(id, (tag | 0x20) + 1, 53, "read-only"),
        };
        for piece in pieces {
            match piece {
                Piece::Send(bytes) => stream.write_all(&bytes).await?,
                Piece::Cut => {
                    stream.flush().await?;
                    return Ok(Some(Ended::Closed));
                }
                Piece::Silence => {
                    stream.flush().await?;
                    silence(stream).await?;
                    return Ok(Some(Ended::Closed));
                }
                Piece::Wait(time) => {
                    stream.flush().await?;
                    tokio::time::sleep(time).await;
                }
                Piece::Flood(id, kind) => {
                    for n in 0.. {
                        stream.write_all(&response::flood(id, kind, n)).await?;
                    }
                }
                Piece::Drip(messages, every) => {
                    for message in messages.iter().cycle() {
                        stream.write_all(message).await?;
                        stream.flush().await?;
                        tokio::time::sleep(every).await;
                    }
                }
            }
        }
        stream.flush().await?;
        Ok(None)
    }

    fn bind(&mut self, id: i64, dn: &str, password: Option<&[u8]>) -> Vec<Piece> {
        let outcome = self
            .shared
            .state()
            .bind(self.number, self.tls, dn, password);
        self.bound = outcome.as_ref().is_some_and(|outcome| outcome.code == 0) && !dn.is_empty();
        match outcome {
            Some(outcome) => vec![Piece::Send(response::result(id, response::BIND, &outcome))],
            None => vec![Piece::Silence],
        }
    }

    fn search(&mut self, id: i64, search: Search) -> Vec<Piece> {
        let mut state = self.shared.state();
        state.record(self.number, &search);
        if !self.bound && !state.script.anonymous && !search.base.is_empty() {
            return refused(
                id,
                response::DONE,
                1,
                "a successful bind must be completed first",
            );
        }
        state.answer(&mut self.cookies, id, search)
    }

    async fn start_tls<S>(&mut self, stream: &mut S, id: i64) -> io::Result<Option<Ended>>
    where
        S: AsyncWrite + Unpin,
    {
        let (refused, injects) = {
            let mut state = self.shared.state();
            let refused = state.strike_other(|fault| matches!(fault, Fault::StartTlsRefused(_)));
            let injects = state.strike_other(|fault| *fault == Fault::StartTlsInjection);
            (refused, injects.is_some())
        };
        let outcome = match refused {
            Some(Fault::StartTlsRefused(code)) => Outcome::new(code, "armed fault"),
            _ if self.tls || self.shared.identity.is_none() => Outcome::new(2, "no TLS here"),
            _ => Outcome::default(),
        };
        let mut bytes = response::result(id, response::EXTENDED, &outcome);
        if outcome.code == 0 && injects {
            let success = Outcome::default();
            bytes.extend(response::result(id + 1, response::BIND, &success));
            bytes.extend(response::done(id + 2, &success, Some(b"")));
        }
        stream.write_all(&bytes).await?;
        stream.flush().await?;
        Ok((outcome.code == 0).then_some(Ended::StartTls))
    }
}

fn refused(id: i64, tag: u8, code: u32, message: &str) -> Vec<Piece> {
    vec![Piece::Send(response::result(
        id,
        tag,
        &Outcome::new(code, message),
    ))]
}
