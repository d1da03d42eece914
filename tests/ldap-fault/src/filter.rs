//! Search filters: reading, showing, matching.

use std::fmt;

use crate::ber::Elements;
use crate::entry::Entry;

/// The rule "all these bits" (MS-ADTS 3.1.1.3.4.4.1).
const BIT_AND: &str = "1.2.840.113556.1.4.803";
/// The rule "any of these bits".
const BIT_OR: &str = "1.2.840.113556.1.4.804";

/// A filter of RFC 4511, 4.5.1.7. Values are bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Filter {
    And(Vec<Filter>),
    Or(Vec<Filter>),
    Not(Box<Filter>),
    Equality(String, Vec<u8>),
    Substrings(String, Vec<(u8, Vec<u8>)>),
    GreaterOrEqual(String, Vec<u8>),
    LessOrEqual(String, Vec<u8>),
    Present(String),
    Approximate(String, Vec<u8>),
    Extensible(String, String, Vec<u8>),
}

impl Filter {
    /// Reads the filter whose element has this tag and content.
    pub(crate) fn read(tag: u8, content: &[u8]) -> Option<Self> {
        let many = || -> Option<Vec<Self>> {
            Elements(content)
                .map(|(tag, part)| Self::read(tag, part))
                .collect()
        };
        Some(match tag {
            0xa0 => Self::And(many()?),
            0xa1 => Self::Or(many()?),
            0xa2 => {
                let (tag, part) = Elements(content).next()?;
                Self::Not(Box::new(Self::read(tag, part)?))
            }
            0xa4 => {
                let mut parts = Elements(content);
                let name = text(parts.next()?.1);
                let pieces = Elements(parts.next()?.1).map(|(tag, piece)| (tag, piece.to_vec()));
                Self::Substrings(name, pieces.collect())
            }
            0x87 => Self::Present(text(content)),
            0xa9 => {
                let part = |wanted| Elements(content).find(|(tag, _)| *tag == wanted);
                let rule = part(0x81).map(|(_, rule)| text(rule)).unwrap_or_default();
                let name = part(0x82).map(|(_, name)| text(name)).unwrap_or_default();
                Self::Extensible(rule, name, part(0x83)?.1.to_vec())
            }
            _ => {
                let mut parts = Elements(content);
                let name = text(parts.next()?.1);
                let value = parts.next()?.1.to_vec();
                match tag {
                    0xa3 => Self::Equality(name, value),
                    0xa5 => Self::GreaterOrEqual(name, value),
                    0xa6 => Self::LessOrEqual(name, value),
                    0xa8 => Self::Approximate(name, value),
                    _ => return None,
                }
            }
        })
    }

    /// Whether an entry matches, of which these attributes may not be seen. Values that are text
    /// are compared without regard to case, as most directory syntaxes have it; others byte by
    /// byte.
    pub(crate) fn matches(&self, entry: &Entry, hidden: &[&str]) -> bool {
        self.judge(entry, hidden) == Some(true)
    }

    /// `None` is "undefined" (RFC 4511, 4.5.1.7): so is what a filter says of a hidden attribute,
    /// and the opposite of that.
    fn judge(&self, entry: &Entry, hidden: &[&str]) -> Option<bool> {
        if self
            .name()
            .is_some_and(|name| hidden.iter().any(|h| h.eq_ignore_ascii_case(name)))
        {
            return None;
        }
        let any = |name: &str, test: &dyn Fn(&[u8]) -> bool| {
            entry
                .values(name)
                .is_some_and(|values| values.iter().any(|value| test(value)))
        };
        let judged = |filters: &[Self], decides: bool| {
            let mut said: Vec<_> = filters.iter().map(|f| f.judge(entry, hidden)).collect();
            said.retain(|judged| *judged != Some(!decides));
            match said.contains(&Some(decides)) {
                true => Some(decides),
                false if said.is_empty() => Some(!decides),
                false => None,
            }
        };
        Some(match self {
            Self::And(filters) => return judged(filters, false),
            Self::Or(filters) => return judged(filters, true),
            Self::Not(filter) => return filter.judge(entry, hidden).map(|said| !said),
            Self::Equality(name, wanted) | Self::Approximate(name, wanted) => {
                any(name, &|value| fold(value) == fold(wanted))
            }
            Self::Substrings(name, pieces) => any(name, &|value| has_pieces(value, pieces)),
            Self::GreaterOrEqual(name, bound) => any(name, &|value| compare(value, bound).is_ge()),
            Self::LessOrEqual(name, bound) => any(name, &|value| compare(value, bound).is_le()),
            Self::Present(name) => entry.values(name).is_some(),
            Self::Extensible(rule, name, wanted) => any(name, &|value| match (
                number(value),
                number(wanted),
                rule.as_str(),
            ) {
                (Some(value), Some(bits), BIT_AND) => value & bits == bits,
                (Some(value), Some(bits), BIT_OR) => value & bits != 0,
                _ => fold(value) == fold(wanted),
            }),
        })
    }

