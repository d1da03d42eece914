//! What a server says, as bytes.

use crate::ber::{ENUMERATED, INTEGER, OCTETS, SEQUENCE, SET, constructed, element, integer};
use crate::entry::Entry;
use crate::fault::Flood;
use crate::request::PAGING;

/// The unsolicited notification that ends a connection (RFC 4511, 4.4.1).
const DISCONNECTION: &str = "1.3.6.1.4.1.1466.20036";

/// The tag of a BindResponse.
pub(crate) const BIND: u8 = 0x61;
/// The tag of a SearchResultDone.
pub(crate) const DONE: u8 = 0x65;
/// The tag of an ExtendedResponse.
pub(crate) const EXTENDED: u8 = 0x78;

/// How an operation ended.
#[derive(Debug, Clone, Default)]
pub(crate) struct Outcome {
    pub(crate) code: u32,
    pub(crate) matched: String,
    pub(crate) message: String,
    pub(crate) referrals: Vec<String>,
}

impl Outcome {
    /// A result with a message for people.
    pub(crate) fn new(code: u32, message: &str) -> Self {
        Self {
            code,
            message: message.to_owned(),
            ..Self::default()
        }
    }

    fn parts(&self) -> Vec<Vec<u8>> {
        let mut parts = vec![
            integer(ENUMERATED, i64::from(self.code)),
            element(OCTETS, self.matched.as_bytes()),
            element(OCTETS, self.message.as_bytes()),
        ];
        if !self.referrals.is_empty() {
            parts.push(constructed(0xa3, &urls(&self.referrals)));
        }
        parts
    }
}

fn urls(urls: &[String]) -> Vec<Vec<u8>> {
    urls.iter()
        .map(|url| element(OCTETS, url.as_bytes()))
        .collect()
}

fn message(id: i64, operation: Vec<u8>, controls: Option<Vec<u8>>) -> Vec<u8> {
    let mut parts = vec![integer(INTEGER, id), operation];
    parts.extend(controls.map(|controls| element(0xa0, &controls)));
    constructed(SEQUENCE, &parts)
}

/// A response that is only a result, as that of a bind or a modification.
pub(crate) fn result(id: i64, tag: u8, outcome: &Outcome) -> Vec<u8> {
    message(id, constructed(tag, &outcome.parts()), None)
}

/// The end of a search; with a cookie it carries the paged results control.
pub(crate) fn done(id: i64, outcome: &Outcome, cookie: Option<&[u8]>) -> Vec<u8> {
    let control = cookie.map(|cookie| {
        let value = constructed(SEQUENCE, &[integer(INTEGER, 0), element(OCTETS, cookie)]);
        let oid = element(OCTETS, PAGING.as_bytes());
        constructed(SEQUENCE, &[oid, element(OCTETS, &value)])
    });
    message(id, constructed(DONE, &outcome.parts()), control)
}

/// One entry of a search's answer.
pub(crate) fn entry(id: i64, dn: &str, attributes: &[(String, Vec<Vec<u8>>)]) -> Vec<u8> {
    let attributes: Vec<_> = attributes
        .iter()
        .map(|(name, values)| {
            let values: Vec<_> = values.iter().map(|value| element(OCTETS, value)).collect();
            let name = element(OCTETS, name.as_bytes());
            constructed(SEQUENCE, &[name, constructed(SET, &values)])
        })
        .collect();
    let parts = [
        element(OCTETS, dn.as_bytes()),
        constructed(SEQUENCE, &attributes),
    ];
    message(id, constructed(0x64, &parts), None)
}

/// A continuation reference of a search's answer.
pub(crate) fn reference(id: i64, to: &[String]) -> Vec<u8> {
    message(id, constructed(0x73, &urls(to)), None)
}

/// The n-th message of a flood.
pub(crate) fn flood(id: i64, kind: Flood, n: u32) -> Vec<u8> {
    const SIZE: usize = 512 << 10;
    match kind {
        Flood::Entries => {
            let person = Entry::posix_person(&format!("flood{n}"), "ou=Flood", n);
            let large = person.with("jpegPhoto", vec![0xff; SIZE]);
            let attributes: Vec<_> = large
                .attributes()
                .map(|(name, values, _)| (name.to_owned(), values.to_vec()))
                .collect();
            entry(id, large.dn(), &attributes)
        }
        Flood::References => reference(id, &[format!("ldap://127.0.0.1/ou={n},dc=elsewhere")]),
        Flood::Intermediate => {
            let value = element(0x81, &vec![0; SIZE]);
            message(id, constructed(0x79, &[value]), None)
        }
    }
}

/// The notice that the server is about to close the connection.
pub(crate) fn notice_of_disconnection() -> Vec<u8> {
    let mut parts = Outcome::new(52, "the server is going down").parts();
    parts.push(element(0x8a, DISCONNECTION.as_bytes()));
    message(0, constructed(EXTENDED, &parts), None)
}
