//! Which attributes of an entry are sent, and which of their values.

use crate::entry::Entry;

/// An attribute as it is sent.
pub(crate) type Sent = (String, Vec<Vec<u8>>);

/// How an entry is shown.
#[derive(Debug, Default)]
pub(crate) struct View<'a> {
    /// Attribute descriptions of the request.
    pub(crate) wanted: &'a [String],
    /// Most values of an attribute.
    pub(crate) range: Option<usize>,
    /// Ranges asked for explicitly get no values.
    pub(crate) ranges_unanswered: bool,
    /// Ranges asked for explicitly begin here, wherever they should.
    pub(crate) ranges_from: Option<usize>,
    /// `mAiL`.
    pub(crate) mixed_case: bool,
}

impl View<'_> {
    /// The attributes to send.
    pub(crate) fn select(&self, entry: &Entry) -> Vec<Sent> {
        let mut sent = Vec::new();
        for (name, values, operational) in entry.attributes() {
            if let Some(range) = self.range_asked_of(name) {
                sent.extend(self.ranged(name, values, range));
            } else if self.wants(name, operational) {
                sent.extend(self.plain(name, values));
            }
        }
        if self.mixed_case {
            for (name, _) in &mut sent {
                *name = mixed(name);
            }
        }
        sent
    }

    fn wants(&self, name: &str, operational: bool) -> bool {
        let all = if operational { "+" } else { "*" };
        (self.wanted.is_empty() && !operational)
            || self
                .wanted
                .iter()
                .any(|wanted| wanted == all || wanted.eq_ignore_ascii_case(name))
    }

    /// `(1500, None)` for `member;range=1500-*`.
    fn range_asked_of(&self, name: &str) -> Option<(usize, Option<usize>)> {
        self.wanted.iter().find_map(|wanted| {
            let wanted = wanted.to_lowercase();
            let (attribute, range) = wanted.split_once(";range=")?;
            let (from, to) = range.split_once('-')?;
            (attribute == name.to_lowercase()).then_some((from.parse().ok()?, to.parse().ok()))
        })
    }

    /// Too many values: the attribute comes empty and, beside it, its first range, as of Active
    /// Directory.
    fn plain(&self, name: &str, values: &[Vec<u8>]) -> Vec<Sent> {
        match self.range {
            Some(limit) if values.len() > limit => vec![
                (name.to_owned(), Vec::new()),
                (
                    format!("{name};range=0-{}", limit - 1),
                    values[..limit].to_vec(),
                ),
            ],
            _ => vec![(name.to_owned(), values.to_vec())],
        }
    }

    fn ranged(
        &self,
        name: &str,
        values: &[Vec<u8>],
        (from, to): (usize, Option<usize>),
    ) -> Option<Sent> {
        // A server without ranges knows no such option and sends nothing; so does Samba.
        let limit = self.range.filter(|_| !self.ranges_unanswered)?;
        let from = self.ranges_from.unwrap_or(from);
        let asked = to.map_or(usize::MAX, |to| to.saturating_add(1));
        let end = asked.min(from.saturating_add(limit)).min(values.len());
        let part = values.get(from..end).filter(|part| !part.is_empty())?;
        let last = if end == values.len() {
            "*".to_owned()
        } else {
            (end - 1).to_string()
        };
        Some((format!("{name};range={from}-{last}"), part.to_vec()))
    }
}

fn mixed(name: &str) -> String {
    name.chars()
        .enumerate()
        .map(|(i, c)| {
            if i % 2 == 0 {
                c.to_ascii_lowercase()
            } else {
                c.to_ascii_uppercase()
            }
        })
        .collect()
}
