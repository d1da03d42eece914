//! Checks every message of the server before the LDAP library gets it.
//!
//! The library trusts what it parses: a malformed message makes it panic, and deep nesting
//! overflows its stack, which ends the process. So a message is let through only if the library can
//! take it: one of RFC 4511, 4.1.1, in the forms of the few answers that we ask for.

use crate::ber::{self, Elements, Fault};

/// The largest number of octets of a message that is not an entry, or not known to be one.
pub(super) const MAX_MESSAGE: usize = 1 << 20;
/// The largest number of octets of a skipped entry. One that claims to be larger never ends.
const MAX_SKIPPED: usize = 1 << 30;
/// The largest number of octets of a DN that is read of a skipped entry.
const MAX_DN: usize = 8 << 10;
/// How deep elements may be nested. The deepest answer, a value of an entry, is at level six.
const MAX_DEPTH: usize = 16;
/// How many elements one message may have; each costs the library some fifty octets of memory.
const MAX_ELEMENTS: usize = 1_000_000;
/// The fault that [`check`] returns for more elements.
pub(super) const TOO_MANY_ELEMENTS: Fault = "too many elements";

const BIND_REQUEST: u8 = 0x60;
const SEARCH_REQUEST: u8 = 0x63;
const EXTENDED_REQUEST: u8 = 0x77;

const BIND_RESPONSE: u8 = 0x61;
pub(super) const SEARCH_ENTRY: u8 = 0x64;
const SEARCH_DONE: u8 = 0x65;
const SEARCH_REFERENCE: u8 = 0x73;
pub(super) const EXTENDED_RESPONSE: u8 = 0x78;
const INTERMEDIATE: u8 = 0x79;

const CONTROLS: u8 = 0xa0;
/// Active Directory puts the name of its notice of disconnection outside the response.
const MISPLACED_NAME: u8 = 0x8a;

/// Returns the length of the message at the beginning of `bytes`; `None` while it is incomplete.
pub(super) fn complete(bytes: &[u8]) -> Result<Option<usize>, Fault> {
    match length(bytes)? {
        Some(length) if length > MAX_MESSAGE => Err("a message of more than 1 MiB"),
        Some(length) => Ok((bytes.len() >= length).then_some(length)),
        None => Ok(None),
    }
}

/// Returns the length that the message at the beginning of `bytes` claims to have; `None` when more
/// bytes are needed.
pub(super) fn length(bytes: &[u8]) -> Result<Option<usize>, Fault> {
    if bytes.first().is_some_and(|tag| *tag != ber::SEQUENCE) {
        return Err("something else than an LDAP message");
    }
    let Some(head) = ber::header(bytes)? else {
        return Ok(None);
    };
    if head.contents > MAX_SKIPPED {
        return Err("a message of more than 1 GiB");
    }
    Ok(Some(head.header + head.contents))
}

/// The first parts of a message, which may be incomplete.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Beginning<'a> {
    /// The number of the request that the message claims to answer.
    pub id: u32,
    /// The operation's tag.
    pub tag: u8,
    /// The DN of an entry, unless it is too long.
    pub dn: Option<&'a [u8]>,
}

/// Reads the first parts of a message; `None` when more bytes are needed.
pub(super) fn beginning(bytes: &[u8]) -> Result<Option<Beginning<'_>>, Fault> {
    let Some(message) = ber::header(bytes)? else {
        return Ok(None);
    };
    let rest = &bytes[message.header..];
    let Some(number) = ber::header(rest)? else {
        return Ok(None);
    };
    if number.tag != ber::INTEGER || number.contents > 4 {
        return Err("a message without an id");
    }
    let end = number.header + number.contents;
    let Some(id) = rest.get(number.header..end) else {
        return Ok(None);
    };
    let id = ber::small_integer(id, "a message id out of range")?;
    let rest = &rest[end..];
    let Some(operation) = ber::header(rest)? else {
        return Ok(None);
    };
    let tag = operation.tag;
    if tag != SEARCH_ENTRY {
        return Ok(Some(Beginning { id, tag, dn: None }));
    }
    let rest = &rest[operation.header..];
    let Some(dn) = ber::header(rest)? else {
        return Ok(None);
    };
    if dn.tag != ber::OCTET_STRING {
        return Err("an entry without a DN");
    }
    if dn.contents > MAX_DN {
        return Ok(Some(Beginning { id, tag, dn: None }));
    }
    let dn = rest.get(dn.header..dn.header + dn.contents);
    Ok(dn.map(|dn| Beginning {
        id,
        tag,
        dn: Some(dn),
    }))
}

