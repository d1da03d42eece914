//! Finds out whether a reading is complete that has as many entries as a usual limit of servers.
//!
//! A server, or a proxy before it, that silently cuts an answer at 500, 1,000 or 1,500 entries also
//! confirms the end of the pages. If it is asked for two halves that together are everything, it
//! has no reason to cut them at the same sum.

use std::collections::BTreeMap;

use super::lookup::in_parentheses;
use super::paging::{Subtree, list};
use super::session::Session;
use crate::model::Entry;
use crate::provider::mapping::escape_filter_value;

/// How many usernames are kept; no usual limit is higher.
const MAX_NAMES: usize = 1_500;
/// The longest prefix of a username by which entries are told apart, in characters.
const LONGEST: usize = 24;

/// Counts usernames by their prefixes, to find a condition that about half of them meet.
#[derive(Debug)]
pub(super) struct Halves<'a> {
    attribute: &'a str,
    usernames: Vec<String>,
}

impl<'a> Halves<'a> {
    /// Begins to count the values of this attribute, which contains the usernames.
    pub(super) fn by(attribute: &'a str) -> Self {
        Self {
            attribute,
            usernames: Vec::new(),
        }
    }

    pub(super) fn note(&mut self, entry: &Entry) {
        if self.usernames.len() == MAX_NAMES {
            return;
        }
        let value = entry.values(&self.attribute.to_ascii_lowercase()).first();
        let text = value.and_then(|v| std::str::from_utf8(v).ok());
        let start = text.map(|t| t.trim().to_lowercase().chars().take(LONGEST).collect());
        self.usernames.extend(start);
    }

    /// Returns whether the two halves together have as many entries as were read; `false` if that
    /// could not be found out.
    pub(super) async fn agree(
        &self,
        session: &mut Session,
        whole: &Subtree<'_>,
        entries: usize,
    ) -> bool {
        let Some(condition) = self.condition() else {
            return false;
        };
        let mut sum = 0;
        for half in [condition.clone(), format!("(!{condition})")] {
            let what = Subtree {
                filter: &format!("(&{}{half})", in_parentheses(whole.filter)),
                // Asks for no attribute (RFC 4511, 4.5.1.8).
                attributes: &["1.1".to_owned()],
                ..*whole
            };
            match list(session, &what, &mut |_| {}).await {
                Ok(listing) if listing.gaps.is_empty() => sum += listing.entries,
                _ => return false,
            }
        }
        sum == entries
    }

    /// Returns a condition (RFC 4515) that a quarter to three quarters of the entries meet.
    fn condition(&self) -> Option<String> {
        let all = self.usernames.len();
        let fits = |number: usize| number * 4 >= all && number * 4 <= all * 3;
        let mut beginning = String::new();
        for _ in 0..LONGEST {
            let mut next: BTreeMap<char, usize> = BTreeMap::new();
            let rest = self
                .usernames
                .iter()
                .filter_map(|n| n.strip_prefix(beginning.as_str()));
            for c in rest.filter_map(|rest| rest.chars().next()) {
                *next.entry(c).or_default() += 1;
            }
            let mut chosen = Vec::new();
            let mut sum = 0;
            for (c, number) in &next {
                if (sum + number) * 4 <= all * 3 {
                    chosen.push(*c);
                    sum += number;
                }
                if fits(sum) {
                    let tests = chosen.iter().map(|c| {
                        let value = escape_filter_value(&format!("{beginning}{c}"));
                        format!("({}={value}*)", self.attribute)
                    });
                    return Some(format!("(|{})", tests.collect::<String>()));
                }
            }
            // Most have the same prefix, so the next characters tell them apart.
            let (most, _) = next.into_iter().max_by_key(|(_, number)| *number)?;
            beginning.push(most);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn condition(usernames: &[&str]) -> Option<String> {
        let mut halves = Halves::by("uid");
        halves.usernames = usernames.iter().map(|n| (*n).to_owned()).collect();
        halves.condition()
    }

    #[test]
    fn a_condition_that_about_half_of_them_meet() {
        let of = |names: &[&str]| condition(names).unwrap_or_default();
        assert_eq!(of(&["anna", "ben", "carl", "dora"]), "(|(uid=a*))");
        assert_eq!(of(&["p1", "p2", "p3", "p4"]), "(|(uid=p1*))");
        assert_eq!(of(&["x(a", "x(b"]), "(|(uid=x\\28a*))");
        assert_eq!(condition(&["same", "same"]), None);
        assert_eq!(condition(&[]), None);
    }
}
