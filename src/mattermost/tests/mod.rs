//! The client against a transport that answers from a script: what real servers seldom do.

mod reads;
mod wire;
mod writes;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::{Value, json};

use super::{AccessKind, Client, Request, Response, SendError, Transport};

type Answer = Result<Response, SendError>;
type Answering = Box<dyn Fn(&Request, usize) -> Answer + Send + Sync>;

/// Answers by a function of the request, and keeps all requests.
struct Script {
    way: AccessKind,
    answer: Answering,
    seen: Mutex<Vec<Request>>,
}

impl Transport for Script {
    fn send<'a>(&'a self, request: Request) -> BoxFuture<'a, Answer> {
        let mut seen = self.seen.lock().unwrap();
        let answer = (self.answer)(&request, seen.len());
        seen.push(request);
        async move { answer }.boxed()
    }

    fn way(&self) -> AccessKind {
        self.way
    }

    fn label(&self) -> &str {
        "script"
    }
}

impl Script {
    fn new(
        way: AccessKind,
        answer: impl Fn(&Request, usize) -> Answer + Send + Sync + 'static,
    ) -> (Arc<Self>, Client) {
        let script = Arc::new(Self {
            way,
            answer: Box::new(answer),
            seen: Mutex::default(),
        });
        let client = Client::new(script.clone(), None, Duration::from_secs(5));
        (script, client)
    }

    /// Method and path of each request.
    fn calls(&self) -> Vec<String> {
        let seen = self.seen.lock().unwrap();
        seen.iter()
            .map(|r| format!("{r:?}").replace("/api/v4", ""))
            .collect()
    }

    fn body(&self, n: usize) -> Value {
        self.seen.lock().unwrap()[n].body.clone().unwrap()
    }
}

fn ok(body: Value) -> Answer {
    answer(200, body)
}

fn answer(status: u16, body: Value) -> Answer {
    Ok(Response {
        status,
        body: serde_json::to_vec(&body).unwrap(),
        headers: [("x-version-id".to_owned(), "11.6.0..abc.false".to_owned())].into(),
    })
}

fn refuse(status: u16, id: &str) -> Answer {
    answer(
        status,
        json!({"id": id, "message": "words", "status_code": status}),
    )
}

fn broken() -> Answer {
    Err(SendError::Broken {
        why: "reset".into(),
    })
}

/// A user id made of a number.
fn id(n: usize) -> String {
    format!("u{n:025}")
}

fn user(n: usize) -> Value {
    json!({"id": id(n), "username": format!("user{n}"), "email": format!("user{n}@example.org"),
        "roles": "system_user", "create_at": 1, "update_at": 5, "delete_at": 0})
}

/// A page of a list out of `rows`.
fn page(request: &Request, rows: &[Value]) -> Answer {
    let (_, query) = request.path.split_once('?').unwrap();
    let number = |name: &str| -> usize {
        let pair = query.split('&').find_map(|p| p.strip_prefix(name)).unwrap();
        pair.parse().unwrap()
    };
    let size = number("per_page=");
    let rows = rows.iter().skip(number("page=") * size).take(size);
    ok(rows.cloned().collect())
}
