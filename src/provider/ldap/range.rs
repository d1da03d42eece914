//! Reads to their end long attributes that Active Directory returns in slices
//! (`member;range=0-1499`, [MS-ADTS] 3.1.1.3.1.3.3).

use ldap3::Scope;

use super::session::{LARGEST_ENTRY, Search, Session};
use crate::model::{Entry, Gap};
use crate::provider::ProviderError;

/// A slice of an attribute, read from its name.
#[derive(Debug, PartialEq, Eq)]
struct Slice {
    /// The attribute without the range.
    name: String,
    /// The number of the first value.
    low: usize,
    /// The number of the last value; `None` when there are no more values.
    high: Option<usize>,
}

/// Reads a name such as `member;range=0-1499` or `member;range=1500-*`.
fn slice(name: &str) -> Option<Slice> {
    let (name, range) = name.split_once(";range=")?;
    let (low, high) = range.split_once('-')?;
    Some(Slice {
        name: name.to_owned(),
        low: low.parse().ok()?,
        high: match high {
            "*" => None,
            number => Some(number.parse().ok()?),
        },
    })
}

/// Returns whether the entry has a sliced attribute.
pub(super) fn is_cut(entry: &Entry) -> bool {
    entry.attributes.keys().any(|name| slice(name).is_some())
}

/// Returns the slices, with their names in the entry.
fn cuts(entry: &Entry) -> Vec<(String, Slice)> {
    let names = entry.attributes.keys();
    names
        .filter_map(|name| slice(name).map(|slice| (name.clone(), slice)))
        .collect()
}

/// Replaces the slices of an entry by complete attributes. An attribute that could not be read to
/// its end keeps the range in its name, so that it is not taken for complete, and is named in a
/// gap.
pub(super) async fn complete(
    session: &mut Session,
    entry: &mut Entry,
) -> Result<Vec<Gap>, ProviderError> {
    let mut gaps = Vec::new();
    for (key, first) in cuts(entry) {
        let attribute = first.name.clone();
        let begun = entry.attributes.remove(&key).unwrap_or_default();
        let (values, gap) = follow(session, &entry.dn, first, begun).await?;
        match gap {
            // Beside the slice there is an empty attribute with the plain name.
            None => entry
                .attributes
                .entry(attribute)
                .or_default()
                .extend(values),
            Some(gap) => {
                entry.attributes.insert(key, values);
                gaps.push(gap);
            }
        }
    }
    Ok(gaps)
}

type Values = Vec<Vec<u8>>;

async fn follow(
    session: &mut Session,
    dn: &str,
    first: Slice,
    mut values: Values,
) -> Result<(Values, Option<Gap>), ProviderError> {
    let broken = |name: &str, what: String| Some(Gap::Range(format!("{name} of {dn}: {what}")));
    let mut slice = first;
    if slice.low != 0 {
        let what = format!("it begins with value number {}", slice.low);
        return Ok((values, broken(&slice.name, what)));
    }
    while let Some(high) = slice.high {
        if values.len() != high + 1 {
            let what = format!("{} values instead of {}", values.len(), high + 1);
            return Ok((values, broken(&slice.name, what)));
        }
        let from = high + 1;
        match ask(session, dn, &slice.name, from).await? {
            Ok((next, more)) => {
                values.extend(more);
                slice = next;
            }
            Err(what) => return Ok((values, broken(&slice.name, what))),
        }
    }
    Ok((values, None))
}

/// Asks for the values from a number on; the inner error says why there is no answer.
async fn ask(
    session: &mut Session,
    dn: &str,
    name: &str,
    from: usize,
) -> Result<Result<(Slice, Values), String>, ProviderError> {
    let attributes = [format!("{name};range={from}-*")];
    let search = Search {
        base: dn,
        scope: Scope::Base,
        filter: "(objectClass=*)",
        attributes: &attributes,
        page: None,
        largest: LARGEST_ENTRY,
    };
    let mut found = session.search(search).await?;
    if found.code != 0 {
        let what = format!("asked from value {from} on, result {}", found.code);
        return Ok(Err(what));
    }
    let entry = match found.entries.pop() {
        Some(entry) if found.entries.is_empty() => entry,
        _ => return Ok(Err(format!("asked from value {from} on, no entry came"))),
    };
    let part = entry.attributes.into_iter().find_map(|(key, values)| {
        let slice = slice(&key)?;
        (slice.name == name && slice.low == from && !values.is_empty()).then_some((slice, values))
    });
    Ok(part.ok_or_else(|| format!("asked from value {from} on, no value came")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_are_read_from_names() {
        let middle = Slice {
            name: "member".into(),
            low: 1500,
            high: Some(2999),
        };
        assert_eq!(slice("member;range=1500-2999"), Some(middle));
        let last = Slice {
            name: "member".into(),
            low: 3000,
            high: None,
        };
        assert_eq!(slice("member;range=3000-*"), Some(last));
        for other in [
            "member",
            "member;lang-de",
            "member;range=a-b",
            "member;range=1",
        ] {
            assert_eq!(slice(other), None, "{other}");
        }
    }
}
