//! Reads values of attributes as text.

use std::collections::BTreeMap;

use crate::model::{AccountPart, Entry, printable, visible};

/// The parts of an account that cannot be read, each with the attribute whose value is not text.
pub(super) type UnreadableParts = BTreeMap<AccountPart, String>;

/// The text values of an attribute, cleaned; empty ones are left out.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Texts {
    /// The values in the order of the server, which has no meaning.
    pub(super) values: Vec<String>,
    /// Whether a value was not UTF-8.
    pub(super) unreadable: bool,
}

impl Texts {
    /// Reads the texts of an attribute, given in lower case.
    pub(super) fn of(entry: &Entry, attribute: &str) -> Self {
        let mut texts = Self::default();
        for value in entry.values(attribute) {
            match std::str::from_utf8(value) {
                Ok(text) => texts
                    .values
                    .extend(Some(clean(text)).filter(|t| !t.is_empty())),
                Err(_) => texts.unreadable = true,
            }
        }
        texts
    }

    /// Reads the texts of an attribute with usernames, and marks invisible characters, because a
    /// name with them looks like one without.
    pub(super) fn of_names(entry: &Entry, attribute: &str) -> Self {
        let mut texts = Self::default();
        for value in entry.values(attribute) {
            match std::str::from_utf8(value) {
                Ok(text) => texts
                    .values
                    .extend(Some(marked(text)).filter(|_| !clean(text).is_empty())),
                Err(_) => texts.unreadable = true,
            }
        }
        texts
    }

    /// Returns the value to take where there can be only one: the first in sorted order, which is
    /// always the same.
    pub(super) fn first(&self) -> Option<&String> {
        self.values.iter().min()
    }
}

/// Returns a text without invisible characters: runs of white space (line ends too) become one
/// space, and are removed at the ends; control, zero-width and direction characters are removed,
/// unless they join the parts of one visible character, such as a family of emoji.
pub(crate) fn clean(text: &str) -> String {
    let visible = visible(text);
    visible.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Returns a text with [`crate::model::Account::HIDDEN`] for each invisible character.
fn marked(text: &str) -> String {
    let marked = printable(text);
    marked.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_sees_goes() {
        for (dirty, want) in [
            (" Jordan\n", "Jordan"),
            ("Alice\u{a0}\t Jordan", "Alice Jordan"),
            ("\u{feff}Al\u{200b}ice\u{202e}", "Alice"),
            ("Al\u{0}i\u{7f}ce", "Alice"),
            (" \u{200b}\n", ""),
            ("Zoë 李", "Zoë 李"),
            ("A\u{200d}nna\u{200d}", "Anna"),
            ("\u{200d}\u{200d}Anna", "Anna"),
            ("Anna\u{e0041}\u{e007f}", "Anna"),
            ("a\u{301}\u{200b}b", "a\u{301}b"),
        ] {
            assert_eq!(clean(dirty), want);
        }
    }

    #[test]
    fn what_holds_one_character_together_stays() {
        for whole in [
            // A family, one with a skin tone, a person at work, a heart on fire.
            "\u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467}\u{200d}\u{1f466}",
            "\u{1f9d1}\u{1f3fd}\u{200d}\u{1f680}",
            "\u{1f469}\u{200d}\u{2695}\u{fe0f}",
            "\u{2764}\u{fe0f}\u{200d}\u{1f525}",
            // Scotland, Germany, a keycap.
            "\u{1f3f4}\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f}",
            "\u{1f1e9}\u{1f1ea}",
            "1\u{fe0f}\u{20e3}",
            // A letter and a vowel of Devanagari that are written as one.
            "\u{915}\u{94d}\u{200d}\u{937}",
        ] {
            let text = format!("Anna {whole} Meier");
            assert_eq!(clean(&text), text, "{whole}");
        }
        let hanging = "\u{1f468}\u{200d} Anna";
        assert_eq!(clean(hanging), "\u{1f468} Anna");
        let twice = "\u{1f468}\u{200d}\u{200d}\u{1f469}";
        assert_eq!(clean(twice), "\u{1f468}\u{1f469}");
    }

    #[test]
    fn bytes_that_are_no_text_are_unreadable_and_not_empty() {
        let mut entry = Entry::default();
        entry.attributes.insert(
            "cn".into(),
            vec![vec![0xff], b" ".to_vec(), b"b".to_vec(), b"a".to_vec()],
        );
        let texts = Texts::of(&entry, "cn");
        assert!(texts.unreadable);
        assert_eq!(texts.values, ["b", "a"]);
        assert_eq!(texts.first().map(String::as_str), Some("a"));
        assert_eq!(Texts::of(&entry, "sn"), Texts::default());
    }
}
