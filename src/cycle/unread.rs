//! What of the two sides could not be read, so that nothing follows from its absence. It is told
//! wherever a plan is told: by the exit code, the health, the journal and the reports.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::model::{Gap, Roster};

use super::View;

/// A part of what a cycle reads.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// The directory's accounts.
    Accounts,
    /// The directory's groups.
    Groups,
    /// Mattermost's users.
    Users,
    /// A team, by its name, or its members.
    Team(String),
}

/// A part that was not read, or not to its end.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Unread {
    /// Which part.
    pub part: Part,
    /// Why, and what to do.
    pub why: String,
}

impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.part {
            Part::Accounts => write!(f, "the directory was not read completely: {}", self.why),
            Part::Groups => write!(f, "the groups were not read completely: {}", self.why),
            Part::Users => write!(
                f,
                "Mattermost's users were not read completely: {}",
                self.why
            ),
            Part::Team(name) => write!(f, "the team {name} could not be read: {}", self.why),
        }
    }
}

impl View {
    /// What could not be read of either side. What nobody wanted to read is not among it.
    pub fn unread(&self) -> Vec<Unread> {
        let mut unread = Vec::new();
        for directory in self.directories.values() {
            unread.extend(gaps(Part::Accounts, &directory.accounts));
            // A directory without groups is nothing special.
            let groups = gaps_but(&[Gap::Empty], Part::Groups, &directory.groups);
            unread.extend(groups);
        }
        unread.extend(gaps(Part::Users, &self.users));
        let places = &self.places;
        for (name, why) in &places.unread {
            unread.push(Unread {
                part: Part::Team(name.clone()),
                why: why.clone(),
            });
        }
        let known = places.teams.iter();
        for (name, team) in known.filter(|(name, _)| !places.unread.contains_key(*name)) {
            let members = places.members.get(&team.id);
            unread.extend(
                members
                    .into_iter()
                    .flat_map(|m| gaps(Part::Team(name.clone()), m)),
            );
        }
        unread
    }
}

fn gaps<K: Ord + Clone, T>(part: Part, roster: &Roster<K, T>) -> Vec<Unread> {
    gaps_but(&[], part, roster)
}

fn gaps_but<K: Ord + Clone, T>(harmless: &[Gap], part: Part, roster: &Roster<K, T>) -> Vec<Unread> {
    let gaps = roster.gaps().iter();
    gaps.filter(|gap| **gap != Gap::NotRead && !harmless.contains(gap))
        .map(|gap| Unread {
            part: part.clone(),
            why: gap.to_string(),
        })
        .collect()
}
