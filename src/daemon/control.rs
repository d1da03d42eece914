//! The control socket: HTTP and JSON over a Unix socket (0660). The commands ask here.

use std::io;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock};

use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use axum::{Extension, Json, Router};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::net::UnixListener;
use tokio::sync::{Semaphore, mpsc, oneshot};

use crate::cycle::{
    Adopt, AnyErrand, Approved, Conflicts, Deactivate, DeactivateOrphan, Errand, Explain, Forget,
    History, Keep, LinkThem, MigrateIds, Orphans, PlanReport, Question, Redo, SavePlan, Show,
    StateCheck, SyncReport, SyncSaved, Undo, Unlink,
};
use crate::model::printable;
use crate::state;

use super::StatusReport;
use super::connections::{self, Caller};
use super::work::word_refusal;

/// The most characters of what a caller says of a person behind it.
const MAX_NAME: usize = 64;

/// The most bytes of a wish: a few names.
const MAX_BODY: usize = 64 << 10;

/// The most bytes of a saved plan, which may be about very many people. One at a time is taken.
const MAX_PLAN: usize = 128 << 20;

/// How long a wish may take to arrive.
const ARRIVAL: Duration = Duration::from_secs(30);

/// What the daemon is asked to do.
pub enum Wish {
    /// Read both sides and plan.
    Plan(oneshot::Sender<Answer<PlanReport>>),
    /// Run a cycle now.
    Sync(Waiting),
    /// Approve what is held.
    Approve {
        /// A hold's name or a person.
        what: String,
        /// Whether who is adopted gets a random password.
        new_password: bool,
        /// Who says so.
        by: String,
        /// Where the answer goes.
        reply: oneshot::Sender<Answer<Approved>>,
    },
    /// Something else that is answered once.
    Errand {
        /// What.
        errand: Box<dyn AnyErrand>,
        /// Who asks.
        by: String,
        /// Where the answer goes.
        reply: oneshot::Sender<Answer<Value>>,
    },
}

/// Somebody who asked for a cycle and waits for it.
pub struct Waiting {
    /// Who.
    pub by: String,
    /// Where the answer goes.
    pub reply: oneshot::Sender<Answer<SyncReport>>,
}

/// What came of a wish.
pub type Answer<T> = Result<T, Refusal>;

/// A wish that was not fulfilled.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Refusal {
    /// Why, and what to do.
    pub message: String,
    /// The exit code that the command ends with.
    pub exit: u8,
}

impl Refusal {
    /// The daemon ends and does not begin anything new.
    pub fn stopping() -> Self {
        Self {
            message: "the daemon is stopping: try again when it is up".to_owned(),
            exit: 75,
        }
    }

    /// Too much waits already.
    pub fn busy() -> Self {
        Self {
            message: "too much is asked of the service at once: try again later".to_owned(),
            exit: 75,
        }
    }

    /// The work ended without a word.
    fn lost() -> Self {
        Self {
            message: "it was not finished: the daemon is stopping, or it failed; the journal \
                      says which"
                .to_owned(),
            exit: 75,
        }
    }
}

impl Wish {
    /// Whether nobody waits for it any more, and nothing but an answer would come of it.
    pub fn is_pointless(&self) -> bool {
        match self {
            Self::Plan(reply) => reply.is_closed(),
            Self::Errand { errand, reply, .. } => reply.is_closed() && !errand.writes_any(),
            Self::Sync(_) | Self::Approve { .. } => false,
        }
    }

    /// Tells whoever waits that it will not be done.
    pub fn refuse(self, why: Refusal) {
        // Whoever asked may have gone.
        match self {
            Self::Plan(reply) => drop(reply.send(Err(why))),
            Self::Sync(waiting) => drop(waiting.reply.send(Err(why))),
            Self::Approve { reply, .. } => drop(reply.send(Err(why))),
            Self::Errand { reply, .. } => drop(reply.send(Err(why))),
        }
    }
}

