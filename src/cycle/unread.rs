//! What of the two sides could not be read, so that nothing follows from its absence. It is told
//! wherever a plan is told: by the exit code, the health, the journal and the reports.

use crate::model::{Gap, Part, Roster, Unread};

use super::View;

impl View {
    /// What could not be read of either side, or not whole. What nobody wanted to read is not among
    /// it.
    pub fn unread(&self) -> Vec<Unread> {
        let mut unread = Vec::new();
        for directory in self.directories.values() {
            unread.extend(gaps(Part::Accounts, &directory.accounts));
            // A directory without groups is nothing special.
            let groups = gaps_but(&[Gap::Empty], Part::Groups, &directory.groups);
            unread.extend(groups);
        }
        unread.extend(self.server.unread.iter().cloned());
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