/// What the relay needs to know of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Message {
    /// An answer, or a part of one.
    Answer {
        /// The number of the request that the message claims to answer.
        id: u32,
        /// The operation's tag.
        tag: u8,
        /// How many elements the message has.
        elements: usize,
    },
    /// The server ends the connection and says why (RFC 4511, 4.4.1).
    Notice(Outcome),
}

/// The part that all results have in common (RFC 4511, 4.1.9).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Outcome {
    /// The result code.
    pub code: u32,
    /// The server's message.
    pub text: String,
}

pub(super) fn check(message: &[u8]) -> Result<Message, Fault> {
    let mut left = MAX_ELEMENTS;
    nesting(message, MAX_DEPTH, &mut left)?;
    let mut parts = Elements(Elements(message).expect(ber::SEQUENCE, "no LDAP message")?);
    let id = parts.expect(ber::INTEGER, "a message without an id")?;
    let id = ber::small_integer(id, "a message id out of range")?;
    let (tag, body) = parts.next()?.ok_or("a message without an operation")?;
    let outcome = operation(tag, body)?;
    match parts.next()? {
        None | Some((MISPLACED_NAME, _)) => (),
        Some((CONTROLS, list)) => controls(list)?,
        Some(_) => return Err("an unknown part after the operation"),
    }
    if parts.next()?.is_some() {
        return Err("more parts than a message has");
    }
    match (id, tag, outcome) {
        (0, EXTENDED_RESPONSE, Some(outcome)) => Ok(Message::Notice(outcome)),
        (0, _, _) => Err("an answer to no request"),
        _ => Ok(Message::Answer {
            id,
            tag,
            elements: MAX_ELEMENTS - left,
        }),
    }
}

/// Returns the number and the operation's tag of a request of ours.
pub(super) fn request(message: &[u8]) -> Result<(u32, u8), Fault> {
    let mut parts = Elements(Elements(message).expect(ber::SEQUENCE, "no LDAP message")?);
    let id = parts.expect(ber::INTEGER, "a message without an id")?;
    let (tag, _) = parts.next()?.ok_or("a message without an operation")?;
    Ok((ber::small_integer(id, "a message id out of range")?, tag))
}

/// Returns whether an answer with this tag is the last one to a request with that tag; `None` when
/// it cannot belong to the request.
pub(super) fn is_last(request: u8, answer: u8) -> Option<bool> {
    match (request, answer) {
        (BIND_REQUEST, BIND_RESPONSE)
        | (SEARCH_REQUEST, SEARCH_DONE)
        | (EXTENDED_REQUEST, EXTENDED_RESPONSE) => Some(true),
        (SEARCH_REQUEST, SEARCH_ENTRY | SEARCH_REFERENCE | INTERMEDIATE) => Some(false),
        _ => None,
    }
}

/// Returns the outcome in an extended response with this id (RFC 4511, 4.12).
pub(super) fn extended_outcome(message: &[u8], id: u32) -> Result<Outcome, Fault> {
    let mut parts = Elements(Elements(message).expect(ber::SEQUENCE, "no LDAP message")?);
    let found = parts.expect(ber::INTEGER, "a message without an id")?;
    if ber::small_integer(found, "a message id out of range")? != id {
        return Err("an answer to another request");
    }
    let body = parts.expect(EXTENDED_RESPONSE, "another answer than was asked for")?;
    result(body)
}

