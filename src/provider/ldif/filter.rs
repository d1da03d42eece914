//! Search filters (RFC 4515), evaluated here because a file has no server that does it.
//!
//! Texts are compared in any case and with runs of spaces as one, names also as DNs; `>=` and `<=`
//! compare numbers as numbers, and everything else as text (which is right for times). Of the
//! extensible matches there are Active Directory's two bitwise rules ([MS-ADTS] 3.1.1.3.4.4) and
//! equality with and without case. A filter with another one is refused.

use std::collections::BTreeSet;

use crate::model::{Dn, Entry, fold};

/// The deepest nesting of a filter. Real filters stay below ten.
const MAX_DEPTH: usize = 50;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Filter {
    And(Vec<Filter>),
    Or(Vec<Filter>),
    Not(Box<Filter>),
    Test { attribute: String, test: Test },
}

/// A test of one attribute's values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Test {
    Present,
    Equal(Assertion),
    AtLeast(Assertion),
    AtMost(Assertion),
    /// Texts, folded: the prefix, the parts in between in this order, and the suffix.
    Substrings(String, Vec<String>, String),
    AllBits(i64),
    AnyBit(i64),
    /// Equal byte for byte.
    Exact(Vec<u8>),
}

/// A value to compare with, in the forms that comparisons need.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Assertion {
    bytes: Vec<u8>,
    folded: Option<String>,
    dn: Option<Dn>,
}

/// Why a filter cannot be used.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("at character {at}: {what}")]
pub(super) struct FilterError {
    /// The character, counted from 1.
    pub(super) at: usize,
    /// What is wrong.
    pub(super) what: String,
}

impl Filter {
    /// Parses a filter. A single test may lack its parentheses, as tools allow.
    pub(super) fn parse(text: &str) -> Result<Self, FilterError> {
        let mut parser = Parser {
            text: text.trim(),
            at: 0,
        };
        let filter = if parser.text.starts_with('(') {
            parser.filter(0)?
        } else {
            parser.test()?
        };
        match parser.rest() {
            "" => Ok(filter),
            _ => Err(parser.error("something follows the filter's end")),
        }
    }

    /// Returns the attributes that the filter contains, in lower case, without options.
    pub(super) fn attributes(&self) -> BTreeSet<String> {
        match self {
            Self::And(filters) | Self::Or(filters) => {
                filters.iter().flat_map(Self::attributes).collect()
            }
            Self::Not(filter) => filter.attributes(),
            Self::Test { attribute, .. } => attribute
                .split(';')
                .next()
                .map(str::to_owned)
                .into_iter()
                .collect(),
        }
    }

    pub(super) fn matches(&self, entry: &Entry) -> bool {
        match self {
            Self::And(filters) => filters.iter().all(|f| f.matches(entry)),
            Self::Or(filters) => filters.iter().any(|f| f.matches(entry)),
            Self::Not(filter) => !filter.matches(entry),
            Self::Test { attribute, test } => {
                values(entry, attribute).any(|value| test.matches(attribute, value))
            }
        }
    }
}

/// Returns the values of an attribute, including those with more options (RFC 4512, 2.5).
fn values<'a>(entry: &'a Entry, attribute: &'a str) -> impl Iterator<Item = &'a [u8]> {
    let is_meant = move |name: &str| {
        name.strip_prefix(attribute)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(';'))
    };
    let range = entry.attributes.range(attribute.to_owned()..);
    let near = range.take_while(move |(name, _)| name.starts_with(attribute));
    near.filter(move |(name, _)| is_meant(name))
        .flat_map(|(_, values)| values.iter().map(Vec::as_slice))
}

