//! Since when the readings are not complete, and what of it is news.

use std::collections::BTreeSet;

use crate::model::{Part, Timestamp, Unread};

use super::schedule::REMINDER;

/// What is to be told after a cycle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// Something could not be read, and that was not said yet, or long ago.
    Incomplete,
    /// Everything was read again, after so many cycles.
    Complete(u32),
}

/// What could not be read in the last cycles.
#[derive(Debug, Default)]
pub struct Incomplete {
    parts: BTreeSet<Part>,
    cycles: u32,
    reported: Timestamp,
}

impl Incomplete {
    /// Takes note of what one cycle could not read. The same parts are news once, and again when a
    /// reminder is due; that the reasons change in their words is none.
    pub fn note(&mut self, unread: &[Unread], now: Timestamp) -> Option<News> {
        if unread.is_empty() {
            let cycles = std::mem::take(self).cycles;
            return (cycles > 0).then_some(News::Complete(cycles));
        }
        let parts: BTreeSet<Part> = unread.iter().map(|one| one.part.clone()).collect();
        let is_new = !parts.is_subset(&self.parts) || now.since(self.reported) >= REMINDER;
        self.parts = parts;
        self.cycles = self.cycles.saturating_add(1);
        if is_new {
            self.reported = now;
        }
        is_new.then_some(News::Incomplete)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unread(parts: &[Part], why: &str) -> Vec<Unread> {
        let all = parts.iter().map(|part| Unread {
            part: part.clone(),
            why: why.to_owned(),
        });
        all.collect()
    }

    #[test]
    fn the_beginning_the_end_and_a_reminder_are_news() {
        let mut state = Incomplete::default();
        let hour = i64::try_from(REMINDER.as_millis()).unwrap();
        let team = Part::Team("sales".into());
        let mut note = |at: i64, parts: &[Part], why: &str| {
            state.note(&unread(parts, why), Timestamp(1_000_000_000 + at))
        };
        assert_eq!(note(0, &[], ""), None);
        assert_eq!(
            note(0, &[Part::Accounts], "17 of 20"),
            Some(News::Incomplete)
        );
        assert_eq!(note(1, &[Part::Accounts], "18 of 20"), None);
        let both = [Part::Accounts, team.clone()];
        assert_eq!(note(2, &both, "x"), Some(News::Incomplete));
        assert_eq!(note(3, std::slice::from_ref(&team), "x"), None);
        assert_eq!(note(hour + 1, std::slice::from_ref(&team), "x"), None);
        assert_eq!(
            note(hour + 2, std::slice::from_ref(&team), "x"),
            Some(News::Incomplete)
        );
        assert_eq!(note(hour + 3, &[], ""), Some(News::Complete(6)));
        assert_eq!(note(hour + 4, &[], ""), None);
        assert_eq!(note(hour + 5, &[team], "x"), Some(News::Incomplete));
    }
}
