//! Distinguished names (RFC 4514), as far as the configuration must judge them.

/// The parts of a name, leaf first; attribute names and values in lower case, escapes resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Dn(Vec<Vec<(String, String)>>);

impl Dn {
    /// Reads a name that is not empty; `Err` says what is wrong with it.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut parts = vec![Vec::new()];
        let mut rest = text.trim();
        if rest.is_empty() {
            return Err("it is empty".into());
        }
        loop {
            let (name, tail) = rest
                .split_once('=')
                .ok_or_else(|| format!("`{rest}` has no `=`"))?;
            let name = name.trim();
            if !super::names::is_attribute(name) {
                return Err(format!("`{name}` is not an attribute name"));
            }
            let (value, separator, tail) = value(tail)?;
            if let Some(part) = parts.last_mut() {
                part.push((name.to_lowercase(), value.to_lowercase()));
            }
            match separator {
                None => return Ok(Self(parts)),
                Some('+') => {}
                Some(_) => parts.push(Vec::new()),
            }
            rest = tail;
        }
    }

    /// Whether this name is `base` or below it.
    pub(super) fn is_within(&self, base: &Self) -> bool {
        self.0.ends_with(&base.0)
    }
}

/// Reads a value up to its separator: the value, the separator, what comes after.
fn value(text: &str) -> Result<(String, Option<char>, &str), String> {
    let mut bytes = Vec::new();
    // How much of `bytes` must stay although it may end in blanks: escaped ones count.
    let mut keep = 0;
    let mut rest = text.trim_start();
    while let Some(c) = rest.chars().next() {
        let tail = &rest[c.len_utf8()..];
        match c {
            ',' | '+' => return finish(bytes, keep, Some(c), tail),
            '\\' => {
                let (escaped, after) = escape(tail)?;
                bytes.extend(escaped);
                keep = bytes.len();
                rest = after;
                continue;
            }
            '"' | ';' | '<' | '>' | '\0' => {
                return Err(format!("`{c}` must be written as `\\{c}`"));
            }
            _ => bytes.extend(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
        rest = tail;
    }
    finish(bytes, keep, None, "")
}

fn finish(
    mut bytes: Vec<u8>,
    keep: usize,
    separator: Option<char>,
    tail: &str,
) -> Result<(String, Option<char>, &str), String> {
    while bytes.len() > keep && bytes.last() == Some(&b' ') {
        bytes.pop();
    }
    if bytes.is_empty() {
        return Err("a part has no value".into());
    }
    let value = String::from_utf8(bytes).map_err(|_| "an escaped value is not UTF-8".to_owned())?;
    Ok((value, separator, tail))
}

/// Reads what follows a backslash: two hexadecimal digits or one special character.
fn escape(tail: &str) -> Result<(Vec<u8>, &str), String> {
    if let Some(hex) = tail.get(..2)
        && hex.bytes().all(|b| b.is_ascii_hexdigit())
        && let Ok(byte) = u8::from_str_radix(hex, 16)
    {
        return Ok((vec![byte], &tail[2..]));
    }
    match tail.chars().next() {
        Some(c) if " #=\"+,;<>\\".contains(c) => Ok((vec![c as u8], &tail[1..])),
        _ => Err(
            "a backslash must be followed by two hexadecimal digits or a special character".into(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_and_compared_without_case_and_blanks() {
        let base = Dn::parse("DC=directory, dc=NH").unwrap();
        assert_eq!(base, Dn::parse("dc=directory,dc=nh").unwrap());
        assert!(
            Dn::parse("uid=a,ou=People,dc=directory,dc=nh")
                .unwrap()
                .is_within(&base)
        );
        assert!(!Dn::parse("uid=a,dc=other,dc=nh").unwrap().is_within(&base));
        assert!(!Dn::parse("dc=nh").unwrap().is_within(&base));
    }

    #[test]
    fn escapes_are_resolved() {
        assert_eq!(
            Dn::parse(r"cn=Jordan\2C Alice+uid=a,o=x").unwrap(),
            Dn::parse(r"cn=jordan\, alice + uid=a,o=x").unwrap()
        );
        assert_ne!(
            Dn::parse(r"cn=a\ ,o=x").unwrap(),
            Dn::parse("cn=a ,o=x").unwrap()
        );
    }

    #[test]
    fn faults_are_named() {
        for (text, what) in [
            ("", "empty"),
            ("example.org", "no `=`"),
            ("dc=a,", "no `=`"),
            ("dc=,dc=nh", "no value"),
            ("d c=a", "attribute name"),
            ("dc=a;dc=b", "`;`"),
            (r"dc=a\", "backslash"),
            (r"dc=a\ff", "UTF-8"),
        ] {
            assert!(Dn::parse(text).is_err_and(|e| e.contains(what)), "{text}");
        }
    }
}
