//! The boundary to the network: sends one request, returns one answer, and knows no more.

use std::collections::BTreeMap;
use std::fmt;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use rand::RngExt;
use reqwest::header::{AUTHORIZATION, CACHE_CONTROL, HeaderMap, HeaderValue, PRAGMA};
use reqwest::redirect::Policy;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use crate::config::SecretSource;
use crate::tls;

use super::error::SendError;
use super::field_filter::FieldFilter;
use super::token;

/// The longest answer that is kept, in bytes; a page of 200 users with notification settings has
/// less than 1 MiB.
pub(super) const MAX_BODY: usize = 32 * 1024 * 1024;
/// The longest answer that is received where only a part of it is kept, in bytes.
pub(super) const MAX_RECEIVED: usize = 2 * MAX_BODY;
/// How long DNS, TCP and TLS may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Idle connections are closed before the server does it (60 s by default), so that a call seldom
/// uses a connection that is just being closed.
const IDLE_TIMEOUT: Duration = Duration::from_secs(20);
/// The headers of an answer that are used.
const KEPT_HEADERS: [&str; 8] = [
    "date",
    "location",
    "retry-after",
    "www-authenticate",
    "x-ratelimit-limit",
    "x-ratelimit-remaining",
    "x-ratelimit-reset",
    "x-version-id",
];

/// An HTTP method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Reads.
    Get,
    /// Creates, or reads by a list of ids.
    Post,
    /// Changes.
    Put,
    /// Deletes.
    Delete,
}

impl Method {
    /// Returns the method's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
        }
    }
}

/// One request. Its body may contain a password, so `Debug` shows only method and path.
#[derive(Clone)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// The path and query, from `/api/v4/` on, encoded.
    pub path: String,
    /// The JSON body, if there is one.
    pub body: Option<Value>,
    /// Whether it changes anything on the server.
    pub writes: bool,
    /// The fields of the answer that are read, see `FieldFilter`; `None` for all. A transport that
    /// has the whole answer in memory anyway may return other fields too.
    pub keep: Option<&'static [&'static str]>,
    /// How long it may take until the answer is complete.
    pub timeout: Duration,
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method.name(), self.path)
    }
}

/// One answer. `Debug` shows no body: an old server answers some calls with a password hash.
#[derive(Clone, Default)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// The headers by name in lower case; only those that are used.
    pub headers: BTreeMap<String, String>,
    /// The body.
    pub body: Vec<u8>,
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "status {}, {} bytes", self.status, self.body.len())
    }
}

/// The kind of access to the server. They offer different calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccessKind {
    /// HTTP(S) with a token: the whole API, with the rights of the token's owner.
    Token,
    /// The local-mode socket: all rights, a part of the API.
    Local,
}

/// Carries a request to the server and brings the answer back.
pub trait Transport: Send + Sync {
    /// Sends a request once, without retrying, and waits for the whole answer.
    fn send<'a>(&'a self, request: Request) -> BoxFuture<'a, Result<Response, SendError>>;

    /// Returns the kind of access.
    fn way(&self) -> AccessKind;

    /// Returns the address or socket, for people.
    fn label(&self) -> &str;

    /// Returns how another token takes the place of the present one, if that is known.
    fn renewal(&self) -> Option<String> {
        None
    }
}

/// HTTP over TCP, TLS or a Unix socket.
pub struct HttpTransport {
    http: reqwest::Client,
    token: Option<Token>,
    /// The address, without a slash at its end.
    base: String,
    label: String,
    way: AccessKind,
}

/// The token that is sent, and where it was read.
struct Token {
    bearer: RwLock<HeaderValue>,
    source: Option<SecretSource>,
}

impl Token {
    fn bearer(&self) -> HeaderValue {
        self.bearer
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Reads the token again after this one was refused. Returns whether there is another one, which
    /// is sent from now on.
    fn renew(&self, refused: &HeaderValue) -> bool {
        if self.bearer() != *refused {
            return true;
        }
        let Some((text, _)) = self.source.as_ref().and_then(|source| source.load().ok()) else {
            return false;
        };
        if token::fault(text.expose_secret()).is_some() {
            return false;
        }
        match bearer(&text) {
            Ok(new) if new != *refused => {
                *self.bearer.write().unwrap_or_else(PoisonError::into_inner) = new;
                tracing::info!("the token was refused, and a new one was read");
                true
            }
            _ => false,
        }
    }
}

fn bearer(token: &SecretString) -> Result<HeaderValue, TransportError> {
    let mut bearer = HeaderValue::from_str(&format!("Bearer {}", token.expose_secret()))
        .map_err(|_| TransportError::Token)?;
    bearer.set_sensitive(true);
    Ok(bearer)
}

impl fmt::Debug for HttpTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HttpTransport({})", self.label)
    }
}

