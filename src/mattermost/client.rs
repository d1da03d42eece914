//! Sends calls: pace, retries of reads, counting. The meaning of a call is not known here.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rand::RngExt;
use secrecy::ExposeSecret;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::config::{MattermostAccess, MattermostSettings, Pace, SecretError};
use crate::model::{Timestamp, User, UserId};
use crate::tls;

use super::error::{CallError, SendError, WriteError};
use super::foreign;
use super::pace::{Gate, Pause};
use super::token;
use super::transport::{
    AccessKind, HttpTransport, Method, Request, Response, Transport, TransportError, trust_nobody,
};
use super::wire;

/// How often a call is sent again after 429, which the server certainly did not carry out.
const REFUSED_TIMES: u32 = 5;
/// How often a reading call is sent again after a failure.
const READ_RETRIES: u32 = 3;
/// How many retries of reading calls may be used at once; a success gives a tenth of one back.
const RETRY_BUDGET: u32 = 200;
const RETRY_COST: u32 = 10;
const FIRST_BACKOFF: Duration = Duration::from_millis(200);

/// The client of one server: a transport with its pace. It must be kept, so that what it learned
/// about the server's limit is not forgotten. A dry run makes only a
/// [`Reader`](super::reader::Reader) from it.
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    transport: Arc<dyn Transport>,
    gate: Gate,
    timeout: Duration,
    budget: AtomicU32,
    counters: Counters,
    /// The `update_at` of each user in the last answer to a change.
    answered: Mutex<BTreeMap<UserId, Timestamp>>,
    flight: Mutex<Flight>,
}

#[derive(Default)]
struct Flight {
    calls: u32,
    /// When the last of them was sent or answered.
    moved: Option<Instant>,
}

/// A call in flight, until it is dropped.
struct InFlight<'a>(&'a Inner);

impl<'a> InFlight<'a> {
    fn new(inner: &'a Inner) -> Self {
        inner.moved(|calls| calls.saturating_add(1));
        Self(inner)
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.moved(|calls| calls.saturating_sub(1));
    }
}

impl Inner {
    fn flight(&self) -> MutexGuard<'_, Flight> {
        self.flight.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn moved(&self, change: impl Fn(u32) -> u32) {
        let mut flight = self.flight();
        flight.calls = change(flight.calls);
        flight.moved = Some(Instant::now());
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Client({})", self.0.transport.label())
    }
}

#[derive(Default)]
struct Counters {
    requests: AtomicU64,
    writes: AtomicU64,
    rate_limited: AtomicU64,
    retries: AtomicU64,
}

/// How many requests were sent since the client was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Requests that were sent, writes and repetitions included.
    pub requests: u64,
    /// Requests that change something.
    pub writes: u64,
    /// Refusals with 429.
    pub rate_limited: u64,
    /// Reading calls that were sent again after a failure.
    pub retries: u64,
}

impl Counts {
    /// Returns what was added since `earlier`.
    #[must_use]
    pub fn since(self, earlier: Self) -> Self {
        Self {
            requests: self.requests.saturating_sub(earlier.requests),
            writes: self.writes.saturating_sub(earlier.writes),
            rate_limited: self.rate_limited.saturating_sub(earlier.rate_limited),
            retries: self.retries.saturating_sub(earlier.retries),
        }
    }
}

