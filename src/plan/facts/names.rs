//! The usernames that Mattermost accepts.
//!
//! The rules were measured on servers 5.38 and 11.6: 1 to 64 of `[a-z0-9._-]`, not reserved.

use std::borrow::Cow;
use std::collections::BTreeSet;

use unicode_normalization::UnicodeNormalization;

use crate::model::{Account, Oddity};

/// The largest number of characters of a username.
pub const USERNAME_MAX: usize = 64;

/// Usernames that the server refuses.
const RESERVED_USERNAMES: [&str; 4] = ["all", "channel", "matterbot", "system"];

/// Returns the legal form of a username: NFKC, transliterated, in lower case, other characters
/// replaced by a hyphen, at most 64 characters. `None` if nothing legal is left.
pub fn legal_username(raw: &str) -> Option<String> {
    legal(raw).map(Cow::into_owned)
}

/// Returns what [`legal_username`] does, without a copy of a name that is legal as it is; most are.
pub fn legal(raw: &str) -> Option<Cow<'_, str>> {
    if is_plain(raw) {
        return Some(Cow::Borrowed(raw));
    }
    made_legal(raw).map(Cow::Owned)
}

/// Returns a username of the directory in the form in which rights are compared: only upper and
/// lower case are the same. `None` for a name that has ordinary letters only after a change of case
/// (the Kelvin sign becomes k).
pub fn own_name(raw: &str) -> Option<String> {
    if raw.is_ascii() {
        return Some(raw.trim().to_ascii_lowercase());
    }
    let name: String = raw.trim().nfc().collect::<String>().to_lowercase();
    (!name.is_ascii()).then_some(name)
}

/// Returns whether the legal form is the directory's own name, apart from upper and lower case.
pub fn is_exact(raw: &str) -> bool {
    legal(raw).is_some_and(|name| name == raw.to_ascii_lowercase())
}

/// Returns what makes a name look like another one.
pub fn oddity(raw: &str) -> Option<Oddity> {
    if raw.is_ascii() {
        return None;
    }
    let scripts: BTreeSet<Script> = raw.chars().filter_map(Script::of).collect();
    if raw.contains(Account::HIDDEN) {
        Some(Oddity::Hidden)
    } else if scripts.len() > 1 {
        Some(Oddity::SeveralScripts)
    } else if raw.nfkc().ne(raw.nfc()) {
        Some(Oddity::UnusualForm)
    } else {
        None
    }
}

/// The scripts whose letters look alike.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Script {
    Latin,
    Greek,
    Cyrillic,
    Armenian,
    Other,
}

impl Script {
    fn of(c: char) -> Option<Self> {
        if !c.is_alphabetic() {
            return None;
        }
        match c {
            '\u{0}'..='\u{24f}'
            | '\u{250}'..='\u{2ff}'
            | '\u{1d00}'..='\u{1dbf}'
            | '\u{1e00}'..='\u{1eff}'
            | '\u{2c60}'..='\u{2c7f}'
            | '\u{a720}'..='\u{a7ff}'
            | '\u{ab30}'..='\u{ab6f}'
            | '\u{fb00}'..='\u{fb06}'
            | '\u{ff21}'..='\u{ff5a}' => Some(Self::Latin),
            '\u{370}'..='\u{3ff}' | '\u{1f00}'..='\u{1fff}' => Some(Self::Greek),
            '\u{400}'..='\u{52f}' | '\u{1c80}'..='\u{1c8f}' | '\u{2de0}'..='\u{2dff}' => {
                Some(Self::Cyrillic)
            }
            '\u{530}'..='\u{58f}' => Some(Self::Armenian),
            // Names of East Asia are written in several scripts, beside Latin letters.
            '\u{1100}'..='\u{11ff}'
            | '\u{2e80}'..='\u{a4cf}'
            | '\u{ac00}'..='\u{d7ff}'
            | '\u{f900}'..='\u{faff}'
            | '\u{ff66}'..='\u{ffdc}'
            | '\u{20000}'..='\u{3ffff}' => None,
            _ => Some(Self::Other),
        }
    }
}

