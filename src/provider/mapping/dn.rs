//! Distinguished names (RFC 4514), as far as comparing them needs.
//!
//! Two spellings of one name become one text: attribute types and values in lower case, escapes
//! in one form, no spaces around separators, the parts of a multi-valued RDN sorted. Values are
//! compared as `caseIgnoreMatch` does (RFC 4517, 4.2.11), which every naming attribute of the
//! supported schemas has; type aliases (`2.5.4.3` for `cn`) are not resolved.

use unicode_normalization::UnicodeNormalization;

/// One attribute and value of an RDN, both folded for comparison.
type Ava = (String, String);

/// The name in its form for comparison. A text that is no DN is returned in lower case, trimmed.
pub fn normalise(dn: &str) -> String {
    match parse(dn) {
        Some(rdns) => render(&rdns),
        None => dn.trim().to_lowercase(),
    }
}

/// The parent's name in its form for comparison; empty for a name without parent.
pub fn parent(dn: &str) -> String {
    parse(dn)
        .and_then(|rdns| rdns.get(1..).map(render))
        .unwrap_or_default()
}

/// Whether `dn` is `base` or below it, both as [`normalise`] returns them. Everything is below
/// the empty name.
pub fn is_within(dn: &str, base: &str) -> bool {
    // `=` and `,` inside values are escaped, so a base can only match at an RDN's beginning.
    base.is_empty()
        || dn
            .strip_suffix(base)
            .is_some_and(|rest| rest.is_empty() || rest.ends_with(','))
}

/// Whether the text can be read as a DN with at least one RDN.
pub fn is_dn(text: &str) -> bool {
    parse(text).is_some_and(|rdns| !rdns.is_empty())
}

/// The value, folded for comparison, that an attribute (in lower case) has in the first RDN.
pub fn rdn_value(dn: &str, attribute: &str) -> Option<String> {
    let first = parse(dn)?.into_iter().next()?;
    let found = first.into_iter().find(|(name, _)| name == attribute);
    found.map(|(_, value)| value)
}

/// A value as it is compared: NFKC, lower case, runs of spaces as one, none at the ends.
pub fn fold(value: &str) -> String {
    let folded = if value.is_ascii() {
        value.to_ascii_lowercase()
    } else {
        // Lower case can undo the normal form, and the normal form can make spaces.
        let lower = value.nfkc().collect::<String>().to_lowercase();
        lower.nfkc().collect()
    };
    folded.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn parse(dn: &str) -> Option<Vec<Vec<Ava>>> {
    let mut rdns = Vec::new();
    let mut rest = dn.trim();
    if rest.is_empty() {
        return Some(rdns);
    }
    let mut rdn = Vec::new();
    loop {
        let (name, after) = rest.split_once('=')?;
        let name = name.trim();
        let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | ';' | '_');
        if name.is_empty() || !name.chars().all(legal) {
            return None;
        }
        let (value, separator, after) = parse_value(after)?;
        rdn.push((name.to_ascii_lowercase(), value));
        if separator != Some('+') {
            rdn.sort();
            rdns.push(std::mem::take(&mut rdn));
        }
        if separator.is_none() {
            return Some(rdns);
        }
        rest = after;
    }
}

