//! Finds locks in the values of `userPassword`. No part of a value leaves this file.

use super::verdict::Verdict;

/// Schemes after which `!` may be a part of the password itself. All others are followed by a hash
/// in base64, in hex or of crypt(3), or by a name, none of which begins with `!` or `*`.
const WITHOUT_HASH: [&str; 4] = ["CLEAR", "CLEARTEXT", "CRYPT-SHA512", "PLAIN"];

/// What one value shows.
enum PasswordState {
    /// The password can be used.
    Open,
    /// A lock was written before the hash.
    Locked,
    /// The account has no password yet.
    NotYet,
    /// Nobody can log in with it, and it is not known whether that is meant as a lock.
    Useless,
}

/// Judges the values: the account is locked when no value is left that opens it. An account without
/// a password is locked until it has one.
pub(super) fn judge(values: &[Vec<u8>]) -> Verdict {
    let said: Vec<PasswordState> = values
        .iter()
        .map(|value| judge_value(value.trim_ascii()))
        .collect();
    let all = |is: fn(&PasswordState) -> bool| said.iter().all(is);
    if said.iter().any(|said| matches!(said, PasswordState::Open)) {
        Verdict::Open
    } else if all(|said| matches!(said, PasswordState::NotYet)) {
        Verdict::Locked("!!: it has no password yet".to_owned())
    } else if all(|said| matches!(said, PasswordState::Locked | PasswordState::NotYet)) {
        Verdict::Locked("a password that is locked with ! or *LK*".to_owned())
    } else {
        Verdict::Unclear("no password that could be used: neither locked nor ready".to_owned())
    }
}

/// Judges one value. LDAP Account Manager, GOsa, FusionDirectory and usermod(8) write `!` after the
/// scheme, and old versions of the first before it; Solaris writes `*LK*`. A Linux account has `!!`
/// before its first password, and `x` where the hash is stored elsewhere.
fn judge_value(value: &[u8]) -> PasswordState {
    let Some((scheme, hash)) = in_two(value) else {
        return match value {
            [b'!', rest @ ..] if in_two(rest).is_some() => PasswordState::Locked,
            _ if value.starts_with(b"*LK*") => PasswordState::Locked,
            b"!!" => PasswordState::NotYet,
            b"" | b"!" | b"*" | b"x" | b"!*" | b"*!" | b"NP" | b"*NP*" => PasswordState::Useless,
            _ => PasswordState::Open,
        };
    };
    match hash {
        _ if is_without_hash(scheme) => PasswordState::Open,
        b"!!" => PasswordState::NotYet,
        b"" => PasswordState::Useless,
        [b'!', ..] => PasswordState::Locked,
        [b'*', rest @ ..] if rest.starts_with(b"LK*") => PasswordState::Locked,
        [b'*', ..] => PasswordState::Useless,
        // The shortest hash of crypt(3) has 13 characters; the newer ones begin with $ or _.
        [first, ..] if is_crypt(scheme) && !matches!(first, b'$' | b'_') && hash.len() < 13 => {
            PasswordState::Useless
        }
        _ => PasswordState::Open,
    }
}

/// Splits a value into the scheme and the rest.
fn in_two(value: &[u8]) -> Option<(&[u8], &[u8])> {
    let rest = value.strip_prefix(b"{")?;
    let end = rest.iter().position(|b| *b == b'}')?;
    let scheme = &rest[..end];
    let legal = |b: &u8| b.is_ascii_alphanumeric() || b"-_./".contains(b);
    (!scheme.is_empty() && scheme.iter().all(legal)).then(|| (scheme, &rest[end + 1..]))
}

fn is_crypt(scheme: &[u8]) -> bool {
    scheme.eq_ignore_ascii_case(b"CRYPT")
}

fn is_without_hash(scheme: &[u8]) -> bool {
    let mut names = WITHOUT_HASH.iter();
    names.any(|name| scheme.eq_ignore_ascii_case(name.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter(values: &[&str]) -> char {
        let values: Vec<_> = values.iter().map(|v| v.as_bytes().to_vec()).collect();
        match judge(&values) {
            Verdict::Open => 'a',
            Verdict::Locked(_) => 'l',
            _ => 'u',
        }
    }

    #[test]
    fn every_scheme() {
        for (value, want) in [
            ("{SSHA}zzzzzz", 'a'),
            ("{SSHA}!zzzzzz", 'l'),
            ("!{SSHA}zzzzzz", 'l'),
            ("{ssha512}!zz", 'l'),
            ("{PBKDF2_SHA256}!AAA", 'l'),
            ("{PBKDF2-SHA512}!AAA", 'l'),
            ("{ARGON2}!$argon2id$v=19$x", 'l'),
            ("{SHA512-CRYPT}!$6$x", 'l'),
            ("{SSHA.b64}!zz", 'l'),
            ("{SASL}!anna@REALM", 'l'),
            ("{SASL}anna@REALM", 'a'),
            ("{CRYPT}!$6$abc", 'l'),
            ("{crypt}*LK*$5$abc", 'l'),
            ("{CRYPT}!!", 'l'),
            ("!!", 'l'),
            ("{CRYPT}*", 'u'),
            ("{CRYPT}*NP*", 'u'),
            ("{crypt}x", 'u'),
            ("{CRYPT}", 'u'),
            ("{CRYPT}abJnggxhB/yWI", 'a'),
            ("{CRYPT}_J9..rasmBYk8r9AiWNc", 'a'),
            ("{SSHA}", 'u'),
            ("!", 'u'),
            ("*", 'u'),
            ("", 'u'),
            ("{SSHA384}!zz", 'l'),
            ("{PKCS5S2}!zz", 'l'),
            ("{GOST_YESCRYPT}!$gy$x", 'l'),
            ("{X-OUR-OWN}!zz", 'l'),
            ("{X-OUR-OWN}zz", 'a'),
            ("*LK*", 'l'),
            ("*LK*{SSHA}zz", 'l'),
            // Without a hash the ! may belong to the password.
            ("{CRYPT-SHA512}!$6$abc", 'a'),
            ("{CLEARTEXT}!secret", 'a'),
            ("!secret", 'a'),
            ("secret", 'a'),
        ] {
            assert_eq!(letter(&[value]), want, "{value}");
        }
        assert_eq!(letter(&["{SSHA}!x", "{SSHA}x"]), 'a');
        assert_eq!(letter(&["{SSHA}!x", "!{MD5}x"]), 'l');
        assert_eq!(letter(&["{SSHA}!x", "{CRYPT}*"]), 'u');
        assert_eq!(letter(&["{SSHA}!x", "{CRYPT}!!"]), 'l');
        assert_eq!(letter(&["{SSHA}x", "{CRYPT}!!"]), 'a');
    }
}
