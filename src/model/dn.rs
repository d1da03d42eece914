//! Distinguished names (RFC 4514) and the one form in which they are compared.

use std::borrow::Borrow;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::text::fold;

/// A distinguished name in its normal form: two spellings of one name are equal.
///
/// Attribute types and values are in lower case, escapes in one form, there are no spaces around
/// separators, and the parts of a multi-valued RDN are sorted. Values are compared as
/// `caseIgnoreMatch` does (RFC 4517, 4.2.11), which every naming attribute of the supported schemas
/// has. Keep the spelling of the server beside it where people are to read the name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Dn(String);

/// What is wrong with a name that somebody wrote.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DnFault {
    /// It has no part.
    #[error("it is empty")]
    Empty,
    /// A part is not `type=value`.
    #[error("`{0}` has no `=`")]
    NoEquals(String),
    /// A part does not begin with an attribute.
    #[error("`{0}` is not an attribute name")]
    NotAnAttribute(String),
    /// A character has a meaning of its own there.
    #[error("`{0}` must be written as `\\{0}`")]
    Unescaped(char),
    /// A backslash stands before something else.
    #[error("a backslash must be followed by two hexadecimal digits or a special character")]
    Escape,
    /// A part is `type=`.
    #[error("a part has no value")]
    NoValue,
    /// Escaped bytes are no text.
    #[error("an escaped value is not UTF-8")]
    NotUtf8,
}

/// How much a name may deviate from RFC 4514.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Grammar {
    /// Nothing is accepted that RFC 4514 does not allow.
    Strict,
    /// Accepts what RFC 2253, section 4, asks to accept (values in quotation marks, `;` between
    /// RDNs, `OID.` before a numeric type), and common errors of programs.
    Lenient,
}

/// The attribute types and values of one RDN, both in their form for comparison.
type Rdn = Vec<(String, String)>;

impl Dn {
    /// Reads a name that an administrator wrote.
    ///
    /// # Errors
    /// Returns what deviates from RFC 4514.
    pub fn parse(text: &str) -> Result<Self, DnFault> {
        match text.trim() {
            "" => Err(DnFault::Empty),
            text => Ok(Self::of_rdns(&rdns(text, Grammar::Strict)?)),
        }
    }

    /// Reads a name that a server or a program wrote; `None` where the text is none, or empty.
    pub fn read(text: &str) -> Option<Self> {
        let text = text.trim();
        let rdns = rdns(text, Grammar::Lenient).ok()?;
        Some(Self::of_rdns(&rdns))
    }

    /// Reads a name as [`Dn::read`] does. A text that is no name is kept in lower case, trimmed, and
    /// equals other spellings of the same text.
    pub fn of(text: &str) -> Self {
        Self::read(text).unwrap_or_else(|| Self(text.trim().to_lowercase()))
    }

    /// Returns the normal form as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns whether it is the name without parts, below which every name is.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns whether it is `base` or a name below it.
    pub fn is_within(&self, base: &Self) -> bool {
        // `=` and `,` inside values are escaped, so a base can only match at an RDN's beginning.
        base.is_root()
            || self
                .0
                .strip_suffix(base.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.ends_with(','))
    }

    /// Returns the name above it; the root is above a name of one part, and above itself.
    pub fn parent(&self) -> Self {
        Self(self.ancestors().next().unwrap_or_default().to_owned())
    }

    /// Returns the normal forms of the names above it, the nearest first, without the root.
    pub fn ancestors(&self) -> impl Iterator<Item = &str> {
        self.borders().map(|at| &self.0[at + 1..])
    }

    /// Returns the normal forms of its parts, the leaf first.
    pub fn rdns(&self) -> impl Iterator<Item = &str> {
        let mut from = 0;
        let ends = self.borders().chain([self.0.len()]);
        ends.map(move |to| &self.0[std::mem::replace(&mut from, to + 1)..to])
    }

    /// Returns where the commas are that separate its parts. A text that is no name has none.
    fn borders(&self) -> impl Iterator<Item = usize> {
        let is_name = rdns(&self.0, Grammar::Lenient).is_ok();
        let name = if is_name { self.as_str() } else { "" };
        let mut escaped = false;
        name.char_indices().filter_map(move |(at, c)| {
            let separates = c == ',' && !escaped;
            escaped = c == '\\' && !escaped;
            separates.then_some(at)
        })
    }

    /// Returns the attribute types and values of the first part of a name, in their form for
    /// comparison; none where the text is no name.
    pub fn first_rdn(text: &str) -> Rdn {
        let first = rdn(text.trim(), Grammar::Lenient);
        first.map(|(rdn, _)| rdn).unwrap_or_default()
    }

