//! The way to the server.

use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use mattermost_sim::{Call, is_write};
use mattersync::mattermost::{AccessKind, Request, Response, SendError, Transport};

use super::{Failure, Hub, Moment};

/// The longest answer that is read, in octets: on this small scale as much as the real one is for
/// thousands of people.
pub const LARGEST: usize = 120_000;

/// The way to the simulated server.
pub struct Wire {
    pub hub: Arc<Hub>,
    /// `None`: over the local socket.
    pub token: Option<String>,
}

impl Wire {
    fn exchange(&self, request: &Request) -> Result<Response, SendError> {
        let call = Call::new(request.method.name(), &request.path);
        let call = match &self.token {
            Some(token) => call.token(token),
            None => call.local(),
        };
        let call = match &request.body {
            Some(body) => call.json(body),
            None => call,
        };
        self.hub.deliver_late();
        let failure = match self.hub.tick() {
            Some(moment) => Some(Failure::Cut(moment)),
            None => self.hub.strike(request.writes),
        };
        let Some(failure) = failure else {
            let lie = self.hub.lie(&call);
            let answer = lie.unwrap_or_else(|| self.hub.carry_out(&call, false));
            let is_large = !request.writes && answer.body.len() > LARGEST;
            return match is_large {
                true => Err(SendError::TooLarge { limit: LARGEST }),
                false => Ok(answer),
            };
        };
        let timeout = SendError::Timeout {
            after: request.timeout,
        };
        match failure {
            Failure::Cut(moment) => self.lost(call, moment, broken()),
            Failure::Timeout(moment) => self.lost(call, moment, timeout),
            Failure::Broken500(moment) => {
                let _ = self.lost(call, moment, broken());
                Ok(refusal(500))
            }
            Failure::Refused(status) => Ok(refusal(status)),
            Failure::TooMany => Ok(Response {
                headers: [("retry-after".to_owned(), "1".to_owned())].into(),
                ..refusal(429)
            }),
            Failure::NotConnected => Err(SendError::NotConnected {
                to: "the server".into(),
                why: "connection refused".into(),
            }),
        }
    }

    fn lost(&self, call: Call, moment: Moment, error: SendError) -> Result<Response, SendError> {
        match moment {
            Moment::Before => {}
            Moment::After => {
                self.hub.carry_out(&call, false);
            }
            Moment::Later if is_write(&call.method, call.path()) => self.hub.late(call),
            Moment::Later => {}
        }
        Err(error)
    }
}

fn broken() -> SendError {
    SendError::Broken {
        why: "connection reset".into(),
    }
}

fn refusal(status: u16) -> Response {
    Response {
        status,
        body: b"the proxy is not well\n".to_vec(),
        ..Response::default()
    }
}

impl Transport for Wire {
    fn send<'a>(&'a self, request: Request) -> BoxFuture<'a, Result<Response, SendError>> {
        async move {
            for _ in 0..self.hub.detour() {
                tokio::task::yield_now().await;
            }
            self.exchange(&request)
        }
        .boxed()
    }

    fn way(&self) -> AccessKind {
        match self.token {
            Some(_) => AccessKind::Token,
            None => AccessKind::Local,
        }
    }

    fn label(&self) -> &str {
        "the simulated server"
    }
}