/// A transport could not be made.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// The token has characters that cannot be sent.
    #[error("the token has characters that cannot be sent in a header; is it the right file?")]
    Token,
    /// The HTTP client could not be set up.
    #[error("the HTTP client could not be set up: {0}")]
    Setup(String),
}

impl HttpTransport {
    /// Connects over TCP to `url` (`http` or `https`; it may have a path), with a token. `tls` says
    /// which certificates are trusted; for `http` it is not used.
    ///
    /// # Errors
    /// An error if the token cannot be sent in a header, or the client cannot be set up.
    pub fn tcp(
        url: &str,
        token: &SecretString,
        tls: rustls::ClientConfig,
    ) -> Result<Self, TransportError> {
        let token = Token {
            bearer: RwLock::new(bearer(token)?),
            source: None,
        };
        let http = builder(tls)
            .default_headers(HeaderMap::from_iter([
                (CACHE_CONTROL, HeaderValue::from_static("no-cache")),
                (PRAGMA, HeaderValue::from_static("no-cache")),
            ]))
            .build()
            .map_err(|e| TransportError::Setup(causes(&e)))?;
        let base = url.trim_end_matches('/').to_owned();
        Ok(Self {
            http,
            token: Some(token),
            label: base.clone(),
            base,
            way: AccessKind::Token,
        })
    }

    /// Returns the transport that reads the token again when it is refused.
    #[must_use]
    pub fn reading_again(mut self, source: SecretSource) -> Self {
        if let Some(token) = &mut self.token {
            token.source = Some(source);
        }
        self
    }

    /// Connects over the local-mode socket, without credentials.
    ///
    /// # Errors
    /// An error if the client cannot be set up.
    pub fn socket(path: &Path) -> Result<Self, TransportError> {
        let http = builder(trust_nobody().map_err(|e| TransportError::Setup(e.to_string()))?)
            .unix_socket(path)
            .build()
            .map_err(|e| TransportError::Setup(causes(&e)))?;
        Ok(Self {
            http,
            token: None,
            base: "http://localhost".into(),
            label: path.display().to_string(),
            way: AccessKind::Local,
        })
    }

    /// Returns the address of a request. A reading request has an address for which nothing on the
    /// way can have an answer: a cache that ignores headers distinguishes requests by their query.
    fn address(&self, request: &Request) -> String {
        let (base, path) = (&self.base, &request.path);
        if request.method != Method::Get || self.way == AccessKind::Local {
            return format!("{base}{path}");
        }
        let then = if path.contains('?') { '&' } else { '?' };
        let never_used: u64 = rand::rng().random();
        format!("{base}{path}{then}fresh={never_used:016x}")
    }

    /// Sends a request, and once more where the token is refused and there is a new one: a refused
    /// request was not carried out.
    async fn exchange(&self, request: Request) -> Result<Response, SendError> {
        let Some(token) = &self.token else {
            return self.exchange_once(&request, None).await;
        };
        let bearer = token.bearer();
        let answer = self.exchange_once(&request, Some(&bearer)).await?;
        if answer.status == 401 && token.renew(&bearer) {
            return self.exchange_once(&request, Some(&token.bearer())).await;
        }
        Ok(answer)
    }

    async fn exchange_once(
        &self,
        request: &Request,
        bearer: Option<&HeaderValue>,
    ) -> Result<Response, SendError> {
        let url = self.address(request);
        let mut call = match request.method {
            Method::Get => self.http.get(url),
            Method::Post => self.http.post(url),
            Method::Put => self.http.put(url),
            Method::Delete => self.http.delete(url),
        }
        .timeout(request.timeout);
        if let Some(bearer) = bearer {
            call = call.header(AUTHORIZATION, bearer);
        }
        if let Some(body) = &request.body {
            call = call.json(body);
        }
        let failed = |e: reqwest::Error| self.send_error(&e, request.timeout);
        let mut answer = call.send().await.map_err(failed)?;
        let mut headers: BTreeMap<String, String> = KEPT_HEADERS
            .iter()
            .filter_map(|name| {
                let value = answer.headers().get(*name)?.to_str().ok()?;
                Some(((*name).to_owned(), value.to_owned()))
            })
            .collect();
        if let Some(to) = headers.get_mut("location")
            && let Ok(absolute) = answer.url().join(to)
        {
            *to = absolute.into();
        }
        let status = answer.status().as_u16();
        let keep = request.keep.filter(|_| answer.status().is_success());
        let mut body = Body::new(keep);
        while let Some(chunk) = answer.chunk().await.map_err(failed)? {
            body.take(&chunk)?;
        }
        Ok(Response {
            status,
            headers,
            body: body.into_bytes(),
        })
    }

