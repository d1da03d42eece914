//! What clients ask.

use crate::ber::{self, Elements};
use crate::filter::Filter;

/// Paged results (RFC 2696).
pub(crate) const PAGING: &str = "1.2.840.113556.1.4.319";
/// StartTLS (RFC 4511, 4.14).
pub(crate) const START_TLS: &str = "1.3.6.1.4.1.1466.20037";

/// How deep a search goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// The base entry alone.
    Base,
    /// Its children.
    One,
    /// Itself and all below.
    Subtree,
}

/// A search request.
#[derive(Debug, Clone)]
pub(crate) struct Search {
    pub(crate) base: String,
    pub(crate) scope: Scope,
    /// 0 means none.
    pub(crate) size_limit: usize,
    pub(crate) filter: Filter,
    pub(crate) attributes: Vec<String>,
    pub(crate) paging: Option<Paging>,
}

/// The paged results control of a request.
#[derive(Debug, Clone)]
pub(crate) struct Paging {
    pub(crate) size: usize,
    pub(crate) cookie: Vec<u8>,
    pub(crate) critical: bool,
}

/// An operation.
#[derive(Debug)]
pub(crate) enum Operation {
    /// `password` is `None` for SASL.
    Bind {
        dn: String,
        password: Option<Vec<u8>>,
    },
    Unbind,
    Search(Box<Search>),
    Extended(String),
    Abandon,
    /// Anything else: the tag of its request.
    Other(u8),
}

/// A message from a client.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) id: i64,
    pub(crate) operation: Operation,
}

impl Request {
    /// Reads one whole message; `None` when it is not one.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let (_, message) = Elements(bytes).next()?;
        let mut parts = Elements(message);
        let id = ber::read_integer(parts.next()?.1)?;
        let (tag, content) = parts.next()?;
        let controls = parts
            .next()
            .map(|(_, controls)| controls)
            .unwrap_or_default();
        let operation = match tag {
            0x60 => read_bind(content)?,
            0x42 => Operation::Unbind,
            0x63 => Operation::Search(Box::new(read_search(content, controls)?)),
            0x50 => Operation::Abandon,
            0x77 => Operation::Extended(text(Elements(content).next()?.1)),
            tag => Operation::Other(tag),
        };
        Some(Self { id, operation })
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn read_bind(content: &[u8]) -> Option<Operation> {
    let mut parts = Elements(content);
    parts.next()?;
    let dn = text(parts.next()?.1);
    let (tag, secret) = parts.next()?;
    Some(Operation::Bind {
        dn,
        password: (tag == 0x80).then(|| secret.to_vec()),
    })
}

fn read_search(content: &[u8], controls: &[u8]) -> Option<Search> {
    let mut parts = Elements(content);
    let base = text(parts.next()?.1);
    let scope = match ber::read_integer(parts.next()?.1)? {
        0 => Scope::Base,
        1 => Scope::One,
        _ => Scope::Subtree,
    };
    parts.next()?;
    let size_limit = usize::try_from(ber::read_integer(parts.next()?.1)?).ok()?;
    parts.next()?;
    parts.next()?;
    let (tag, filter) = parts.next()?;
    let filter = Filter::read(tag, filter)?;
    let attributes = Elements(parts.next()?.1)
        .map(|(_, name)| text(name))
        .collect();
    Some(Search {
        base,
        scope,
        size_limit,
        filter,
        attributes,
        paging: read_paging(controls),
    })
}

fn read_paging(controls: &[u8]) -> Option<Paging> {
    Elements(controls).find_map(|(_, control)| {
        let mut parts = Elements(control);
        if parts.next()?.1 != PAGING.as_bytes() {
            return None;
        }
        let mut critical = false;
        let (mut tag, mut value) = parts.next()?;
        if tag == 0x01 {
            critical = value != [0];
            (tag, value) = parts.next()?;
        }
        let mut inner = Elements(Elements(value).next().filter(|_| tag == ber::OCTETS)?.1);
        Some(Paging {
            size: usize::try_from(ber::read_integer(inner.next()?.1)?).ok()?,
            cookie: inner.next()?.1.to_vec(),
            critical,
        })
    })
}
