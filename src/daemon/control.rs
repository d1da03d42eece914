//! The control socket: HTTP and JSON over a Unix socket (0660). The commands ask here.

use std::io;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock};
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{DefaultBodyLimit, Request as HttpRequest, State};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use axum::{Extension, Json, Router};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::net::UnixListener;
use tokio::sync::{Semaphore, mpsc, oneshot, watch};

use crate::clock::Clock;
use crate::cycle::{Engine, LastReading};
use crate::desk::{Asker, Offer, Question, Record, Request, offer_all};
use crate::state;

use super::asked::{Asked, Refusal, asked_by};
use super::config_file::ConfigFile;
use super::connections::{self, Caller};
use super::status::StatusReport;

/// The most bytes of a request: a few names.
const MAX_BODY: usize = 64 << 10;

/// The most bytes of a saved plan, which may be about very many people. One at a time is taken.
const MAX_PLAN: usize = 128 << 20;

/// How long a request may take to arrive.
const ARRIVAL: Duration = Duration::from_secs(30);

/// The status that the daemon keeps up to date for everyone who asks.
pub type SharedStatus = Arc<RwLock<StatusReport>>;

/// What callers are answered with.
#[derive(Clone)]
pub struct Service {
    /// Where the daemon takes what is asked for.
    pub asked: mpsc::Sender<Asked>,
    /// How the daemon is.
    pub status: SharedStatus,
    /// The state.
    pub store: Arc<state::State>,
    /// The configuration file.
    pub config_file: Arc<ConfigFile>,
    /// What the last cycle read.
    pub last_reading: LastReading,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Lets one question about both sides be answered at a time: each needs what is remembered of
    /// everybody.
    pub one_question: Arc<Semaphore>,
}

impl Caller {
    /// The name for the record.
    fn name(&self, on_behalf: Option<&str>) -> String {
        let name = match self.uid {
            None => "unknown".to_owned(),
            Some(uid) => nix::unistd::User::from_uid(nix::unistd::Uid::from_raw(uid))
                .ok()
                .flatten()
                .map_or_else(|| format!("uid {uid}"), |user| user.name),
        };
        asked_by(&name, on_behalf)
    }
}

/// For whom a caller says to ask; it stands beside what is asked.
#[derive(Default, Deserialize)]
struct OnBehalf {
    #[serde(default)]
    on_behalf: Option<String>,
}

/// The socket, removed again when the daemon ends.
#[derive(Debug)]
pub struct Control {
    path: PathBuf,
    listener: Option<UnixListener>,
}

impl Control {
    /// Makes the socket. One that a killed daemon left is replaced.
    ///
    /// # Errors
    /// When the directory is not there or not ours, or something else has the name: a file, or a
    /// daemon with another state directory, which answers.
    pub fn bind(path: &Path) -> io::Result<Self> {
        match std::fs::symlink_metadata(path) {
            Ok(found) if found.file_type().is_socket() => {
                if std::os::unix::net::UnixStream::connect(path).is_ok() {
                    return Err(io::Error::new(
                        io::ErrorKind::AddrInUse,
                        "another process answers there",
                    ));
                }
                std::fs::remove_file(path)?;
            }
            Ok(_) => {
                return Err(io::Error::new(
                    io::ErrorKind::AlreadyExists,
                    "there is a file of this name that is no socket",
                ));
            }
            Err(_) => {}
        }
        let listener = UnixListener::bind(path)?;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o660))?;
        Ok(Self {
            path: path.to_owned(),
            listener: Some(listener),
        })
    }

    /// Answers callers until the daemon ends.
    pub fn serve(&mut self, service: Service) {
        let Some(listener) = self.listener.take() else {
            return;
        };
        let status_route = small(get(tell_status));
        let mut routes = Routes(Router::new().route("/v1/status", status_route));
        offer_all(&mut routes);
        let router = routes.0.layer(DefaultBodyLimit::disable());
        let router = router.with_state(service);
        tokio::spawn(connections::serve(listener, router));
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        // Nothing can be done about a failure here, and the next start replaces the socket.
        let _ = std::fs::remove_file(&self.path);
    }
}

async fn tell_status(State(service): State<Service>) -> Response {
    let config_file = Some(service.config_file.look());
    match service.status.read() {
        Ok(status) => Json(StatusReport {
            config_file,
            ..status.clone()
        })
        .into_response(),
        Err(_) => refuse(Refusal::stopping()),
    }
}

/// A route that takes a small request.
fn small(route: MethodRouter<Service>) -> MethodRouter<Service> {
    route.layer(from_fn(|request, next| arrived(MAX_BODY, request, next)))
}

/// A route that takes a saved plan, one at a time until it is answered: its memory is bounded.
fn large(route: MethodRouter<Service>) -> MethodRouter<Service> {
    let one = Arc::new(Semaphore::new(1));
    route.layer(from_fn(move |request, next| {
        let one = Arc::clone(&one);
        async move {
            match one.try_acquire() {
                Ok(_turn) => arrived(MAX_PLAN, request, next).await,
                Err(_) => refuse(Refusal {
                    more: Vec::new(),
                    message: "another saved plan is being carried out: try again after it".into(),
                    exit: 75,
                    instead: None,
                }),
            }
        }
    }))
}