    /// The attribute that an item is about.
    fn name(&self) -> Option<&str> {
        match self {
            Self::And(_) | Self::Or(_) | Self::Not(_) => None,
            Self::Equality(name, _)
            | Self::Substrings(name, _)
            | Self::GreaterOrEqual(name, _)
            | Self::LessOrEqual(name, _)
            | Self::Present(name)
            | Self::Approximate(name, _)
            | Self::Extensible(_, name, _) => Some(name),
        }
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn fold(value: &[u8]) -> Vec<u8> {
    match std::str::from_utf8(value) {
        Ok(text) => text.to_lowercase().into_bytes(),
        Err(_) => value.to_vec(),
    }
}

fn number(value: &[u8]) -> Option<i64> {
    std::str::from_utf8(value).ok()?.parse().ok()
}

fn compare(value: &[u8], bound: &[u8]) -> std::cmp::Ordering {
    match (number(value), number(bound)) {
        (Some(value), Some(bound)) => value.cmp(&bound),
        _ => fold(value).cmp(&fold(bound)),
    }
}

/// Pieces are tagged 0x80 for the beginning, 0x81 for the middle, 0x82 for the end.
fn has_pieces(value: &[u8], pieces: &[(u8, Vec<u8>)]) -> bool {
    let value = fold(value);
    let mut rest = value.as_slice();
    for (tag, piece) in pieces {
        let piece = fold(piece);
        let found = match tag {
            0x80 => rest.starts_with(&piece).then_some(0),
            0x82 => rest.ends_with(&piece).then(|| rest.len() - piece.len()),
            _ => (0..=rest.len()).find(|at| rest[*at..].starts_with(&piece)),
        };
        let Some(at) = found else { return false };
        rest = &rest[at + piece.len()..];
    }
    true
}

impl fmt::Display for Filter {
    /// RFC 4515, with bytes that are not printable ASCII as `\xx`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |f: &mut fmt::Formatter<'_>, sign: &str, filters: &[Self]| {
            write!(f, "({sign}")?;
            filters
                .iter()
                .try_for_each(|filter| write!(f, "{filter}"))?;
            f.write_str(")")
        };
        match self {
            Self::And(filters) => list(f, "&", filters),
            Self::Or(filters) => list(f, "|", filters),
            Self::Not(filter) => write!(f, "(!{filter})"),
            Self::Equality(name, value) => write!(f, "({name}={})", escaped(value)),
            Self::GreaterOrEqual(name, value) => write!(f, "({name}>={})", escaped(value)),
            Self::LessOrEqual(name, value) => write!(f, "({name}<={})", escaped(value)),
            Self::Approximate(name, value) => write!(f, "({name}~={})", escaped(value)),
            Self::Present(name) => write!(f, "({name}=*)"),
            Self::Extensible(rule, name, value) => {
                write!(f, "({name}:{rule}:={})", escaped(value))
            }
            Self::Substrings(name, pieces) => {
                write!(f, "({name}=")?;
                if pieces.first().is_none_or(|(tag, _)| *tag != 0x80) {
                    f.write_str("*")?;
                }
                for (tag, piece) in pieces {
                    let star = if *tag == 0x82 { "" } else { "*" };
                    write!(f, "{}{star}", escaped(piece))?;
                }
                f.write_str(")")
            }
        }
    }
}

fn escaped(value: &[u8]) -> String {
    value
        .iter()
        .map(|byte| match byte {
            b'*' | b'(' | b')' | b'\\' => format!("\\{byte:02x}"),
            0x20..=0x7e => char::from(*byte).to_string(),
            _ => format!("\\{byte:02x}"),
        })
        .collect()
}
