//! The control socket: HTTP and JSON over a Unix socket (0660). The commands ask here.

use std::io;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock};

use axum::body::Bytes;
use axum::extract::DefaultBodyLimit;
use axum::extract::State;
use axum::extract::connect_info::{ConnectInfo, Connected};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::serve::IncomingStream;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{mpsc, oneshot};

use crate::cycle::{
    Adopt, AnyErrand, Approved, Conflicts, Deactivate, DeactivateOrphan, Errand, Explain, Forget,
    History, Keep, LinkThem, MigrateIds, Orphans, PlanReport, Question, Redo, SavePlan, Show,
    StateCheck, SyncReport, SyncSaved, Undo, Unlink,
};
use crate::state::Store;

use super::StatusReport;
use super::work::word_refusal;

/// The most characters of what a caller says of a person behind it.
const MAX_NAME: usize = 64;

/// The most bytes of a wish: a saved plan for very many people comes this way.
const MAX_BODY: usize = 256 << 20;

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
    store: Arc<dyn Store>,
}

/// Who called, as the kernel says.
#[derive(Clone, Debug)]
struct Caller {
    uid: Option<u32>,
}

impl Connected<IncomingStream<'_, UnixListener>> for Caller {
    fn connect_info(stream: IncomingStream<'_, UnixListener>) -> Self {
        let peer: io::Result<_> = UnixStream::peer_cred(stream.io());
        Self {
            uid: peer.ok().map(|cred| cred.uid()),
        }
    }
}

impl Caller {
    /// The name for the record; what the caller says of a person behind it is only added.
    fn name(&self, on_behalf: Option<&str>) -> String {
        let name = match self.uid {
            None => "unknown".to_owned(),
            Some(uid) => nix::unistd::User::from_uid(nix::unistd::Uid::from_raw(uid))
                .ok()
                .flatten()
                .map_or_else(|| format!("uid {uid}"), |user| user.name),
        };
        let person: String = on_behalf
            .unwrap_or_default()
            .chars()
            .filter(|c| !c.is_control())
            .take(MAX_NAME)
            .collect();
        if person.is_empty() || person == name {
            name
        } else {
            format!("{name} ({person})")
        }
    }
}

#[derive(Default, Deserialize)]
struct SyncBody {
    #[serde(default)]
    on_behalf: Option<String>,
}

#[derive(Deserialize)]
struct ApproveBody {
    what: String,
    #[serde(default)]
    on_behalf: Option<String>,
}

#[derive(Deserialize)]
#[serde(bound = "E: Errand")]
struct ErrandBody<E> {
    #[serde(flatten)]
    errand: E,
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
    pub fn serve(
        &mut self,
        wishes: mpsc::Sender<Wish>,
        status: SharedStatus,
        store: Arc<dyn Store>,
    ) {
        let Some(listener) = self.listener.take() else {
            return;
        };
        let router = Router::new()
            .route("/v1/status", get(tell_status))
            .route("/v1/plan", get(plan))
            .route("/v1/sync", post(sync))
            .route("/v1/approve", post(approve));
        let desk = Desk {
            wishes,
            status,
            store,
        };
        let router = questions(errands(router))
            .layer(DefaultBodyLimit::max(MAX_BODY))
            .with_state(desk)
            .into_make_service_with_connect_info::<Caller>();
        tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::error!("the control socket no longer answers: {error}");
            }
        });
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

async fn sync(
    State(desk): State<Desk>,
    ConnectInfo(caller): ConnectInfo<Caller>,
    body: Bytes,
) -> Response {
    // Who says nothing speaks for himself.
    let body: SyncBody = match body.is_empty() {
        true => SyncBody::default(),
        false => match serde_json::from_slice(&body) {
            Ok(body) => body,
            Err(error) => return (StatusCode::BAD_REQUEST, error.to_string()).into_response(),
        },
    };
    let by = caller.name(body.on_behalf.as_deref());
    ask(&desk, |reply| Wish::Sync(Waiting { by, reply })).await
}

async fn approve(
    State(desk): State<Desk>,
    ConnectInfo(caller): ConnectInfo<Caller>,
    Json(body): Json<ApproveBody>,
) -> Response {
    let by = caller.name(body.on_behalf.as_deref());
    let what = body.what;
    ask(&desk, |reply| Wish::Approve { what, by, reply }).await
}

/// Every errand that the commands know.
fn errands(router: Router<Desk>) -> Router<Desk> {
    let router = errand::<Deactivate>(router);
    let router = errand::<MigrateIds>(router);
    let router = errand::<StateCheck>(router);
    let router = errand::<SavePlan>(router);
    let router = errand::<SyncSaved>(router);
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

fn errand<E: Errand>(router: Router<Desk>) -> Router<Desk> {
    router.route(&format!("/v1/{}", E::NAME), post(run_errand::<E>))
}

async fn run_errand<E: Errand>(
    State(desk): State<Desk>,
    ConnectInfo(caller): ConnectInfo<Caller>,
    Json(body): Json<ErrandBody<E>>,
) -> Response {
    let by = caller.name(body.on_behalf.as_deref());
    let errand = Box::new(body.errand);
    ask(&desk, |reply| Wish::Errand { errand, by, reply }).await
}

/// Every question that the commands know. They wait for no cycle.
fn questions(router: Router<Desk>) -> Router<Desk> {
    let router = question::<History>(router);
    question::<Show>(router)
}

fn question<Q: Question>(router: Router<Desk>) -> Router<Desk> {
    router.route(&format!("/v1/{}", Q::NAME), post(answer::<Q>))
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
    fn what_a_caller_says_of_a_person_is_one_short_line() {
        let caller = Caller { uid: None };
        assert_eq!(caller.name(Some("anna")), "unknown (anna)");
        assert_eq!(caller.name(Some("an\nna\u{1b}[2J")), "unknown (anna[2J)");
        assert_eq!(caller.name(Some("\n")), "unknown");
        let long = caller.name(Some(&"x".repeat(1_000)));
        assert_eq!(long.chars().count(), "unknown ()".len() + MAX_NAME);
    }
}