    /// Returns the value, in its form for comparison, that an attribute (in lower case) has in the
    /// first part of a name.
    pub fn first_value(text: &str, attribute: &str) -> Option<String> {
        let attribute = one_type(attribute);
        let found = Self::first_rdn(text)
            .into_iter()
            .find(|(name, _)| *name == attribute);
        found.map(|(_, value)| value)
    }

    fn of_rdns(rdns: &[Rdn]) -> Self {
        let mut text = String::new();
        for (i, rdn) in rdns.iter().enumerate() {
            if i > 0 {
                text.push(',');
            }
            for (j, (name, value)) in rdn.iter().enumerate() {
                if j > 0 {
                    text.push('+');
                }
                text.push_str(name);
                text.push('=');
                for c in value.chars() {
                    if matches!(c, ',' | '+' | '=' | '\\' | '"' | '<' | '>' | ';' | '#') {
                        text.push('\\');
                    }
                    text.push(c);
                }
            }
        }
        Self(text)
    }
}

impl fmt::Display for Dn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Borrow<str> for Dn {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl Serialize for Dn {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Dn {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self::of(&text))
    }
}

/// Reads the parts of a name that is not empty.
fn rdns(text: &str, grammar: Grammar) -> Result<Vec<Rdn>, DnFault> {
    let mut rdns = Vec::new();
    let mut rest = Some(text);
    while let Some(text) = rest {
        let (rdn, after) = rdn(text, grammar)?;
        rdns.push(rdn);
        rest = after;
    }
    Ok(rdns)
}

/// Reads a part; also returns what follows its separator, if there is one.
fn rdn(text: &str, grammar: Grammar) -> Result<(Rdn, Option<&str>), DnFault> {
    let mut rdn = Vec::new();
    let mut rest = text;
    loop {
        let (name, after) = rest
            .split_once('=')
            .ok_or_else(|| DnFault::NoEquals(rest.to_owned()))?;
        let name = name.trim();
        if !is_type(name, grammar) {
            return Err(DnFault::NotAnAttribute(name.to_owned()));
        }
        let value = value(after, grammar)?;
        rdn.push((one_type(&name.to_ascii_lowercase()), value.folded));
        if value.separator == Some('+') {
            rest = value.after;
            continue;
        }
        rdn.sort();
        return Ok((rdn, value.separator.map(|_| value.after)));
    }
}

fn is_type(name: &str, grammar: Grammar) -> bool {
    if grammar == Grammar::Lenient {
        let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
        return !name.is_empty() && name.chars().all(legal);
    }
    let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    is_name || name.contains('.') && name.split('.').all(is_number)
}

/// Types that have several names (RFC 4519), each by the shortest.
const ALIASES: [(&str, &[&str]); 12] = [
    ("cn", &["commonname", "2.5.4.3"]),
    ("sn", &["surname", "2.5.4.4"]),
    ("c", &["countryname", "2.5.4.6"]),
    ("l", &["localityname", "2.5.4.7"]),
    ("st", &["stateorprovincename", "2.5.4.8"]),
    ("street", &["streetaddress", "2.5.4.9"]),
    ("o", &["organizationname", "2.5.4.10"]),
    ("ou", &["organizationalunitname", "2.5.4.11"]),
    ("uid", &["userid", "0.9.2342.19200300.100.1.1"]),
    ("mail", &["rfc822mailbox", "0.9.2342.19200300.100.1.3"]),
    ("dc", &["domaincomponent", "0.9.2342.19200300.100.1.25"]),
    ("gn", &["givenname", "2.5.4.42"]),
];

/// Returns the one type that stands for all names of a type, given in lower case.
fn one_type(name: &str) -> String {
    let name = name.strip_prefix("oid.").unwrap_or(name);
    let known = ALIASES.iter().find(|(_, others)| others.contains(&name));
    known.map_or(name, |(short, _)| short).to_owned()
}

/// A value in its form for comparison, and the text that follows it.
struct Value<'a> {
    folded: String,
    separator: Option<char>,
    after: &'a str,
}

