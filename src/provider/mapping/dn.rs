//! Distinguished names (RFC 4514), as far as comparing them needs.
//!
//! Two spellings of one name become one text: attribute types and values in lower case, escapes
//! in one form, no spaces around separators, the parts of a multi-valued RDN sorted. The older forms
//! that RFC 2253, section 4, tells to accept are read too: values in quotation marks, `;` between RDNs,
//! `OID.` before a numeric type. Values are compared as `caseIgnoreMatch` does (RFC 4517, 4.2.11), which
//! every naming attribute of the supported schemas has.

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

/// The attributes (in lower case) and values (folded for comparison) of the first RDN.
pub fn first_rdn(dn: &str) -> Option<Vec<(String, String)>> {
    parse(dn)?.into_iter().next()
}

/// The value, folded for comparison, that an attribute (in lower case) has in the first RDN.
pub fn rdn_value(dn: &str, attribute: &str) -> Option<String> {
    let attribute = one_type(attribute);
    let found = first_rdn(dn)?
        .into_iter()
        .find(|(name, _)| *name == attribute);
    found.map(|(_, value)| value)
}

/// A value as it is compared: NFKC, lower case, runs of spaces as one, none at the ends.
pub fn fold(value: &str) -> String {
    let is_plain = |b: u8| b.is_ascii() && b > b' ';
    if value.bytes().all(is_plain) {
        return value.to_ascii_lowercase();
    }
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
        if !is_type(name) {
            return None;
        }
        let (value, separator, after) = parse_value(after)?;
        rdn.push((one_type(&name.to_ascii_lowercase()), value));
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

fn is_type(name: &str) -> bool {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    !name.is_empty() && name.chars().all(legal)
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

/// The type by one name, of a name in lower case.
fn one_type(name: &str) -> String {
    let name = name.strip_prefix("oid.").unwrap_or(name);
    let known = ALIASES.iter().find(|(_, others)| others.contains(&name));
    known.map_or(name, |(short, _)| short).to_owned()
}

/// Reads a value up to its separator: the folded value, the separator, and what follows it.
fn parse_value(text: &str) -> Option<(String, Option<char>, &str)> {
    let trimmed = text.trim_start();
    // A mark without its other half stands for itself.
    if let Some(quoted) = trimmed.strip_prefix('"')
        && let Some(parsed) = parse_quoted(quoted)
    {
        return Some(parsed);
    }
    let mut bytes = Vec::with_capacity(text.len().min(64));
    let mut chars = text.char_indices();
    let mut end = (None, "");
    while let Some((at, c)) = chars.next() {
        match c {
            ',' | '+' | ';' => {
                let rest = text.get(at + 1..).unwrap_or_default();
                // Sloppy programs write a semicolon inside a value as it is.
                let is_border =
                    c != ';' || rest.split_once('=').is_some_and(|(t, _)| is_type(t.trim()));
                if is_border {
                    end = (Some(c), rest);
                    break;
                }
                bytes.push(b';');
            }
            '\\' => unescape(&mut chars, &mut bytes)?,
            _ => bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    if trimmed.starts_with('#') {
        bytes = decoded(&bytes).unwrap_or(bytes);
    }
    Some((folded(bytes), end.0, end.1))
}

/// Reads the rest of a value in quotation marks, in which only they and the backslash are escaped.
fn parse_quoted(text: &str) -> Option<(String, Option<char>, &str)> {
    let mut bytes = Vec::with_capacity(text.len().min(64));
    let mut chars = text.char_indices();
    loop {
        match chars.next()? {
            (_, '\\') => unescape(&mut chars, &mut bytes)?,
            (_, '"') => break,
            (_, c) => bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    let rest = chars.as_str().trim_start();
    let separator = rest.chars().next();
    match separator {
        None | Some(',' | '+' | ';') => {}
        Some(_) => return None,
    }
    Some((folded(bytes), separator, rest.get(1..).unwrap_or_default()))
}

/// The value that `#` and the hex digits of its BER encoding stand for (RFC 4514, 2.4): the contents
/// of a string, else the whole encoding.
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

/// The text of a value as it is compared. Bytes that are no text can only be compared as bytes; NUL
/// keeps them apart from texts.
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
    fn the_older_forms_are_read_too() {
        let name = normalise("cn=Zand\\, Peter,ou=People,dc=x");
        for spelling in [
            "cn=\"Zand, Peter\",ou=People,dc=x",
            "CN = \"Zand, Peter\" , OU=People;DC=x",
            "cn=Zand\\2C Peter;ou=people;dc=x",
            "cn=Zand\\2c\\20Peter,ou=\"People\",dc=\"x\"",
            "OID.2.5.4.3=Zand\\, Peter,2.5.4.11=People,domainComponent=x",
            "cn=#0C0B5A616E642C205065746572,ou=People,dc=x",
            "commonName=Zand\\, Peter, organizationalUnitName=People, dc=x",
        ] {
            assert_eq!(normalise(spelling), name, "{spelling}");
        }
        assert_eq!(
            normalise("cn=\"a \\\" b\"+sn=c"),
            normalise("sn=c+cn=a \\\" b")
        );
        assert_eq!(normalise("cn=\\#0401,dc=x"), normalise("cn=\"#0401\",dc=x"));
        // What is neither is taken as it stands.
        for (odd, same) in [
            ("cn=\"a\" b,dc=x", "cn=\\\"a\\\" b,dc=x"),
            ("cn=#room,dc=x", "cn=\\#room,dc=x"),
            ("cn=Zand; Peter,dc=x", "cn=Zand\\; Peter,dc=x"),
        ] {
            assert_eq!(normalise(odd), normalise(same), "{odd}");
        }
        assert!(!is_dn("cn=\"a\\"));
        assert!(is_within(&normalise("cn=\"a,dc=y\",DC=x"), "dc=x"));
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