    fn send_error(&self, error: &reqwest::Error, timeout: Duration) -> SendError {
        if error.is_connect() || error.is_builder() {
            let why = causes(error);
            let why = match self.way {
                AccessKind::Local => match socket_advice(error) {
                    Some(advice) => format!("{why}; {advice}"),
                    None => why,
                },
                AccessKind::Token => match (plain_port(&why), where_to_look(error, &why)) {
                    (Some(said), _) => said.to_owned(),
                    (None, Some(advice)) => format!("{why}; {advice}"),
                    (None, None) => why,
                },
            };
            SendError::NotConnected {
                to: self.label.clone(),
                why,
            }
        } else if error.is_timeout() {
            SendError::Timeout { after: timeout }
        } else {
            let mut why = causes(error);
            if let Some(advice) = no_http(&why).filter(|_| self.base.starts_with("http:")) {
                why = format!("{why}; {advice}");
            }
            SendError::Broken { why }
        }
    }
}

/// The body of an answer while it arrives.
struct Body {
    filter: Option<FieldFilter>,
    whole: Vec<u8>,
    heard: usize,
}

impl Body {
    fn new(keep: Option<&'static [&'static str]>) -> Self {
        Self {
            filter: keep.map(FieldFilter::new),
            whole: Vec::new(),
            heard: 0,
        }
    }

    fn take(&mut self, chunk: &[u8]) -> Result<(), SendError> {
        self.heard = self.heard.saturating_add(chunk.len());
        let (kept, limit) = match &mut self.filter {
            Some(filter) => {
                filter.feed(chunk);
                (filter.len(), MAX_RECEIVED)
            }
            None => (self.heard, MAX_BODY),
        };
        if self.heard > limit || kept > MAX_BODY {
            return Err(SendError::TooLarge { limit });
        }
        if self.filter.is_none() {
            self.whole.extend_from_slice(chunk);
        }
        Ok(())
    }

    fn into_bytes(self) -> Vec<u8> {
        self.filter.map_or(self.whole, FieldFilter::into_kept)
    }
}

impl Transport for HttpTransport {
    fn send<'a>(&'a self, request: Request) -> BoxFuture<'a, Result<Response, SendError>> {
        self.exchange(request).boxed()
    }

    fn way(&self) -> AccessKind {
        self.way
    }

    fn label(&self) -> &str {
        &self.label
    }

    fn renewal(&self) -> Option<String> {
        let source = self.token.as_ref()?.source.as_ref()?;
        Some(source.renewal())
    }
}

/// Returns a TLS configuration that trusts nobody, for connections without TLS: the client then
/// needs no system roots, which a minimal machine may not have.
///
/// # Errors
/// An error if the cryptographic library supports no protocol version.
pub fn trust_nobody() -> Result<rustls::ClientConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    Ok(rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth())
}

/// Returns a client without redirects and proxies of the environment: neither may get the token.
fn builder(tls: rustls::ClientConfig) -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .redirect(Policy::none())
        .no_proxy()
        .connect_timeout(CONNECT_TIMEOUT)
        .pool_idle_timeout(IDLE_TIMEOUT)
        .user_agent(concat!("mattersync/", env!("CARGO_PKG_VERSION")))
}

/// Returns why an error happened, without the address, which is reported elsewhere: what is wrong
/// with the certificate, or the chain of causes, innermost last.
fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    if let Some(refused) = tls::refusal(error) {
        return refused.to_string();
    }
    let mut parts: Vec<String> = Vec::new();
    let mut next = error.source();
    while let Some(cause) = next {
        let text = cause.to_string();
        // The HTTP library's own names for its stages tell an administrator nothing.
        if parts.last() != Some(&text) && !text.starts_with("client error (") {
            parts.push(text);
        }
        next = cause.source();
    }
    if parts.is_empty() {
        parts.push(error.to_string());
    }
    parts.join(": ")
}

/// Returns what is wrong if a port that does not speak TLS is used with TLS (rustls, RFC 8446 5.1).
fn plain_port(why: &str) -> Option<&'static str> {
    why.contains("InvalidContentType").then_some(
        "mattermost.url begins with https://, and this port speaks plain text, without TLS: name the \
         port that has TLS (as a rule 443, where the proxy listens), or write http:// where the \
         server is on this machine",
    )
}

