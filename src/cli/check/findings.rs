//! The findings of `mattersync check`.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::config::Mapping;
use crate::model::printable;
use crate::provider::mapping::person_attributes;

/// The importance of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Mark {
    /// It is as it should be.
    Ok,
    /// The administrator should know it; nothing needs to be done.
    Note,
    /// It must be corrected.
    Problem,
}

impl Mark {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Note => "note",
            Self::Problem => "PROBLEM",
        }
    }
}

/// One line of the answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    pub(super) mark: Mark,
    pub(super) about: &'static str,
    pub(super) says: String,
}

/// How many accounts have one attribute of the mapping.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Attribute {
    pub(super) name: String,
    pub(super) have: usize,
    pub(super) of: usize,
}

#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Findings {
    pub(super) findings: Vec<Finding>,
    pub(super) attributes: Vec<Attribute>,
    /// Whether a side could be read only in part. Other problems may only follow from that.
    pub(super) incomplete: bool,
    /// Whether something is held since the last cycle.
    pub(super) held: bool,
}

impl Findings {
    pub(super) fn add(&mut self, mark: Mark, about: &'static str, says: impl Into<String>) {
        self.findings.push(Finding {
            mark,
            about,
            says: printable(&says.into()),
        });
    }

    pub(super) fn ok(&mut self, about: &'static str, says: impl Into<String>) {
        self.add(Mark::Ok, about, says);
    }

    pub(super) fn note(&mut self, about: &'static str, says: impl Into<String>) {
        self.add(Mark::Note, about, says);
    }

    pub(super) fn problem(&mut self, about: &'static str, says: impl Into<String>) {
        self.add(Mark::Problem, about, says);
    }

    /// Adds a problem because of which a part of a side is not known.
    pub(super) fn unread(&mut self, about: &'static str, says: impl Into<String>) {
        self.incomplete = true;
        self.problem(about, says);
    }

    /// Adds a problem, and on a line of its own what to do about it.
    pub(super) fn problem_and(&mut self, about: &'static str, says: &str, remedy: &str) {
        self.findings.push(Finding {
            mark: Mark::Problem,
            about,
            says: format!("{}\n{}", printable(says), printable(remedy)),
        });
    }

    pub(super) fn problems(&self) -> usize {
        let problems = self.findings.iter();
        problems.filter(|f| f.mark == Mark::Problem).count()
    }

    pub(super) fn count_attributes(
        &mut self,
        mapping: &Mapping,
        have: &BTreeMap<String, usize>,
        of: usize,
    ) {
        let of_each = person_attributes(mapping)
            .into_iter()
            .map(|name| Attribute {
                have: have.get(&name).copied().unwrap_or(0),
                name,
                of,
            });
        self.attributes.extend(of_each);
    }
}

/// Returns some of the names, and how many more there are.
pub(super) fn some(names: &[String]) -> String {
    const FEW: usize = 5;
    let mut text = names
        .iter()
        .take(FEW)
        .cloned()
        .collect::<Vec<_>>()
        .join(", ");
    if names.len() > FEW {
        text.push_str(&format!(" and {} more", names.len() - FEW));
    }
    text
}
