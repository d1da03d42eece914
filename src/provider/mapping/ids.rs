//! Immutable ids: converts bytes to one canonical text, and back into a filter.

use std::fmt::Write;

use crate::config::Mapping;
use crate::model::{DirectoryId, Entry, GroupId, IdAttribute, IdForm};

/// How many bytes an id may have; the longest in use (`ipaUniqueID`, SIDs as text) are shorter.
const MAX_BYTES: usize = 256;

/// Why an entry has no usable id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NoId {
    /// Its value was read and is a placeholder: the entry is no missing account.
    Placeholder(String),
    /// The id cannot be read, so the entry may be any account.
    Unreadable(String),
}

impl NoId {
    /// Returns the reason as text.
    pub(crate) fn why(&self) -> &str {
        match self {
            Self::Placeholder(why) | Self::Unreadable(why) => why,
        }
    }
}

/// Returns the account's id in canonical form.
///
/// # Errors
///
/// What is wrong with the id attribute: missing, blank, too long, several values, a placeholder.
pub(crate) fn id_of(entry: &Entry, mapping: &Mapping) -> Result<DirectoryId, NoId> {
    canonical_id(entry, &mapping.id).map(DirectoryId::new)
}

/// Returns the account's id by the attribute that the configuration names now, where the reading goes by the
/// one before; `None` where there is no such attribute, or no usable value of it.
pub(crate) fn new_id_of(entry: &Entry, mapping: &Mapping) -> Option<DirectoryId> {
    let id = canonical_id(entry, mapping.new_id.as_ref()?).ok()?;
    Some(DirectoryId::new(id))
}

/// Returns a group's id in canonical form.
///
/// # Errors
///
/// As [`id_of`].
pub(crate) fn group_id_of(entry: &Entry, mapping: &Mapping) -> Result<GroupId, NoId> {
    canonical_id(entry, &mapping.group_id).map(GroupId::new)
}

/// Returns the filter (RFC 4515) that finds an account by its id.
///
/// A GUID or hex id is written as its bytes. A text that cannot come from such an attribute (it was
/// stored when the configuration named another one) is asked for as it is and finds nothing.
pub(crate) fn id_filter(mapping: &Mapping, id: &DirectoryId) -> String {
    let text = id.as_str();
    let bytes = match mapping.id.form {
        IdForm::Text => None,
        IdForm::Guid => guid_bytes(text).map(|b| b.to_vec()),
        IdForm::Hex => hex_bytes(text),
    };
    let value = match bytes {
        Some(bytes) => bytes.iter().fold(String::new(), |mut out, byte| {
            let _ = write!(out, "\\{byte:02x}");
            out
        }),
        None => escape_filter_value(text),
    };
    format!("({}={value})", mapping.id.name)
}

/// Returns the canonical text of an id attribute's value.
pub(super) fn canonical_id(entry: &Entry, id: &IdAttribute) -> Result<String, NoId> {
    let text = id_text(entry, id).map_err(NoId::Unreadable)?;
    if DirectoryId::new(text.as_str()).is_placeholder() {
        return Err(NoId::Placeholder(format!(
            "it has no id yet: its {} is {text:?}, which is nobody's",
            id.name
        )));
    }
    Ok(text)
}

fn id_text(entry: &Entry, id: &IdAttribute) -> Result<String, String> {
    let mut values: Vec<_> = entry.values(&id.name).iter().collect();
    values.dedup();
    let value = match values.as_slice() {
        [] => return Err(format!("it has no {}, or we may not read it", id.name)),
        [value] => value.as_slice(),
        several => {
            let n = several.len();
            return Err(format!("its {} has {n} values instead of one", id.name));
        }
    };
    if value.len() > MAX_BYTES {
        return Err(format!("its {} is longer than {MAX_BYTES} bytes", id.name));
    }
    match id.form {
        IdForm::Text => text_id(&id.name, value),
        IdForm::Guid => guid_id(&id.name, value),
        IdForm::Hex if value.is_empty() => Err(format!("its {} is blank", id.name)),
        IdForm::Hex => Ok(value.iter().fold(String::new(), push_hex)),
    }
}

