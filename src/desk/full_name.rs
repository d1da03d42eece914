//! Finds people by the name that one says on the telephone.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use crate::model::same_text;

/// The fewest letters with which a word may stand for a longer one that begins so.
const BEGINNING: usize = 3;

/// How well a typed name fits somebody's, the best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    /// It is the whole name, in any order.
    Whole,
    /// Each typed word is a word of the name.
    Words,
    /// Each typed word is a word of the name, or its beginning.
    Beginnings,
}

/// A typed name, without regard to accents, upper and lower case, and the order of its words.
pub struct TypedName(Vec<Word>);

impl TypedName {
    /// Takes a text as a name.
    pub fn of(text: &str) -> Self {
        Self(words(text))
    }

    /// Returns those of several people, each with a full name and a username, whom it fits best.
    pub fn best<'p, T: Ord>(
        &self,
        people: impl Iterator<Item = (Cow<'p, str>, &'p str, T)>,
    ) -> BTreeSet<T> {
        let mut found: BTreeMap<Fit, BTreeSet<T>> = BTreeMap::new();
        for (full_name, username, one) in people {
            if let Some(fit) = self.best_fit([&full_name, username]) {
                found.entry(fit).or_default().insert(one);
            }
        }
        found.pop_first().map(|(_, best)| best).unwrap_or_default()
    }

    /// Returns how well it fits the one of several names that it fits best.
    fn best_fit(&self, names: [&str; 2]) -> Option<Fit> {
        names.into_iter().filter_map(|name| self.fits(name)).min()
    }

    fn fits(&self, name: &str) -> Option<Fit> {
        let words = words(name);
        let all = |is: fn(&Word, &Word) -> bool| {
            let has = |typed| words.iter().any(|word| is(typed, word));
            !self.0.is_empty() && self.0.iter().all(has)
        };
        if !all(Word::begins) {
            return None;
        }
        Some(match all(Word::is) {
            true if self.0.len() == words.len() => Fit::Whole,
            true => Fit::Words,
            false => Fit::Beginnings,
        })
    }
}

/// A word in the spellings that people take for the same: `muller` and `mueller` for `Müller`.
struct Word([String; 2]);

impl Word {
    fn of(word: &str) -> Self {
        let word = word.to_lowercase();
        let plain = any_ascii::any_ascii(&word).to_lowercase();
        let mut german = String::new();
        for letter in word.chars() {
            match letter {
                'ä' => german.push_str("ae"),
                'ö' => german.push_str("oe"),
                'ü' => german.push_str("ue"),
                other => german.push(other),
            }
        }
        Self([plain, any_ascii::any_ascii(&german).to_lowercase()])
    }

    fn is(&self, other: &Self) -> bool {
        let same = |a: &String| other.0.iter().any(|b| same_text(a, b));
        self.0.iter().any(same)
    }

    fn begins(&self, other: &Self) -> bool {
        let begins = |a: &String| {
            let long = a.chars().count() >= BEGINNING;
            long && other.0.iter().any(|b| b.starts_with(a.as_str()))
        };
        self.is(other) || self.0.iter().any(begins)
    }
}

fn words(text: &str) -> Vec<Word> {
    let words = text.split(|c: char| !c.is_alphanumeric());
    words
        .filter(|word| !word.is_empty())
        .map(Word::of)
        .collect()
}

/// Returns the words of a text, each in all spellings that are taken for the same.
pub fn spellings(text: &str) -> Vec<Vec<String>> {
    words(text)
        .into_iter()
        .map(|word| word.0.to_vec())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_as_people_say_it() {
        let fits = |typed: &str| TypedName::of(typed).fits("Jürgen Müller-Lüdenscheidt");
        assert_eq!(fits("Müller-Lüdenscheidt, Jürgen"), Some(Fit::Whole));
        for typed in ["jurgen muller", "JUERGEN MUELLER", "müller", "Jürgen"] {
            assert_eq!(fits(typed), Some(Fit::Words), "{typed}");
        }
        assert_eq!(fits("jür mül"), Some(Fit::Beginnings));
        for typed in ["ju", "jürgens", "anna müller", "", "-", "üller"] {
            assert_eq!(fits(typed), None, "{typed}");
        }
        assert_eq!(
            TypedName::of("sorensen").fits("Søren Sørensen"),
            Some(Fit::Words)
        );
        assert_eq!(TypedName::of("岡").fits("岡 さくら"), Some(Fit::Words));
    }
}