/// Reads a value up to its separator: the folded value, the separator, and what follows it.
fn parse_value(text: &str) -> Option<(String, Option<char>, &str)> {
    let mut bytes = Vec::with_capacity(text.len().min(64));
    let mut chars = text.char_indices();
    let mut end = (None, "");
    while let Some((at, c)) = chars.next() {
        match c {
            ',' | '+' => {
                end = (Some(c), text.get(at + 1..).unwrap_or_default());
                break;
            }
            '\\' => unescape(&mut chars, &mut bytes)?,
            _ => bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    let value = match String::from_utf8(bytes) {
        Ok(value) => fold(&value),
        // Bytes that are no text can only be compared as bytes; NUL keeps them apart from texts.
        Err(e) => e.as_bytes().iter().fold("\0".to_owned(), |hex, b| {
            use std::fmt::Write;
            let mut hex = hex;
            let _ = write!(hex, "{b:02x}");
            hex
        }),
    };
    Some((value, end.0, end.1))
}

/// After a backslash: two hex digits for one byte, or one character that stands for itself.
fn unescape(chars: &mut std::str::CharIndices<'_>, bytes: &mut Vec<u8>) -> Option<()> {
    let (_, first) = chars.next()?;
    let Some(high) = first.to_digit(16) else {
        bytes.extend_from_slice(first.encode_utf8(&mut [0; 4]).as_bytes());
        return Some(());
    };
    let (_, second) = chars.next()?;
    bytes.push(u8::try_from(high * 16 + second.to_digit(16)?).ok()?);
    Some(())
}

fn render(rdns: &[Vec<Ava>]) -> String {
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
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn spellings_of_one_name_are_one() {
        let canonical = "uid=alice,ou=people,dc=directory,dc=nh";
        for spelling in [
            "uid=alice,ou=People,dc=directory,dc=nh",
            "UID = Alice , OU=people,  DC=Directory,dc=nh ",
            "uid=\\61lice,ou=peop\\6ce,dc=directory,dc=nh",
        ] {
            assert_eq!(normalise(spelling), canonical, "{spelling}");
        }
        assert_eq!(normalise("cn=M\\C3\\BCller"), normalise("CN=Mu\u{308}ller"));
        assert_eq!(normalise("cn=a\\, b,dc=x"), normalise("cn=A\\2c b,dc=x"));
        assert_eq!(normalise("sn=b+cn=a,dc=x"), normalise("CN=a + SN=b,dc=x"));
        assert_ne!(normalise("cn=a\\,dc=x"), normalise("cn=a,dc=x"));
    }

    #[test]
    fn an_escaped_separator_is_no_border() {
        let base = normalise("dc=x");
        assert!(is_within(&normalise("ou=p, DC=X"), &base));
        assert!(is_within(&base, &base));
        assert!(!is_within(&normalise("cn=a\\,dc\\=x"), &base));
        assert!(!is_within(&normalise("cn=a,dc=xx"), &normalise("dc=x")));
        assert!(!is_within("adc=x", "dc=x"));
        assert!(is_within("cn=a", ""));
    }

    #[test]
    fn parents_and_rdn_values() {
        let dn = "CN=Jordan\\, Alice+uid=Alice,OU=Staff,DC=x";
        assert_eq!(parent(dn), "ou=staff,dc=x");
        assert_eq!(parent("dc=x"), "");
        assert_eq!(rdn_value(dn, "uid").as_deref(), Some("alice"));
        assert_eq!(rdn_value(dn, "cn").as_deref(), Some("jordan, alice"));
        assert_eq!(rdn_value(dn, "mail"), None);
    }

    #[test]
    fn what_is_no_dn_is_told() {
        assert!(is_dn("cn=a"));
        for text in [
            "",
            "alice",
            "=a",
            "cn=a,",
            "cn=a\\",
            "cn=a\\6",
            "c n=a,dc=x",
        ] {
            assert!(!is_dn(text), "{text}");
        }
        assert_eq!(normalise(" Alice "), "alice");
    }

    #[test]
    fn folding_twice_changes_no_character() {
        for c in (0..0x2_0000).filter_map(char::from_u32) {
            let once = fold(&c.to_string());
            assert_eq!(fold(&once), once, "{c:?}");
        }
    }

    proptest! {
        #[test]
        fn normalising_twice_changes_nothing(text in "\\PC{0,40}") {
            let once = normalise(&text);
            prop_assert_eq!(normalise(&once), once.clone());
            prop_assert!(is_within(&once, &parent(&once)));
        }

        #[test]
        fn names_with_any_value_keep_their_parent(value in "[^\0]{1,20}") {
            let hex: String = value.bytes().map(|b| format!("\\{b:02x}")).collect();
            let dn = format!("cn={hex},OU=P,dc=x");
            prop_assert_eq!(parent(&dn), "ou=p,dc=x");
            prop_assert_eq!(normalise(&normalise(&dn)), normalise(&dn));
        }
    }
}