impl Test {
    fn matches(&self, attribute: &str, value: &[u8]) -> bool {
        let text = || std::str::from_utf8(value).ok();
        let number = || text()?.trim().parse::<i64>().ok();
        match self {
            Self::Present => true,
            Self::Equal(wanted) => wanted.equals(attribute, value),
            Self::AtLeast(wanted) => wanted.order(value).is_some_and(|o| o.is_ge()),
            Self::AtMost(wanted) => wanted.order(value).is_some_and(|o| o.is_le()),
            Self::Substrings(start, middle, end) => {
                text().is_some_and(|t| has_parts(&fold(t), start, middle, end))
            }
            Self::AllBits(mask) => number().is_some_and(|n| n & mask == *mask),
            Self::AnyBit(mask) => number().is_some_and(|n| n & mask != 0),
            Self::Exact(wanted) => wanted == value,
        }
    }
}

fn has_parts(text: &str, start: &str, middle: &[String], end: &str) -> bool {
    let Some(mut rest) = text.strip_prefix(start) else {
        return false;
    };
    for part in middle {
        let Some((_, after)) = rest.split_once(part.as_str()) else {
            return false;
        };
        rest = after;
    }
    rest.ends_with(end)
}

impl Assertion {
    fn new(bytes: Vec<u8>) -> Self {
        let text = std::str::from_utf8(&bytes).ok();
        Self {
            folded: text.map(fold),
            dn: text.and_then(Dn::read),
            bytes,
        }
    }

    fn equals(&self, attribute: &str, value: &[u8]) -> bool {
        if self.bytes == value {
            return true;
        }
        let (Ok(text), Some(folded)) = (std::str::from_utf8(value), &self.folded) else {
            return false;
        };
        let known = fold(text);
        known == *folded
            || (self.dn.is_some() && self.dn == Some(Dn::of(text)))
            || (attribute == "objectclass" && superclasses(&known).contains(&folded.as_str()))
            || (attribute == "objectcategory"
                && Dn::first_value(text, "cn").as_ref() == Some(folded))
    }

    /// Compares a value with this one.
    fn order(&self, value: &[u8]) -> Option<std::cmp::Ordering> {
        let known = fold(std::str::from_utf8(value).ok()?);
        let wanted = self.folded.as_ref()?;
        Some(match (known.parse::<i64>(), wanted.parse::<i64>()) {
            (Ok(known), Ok(wanted)) => known.cmp(&wanted),
            _ => known.cmp(wanted),
        })
    }
}

