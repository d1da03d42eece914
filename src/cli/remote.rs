//! Sends requests to the service over its control socket, as HTTP and JSON.

use std::io;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::RequestBuilder;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::daemon::{Refusal, StatusReport};
use crate::desk::Listed;
use crate::mattermost::trust_nobody;

use super::exit::{Exit, Failure};
use super::progress::Progress;

/// How long the service may take to tell its status, which it always knows, unless it is stuck.
const STATUS_TIMEOUT: Duration = Duration::from_secs(5);
/// How often the status is asked for while a longer answer is awaited.
const POLL: Duration = Duration::from_millis(250);

/// A request, with the person behind the calling user.
#[derive(Serialize)]
struct Body<'a, R> {
    #[serde(flatten)]
    request: &'a R,
    on_behalf: Option<&'a str>,
}

/// A running service.
#[derive(Clone, Debug)]
pub struct Remote {
    socket: PathBuf,
    http: reqwest::Client,
    on_behalf: Option<String>,
}

impl Remote {
    /// Connects to the service at this socket; `None` if no service listens there. `on_behalf` is
    /// the person behind the calling user, for the record.
    ///
    /// # Errors
    /// An error if there is a socket that may not be used.
    pub fn find(socket: &Path, on_behalf: Option<String>) -> Result<Option<Self>, Failure> {
        match UnixStream::connect(socket) {
            Ok(_) => {}
            Err(error) => {
                return match error.kind() {
                    io::ErrorKind::NotFound
                    | io::ErrorKind::NotADirectory
                    | io::ErrorKind::ConnectionRefused => Ok(None),
                    io::ErrorKind::PermissionDenied => Err(Failure::new(
                        Exit::NO_PERMISSION,
                        format!(
                            "{}: only root and the group of the service may speak to it; run the \
                             command as root",
                            socket.display()
                        ),
                    )),
                    _ => Err(Failure::new(
                        Exit::BUSY,
                        format!("{}: {error}", socket.display()),
                    )),
                };
            }
        }
        let http = client(socket).map_err(|what| Failure::new(Exit::SYSTEM, what))?;
        Ok(Some(Self {
            socket: socket.to_owned(),
            http,
            on_behalf,
        }))
    }

    /// Returns the status of the service.
    ///
    /// # Errors
    /// An error if it does not answer in time.
    pub async fn status(&self) -> Result<StatusReport, Failure> {
        let call = self.http.get(url("status")).timeout(STATUS_TIMEOUT);
        self.answer(call).await
    }

    /// Sends a request.
    ///
    /// # Errors
    /// An error if it cannot be done, or the service does not answer.
    pub async fn ask<R: Listed>(
        &self,
        request: &R,
        progress: &Progress,
    ) -> Result<R::Answer, Failure> {
        let body = Body {
            request,
            on_behalf: self.on_behalf.as_deref(),
        };
        self.wait(self.http.post(url(R::NAME)).json(&body), progress)
            .await
    }

    /// Waits for an answer without a time limit; the service must answer the status first.
    async fn wait<T: DeserializeOwned>(
        &self,
        call: RequestBuilder,
        progress: &Progress,
    ) -> Result<T, Failure> {
        let status = self.status().await?;
        progress.show(status.phase, &status.waits);
        let answer = self.answer(call);
        tokio::pin!(answer);
        let mut poll = tokio::time::interval(POLL);
        loop {
            tokio::select! {
                answer = &mut answer => {
                    progress.clear();
                    return answer;
                }
                _ = poll.tick(), if progress.is_seen() => {
                    if let Ok(status) = self.status().await {
                        progress.show(status.phase, &status.waits);
                    }
                }
            }
        }
    }

    async fn answer<T: DeserializeOwned>(&self, call: RequestBuilder) -> Result<T, Failure> {
        let answer = call.send().await.map_err(|error| self.no_answer(&error))?;
        let status = answer.status();
        let body = answer
            .bytes()
            .await
            .map_err(|error| self.no_answer(&error))?;
        if status.is_success() {
            return serde_json::from_slice(&body).map_err(|error| {
                self.bad_answer(&format!("an answer that is not understood: {error}"))
            });
        }
        match serde_json::from_slice::<Refusal>(&body) {
            Ok(refusal) => Err(refusal.into()),
            Err(_) => Err(self.bad_answer(&format!("status {status}"))),
        }
    }

    fn no_answer(&self, error: &reqwest::Error) -> Failure {
        let socket = self.socket.display();
        let message = if error.is_timeout() {
            format!(
                "the service at {socket} does not answer; look at `systemctl status mattersync` \
                 and `journalctl -u mattersync`"
            )
        } else {
            format!(
                "the service at {socket} hung up before it had answered. It ended, or you have too \
                 many connections to it already; what was done until then is recorded: look at \
                 `mattersync status`"
            )
        };
        Failure::new(Exit::BUSY, message)
    }

    fn bad_answer(&self, what: &str) -> Failure {
        Failure::new(
            Exit::FAILED,
            format!(
                "the service at {} gave {what}. Is it of another version than this command ({})? \
                 `systemctl restart mattersync`",
                self.socket.display(),
                env!("CARGO_PKG_VERSION")
            ),
        )
    }
}

fn url(call: &str) -> String {
    format!("http://localhost/v1/{call}")
}

fn client(socket: &Path) -> Result<reqwest::Client, String> {
    let tls = trust_nobody().map_err(|error| error.to_string())?;
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .unix_socket(socket)
        .build()
        .map_err(|error| error.to_string())
}