fn text_id(name: &str, value: &[u8]) -> Result<String, String> {
    let Ok(text) = std::str::from_utf8(value) else {
        return Err(format!(
            "its {name} is no text; does it need the form guid or hex?"
        ));
    };
    let text = text.trim().to_lowercase();
    if text.is_empty() {
        Err(format!("its {name} is blank"))
    } else if text.chars().any(char::is_control) {
        Err(format!("its {name} contains control characters"))
    } else if name == "entryuuid" && !is_uuid(&text) {
        Err(format!("its {name} is no UUID (RFC 4530)"))
    } else {
        Ok(text)
    }
}

/// Returns a GUID from sixteen bytes, or from the 36 characters that `ldbsearch` prints instead.
fn guid_id(name: &str, value: &[u8]) -> Result<String, String> {
    let text = match <[u8; 16]>::try_from(value) {
        Ok(bytes) => guid_text(bytes),
        Err(_) => match std::str::from_utf8(value).map(str::to_ascii_lowercase) {
            Ok(text) if is_uuid(&text) => text,
            _ => {
                let n = value.len();
                return Err(format!("its {name} has {n} bytes instead of 16"));
            }
        },
    };
    Ok(text)
}

/// Returns a GUID as text: the first three fields are little-endian, the rest is in order
/// ([MS-DTYP] 2.3.4).
fn guid_text(b: [u8; 16]) -> String {
    let order = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];
    let mut text = String::with_capacity(36);
    for (i, at) in order.into_iter().enumerate() {
        if matches!(i, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        text = push_hex(text, &b[at]);
    }
    text
}

fn guid_bytes(text: &str) -> Option<[u8; 16]> {
    if !is_uuid(text) {
        return None;
    }
    let digits: String = text.chars().filter(|c| *c != '-').collect();
    let mut bytes = <[u8; 16]>::try_from(hex_bytes(&digits)?).ok()?;
    bytes[0..4].reverse();
    bytes[4..6].reverse();
    bytes[6..8].reverse();
    Some(bytes)
}

fn hex_bytes(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u32>> = text.chars().map(|c| c.to_digit(16)).collect();
    let digits = digits?;
    if digits.is_empty() || digits.len() % 2 == 1 {
        return None;
    }
    let byte = |pair: &[u32]| u8::try_from(pair[0] * 16 + pair[1]).ok();
    digits.chunks_exact(2).map(byte).collect()
}

fn push_hex(mut text: String, byte: &u8) -> String {
    let _ = write!(text, "{byte:02x}");
    text
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(i, b)| match i {
            8 | 13 | 18 | 23 => b == b'-',
            _ => b.is_ascii_hexdigit(),
        })
}

