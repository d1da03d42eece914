//! Records of an LDIF file: entries, and what programs write around them.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufRead};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::model::{Dn, Entry};

use super::lines::{Line, Lines};

/// The longest logical line in bytes; it has room for a photograph.
const MAX_LINE: usize = 16 << 20;
/// How many bytes of values one entry may have among the wanted attributes.
const MAX_ENTRY: usize = 16 << 20;

/// One item of the file.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Item {
    /// An entry, with the attributes that were asked for.
    Entry(Entry),
    /// A record that is not an entry, or cannot be understood.
    Bad(Bad),
    /// `ref:`: a part of the tree is on another server.
    Referral(String),
    /// `result:`: the result of the search that wrote the file.
    Result {
        /// The LDAP result code.
        code: u32,
        /// The text after it.
        message: String,
    },
    /// `# numEntries: N` or `# N entries`: how many entries the search returned.
    Count(u64),
    /// The mark of a program before its first entry, or before each entry.
    Begun(Program),
    /// The mark of that program at its end.
    Ended,
    /// `pagedresults: cookie=`: whether the search had more pages.
    Cookie {
        /// False on the last page.
        more: bool,
    },
}

/// A program that marks in comments where its output begins and ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Program {
    /// `# LDAPv3` with the search's base and filter, unless `-LL`; `# search result` at the end.
    Ldapsearch,
    /// `# record N` before each entry; `# returned N records` at the end.
    Ldbsearch,
}

/// A record that cannot be used.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Bad {
    /// The line of the error, from 1.
    pub(super) line: u64,
    /// The DN, if it could be read.
    pub(super) dn: Option<String>,
    /// What is wrong.
    pub(super) why: String,
    /// The attribute, in lower case, whose value is wrong.
    pub(super) attribute: Option<String>,
    /// The entry without the values that cannot be used; `None` when even the end of the record is
    /// not clear, so that its lines may belong to several entries.
    pub(super) entry: Option<Entry>,
}

/// What is wrong with a line.
#[derive(Debug)]
enum Fault {
    /// The value of this attribute cannot be used; the other lines can.
    Value(String, String),
    /// The line has no place in an entry, so the lines around it may belong to several entries.
    Line(String),
}

/// Reads a file item by item. Holds at most one entry in memory.
#[derive(Debug)]
pub(super) struct Records<'a, R> {
    lines: Lines<R>,
    /// Attributes to keep, in lower case, without options.
    wanted: &'a BTreeSet<String>,
    open: OpenRecord,
    closed: bool,
}

/// A record whose lines are still being read.
#[derive(Debug, Default)]
struct OpenRecord {
    entry: Option<Entry>,
    size: usize,
    bad: Option<Bad>,
    /// Whether lines were found that have no place in an entry; the rest is skipped.
    torn: bool,
    /// Whether the record is `ldapsearch`'s report about its search, not an entry.
    trailer: bool,
    /// Whether the last line so far was a comment.
    commented: bool,
}

impl<'a, R: BufRead> Records<'a, R> {
    /// Reads the records of `input`.
    pub(super) fn new(input: R, wanted: &'a BTreeSet<String>) -> Self {
        Self {
            lines: Lines::new(input, MAX_LINE),
            wanted,
            open: OpenRecord::default(),
            closed: true,
        }
    }

    /// Returns the next item; `None` at the end of the file.
    pub(super) fn next(&mut self) -> io::Result<Option<Item>> {
        loop {
            let Some(line) = self.lines.next()? else {
                self.closed &= self.open.commented || !self.open.has_begun();
                return Ok(std::mem::take(&mut self.open).close());
            };
            let number = self.lines.number();
            let record = &mut self.open;
            match line {
                Line::Blank => {
                    if let Some(item) = std::mem::take(record).close() {
                        return Ok(Some(item));
                    }
                }
                // A comment inside a record says nothing about the search.
                Line::Comment(text) if !record.has_begun() => {
                    if let Some(item) = comment(&text) {
                        return Ok(Some(item));
                    }
                }
                Line::Comment(_) => record.commented = true,
                Line::TooLong => {
                    let why = format!("a line is longer than {MAX_LINE} bytes");
                    record.fail(number, Fault::Value(String::new(), why));
                }
                Line::Content(text) => {
                    record.commented = false;
                    match record.add(&text, self.wanted) {
                        Ok(None) => {}
                        Ok(Some(item)) => return Ok(Some(item)),
                        Err(why) => record.fail(number, why),
                    }
                }
            }
        }
    }

