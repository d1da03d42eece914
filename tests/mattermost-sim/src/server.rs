//! The simulated server behind sockets, and as a router without them.

use std::io;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use tokio::net::{TcpListener, UnixListener};
use tokio::runtime::Runtime;

use crate::call::{Call, Door};
use crate::errors::Answer;
use crate::line::{Caller, TcpLines, UnixLines};
use crate::mattermost::{Fate, Mattermost};
use crate::options::Options;

/// The status that stands for a cut connection where there is no connection to cut.
pub const CUT: u16 = 599;

#[derive(Clone, Debug)]
struct Entrance {
    mattermost: Mattermost,
    local: bool,
}

impl Mattermost {
    /// The server as it is over TCP, as a `tower` service. Without a connection a cut shows as
    /// status [`CUT`].
    pub fn router(&self) -> Router {
        self.entrance(false)
    }

    /// The same as it is over the Unix socket.
    pub fn local_router(&self) -> Router {
        self.entrance(true)
    }

    fn entrance(&self, local: bool) -> Router {
        Router::new().fallback(handle).with_state(Entrance {
            mattermost: self.clone(),
            local,
        })
    }
}

async fn handle(State(entrance): State<Entrance>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let caller = parts.extensions.get::<ConnectInfo<Caller>>();
    let caller = caller.map(|ConnectInfo(caller)| caller.clone());
    let address = caller.as_ref().and_then(|caller| caller.address);
    let Ok(body) = to_bytes(body, usize::MAX).await else {
        return Response::new(Body::empty());
    };
    let headers = parts.headers.iter().filter_map(|(name, value)| {
        let value = value.to_str().ok()?;
        Some((name.as_str().to_owned(), value.to_owned()))
    });
    let call = Call {
        method: parts.method.to_string(),
        target: parts
            .uri
            .path_and_query()
            .map_or_else(String::new, ToString::to_string),
        headers: headers.collect(),
        body: body.to_vec(),
        door: if entrance.local {
            Door::Local
        } else {
            Door::Tcp(address)
        },
    };
    let (fate, delay) = entrance.mattermost.decide(&call);
    if delay > Duration::ZERO {
        tokio::time::sleep(delay).await;
    }
    match fate {
        Fate::Answer(answer) => response(&answer),
        Fate::Hang => std::future::pending().await,
        Fate::Cut => {
            if let Some(caller) = caller {
                caller.scissors.cut();
            }
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::from_u16(CUT).unwrap_or_default();
            response
        }
    }
}

fn response(answer: &Answer) -> Response {
    let mut response = Response::new(Body::from(answer.body.clone()));
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or_default();
    for (name, value) in &answer.headers {
        let name = HeaderName::from_bytes(name.as_bytes());
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_str(value)) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

/// A simulated server that listens on a TCP port of 127.0.0.1 and on a Unix socket, on threads
/// of its own, until it is dropped. Everything about its state is in [`Mattermost`], which it
/// dereferences to.
#[derive(Debug)]
pub struct Sim {
    mattermost: Mattermost,
    /// `None` only while it is dropped.
    runtime: Option<Runtime>,
    port: u16,
    socket: PathBuf,
    made_directory: Option<PathBuf>,
}

impl Deref for Sim {
    type Target = Mattermost;

    fn deref(&self) -> &Mattermost {
        &self.mattermost
    }
}

impl Sim {
    /// Starts a fresh server. Works with and without a runtime around it.
    ///
    /// # Errors
    /// When the port or the socket cannot be had.
    pub fn start(options: &Options) -> io::Result<Sim> {
        Sim::serve(Mattermost::new(options), options)
    }

    /// Serves an existing state, for instance of a server that was stopped, at the port and the
    /// socket that the options name; its other options have no effect.
    ///
    /// # Errors
    /// When the port or the socket cannot be had.
    pub fn serve(mattermost: Mattermost, options: &Options) -> io::Result<Sim> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("mattermost-sim")
            .enable_all()
            .build()?;
        let (socket, made_directory) = match &options.socket {
            Some(path) => (path.clone(), None),
            None => {
                let directory = private_directory()?;
                (directory.join("mattermost_local.socket"), Some(directory))
            }
        };
        let _ = std::fs::remove_file(&socket);
        let _inside = runtime.enter();
        let tcp = std::net::TcpListener::bind(("127.0.0.1", options.port))?;
        tcp.set_nonblocking(true)?;
        let tcp = TcpLines(TcpListener::from_std(tcp)?);
        let unix = UnixLines(UnixListener::bind(&socket)?);
        let port = tcp.0.local_addr()?.port();
        let open = mattermost
            .router()
            .into_make_service_with_connect_info::<Caller>();
        let local = mattermost
            .local_router()
            .into_make_service_with_connect_info::<Caller>();
        runtime.spawn(async move { axum::serve(tcp, open).await });
        runtime.spawn(async move { axum::serve(unix, local).await });
        drop(_inside);
        Ok(Sim {
            mattermost,
            runtime: Some(runtime),
            port,
            socket,
            made_directory,
        })
    }

    /// Where the API is, for instance `http://127.0.0.1:41234`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The TCP port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The path of the Unix socket.
    #[must_use]
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// Stops listening and closes every connection; the state stays, for [`Sim::serve`].
    #[must_use]
    pub fn stop(self) -> Mattermost {
        self.mattermost.clone()
    }
}

impl Drop for Sim {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // On a thread of its own, as this may happen inside another runtime; and to the end,
            // so that port and socket are free afterwards.
            let end = move || runtime.shutdown_timeout(Duration::from_secs(5));
            let _ = std::thread::spawn(end).join();
        }
        let _ = std::fs::remove_file(&self.socket);
        if let Some(directory) = &self.made_directory {
            let _ = std::fs::remove_dir(directory);
        }
    }
}

fn private_directory() -> io::Result<PathBuf> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    loop {
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("mattermost-sim-{}-{n}", std::process::id());
        let path = std::env::temp_dir().join(name);
        match std::fs::create_dir(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
            Ok(()) => return Ok(path),
        }
    }
}