/// Returns a class's superclasses: servers match them too, even if an entry does not name them.
fn superclasses(class: &str) -> &'static [&'static str] {
    match class {
        "inetorgperson" => &["organizationalperson", "person", "top"],
        "organizationalperson" => &["person", "top"],
        _ => &["top"],
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn error(&self, what: impl Into<String>) -> FilterError {
        let before = self.text.get(..self.at).unwrap_or_default();
        let at = before.chars().count() + 1;
        FilterError {
            at,
            what: what.into(),
        }
    }

    fn take(&mut self, c: char) -> bool {
        let found = self.rest().starts_with(c);
        self.at += if found { c.len_utf8() } else { 0 };
        found
    }

    fn expect(&mut self, c: char) -> Result<(), FilterError> {
        match self.take(c) {
            true => Ok(()),
            false => Err(self.error(format!("{c:?} is missing"))),
        }
    }

    fn filter(&mut self, depth: usize) -> Result<Filter, FilterError> {
        if depth > MAX_DEPTH {
            return Err(self.error(format!("nested more than {MAX_DEPTH} deep")));
        }
        self.expect('(')?;
        let filter = if self.take('&') {
            Filter::And(self.list(depth)?)
        } else if self.take('|') {
            Filter::Or(self.list(depth)?)
        } else if self.take('!') {
            Filter::Not(Box::new(self.filter(depth + 1)?))
        } else {
            self.test()?
        };
        self.expect(')')?;
        Ok(filter)
    }

    fn list(&mut self, depth: usize) -> Result<Vec<Filter>, FilterError> {
        let mut filters = Vec::new();
        while self.rest().starts_with('(') {
            filters.push(self.filter(depth + 1)?);
        }
        Ok(filters)
    }

    fn test(&mut self) -> Result<Filter, FilterError> {
        let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | ';' | '_');
        let rest = self.rest();
        let end = rest.find(|c| !legal(c)).unwrap_or(rest.len());
        let attribute = rest.get(..end).unwrap_or_default().to_ascii_lowercase();
        self.at += end;
        if attribute.is_empty() {
            return Err(self.error("the name of an attribute is missing"));
        }
        let test = if self.take(':') {
            self.extensible()?
        } else if self.take('>') {
            self.expect('=')?;
            Test::AtLeast(Assertion::new(self.value()?))
        } else if self.take('<') {
            self.expect('=')?;
            Test::AtMost(Assertion::new(self.value()?))
        } else if self.take('~') {
            self.expect('=')?;
            Test::Equal(Assertion::new(self.value()?))
        } else {
            self.expect('=')?;
            self.equal_or_substrings()?
        };
        Ok(Filter::Test { attribute, test })
    }

    fn equal_or_substrings(&mut self) -> Result<Test, FilterError> {
        let mut parts = vec![self.value()?];
        while self.take('*') {
            parts.push(self.value()?);
        }
        if parts.len() == 1 {
            return Ok(Test::Equal(Assertion::new(parts.swap_remove(0))));
        }
        if parts.iter().all(Vec::is_empty) {
            return Ok(Test::Present);
        }
        // Spaces at the ends of a part count, so a part is not folded like a whole value.
        let texts: Result<Vec<_>, _> = parts.into_iter().map(String::from_utf8).collect();
        let Ok(texts) = texts else {
            return Err(self.error("a part between the asterisks is no UTF-8 text"));
        };
        let mut texts: Vec<_> = texts.into_iter().map(|t| t.to_lowercase()).collect();
        let end = texts.pop().unwrap_or_default();
        Ok(Test::Substrings(texts.remove(0), texts, end))
    }

    /// Parses what follows `attribute:`: the matching rule, then `:=` and the value.
    fn extensible(&mut self) -> Result<Test, FilterError> {
        let rest = self.rest();
        let Some(end) = rest.find(":=") else {
            return Err(self.error("\":=\" is missing"));
        };
        let rule = rest.get(..end).unwrap_or_default().to_ascii_lowercase();
        let start = self.error("");
        self.at += end + 2;
        let value = self.value()?;
        let mask = || {
            let text = std::str::from_utf8(&value).ok();
            let mask = text.and_then(|t| t.parse::<i64>().ok());
            mask.ok_or(FilterError {
                at: start.at,
                what: "a bit mask must be a number".into(),
            })
        };
        match rule.as_str() {
            "1.2.840.113556.1.4.803" => Ok(Test::AllBits(mask()?)),
            "1.2.840.113556.1.4.804" => Ok(Test::AnyBit(mask()?)),
            "caseexactmatch" | "2.5.13.5" | "octetstringmatch" | "2.5.13.17" => {
                Ok(Test::Exact(value))
            }
            "caseignorematch" | "2.5.13.2" | "distinguishednamematch" | "2.5.13.1" => {
                Ok(Test::Equal(Assertion::new(value)))
            }
            _ => Err(FilterError {
                at: start.at,
                what: format!("the matching rule {rule:?} needs a server"),
            }),
        }
    }

    /// Parses a value up to `*`, `)` or the end, with its escapes resolved.
    fn value(&mut self) -> Result<Vec<u8>, FilterError> {
        let mut value = Vec::new();
        loop {
            let Some(c) = self.rest().chars().next() else {
                return Ok(value);
            };
            match c {
                '*' | ')' => return Ok(value),
                '(' => return Err(self.error("\"(\" inside a value must be written \\28")),
                '\\' => {
                    let digits = self.rest().get(1..3);
                    let byte = digits
                        .filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()))
                        .and_then(|d| u8::from_str_radix(d, 16).ok());
                    match byte {
                        Some(byte) => value.push(byte),
                        None => return Err(self.error("\"\\\" must be followed by two hex digits")),
                    }
                    self.at += 3;
                }
                _ => {
                    value.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                    self.at += c.len_utf8();
                }
            }
        }
    }
}

#[cfg(test)]
#[path = "filter_tests.rs"]
mod tests;