/// Escapes a value for a filter: `*`, `(`, `)`, `\` and NUL (RFC 4515, section 3), and all other
/// control and non-ASCII bytes, so that the filter can be logged.
pub(crate) fn escape_filter_value(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for byte in value.bytes() {
        match byte {
            b'*' | b'(' | b')' | b'\\' | 0..=0x1f | 0x7f..=0xff => {
                let _ = write!(out, "\\{byte:02x}");
            }
            _ => out.push(char::from(byte)),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::testing::{ad, entry, rfc2307};
    use super::*;
    use proptest::prelude::*;

    const GUID: [u8; 16] = [
        0x33, 0x22, 0x11, 0x00, 0x55, 0x44, 0x77, 0x66, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee,
        0xff,
    ];

    fn with(name: &str, value: &[u8]) -> Entry {
        entry("cn=a", &[(name, value)])
    }

    #[test]
    fn a_guid_is_mixed_endian() {
        let id = id_of(&with("objectguid", &GUID), &ad()).unwrap();
        assert_eq!(id.as_str(), "00112233-4455-6677-8899-aabbccddeeff");
        assert_eq!(
            id_filter(&ad(), &id),
            "(objectguid=\\33\\22\\11\\00\\55\\44\\77\\66\\88\\99\\aa\\bb\\cc\\dd\\ee\\ff)"
        );
        let printed = with("objectguid", b"00112233-4455-6677-8899-AABBCCDDEEFF");
        assert_eq!(id_of(&printed, &ad()).unwrap(), id);
    }

    #[test]
    fn a_uuid_is_lower_case_text() {
        let id = id_of(
            &with("entryuuid", b" 0A0B0C0D-1111-2222-3333-444455556666\n"),
            &rfc2307(),
        )
        .unwrap();
        assert_eq!(id.as_str(), "0a0b0c0d-1111-2222-3333-444455556666");
        assert_eq!(
            id_filter(&rfc2307(), &id),
            "(entryuuid=0a0b0c0d-1111-2222-3333-444455556666)"
        );
    }

    #[test]
    fn ids_that_are_none_are_refused() {
        for (value, why) in [
            (b"".as_slice(), "bytes instead of 16"),
            (&GUID[..15], "15 bytes"),
            (&[0; 16], "no id yet"),
            (&[0xff; 16], "no id yet"),
            (&[7; 17], "17 bytes"),
            (b"00112233-4455-6677-8899-aabbccddeezz", "36 bytes"),
        ] {
            let said = id_of(&with("objectguid", value), &ad()).unwrap_err();
            assert!(said.why().contains(why), "{said:?}");
        }
        for (value, why) in [
            (b"".as_slice(), "blank"),
            (b" \t", "blank"),
            (b"\xff\xfe", "no text"),
            (b"alice", "no UUID"),
        ] {
            let said = id_of(&with("entryuuid", value), &rfc2307()).unwrap_err();
            assert!(said.why().contains(why), "{said:?}");
        }
        let none = id_of(&Entry::default(), &ad()).unwrap_err();
        assert!(none.why().contains("no objectguid"), "{none:?}");
        let two = entry("cn=a", &[("objectguid", &GUID), ("objectguid", &[7; 16])]);
        assert!(id_of(&two, &ad()).unwrap_err().why().contains("2 values"));
        let twice = entry("cn=a", &[("objectguid", &GUID), ("objectguid", &GUID)]);
        assert!(id_of(&twice, &ad()).is_ok());
    }

    #[test]
    fn a_placeholder_is_nobody_s_and_what_is_broken_may_be_anybody_s() {
        let mut mapping = rfc2307();
        mapping.id.name = "ipauniqueid".into();
        let id = |value: &str| id_of(&with("ipauniqueid", value.as_bytes()), &mapping);
        for value in ["autogenerate", " AutoGenerate\n", "0000", "none"] {
            let said = id(value).unwrap_err();
            assert!(matches!(said, NoId::Placeholder(_)), "{said:?}");
        }
        assert!(matches!(id(""), Err(NoId::Unreadable(_))));
        assert!(id("11111111-2222-11ee-8000-525400000001").is_ok());
    }

    #[test]
    fn hex_and_other_texts() {
        let mut mapping = ad();
        mapping.id = IdAttribute {
            name: "guid".into(),
            form: IdForm::Hex,
        };
        let id = id_of(&with("guid", &[0, 0xab, 0x2a]), &mapping).unwrap();
        assert_eq!(id.as_str(), "00ab2a");
        assert_eq!(id_filter(&mapping, &id), "(guid=\\00\\ab\\2a)");
        assert!(id_of(&with("guid", b""), &mapping).is_err());
        mapping.id = IdAttribute {
            name: "employeenumber".into(),
            form: IdForm::Text,
        };
        let id = id_of(&with("employeenumber", "*Ä(1)\\".as_bytes()), &mapping).unwrap();
        assert_eq!(
            id_filter(&mapping, &id),
            "(employeenumber=\\2a\\c3\\a4\\281\\29\\5c)"
        );
    }

    proptest! {
        #[test]
        fn every_guid_finds_its_own_bytes(bytes in proptest::array::uniform16(1u8..)) {
            let id = id_of(&with("objectguid", &bytes), &ad()).unwrap();
            prop_assert_eq!(guid_bytes(id.as_str()), Some(bytes));
        }

        #[test]
        fn no_id_panics(value in proptest::collection::vec(any::<u8>(), 0..300), text in "\\PC{0,50}") {
            for form in [IdForm::Text, IdForm::Guid, IdForm::Hex] {
                let mut mapping = ad();
                mapping.id.form = form;
                let _ = id_of(&with("objectguid", &value), &mapping);
                let _ = id_filter(&mapping, &DirectoryId::new(text.clone()));
            }
        }
    }
}
