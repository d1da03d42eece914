//! One request, taken apart.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde_json::Value;

use crate::clock::is_id;
use crate::errors::ApiError;

/// By which door a request came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// The Unix socket: full rights, no credentials, a part of the API, not rate limited.
    Local,
    /// HTTP over TCP, from this address where it is known.
    Tcp(Option<IpAddr>),
}

/// One request.
#[derive(Clone, Debug)]
pub struct Call {
    /// The method in capitals.
    pub method: String,
    /// The path with its query, from `/api/v4` on.
    pub target: String,
    /// Header names in lower case, and values.
    pub headers: BTreeMap<String, String>,
    /// The body.
    pub body: Vec<u8>,
    /// By which door it came.
    pub door: Door,
}

impl Call {
    /// A call over TCP without credentials and body.
    #[must_use]
    pub fn new(method: &str, target: &str) -> Call {
        Call {
            method: method.to_owned(),
            target: target.to_owned(),
            headers: BTreeMap::new(),
            body: Vec::new(),
            door: Door::Tcp(None),
        }
    }

    /// The same over the Unix socket.
    #[must_use]
    pub fn local(mut self) -> Call {
        self.door = Door::Local;
        self
    }

    /// The same with this token as its credentials.
    #[must_use]
    pub fn token(mut self, token: &str) -> Call {
        self.headers
            .insert("authorization".to_owned(), format!("Bearer {token}"));
        self
    }

    /// The same with this body.
    #[must_use]
    pub fn json(mut self, body: &Value) -> Call {
        self.body = body.to_string().into_bytes();
        self
    }

    /// The path alone.
    #[must_use]
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// Whether this text stands in its target or its body.
    pub(crate) fn has(&self, text: &str) -> bool {
        let in_body = || {
            let mut windows = self.body.windows(text.len().max(1));
            windows.any(|window| window == text.as_bytes())
        };
        self.target.contains(text) || in_body()
    }

    pub(crate) fn segments(&self) -> Option<Vec<String>> {
        let rest = self.path().strip_prefix("/api/v4/")?;
        Some(rest.split('/').map(decode).collect())
    }

    pub(crate) fn query(&self) -> Query {
        let text = self.target.split_once('?').map_or("", |(_, q)| q);
        let pairs = text.split('&').filter(|part| !part.is_empty());
        Query(
            pairs
                .map(|part| {
                    let (name, value) = part.split_once('=').unwrap_or((part, ""));
                    (decode(name), decode(&value.replace('+', " ")))
                })
                .collect(),
        )
    }

    pub(crate) fn bearer(&self) -> Option<&str> {
        let (kind, token) = self.headers.get("authorization")?.split_once(' ')?;
        ["bearer", "token"]
            .contains(&kind.to_ascii_lowercase().as_str())
            .then_some(token)
    }

    /// The body as a JSON object; what it should have been is named in the refusal.
    pub(crate) fn object(&self, what: &str) -> Result<Value, ApiError> {
        match serde_json::from_slice::<Value>(&self.body) {
            Ok(value) if value.is_object() => Ok(value),
            _ => Err(ApiError::body(what)),
        }
    }

    /// The body as a list of strings, not empty.
    pub(crate) fn strings(&self, what: &str) -> Result<Vec<String>, ApiError> {
        match serde_json::from_slice::<Vec<String>>(&self.body) {
            Ok(list) if !list.is_empty() => Ok(list),
            _ => Err(ApiError::body(what)),
        }
    }
}

/// The query of a request.
#[derive(Clone, Debug)]
pub(crate) struct Query(BTreeMap<String, String>);

impl Query {
    pub(crate) fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    pub(crate) fn is(&self, name: &str) -> bool {
        matches!(self.get(name), "true" | "1" | "t")
    }

    pub(crate) fn number(&self, name: &str) -> Option<i64> {
        self.get(name).parse().ok()
    }

    /// The slice of a list that is asked for: at most 200 rows a page, 60 when it is not said.
    pub(crate) fn page(&self) -> Page {
        let read = |name, default| match self.number(name) {
            Some(n) if n >= 0 => usize::try_from(n).unwrap_or(default),
            _ => default,
        };
        let size = read("per_page", 60).min(200);
        Page {
            skip: read("page", 0).saturating_mul(size),
            size,
        }
    }
}

/// A slice of a list.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Page {
    pub skip: usize,
    pub size: usize,
}

impl Page {
    pub(crate) fn of<T>(self, rows: impl Iterator<Item = T>) -> Vec<T> {
        rows.skip(self.skip).take(self.size).collect()
    }

    /// The same, showing only the rows that are in the slice.
    pub(crate) fn show<T, S>(self, rows: impl Iterator<Item = T>, as_: impl Fn(T) -> S) -> Vec<S> {
        self.of(rows).into_iter().map(as_).collect()
    }
}

/// The id in a path segment, or the refusal that names the parameter.
pub(crate) fn path_id<'a>(segment: &'a str, name: &str) -> Result<&'a str, ApiError> {
    if is_id(segment) {
        Ok(segment)
    } else {
        Err(ApiError::url(name))
    }
}

fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = (bytes[at] == b'%')
            .then(|| text.get(at + 1..at + 3))
            .flatten()
            .and_then(|pair| u8::from_str_radix(pair, 16).ok());
        if let Some(byte) = hex {
            out.push(byte);
            at += 3;
        } else {
            out.push(bytes[at]);
            at += 1;
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}