    /// Returns whether a blank line or a comment came after the last record; otherwise the file may
    /// end inside it. False as soon as the last record was returned.
    pub(super) fn closed(&self) -> bool {
        self.closed
    }

    /// Returns whether the file's last byte so far was a line end.
    pub(super) fn ends_with_newline(&self) -> bool {
        self.lines.ends_with_newline()
    }

    pub(super) fn bytes(&self) -> u64 {
        self.lines.bytes()
    }
}

impl OpenRecord {
    fn has_begun(&self) -> bool {
        self.entry.is_some() || self.bad.is_some()
    }

    fn close(self) -> Option<Item> {
        let Some(mut bad) = self.bad else {
            return self.entry.map(Item::Entry);
        };
        let dn = self.entry.as_ref().map(|entry| entry.dn.clone());
        bad.dn = dn.filter(|dn| !dn.is_empty());
        bad.entry = self.entry.filter(|_| !self.torn);
        Some(Item::Bad(bad))
    }

    /// Records the first fault.
    fn fail(&mut self, line: u64, fault: Fault) {
        let (attribute, why) = match fault {
            Fault::Value(attribute, why) => (Some(attribute), why),
            Fault::Line(why) => {
                self.torn = true;
                (None, why)
            }
        };
        self.bad.get_or_insert(Bad {
            line,
            dn: None,
            why,
            attribute,
            entry: None,
        });
    }

    fn add(&mut self, line: &[u8], wanted: &BTreeSet<String>) -> Result<Option<Item>, Fault> {
        if self.torn {
            return Ok(None);
        }
        let (name, value) = split(line).map_err(|why| match why {
            // One entry has begun and no other, so its other lines still count.
            Unsplit::Broken(why) if self.entry.is_some() => Fault::Value(String::new(), why),
            Unsplit::Broken(why) | Unsplit::Foreign(why) => Fault::Line(why),
        })?;
        let line = |why: &str| Err(Fault::Line(why.to_owned()));
        let Some(entry) = &mut self.entry else {
            return match (name.as_str(), value.text()) {
                ("dn", _) => self.begin(value),
                ("version", Some("1")) => Ok(None),
                ("version", _) => line("only version 1 of LDIF is known"),
                _ => self.trailer_line(&name, value).map_err(Fault::Line),
            };
        };
        match name.as_str() {
            "dn" => return line("a second dn: without a blank line before it"),
            "changetype" if value.is("add") => return Ok(None),
            "changetype" => {
                return line("it is a change; only whole entries are read (changetype: add)");
            }
            "control" => return line("it is a change with a control"),
            _ => {}
        }
        let base = name.split(';').next().unwrap_or_default();
        if !wanted.contains(base) {
            return Ok(None);
        }
        let fault = |why: String| Fault::Value(base.to_owned(), why);
        let value = match value {
            Value::Url => {
                let what = "is to be read from a URL, which is refused";
                return Err(fault(format!("the value of {name} {what}")));
            }
            value => value
                .bytes()
                .ok_or_else(|| fault(format!("the value of {name} is no base64")))?,
        };
        self.size += value.len();
        if self.size > MAX_ENTRY {
            return Err(fault(format!("it has more than {MAX_ENTRY} bytes")));
        }
        entry.attributes.entry(name).or_default().push(value);
        Ok(None)
    }

    /// Begins an entry. An entry whose DN cannot be read may still have an id.
    fn begin(&mut self, value: Value<'_>) -> Result<Option<Item>, Fault> {
        let (dn, fault) = match read_dn(value) {
            Ok(dn) => (dn, None),
            Err(why) => (String::new(), Some(Fault::Value("dn".to_owned(), why))),
        };
        self.entry = Some(Entry {
            dn,
            attributes: BTreeMap::new(),
        });
        fault.map_or(Ok(None), Err)
    }

    /// Reads a line of a record that does not begin with a DN.
    fn trailer_line(&mut self, name: &str, value: Value<'_>) -> Result<Option<Item>, String> {
        let text = value.text().unwrap_or_default();
        match name {
            "ref" => return Ok(Some(Item::Referral(text.to_owned()))),
            "search" => self.trailer = true,
            "result" => {
                self.trailer = true;
                let (code, message) = text.split_once(' ').unwrap_or((text, ""));
                let code = code
                    .parse()
                    .map_err(|_| format!("the result {code:?} is no number"))?;
                let message = message.to_owned();
                return Ok(Some(Item::Result { code, message }));
            }
            "pagedresults" => {
                let cookie = text.split_once("cookie=").map_or("", |(_, cookie)| cookie);
                let more = !cookie.trim().is_empty();
                return Ok(Some(Item::Cookie { more }));
            }
            // Other lines beside `search:` and `result:` (`control:`, `matchedDN:`, `text:`).
            _ if self.trailer || matches!(name, "control" | "matcheddn" | "text") => {}
            _ => return Err(format!("a record must begin with dn:, not with {name}:")),
        }
        Ok(None)
    }
}

