//! Converts what the LDAP library returns into an [`Entry`].
//!
//! The library's own conversion panics on a DN that is not UTF-8, and puts values into two maps by
//! whether they are UTF-8, which loses their order.

use ldap3::ResultEntry;
use ldap3::asn1::{PL, StructureTag};

use super::message_filter::TOO_LARGE;
use crate::model::Entry;

/// An entry that was skipped because it is too large.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TooLarge {
    /// The DN; empty when it could not be read.
    pub dn: String,
    /// How many octets the server's answer for it has.
    pub octets: String,
}

/// One item of a search's answer.
#[derive(Debug)]
pub(super) enum Item {
    /// An entry.
    Entry(Entry),
    /// An entry that was too large.
    TooLarge(TooLarge),
    /// Another server holds a part of the base; these are addresses of that part (RFC 4511, 4.5.3).
    Reference(Vec<String>),
    /// A message that says nothing about entries (RFC 4511, 4.13).
    Other,
}

/// Parses an item; `None` when it does not have the form that the relay lets through.
pub(super) fn item(raw: ResultEntry) -> Option<Item> {
    if raw.is_ref() {
        return texts(raw.0).map(Item::Reference);
    }
    if raw.is_intermediate() {
        return Some(Item::Other);
    }
    let mut entry = entry(raw.0)?;
    Some(match entry.attributes.remove(TOO_LARGE) {
        Some(octets) => Item::TooLarge(TooLarge {
            dn: entry.dn,
            octets: String::from_utf8_lossy(&octets.concat()).into_owned(),
        }),
        None => Item::Entry(entry),
    })
}

fn entry(tag: StructureTag) -> Option<Entry> {
    let mut parts = tag.expect_constructed()?.into_iter();
    let dn = lossy(parts.next()?)?;
    let mut entry = Entry {
        dn,
        ..Entry::default()
    };
    for attribute in parts.next()?.expect_constructed()? {
        let mut parts = attribute.expect_constructed()?.into_iter();
        let name = lossy(parts.next()?)?.to_ascii_lowercase();
        let values = parts.next()?.expect_constructed()?;
        let values: Option<Vec<_>> = values
            .into_iter()
            .map(StructureTag::expect_primitive)
            .collect();
        entry.attributes.entry(name).or_default().extend(values?);
    }
    Some(entry)
}

fn texts(tag: StructureTag) -> Option<Vec<String>> {
    tag.expect_constructed()?.into_iter().map(lossy).collect()
}

/// Reads a name that may not be UTF-8: it is wrong then, but must not stop the others.
fn lossy(tag: StructureTag) -> Option<String> {
    match tag.payload {
        PL::P(bytes) => Some(String::from_utf8_lossy(&bytes).into_owned()),
        PL::C(_) => None,
    }
}