/// The client could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The token cannot be read.
    #[error("mattermost.token: {0}")]
    Token(#[from] SecretError),
    /// The file or credential for the token contains something else.
    #[error("mattermost.token: what stands in {place} {fault}. For another one, {renewal}")]
    NotAToken {
        /// The file or credential.
        place: String,
        /// What is wrong with its content.
        fault: &'static str,
        /// How a token gets there.
        renewal: String,
    },
    /// The trusted certificates cannot be used.
    #[error("mattermost: {0}")]
    Tls(#[from] tls::TlsError),
    /// The HTTP client cannot be made.
    #[error("mattermost: {0}")]
    Transport(#[from] TransportError),
}

impl Client {
    /// Makes a client from the settings, with the token that its file has now. Nothing is sent yet.
    ///
    /// # Errors
    /// An error if the certificates or the token cannot be used.
    pub fn connect(settings: &MattermostSettings) -> Result<Self, ConnectError> {
        let transport = match &settings.access {
            MattermostAccess::Http {
                url,
                token: source,
                trust,
            } => {
                // Warnings about the token are reported when the configuration is checked.
                let (token, _) = source.load()?;
                if let Some(fault) = token::fault(token.expose_secret()) {
                    return Err(ConnectError::NotAToken {
                        place: source.place(),
                        fault,
                        renewal: source.renewal(),
                    });
                }
                let tls = if url.starts_with("https:") {
                    tls::client_config(trust)?
                } else {
                    trust_nobody().map_err(|e| TransportError::Setup(e.to_string()))?
                };
                HttpTransport::tcp(url, &token, tls)?.reading_again(source.clone())
            }
            MattermostAccess::Socket { path } => HttpTransport::socket(path)?,
        };
        Ok(Self::new(
            Arc::new(transport),
            settings.pace,
            settings.timeout,
        ))
    }

    /// Makes a client over any transport. `timeout` is the longest time for one request.
    pub fn new(transport: Arc<dyn Transport>, pace: Option<Pace>, timeout: Duration) -> Self {
        Self(Arc::new(Inner {
            transport,
            gate: Gate::new(pace),
            timeout,
            budget: AtomicU32::new(RETRY_BUDGET),
            counters: Counters::default(),
            flight: Mutex::default(),
            answered: Mutex::default(),
        }))
    }

    /// Returns how many requests were sent so far.
    pub fn counts(&self) -> Counts {
        let c = &self.0.counters;
        Counts {
            requests: c.requests.load(Ordering::Relaxed),
            writes: c.writes.load(Ordering::Relaxed),
            rate_limited: c.rate_limited.load(Ordering::Relaxed),
            retries: c.retries.load(Ordering::Relaxed),
        }
    }

    /// Returns why the next call may not be sent yet, and for how much longer.
    pub fn pauses(&self) -> Option<(Pause, Duration)> {
        self.0.gate.waits()
    }

    /// Returns how long the calls in flight have had no answer; `None` if there are none.
    pub fn unanswered(&self) -> Option<Duration> {
        let flight = self.0.flight();
        let moved = flight.moved.filter(|_| flight.calls > 0)?;
        Some(moved.elapsed())
    }

    /// Returns the kind of access.
    pub fn way(&self) -> AccessKind {
        self.0.transport.way()
    }

    /// Returns the address or socket, for people.
    pub fn label(&self) -> &str {
        self.0.transport.label()
    }

    /// Records the answer to a change.
    pub(super) fn note(&self, user: &User) {
        if let Ok(mut answered) = self.0.answered.lock() {
            answered.insert(user.id.clone(), user.updated_at);
        }
    }

    /// Takes what was recorded of a user.
    pub(super) fn take_answered(&self, user: &UserId) -> Option<Timestamp> {
        let answered = self.0.answered.lock();
        answered.ok().and_then(|mut answered| answered.remove(user))
    }

    pub(super) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, CallError> {
        Ok(self.get_with_headers(path).await?.0)
    }

    pub(super) async fn get_with_headers<T: DeserializeOwned>(
        &self,
        path: &str,
    ) -> Result<(T, BTreeMap<String, String>), CallError> {
        let request = self.request(Method::Get, path, None, false);
        let answer = self.read(request.clone()).await?;
        Ok((parsed(&request, &answer, self.label())?, answer.headers))
    }

    /// Returns the rows of a list, each with only the named fields, and their total size.
    pub(super) async fn rows(
        &self,
        path: &str,
        keep: &'static [&'static str],
    ) -> Result<(Vec<Value>, usize), CallError> {
        let mut request = self.request(Method::Get, path, None, false);
        request.keep = Some(keep);
        let answer = self.read(request.clone()).await?;
        Ok((parsed(&request, &answer, self.label())?, answer.body.len()))
    }

    /// Returns one object, with only the named fields.
    pub(super) async fn get_part<T: DeserializeOwned>(
        &self,
        path: &str,
        keep: &'static [&'static str],
    ) -> Result<T, CallError> {
        let mut request = self.request(Method::Get, path, None, false);
        request.keep = Some(keep);
        let answer = self.read(request.clone()).await?;
        parsed(&request, &answer, self.label())
    }

    /// Makes a reading call by `POST`: some lists are asked for with a list of ids.
    pub(super) async fn ask<T: DeserializeOwned>(
        &self,
        path: &str,
        body: Value,
    ) -> Result<T, CallError> {
        let request = self.request(Method::Post, path, Some(body), false);
        let answer = self.read(request.clone()).await?;
        parsed(&request, &answer, self.label())
    }

    /// Makes such a call, and returns each row with only the named fields.
    pub(super) async fn ask_rows(
        &self,
        path: &str,
        body: Value,
        keep: &'static [&'static str],
    ) -> Result<Vec<Value>, CallError> {
        let mut request = self.request(Method::Post, path, Some(body), false);
        request.keep = Some(keep);
        let answer = self.read(request.clone()).await?;
        parsed(&request, &answer, self.label())
    }

    /// Makes a call that writes, and reads its answer.
    pub(super) async fn write<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Value,
    ) -> Result<T, WriteError> {
        self.write_for(method, path, Some(body), Duration::ZERO)
            .await
            .and_then(|(request, answer)| {
                parsed(&request, &answer, self.label()).map_err(WriteError::Unknown)
            })
    }

    /// Makes a call that writes, with a longer time-out. It is never sent again if it may have
    /// arrived.
    pub(super) async fn write_for(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
        more_time: Duration,
    ) -> Result<(Request, Response), WriteError> {
        let mut request = self.request(method, path, body, true);
        request.timeout += more_time;
        match self.send(&request).await {
            Ok(answer) => Ok((request, answer)),
            Err(error) => Err(WriteError::from_write(error)),
        }
    }

    fn request(&self, method: Method, path: &str, body: Option<Value>, writes: bool) -> Request {
        Request {
            method,
            path: format!("/api/v4{path}"),
            body,
            writes,
            keep: None,
            timeout: self.0.timeout,
        }
    }

    /// Reads, and tries again after failures that may pass, within the budget.
    async fn read(&self, request: Request) -> Result<Response, CallError> {
        let mut backoff = FIRST_BACKOFF;
        let mut retries = 0;
        loop {
            let error = match self.send(&request).await {
                Ok(answer) => {
                    self.earn();
                    return Ok(answer);
                }
                Err(error) => error,
            };
            if retries == READ_RETRIES || !may_pass(&error) || !self.spend() {
                return Err(error);
            }
            retries += 1;
            self.0.counters.retries.fetch_add(1, Ordering::Relaxed);
            tracing::debug!(%error, retries, "reading again");
            let jitter = rand::rng().random_range(0.5..1.5);
            tokio::time::sleep(backoff.mul_f64(jitter)).await;
            backoff *= 3;
        }
    }

    /// Sends the request when the pace allows it, and again after 429, within bounds. An answer
    /// that is not 2xx is an error.
    async fn send(&self, request: &Request) -> Result<Response, CallError> {
        let counters = &self.0.counters;
        let mut refused = 0;
        loop {
            self.0.gate.pass().await;
            counters.requests.fetch_add(1, Ordering::Relaxed);
            counters
                .writes
                .fetch_add(u64::from(request.writes), Ordering::Relaxed);
            let under_way = InFlight::new(&self.0);
            let answer = self.0.transport.send(request.clone()).await;
            drop(under_way);
            let answer = answer.map_err(|error| CallError::Send {
                call: format!("{request:?}"),
                error,
            })?;
            tracing::trace!(?request, ?answer, "call");
            self.0.gate.learn(&answer);
            match answer.status {
                200..300 => return Ok(answer),
                429 if refused < REFUSED_TIMES => {
                    refused += 1;
                    counters.rate_limited.fetch_add(1, Ordering::Relaxed);
                }
                status => {
                    let limited = u64::from(status == 429);
                    counters.rate_limited.fetch_add(limited, Ordering::Relaxed);
                    let mut error = wire::refusal(&answer, self.label());
                    error.renewal = self.0.transport.renewal();
                    return Err(CallError::Api {
                        call: format!("{request:?}"),
                        error,
                    });
                }
            }
        }
    }

    fn spend(&self) -> bool {
        let left = |budget: u32| budget.checked_sub(RETRY_COST);
        self.0
            .budget
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, left)
            .is_ok()
    }

    fn earn(&self) {
        let more = |budget: u32| (budget < RETRY_BUDGET).then_some(budget + 1);
        let _full = self
            .0
            .budget
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
    }
}

fn parsed<T: DeserializeOwned>(
    request: &Request,
    answer: &Response,
    base: &str,
) -> Result<T, CallError> {
    wire::parse(&answer.body).map_err(|why| CallError::Garbled {
        call: format!("{request:?}"),
        why: if foreign::is_page(&answer.body) {
            foreign::explain(answer, base)
        } else {
            why
        },
    })
}

/// Returns whether a failed read may succeed when it is tried again.
fn may_pass(error: &CallError) -> bool {
    match error {
        CallError::Send { error, .. } => !matches!(error, SendError::TooLarge { .. }),
        CallError::Api { error, .. } => error.status >= 500 && error.status != 501,
        CallError::Garbled { .. } | CallError::NoRights { .. } => false,
    }
}