/// The part of a line after the attribute's name.
#[derive(Clone, Copy)]
enum Value<'a> {
    Plain(&'a [u8]),
    Base64(&'a [u8]),
    Url,
}

impl<'a> Value<'a> {
    fn bytes(self) -> Option<Vec<u8>> {
        match self {
            Self::Plain(value) => Some(value.to_vec()),
            Self::Base64(value) => STANDARD.decode(value.trim_ascii()).ok(),
            Self::Url => None,
        }
    }

    /// Returns a plain value that is UTF-8, trimmed.
    fn text(self) -> Option<&'a str> {
        match self {
            Self::Plain(value) => std::str::from_utf8(value).ok().map(str::trim),
            Self::Base64(_) | Self::Url => None,
        }
    }

    fn is(self, text: &str) -> bool {
        self.text().is_some_and(|t| t.eq_ignore_ascii_case(text))
    }
}

/// Why a line is not an attribute with a value.
enum Unsplit {
    /// It is not a line of any LDIF file.
    Broken(String),
    /// It belongs to a record that is not an entry.
    Foreign(String),
}

/// Splits a line into the attribute's name, in lower case with its options, and the rest.
fn split(line: &[u8]) -> Result<(String, Value<'_>), Unsplit> {
    let legal = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b';' | b'_' | b'=');
    let colon = line.iter().position(|b| *b == b':');
    let (name, rest) = match colon.and_then(|at| line.split_at_checked(at)) {
        Some((name, rest)) if !name.is_empty() && name.iter().all(legal) => (name, &rest[1..]),
        _ => {
            return Err(match line {
                [b' ', ..] => Unsplit::Foreign("a folded line has no line before it".to_owned()),
                b"-" => Unsplit::Foreign("it is a change; only whole entries are read".to_owned()),
                _ => Unsplit::Broken("a line is neither \"name: value\" nor a comment".to_owned()),
            });
        }
    };
    let name = String::from_utf8_lossy(name).to_ascii_lowercase();
    let value = match rest {
        [b':', value @ ..] => Value::Base64(value.trim_ascii_start()),
        [b'<', ..] => Value::Url,
        value => {
            let blanks = value.iter().take_while(|b| **b == b' ').count();
            Value::Plain(&value[blanks..])
        }
    };
    Ok((name, value))
}

/// Reads the DN; an empty one is that of a server's root entry.
fn read_dn(value: Value<'_>) -> Result<String, String> {
    let bytes = value.bytes().ok_or("the dn is no base64, or a URL")?;
    let name = String::from_utf8(bytes).map_err(|_| "the dn is no UTF-8 text")?;
    let name = name.trim();
    if name.is_empty() || Dn::read(name).is_some() {
        Ok(name.to_owned())
    } else {
        Err(format!("{name:?} is no DN"))
    }
}

/// Reads what `ldapsearch` and `ldbsearch` write in comments: the number of entries, and referrals.
fn comment(text: &[u8]) -> Option<Item> {
    let text = std::str::from_utf8(text).ok()?.trim();
    match text {
        "LDAPv3" => return Some(Item::Begun(Program::Ldapsearch)),
        "search result" => return Some(Item::Ended),
        _ => {}
    }
    if text.strip_prefix("record ").is_some_and(is_number) {
        return Some(Item::Begun(Program::Ldbsearch));
    }
    let returned = text.strip_prefix("returned ");
    if returned
        .and_then(|rest| rest.strip_suffix(" records"))
        .is_some_and(is_number)
    {
        return Some(Item::Ended);
    }
    let count = text
        .strip_prefix("numEntries:")
        .or_else(|| text.strip_suffix(" entries"));
    if let Some(count) = count.and_then(|count| count.trim().parse().ok()) {
        return Some(Item::Count(count));
    }
    let address = text.strip_prefix("ref")?.trim_start_matches([':', ' ']);
    let is_address = address.starts_with("ldap://") || address.starts_with("ldaps://");
    is_address.then(|| Item::Referral(address.to_owned()))
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
#[path = "records_tests.rs"]
mod tests;
