//! Values of attributes as text.

use crate::model::{Account, Entry};

/// Text values of an attribute, cleaned, empty ones left out.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Texts {
    /// In the order of the server, which means nothing.
    pub(super) values: Vec<String>,
    /// Whether a value was no UTF-8: there is something that cannot be read.
    pub(super) unreadable: bool,
}

impl Texts {
    /// The texts of an attribute, given in lower case.
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

    /// The same for names by which people are told apart: what nobody sees is marked, for a name with
    /// and one without it look the same.
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

    /// The value to take where only one can be: the first in sorted order, the same every time.
    pub(super) fn first(&self) -> Option<&String> {
        self.values.iter().min()
    }
}

/// A text for people without what nobody sees: runs of white space (line ends too) become one
/// space, none stay at the ends; control, zero-width and direction characters go.
pub fn clean(text: &str) -> String {
    let visible: String = text.chars().filter(|c| !is_invisible(*c)).collect();
    visible.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn marked(text: &str) -> String {
    let mark = |c| match is_invisible(c) {
        true => Account::HIDDEN,
        false => c,
    };
    clean(&text.chars().map(mark).collect::<String>())
}

fn is_invisible(c: char) -> bool {
    (c.is_control() && !c.is_whitespace())
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
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
        ] {
            assert_eq!(clean(dirty), want);
        }
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