/// Checks depth and number of elements, and that every length fits into what contains it.
fn nesting(bytes: &[u8], depth: usize, left: &mut usize) -> Result<(), Fault> {
    let depth = depth.checked_sub(1).ok_or("too deeply nested elements")?;
    let mut elements = Elements(bytes);
    while let Some((tag, contents)) = elements.next()? {
        *left = left.checked_sub(1).ok_or(TOO_MANY_ELEMENTS)?;
        if tag & 0x20 != 0 {
            nesting(contents, depth, left)?;
        }
    }
    Ok(())
}

fn operation(tag: u8, body: &[u8]) -> Result<Option<Outcome>, Fault> {
    match tag {
        BIND_RESPONSE | SEARCH_DONE | EXTENDED_RESPONSE => result(body).map(Some),
        SEARCH_ENTRY => entry(body).map(|()| None),
        SEARCH_REFERENCE => strings(body).map(|()| None),
        INTERMEDIATE => Ok(None),
        _ => Err("an operation that was not asked for"),
    }
}

fn result(body: &[u8]) -> Result<Outcome, Fault> {
    let mut parts = Elements(body);
    let code = parts.expect(ber::ENUMERATED, "a result without a code")?;
    let code = ber::small_integer(code, "a result code out of range")?;
    text(parts.expect(ber::OCTET_STRING, "a result without a matched DN")?)?;
    let words = text(parts.expect(ber::OCTET_STRING, "a result without a message")?)?;
    while let Some((tag, contents)) = parts.next()? {
        match tag {
            0xa3 => strings(contents)?,
            0x87 | 0x8b => (),
            0x8a => {
                text(contents)?;
            }
            _ => return Err("an unknown part of a result"),
        }
    }
    Ok(Outcome {
        code,
        text: words.to_owned(),
    })
}

fn entry(body: &[u8]) -> Result<(), Fault> {
    let mut parts = Elements(body);
    parts.expect(ber::OCTET_STRING, "an entry without a DN")?;
    let mut list = Elements(parts.expect(ber::SEQUENCE, "an entry without attributes")?);
    while !list.0.is_empty() {
        let mut attribute = Elements(list.expect(ber::SEQUENCE, "no attribute")?);
        attribute.expect(ber::OCTET_STRING, "an attribute without a name")?;
        let mut values = Elements(attribute.expect(ber::SET, "an attribute without values")?);
        while !values.0.is_empty() {
            values.expect(ber::OCTET_STRING, "a value that is no octet string")?;
        }
    }
    Ok(())
}

fn strings(list: &[u8]) -> Result<(), Fault> {
    let mut list = Elements(list);
    while !list.0.is_empty() {
        text(list.expect(ber::OCTET_STRING, "a referral that is no text")?)?;
    }
    Ok(())
}

fn controls(list: &[u8]) -> Result<(), Fault> {
    let mut list = Elements(list);
    while !list.0.is_empty() {
        let mut control = Elements(list.expect(ber::SEQUENCE, "no control")?);
        text(control.expect(ber::OCTET_STRING, "a control without a type")?)?;
        let mut value = control.next()?;
        if let Some((ber::BOOLEAN, criticality)) = value {
            if criticality.len() != 1 {
                return Err("a criticality that is no boolean");
            }
            value = control.next()?;
        }
        match value {
            None | Some((ber::OCTET_STRING, _)) => (),
            Some(_) => return Err("a control value that is no octet string"),
        }
    }
    Ok(())
}

fn text(bytes: &[u8]) -> Result<&str, Fault> {
    std::str::from_utf8(bytes).map_err(|_| "a text that is not UTF-8")
}

#[cfg(test)]
#[path = "frame_tests.rs"]
mod tests;