/// Returns what to do if the answer is not HTTP, as on a TLS port.
fn no_http(why: &str) -> Option<&'static str> {
    why.contains("invalid HTTP version").then_some(
        "what answers does not speak HTTP: if the port expects TLS, mattermost.url must begin with \
         https://",
    )
}

/// Returns the first error of the system among the causes.
fn system_error<'e>(error: &'e (dyn std::error::Error + 'static)) -> Option<&'e std::io::Error> {
    let mut next = Some(error);
    while let Some(cause) = next {
        if let Some(io) = cause.downcast_ref() {
            return Some(io);
        }
        next = cause.source();
    }
    None
}

/// Returns what to do about a socket that cannot be reached.
fn socket_advice(error: &(dyn std::error::Error + 'static)) -> Option<&'static str> {
    match system_error(error)?.kind() {
        ErrorKind::NotFound => Some(
            "is the server running, and are ServiceSettings.EnableLocalMode and \
             LocalModeSocketLocation set?",
        ),
        ErrorKind::PermissionDenied => {
            Some("only the server's own user may use its socket: a token needs no such right")
        }
        ErrorKind::ConnectionRefused => Some("is the server running?"),
        _ => None,
    }
}

/// Returns what to look at where nobody answers at an address.
fn where_to_look(error: &(dyn std::error::Error + 'static), why: &str) -> Option<&'static str> {
    // The system has no kind of error for a name without an address.
    if why.contains("dns error") {
        return Some(
            "is the name of the host in mattermost.url right, and does the DNS of this machine know \
             it?",
        );
    }
    match system_error(error)?.kind() {
        ErrorKind::ConnectionRefused => {
            Some("does Mattermost run, and are host and port in mattermost.url right?")
        }
        ErrorKind::TimedOut | ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => Some(
            "is the host in mattermost.url right, does it run, and does no firewall stand between?",
        ),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn request() -> Request {
        Request {
            method: Method::Post,
            path: "/api/v4/users".into(),
            body: Some(json!({"password": "hunter2"})),
            writes: true,
            keep: None,
            timeout: Duration::from_secs(5),
        }
    }

    #[test]
    fn nothing_secret_in_debug() {
        let token = SecretString::from("s3cr3ttoken");
        let transport =
            HttpTransport::tcp("http://127.0.0.1:9/", &token, trust_nobody().unwrap()).unwrap();
        let response = Response {
            status: 200,
            body: b"$2a$10$hash".to_vec(),
            ..Response::default()
        };
        let shown = format!(
            "{transport:?} {:?} {response:?} {:?}",
            request(),
            transport.http
        );
        for secret in ["s3cr3t", "hunter2", "$2a$10"] {
            assert!(!shown.contains(secret), "{shown}");
        }
        assert_eq!(format!("{:?}", request()), "POST /api/v4/users");
    }

    #[test]
    fn a_token_with_a_line_break_is_refused_without_being_shown() {
        let token = SecretString::from("two\nlines");
        let error = HttpTransport::tcp("http://127.0.0.1:9", &token, trust_nobody().unwrap())
            .unwrap_err()
            .to_string();
        assert!(!error.contains("two"), "{error}");
    }

    #[tokio::test]
    async fn no_server_means_surely_not_sent() {
        // A port that was free a moment ago, and a socket that is not there.
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        drop(listener);
        let token = SecretString::from("t");
        let tcp = HttpTransport::tcp(&url, &token, trust_nobody().unwrap()).unwrap();
        let socket = HttpTransport::socket(Path::new("/nonexistent/mm.socket")).unwrap();
        for (transport, says) in [(tcp, "onnection refused"), (socket, "EnableLocalMode")] {
            let error = transport.send(request()).await.unwrap_err();
            assert!(error.surely_not_sent(), "{error}");
            assert!(error.to_string().contains(says), "{error}");
        }
    }

    #[tokio::test]
    async fn a_timeout_is_the_same_failure_each_time() {
        // Connections wait in the backlog, and nobody ever answers.
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let token = SecretString::from("t");
        let transport = HttpTransport::tcp(&url, &token, trust_nobody().unwrap()).unwrap();
        for _ in 0..2 {
            let timeout = Duration::from_millis(50);
            let asked = Request {
                timeout,
                ..request()
            };
            let error = transport.send(asked).await.unwrap_err();
            assert_eq!(error, SendError::Timeout { after: timeout });
        }
    }
}
