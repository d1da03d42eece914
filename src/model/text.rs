//! Texts that others wrote, made fit to be shown.

use unicode_normalization::UnicodeNormalization;
use unicode_segmentation::UnicodeSegmentation;

/// Replaces a character that is not shown.
const INSTEAD: char = char::REPLACEMENT_CHARACTER;

/// Returns a text that anybody may have written as one line that shows all that is in it: what
/// would end the line or move the cursor becomes a space, what would steer a terminal, turn the
/// direction of writing or stay invisible becomes U+FFFD. What joins the parts of one visible
/// character (an emoji of a family, a flag) or two letters of a script that joins them stays.
pub fn printable(text: &str) -> String {
    rewritten(text, Some(INSTEAD))
}

/// Returns a text as [`printable`] does, but leaves out what it would replace by U+FFFD.
pub fn visible(text: &str) -> String {
    rewritten(text, None)
}

fn rewritten(text: &str, instead: Option<char>) -> String {
    let mut line = String::with_capacity(text.len());
    let mut graphemes = text.graphemes(true).peekable();
    while let Some(grapheme) = graphemes.next() {
        if grapheme == "\r\n" {
            line.push(' ');
            continue;
        }
        let flag = grapheme.starts_with('\u{1f3f4}');
        let next = graphemes.peek().and_then(|next| next.chars().next());
        let mut before = None;
        let mut chars = grapheme.chars().peekable();
        while let Some(c) = chars.next() {
            let shown = match c {
                '\u{200c}' | '\u{200d}' => {
                    let joins = |c: Option<char>| c.is_some_and(|c| !is_joiner(c));
                    let inside = joins(before) && joins(chars.peek().copied());
                    let after = chars.peek().copied().or(next);
                    (inside || (is_joined(before) && is_joined(after))).then_some(c)
                }
                // Variation selectors choose a form of the character before; a plain letter has
                // only one.
                '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}' => match before {
                    Some(letter) if !letter.is_ascii_alphabetic() => Some(c),
                    _ => None,
                },
                '\u{e0020}'..='\u{e007f}' if flag => Some(c),
                c if ends_a_line(c) => Some(' '),
                c if c.is_control() || is_invisible(c) => None,
                c => Some(c),
            };
            line.extend(shown.or(instead));
            before = Some(c);
        }
    }
    line
}

/// Returns a value as `caseIgnoreMatch` compares it (RFC 4517, 4.2.11): NFKC, lower case, runs of
/// spaces as one, none at the ends.
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

/// Returns a word as a shell needs it, for a command that somebody is to type.
pub fn shell_word(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.,:=@/+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

fn ends_a_line(c: char) -> bool {
    matches!(
        c,
        '\t' | '\n' | '\u{b}' | '\u{c}' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}'
    )
}

fn is_joiner(c: char) -> bool {
    matches!(c, '\u{200c}' | '\u{200d}')
}

/// Returns whether a character is a letter of a script in which a joiner between two letters is a
/// part of how a word is written: Arabic and its neighbours, and the scripts of India.
fn is_joined(c: Option<char>) -> bool {
    c.is_some_and(|c| {
        matches!(c, '\u{600}'..='\u{8ff}' | '\u{900}'..='\u{dff}')
            && c.is_alphanumeric() | is_sign(c)
    })
}

/// Returns whether a character is a sign that ends a syllable in the scripts of India; these signs
/// are not letters.
fn is_sign(c: char) -> bool {
    matches!(
        c,
        '\u{94d}'
            | '\u{9cd}'
            | '\u{a4d}'
            | '\u{acd}'
            | '\u{b4d}'
            | '\u{bcd}'
            | '\u{c4d}'
            | '\u{ccd}'
            | '\u{d4d}'
            | '\u{dca}'
    )
}

/// Returns whether a character has neither width nor ink, or turns the direction of writing.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}' | '\u{200e}' | '\u{200f}'
        | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}'
        | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_steers_hides_or_begins_a_line() {
        for (dirty, shown) in [
            ("a\nb\r\nc\rd", "a b c d"),
            ("a\u{85}b\u{2028}c\u{2029}d\u{b}e", "a b c d e"),
            (
                "\x1b[2Ja\u{9b}31m\x07\x7f",
                "\u{fffd}[2Ja\u{fffd}31m\u{fffd}\u{fffd}",
            ),
            (
                "a\u{202e}b\u{2066}c\u{61c}d",
                "a\u{fffd}b\u{fffd}c\u{fffd}d",
            ),
            (
                "ad\u{200b}mi\u{feff}n\u{ad}",
                "ad\u{fffd}mi\u{fffd}n\u{fffd}",
            ),
            ("ad\u{200d}min\u{200c}", "ad\u{fffd}min\u{fffd}"),
            ("\u{200d}x\u{200d}", "\u{fffd}x\u{fffd}"),
            ("a\u{fe0f}b\u{e0041}c", "a\u{fffd}b\u{fffd}c"),
            ("\u{3164}\u{2800}", "\u{fffd}\u{fffd}"),
        ] {
            assert_eq!(printable(dirty), shown, "{dirty:?}");
        }
    }

    #[test]
    fn what_people_are_called_stays() {
        for name in [
            "Zoë O'Neil-李 (Ops)",
            "e\u{301}\u{323}",
            "👩\u{200d}👩\u{200d}👧\u{200d}👦",
            "❤\u{fe0f} 1\u{fe0f}\u{20e3}",
            "👩🏽\u{200d}🚀",
            "🏴\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}",
            // Persian "Alireza", Sinhala "Sri".
            "علی\u{200c}رضا",
            "ශ\u{dca}\u{200d}රී",
        ] {
            assert_eq!(printable(name), name);
            assert_eq!(visible(name), name);
        }
    }

    #[test]
    fn a_word_is_pasted_as_it_is_and_does_nothing() {
        assert_eq!(shell_word("anna.x@example.org"), "anna.x@example.org");
        assert_eq!(shell_word("uid=a b;$(reboot)"), "'uid=a b;$(reboot)'");
        assert_eq!(shell_word("o'neil"), r"'o'\''neil'");
        assert_eq!(shell_word(""), "''");
    }
}