/// Takes a request whole before anything is done with it, within its limits of size and time.
async fn arrived(most: usize, request: HttpRequest, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    match tokio::time::timeout(ARRIVAL, to_bytes(body, most)).await {
        Ok(Ok(body)) => {
            next.run(HttpRequest::from_parts(parts, Body::from(body)))
                .await
        }
        Ok(Err(error)) => {
            let text = format!("not taken: at most {most} bytes are ({error})");
            (StatusCode::PAYLOAD_TOO_LARGE, text).into_response()
        }
        Err(_) => StatusCode::REQUEST_TIMEOUT.into_response(),
    }
}

/// Parses a body; an empty one gives the defaults.
fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Box<Response>> {
    let body = if body.is_empty() { b"{}" } else { body };
    serde_json::from_slice(body).map_err(|error| {
        let status = match error.is_data() {
            true => StatusCode::UNPROCESSABLE_ENTITY,
            false => StatusCode::BAD_REQUEST,
        };
        Box::new((status, error.to_string()).into_response())
    })
}

/// Who asks, and what for.
fn asked<T: DeserializeOwned>(caller: Caller, body: &[u8]) -> Result<(String, T), Box<Response>> {
    let what = parse(body)?;
    let OnBehalf { on_behalf } = parse(body)?;
    Ok((caller.name(on_behalf.as_deref()), what))
}

/// Routes of everything that can be asked for.
struct Routes(Router<Service>);

impl Routes {
    fn add<R: Request>(&mut self, route: MethodRouter<Service>) {
        let route = match R::IS_LARGE {
            true => large(route),
            false => small(route),
        };
        let router = std::mem::take(&mut self.0);
        self.0 = router.route(&format!("/v1/{}", R::NAME), route);
    }
}

impl Offer for Routes {
    /// Answered at once: a question about the record waits for no cycle.
    fn about_record<R: Request<Tool = Record>>(&mut self) {
        self.add::<R>(post(answer_from_record::<R>));
    }

    fn about_sides<R: Question>(&mut self) {
        self.add::<R>(post(answer_from_last_reading::<R>));
    }

    fn with_engine<R: Request<Tool = Engine>>(&mut self) {
        self.add::<R>(post(answer_in_turn::<R>));
    }
}

async fn answer_from_record<R: Request<Tool = Record>>(
    State(service): State<Service>,
    Extension(caller): Extension<Caller>,
    body: Bytes,
) -> Response {
    let (by, request) = match asked::<R>(caller, &body) {
        Ok(asked) => asked,
        Err(refused) => return *refused,
    };
    let asker = Asker {
        by: &by,
        stages: &|_| {},
        listener: &|_| {},
        stop: watch::channel(false).1,
    };
    let mut record = Record(service.store);
    match request.run(&mut record, &asker).await {
        Ok(answer) => Json(answer).into_response(),
        Err(error) => refuse(Refusal::from(&error)),
    }
}

/// Answers at once from what the last cycle read, or in turn from what is then read.
async fn answer_from_last_reading<R: Question>(
    State(service): State<Service>,
    Extension(caller): Extension<Caller>,
    body: Bytes,
) -> Response {
    let (by, request) = match asked::<R>(caller, &body) {
        Ok(asked) => asked,
        Err(refused) => return *refused,
    };
    if !request.is_fresh() {
        let Ok(_turn) = service.one_question.acquire().await else {
            return refuse(Refusal::stopping());
        };
        let clock = service.clock.as_ref();
        match service.last_reading.sides(&service.store, clock).await {
            Ok(Some(sides)) => {
                return match request.answer(&sides).await {
                    Ok(answer) => Json(answer).into_response(),
                    Err(error) => refuse(Refusal::from(&error)),
                };
            }
            Ok(None) => {}
            Err(error) => return refuse(Refusal::from(&error)),
        }
    }
    queue(&service, request, by).await
}

async fn answer_in_turn<R: Request<Tool = Engine>>(
    State(service): State<Service>,
    Extension(caller): Extension<Caller>,
    body: Bytes,
) -> Response {
    let (by, request) = match asked::<R>(caller, &body) {
        Ok(asked) => asked,
        Err(refused) => return *refused,
    };
    // A large one is not kept twice.
    drop(body);
    queue(&service, request, by).await
}

/// Has a request carried out in turn, and waits for the answer.
async fn queue<R: Request<Tool = Engine>>(service: &Service, request: R, by: String) -> Response {
    let (reply, answer) = oneshot::channel();
    let asked = Asked::new(request, by, reply);
    if service.asked.send(asked).await.is_err() {
        return refuse(Refusal::stopping());
    }
    match answer.await {
        Ok(Ok(value)) => Json(value).into_response(),
        Ok(Err(refusal)) => refuse(refusal),
        Err(_) => refuse(Refusal::lost()),
    }
}

fn refuse(refusal: Refusal) -> Response {
    (StatusCode::CONFLICT, Json(refusal)).into_response()
}