fn made_legal(raw: &str) -> Option<String> {
    let seen = raw.chars().filter(|c| *c != Account::HIDDEN);
    let seen: String = seen.collect();
    let normal: String = seen.trim().nfkc().collect();
    let ascii = any_ascii::any_ascii(&normal.to_lowercase()).to_lowercase();
    let mut name = String::with_capacity(ascii.len());
    for c in ascii.trim().chars() {
        match c {
            'a'..='z' | '0'..='9' | '.' | '_' | '-' => name.push(c),
            '\'' | '`' | '"' => {}
            _ if name.ends_with('-') => {}
            _ => name.push('-'),
        }
    }
    name.truncate(USERNAME_MAX);
    let name = name.trim_matches(|c| c == '-');
    let usable = name.chars().any(|c| c.is_ascii_alphanumeric());
    if !usable {
        return None;
    }
    if RESERVED_USERNAMES.contains(&name) {
        return Some(format!("{name}-1"));
    }
    Some(name.to_owned())
}

/// Returns whether [`made_legal`] would leave a name as it is.
fn is_plain(raw: &str) -> bool {
    let legal = |b: u8| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-');
    raw.len() <= USERNAME_MAX
        && raw.bytes().all(legal)
        && raw.bytes().any(|b| b.is_ascii_alphanumeric())
        && !raw.starts_with('-')
        && !raw.ends_with('-')
        && !RESERVED_USERNAMES.contains(&raw)
}

/// Returns `base` with a number, cut so that it stays legal.
pub fn with_suffix(base: &str, suffix: &str) -> String {
    let room = USERNAME_MAX.saturating_sub(suffix.len());
    let cut: String = base.chars().take(room).collect();
    format!("{}{suffix}", cut.trim_end_matches(['-', '.', '_']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usernames_become_legal() {
        for (raw, legal) in [
            ("pluto", Some("pluto")),
            ("  Pluto ", Some("pluto")),
            ("goofy@example.org", Some("goofy-example.org")),
            ("anna maria", Some("anna-maria")),
            ("O'Brien", Some("obrien")),
            ("Jürgen.Groß", Some("jurgen.gross")),
            ("Łukasz", Some("lukasz")),
            ("ｗｉｄｅ", Some("wide")),
            ("system", Some("system-1")),
            ("ALL", Some("all-1")),
            ("...", None),
            ("", None),
            ("!!!", None),
        ] {
            assert_eq!(legal_username(raw).as_deref(), legal, "{raw:?}");
        }
        assert_eq!(legal_username(&"x".repeat(300)).map(|n| n.len()), Some(64));
    }

    #[test]
    fn making_legal_twice_changes_nothing() {
        for raw in [
            "Jürgen Groß",
            "-a-",
            "a--b",
            "Мария",
            "王小明",
            "a\u{301}b",
            "_x_",
            "system",
        ] {
            let once = legal_username(raw).unwrap();
            assert_eq!(legal_username(&once), Some(once.clone()), "{raw:?}");
        }
    }

    #[test]
    fn a_name_that_looks_like_another_one_is_not_that_one() {
        for (raw, exact, odd) in [
            ("alice", true, false),
            ("Alice", true, false),
            ("al.ice_2", true, false),
            ("al'ice", false, false),
            ("system", false, false),
            ("jürgen", false, false),
            ("Мария", false, false),
            ("王xiaoming", false, false),
            ("аlice", false, true),
            ("αlice", false, true),
            ("ａlice", false, true),
            ("\u{fb01}ona", false, true),
            ("alice\u{fffd}", false, true),
            ("al\u{131}ce", false, false),
        ] {
            assert_eq!(is_exact(raw), exact, "{raw}");
            assert_eq!(oddity(raw).is_some(), odd, "{raw}");
        }
        assert_eq!(legal_username("al\u{fffd}ice").as_deref(), Some("alice"));
        for (raw, own) in [
            (" Alice ", Some("alice")),
            ("JÜRGEN", Some("jürgen")),
            ("ju\u{308}rgen", Some("jürgen")),
            ("ａlice", Some("ａlice")),
            ("\u{212a}ate", None),
        ] {
            assert_eq!(own_name(raw).as_deref(), own, "{raw}");
        }
    }

    #[test]
    fn a_suffix_never_makes_a_name_too_long() {
        assert_eq!(with_suffix("anna", "2"), "anna2");
        assert_eq!(with_suffix(&"x".repeat(64), "12").len(), 64);
    }
}