fn value(text: &str, grammar: Grammar) -> Result<Value<'_>, DnFault> {
    let trimmed = text.trim_start();
    // A quotation mark without its other half is an ordinary character.
    if grammar == Grammar::Lenient
        && let Some(quoted) = trimmed.strip_prefix('"')
        && let Some(value) = quoted_value(quoted)
    {
        return Ok(value);
    }
    let mut bytes = Vec::with_capacity(text.len().min(64));
    let mut chars = text.char_indices();
    let (mut separator, mut after) = (None, "");
    while let Some((at, c)) = chars.next() {
        match c {
            '"' | ';' | '<' | '>' | '\0' if grammar == Grammar::Strict => {
                return Err(DnFault::Unescaped(c));
            }
            ',' | '+' | ';' => {
                let rest = text.get(at + 1..).unwrap_or_default();
                // Some programs do not escape a semicolon inside a value.
                let begins_part = |rest: &str| {
                    rest.split_once('=')
                        .is_some_and(|(name, _)| is_type(name.trim(), Grammar::Lenient))
                };
                if c != ';' || begins_part(rest) {
                    (separator, after) = (Some(c), rest);
                    break;
                }
                bytes.push(b';');
            }
            '\\' => unescape(&mut chars, &mut bytes, grammar)?,
            _ => bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    if grammar == Grammar::Strict && bytes.trim_ascii().is_empty() {
        return Err(DnFault::NoValue);
    }
    if trimmed.starts_with('#') {
        bytes = decoded(&bytes).unwrap_or(bytes);
    }
    if grammar == Grammar::Strict && std::str::from_utf8(&bytes).is_err() {
        return Err(DnFault::NotUtf8);
    }
    Ok(Value {
        folded: folded(bytes),
        separator,
        after,
    })
}

/// Reads the rest of a value in quotation marks, in which only they and the backslash are escaped.
fn quoted_value(text: &str) -> Option<Value<'_>> {
    let mut bytes = Vec::with_capacity(text.len().min(64));
    let mut chars = text.char_indices();
    loop {
        match chars.next()? {
            (_, '\\') => unescape(&mut chars, &mut bytes, Grammar::Lenient).ok()?,
            (_, '"') => break,
            (_, c) => bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    let rest = chars.as_str().trim_start();
    let separator = rest.chars().next();
    if !matches!(separator, None | Some(',' | '+' | ';')) {
        return None;
    }
    Some(Value {
        folded: folded(bytes),
        separator,
        after: rest.get(1..).unwrap_or_default(),
    })
}

/// Returns the value that `#` and the hex digits of its BER encoding stand for (RFC 4514, 2.4): the
/// contents of a string, else the whole encoding.
fn decoded(text: &[u8]) -> Option<Vec<u8>> {
    let digits = std::str::from_utf8(text.trim_ascii().strip_prefix(b"#")?).ok()?;
    let pairs = digits.as_bytes().chunks(2);
    let bytes: Option<Vec<u8>> = pairs
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect();
    let bytes = bytes.filter(|_| digits.len() % 2 == 0 && !digits.contains('+'))?;
    Some(match bytes.as_slice() {
        // OCTET STRING, UTF8String, PrintableString, T61String and IA5String of a short length.
        [4 | 12 | 19 | 20 | 22, length, contents @ ..]
            if usize::from(*length) == contents.len() =>
        {
            contents.to_vec()
        }
        _ => bytes,
    })
}

/// Returns the text of a value as it is compared. Bytes that are no text can only be compared as
/// bytes; NUL keeps them apart from texts.
fn folded(bytes: Vec<u8>) -> String {
    use std::fmt::Write;
    match String::from_utf8(bytes) {
        Ok(value) => fold(&value),
        Err(e) => e.as_bytes().iter().fold("\0".to_owned(), |mut hex, b| {
            let _ = write!(hex, "{b:02x}");
            hex
        }),
    }
}

/// Reads what follows a backslash: two hex digits of a byte, or one character that means itself.
fn unescape(
    chars: &mut std::str::CharIndices<'_>,
    bytes: &mut Vec<u8>,
    grammar: Grammar,
) -> Result<(), DnFault> {
    let (_, first) = chars.next().ok_or(DnFault::Escape)?;
    let Some(high) = first.to_digit(16) else {
        if grammar == Grammar::Strict && !" #=\"+,;<>\\".contains(first) {
            return Err(DnFault::Escape);
        }
        bytes.extend_from_slice(first.encode_utf8(&mut [0; 4]).as_bytes());
        return Ok(());
    };
    let low = chars.next().and_then(|(_, second)| second.to_digit(16));
    let byte = low.and_then(|low| u8::try_from(high * 16 + low).ok());
    bytes.push(byte.ok_or(DnFault::Escape)?);
    Ok(())
}

#[cfg(test)]
#[path = "dn_tests.rs"]
mod tests;