/// The status that the daemon keeps up to date for everyone who asks.
pub type SharedStatus = Arc<RwLock<StatusReport>>;

#[derive(Clone)]
struct Desk {
    wishes: mpsc::Sender<Wish>,
    status: SharedStatus,
    store: Arc<state::State>,
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

/// Who asked, for the record: the user whom the kernel names, and whom that user says to stand for,
/// quoted and marked as no more than told.
pub fn asked_by(name: &str, on_behalf: Option<&str>) -> String {
    let told: String = on_behalf
        .map(printable)
        .unwrap_or_default()
        .chars()
        .take(MAX_NAME)
        .collect();
    let told = told.trim();
    if told.is_empty() || told == name {
        name.to_owned()
    } else {
        format!("{name} (says: for {told:?})")
    }
}

/// For whom a caller says to ask; it stands beside what is asked.
#[derive(Default, Deserialize)]
struct OnBehalf {
    #[serde(default)]
    on_behalf: Option<String>,
}

#[derive(Deserialize)]
struct ApproveBody {
    what: String,
    #[serde(default)]
    new_password: bool,
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
    pub fn serve(
        &mut self,
        wishes: mpsc::Sender<Wish>,
        status: SharedStatus,
        store: Arc<state::State>,
    ) {
        let Some(listener) = self.listener.take() else {
            return;
        };
        let router = Router::new()
            .route("/v1/status", small(get(tell_status)))
            .route("/v1/plan", small(get(plan)))
            .route("/v1/sync", small(post(sync)))
            .route("/v1/approve", small(post(approve)));
        let desk = Desk {
            wishes,
            status,
            store,
        };
        let router = questions(errands(router))
            .layer(DefaultBodyLimit::disable())
            .with_state(desk);
        tokio::spawn(connections::serve(listener, router));
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        // Nothing can be done about a failure here, and the next start replaces the socket.
        let _ = std::fs::remove_file(&self.path);
    }
}

async fn tell_status(State(desk): State<Desk>) -> Response {
    match desk.status.read() {
        Ok(status) => Json(status.clone()).into_response(),
        Err(_) => refuse(Refusal::stopping()),
    }
}

async fn plan(State(desk): State<Desk>) -> Response {
    ask(&desk, Wish::Plan).await
}

/// A route that takes a small wish.
fn small(route: MethodRouter<Desk>) -> MethodRouter<Desk> {
    route.layer(from_fn(|request, next| arrived(MAX_BODY, request, next)))
}

/// A route that takes a saved plan, one at a time until it is answered: its memory is bounded.
fn large(route: MethodRouter<Desk>) -> MethodRouter<Desk> {
    let one = Arc::new(Semaphore::new(1));
    route.layer(from_fn(move |request, next| {
        let one = Arc::clone(&one);
        async move {
            match one.try_acquire() {
                Ok(_turn) => arrived(MAX_PLAN, request, next).await,
                Err(_) => refuse(Refusal {
                    message: "another saved plan is being carried out: try again after it".into(),
                    exit: 75,
                }),
            }
        }
    }))
}

/// Takes a wish whole before anything is done with it, within its limits of size and time.
async fn arrived(most: usize, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    match tokio::time::timeout(ARRIVAL, to_bytes(body, most)).await {
        Ok(Ok(body)) => next.run(Request::from_parts(parts, Body::from(body))).await,
        Ok(Err(error)) => {
            let text = format!("not taken: at most {most} bytes are ({error})");
            (StatusCode::PAYLOAD_TOO_LARGE, text).into_response()
        }
        Err(_) => StatusCode::REQUEST_TIMEOUT.into_response(),
    }
}

/// What a body says; who says nothing says the default.
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

async fn sync(
    State(desk): State<Desk>,
    Extension(caller): Extension<Caller>,
    body: Bytes,
) -> Response {
    match parse::<OnBehalf>(&body) {
        Ok(OnBehalf { on_behalf }) => {
            let by = caller.name(on_behalf.as_deref());
            ask(&desk, |reply| Wish::Sync(Waiting { by, reply })).await
        }
        Err(refused) => *refused,
    }
}

async fn approve(
    State(desk): State<Desk>,
    Extension(caller): Extension<Caller>,
    body: Bytes,
) -> Response {
    match asked::<ApproveBody>(caller, &body) {
        Ok((by, ApproveBody { what, new_password })) => {
            ask(&desk, |reply| Wish::Approve {
                what,
                new_password,
                by,
                reply,
            })
            .await
        }
        Err(refused) => *refused,
    }
}

/// Every errand that the commands know.
fn errands(router: Router<Desk>) -> Router<Desk> {
    let router = errand::<Deactivate>(router);
    let router = errand::<MigrateIds>(router);
    let router = errand::<StateCheck>(router);
    let router = errand::<SavePlan>(router);
    let router = router.route(&path::<SyncSaved>(), large(post(run_errand::<SyncSaved>)));
    let router = errand::<Conflicts>(router);
    let router = errand::<LinkThem>(router);
    let router = errand::<Adopt>(router);
    let router = errand::<Unlink>(router);
    let router = errand::<Orphans>(router);
    let router = errand::<Keep>(router);
    let router = errand::<DeactivateOrphan>(router);
    let router = errand::<Explain>(router);
    let router = errand::<Undo>(router);
    let router = errand::<Redo>(router);
    errand::<Forget>(router)
}

fn path<E: Errand>() -> String {
    format!("/v1/{}", E::NAME)
}

fn errand<E: Errand>(router: Router<Desk>) -> Router<Desk> {
    router.route(&path::<E>(), small(post(run_errand::<E>)))
}

async fn run_errand<E: Errand>(
    State(desk): State<Desk>,
    Extension(caller): Extension<Caller>,
    body: Bytes,
) -> Response {
    let (by, errand) = match asked::<E>(caller, &body) {
        Ok(asked) => asked,
        Err(refused) => return *refused,
    };
    // A large one is not kept twice.
    drop(body);
    let errand = Box::new(errand);
    ask(&desk, |reply| Wish::Errand { errand, by, reply }).await
}

/// Every question that the commands know. They wait for no cycle.
fn questions(router: Router<Desk>) -> Router<Desk> {
    let router = question::<History>(router);
    question::<Show>(router)
}

fn question<Q: Question>(router: Router<Desk>) -> Router<Desk> {
    router.route(&format!("/v1/{}", Q::NAME), small(post(answer::<Q>)))
}

async fn answer<Q: Question>(State(desk): State<Desk>, Json(question): Json<Q>) -> Response {
    match question.answer(desk.store.as_ref()).await {
        Ok(answer) => Json(answer).into_response(),
        Err(error) => refuse(word_refusal(&error)),
    }
}

async fn ask<T: Serialize>(
    desk: &Desk,
    wish: impl FnOnce(oneshot::Sender<Answer<T>>) -> Wish,
) -> Response {
    let (reply, answer) = oneshot::channel();
    if desk.wishes.send(wish(reply)).await.is_err() {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_caller_says_of_a_person_is_quoted_marked_and_short() {
        let name = |told| asked_by("root", told);
        assert_eq!(name(None), "root");
        assert_eq!(name(Some("root")), "root");
        assert_eq!(name(Some("\n")), "root");
        assert_eq!(name(Some("anna")), "root (says: for \"anna\")");
        let forged = asked_by("uid 1234", Some("x\"), root (admin"));
        assert_eq!(forged, r#"uid 1234 (says: for "x\"), root (admin")"#);
        let steering = name(Some("an\nna\u{1b}[2J\u{202e}"));
        assert_eq!(steering, "root (says: for \"an na\u{fffd}[2J\u{fffd}\")");
        let long = name(Some(&"x".repeat(100_000)));
        assert_eq!(
            long.chars().count(),
            "root (says: for \"\")".len() + MAX_NAME
        );
    }
}
