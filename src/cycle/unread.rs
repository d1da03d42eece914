//! Collects what could not be read of both sides, so that nothing follows from its absence. It is
//! shown wherever a plan is: by the exit code, the health, the journal and the reports.

use std::collections::BTreeMap;

use crate::model::{
    Account, AccountKey, Directory, DirectoryId, Evidence, Gap, Link, Memory, Part, Places,
    ProviderName, Roster, Unread, User, UserId,
};

use crate::plan::lost_locks;

use super::read::View;

/// How many people are named on each side; the others are counted.
const NAMED: usize = 10;

/// Returns linked accounts that a reading does not contain and whose look-up by id failed. Users
/// who are deactivated already are left out. Where the whole reading proves nothing, that is
/// reported instead.
pub fn unread_accounts(
    memory: &Memory,
    provider: &ProviderName,
    accounts: &Roster<DirectoryId, Account>,
    users: &Roster<UserId, User>,
) -> Vec<Unread> {
    if !accounts.gaps().is_empty() {
        return Vec::new();
    }
    let unread = |(key, link): (&AccountKey, &Link)| match accounts.look(&key.id) {
        Evidence::Unknown(gap @ Gap::Lookup(_)) => Some(Unread {
            part: Part::Account(format!("{} (id {})", link.last_dn, key.id)),
            why: gap.to_string(),
        }),
        _ => None,
    };
    let links = memory.links();
    let links = links.filter(|(key, link)| {
        key.provider == *provider && users.get(&link.user).is_none_or(User::is_active)
    });
    few(links.filter_map(unread).collect(), Part::Accounts)
}

/// Returns lock attributes that were seen before and no account shows any more.
pub fn unread_locks(
    memory: &Memory,
    provider: &ProviderName,
    directory: &Directory,
) -> Option<Unread> {
    let lost = lost_locks(memory.provider(provider).shape.as_ref(), directory);
    let unknown = directory.state_unknown;
    (!lost.is_empty()).then(|| Unread {
        part: Part::Locks,
        why: format!(
            "{} was seen before and nobody shows it any more; of {unknown} accounts nobody can tell \
             whether they are locked. Give the right to read it back, or take it out of accounts.lock",
            lost.join(" and "),
        ),
    })
}

/// Returns users of linked accounts, and users whom a person ordered to be deactivated, whose row
/// cannot be used or could not be looked up: they cannot be deactivated.
pub fn unread_users(memory: &Memory, users: &Roster<UserId, User>) -> Vec<Unread> {
    let links = memory.links().map(|(_, link)| link);
    let mut names: BTreeMap<&UserId, String> = links
        .map(|link| {
            let name = format!("{} ({})", link.last_username, link.user);
            (&link.user, name)
        })
        .collect();
    for (id, _) in memory.users_with(|user| user.order.as_ref()) {
        names.entry(id).or_insert_with(|| id.to_string());
    }
    let unread = |(id, name)| match users.look(id) {
        Evidence::Unknown(gap @ (Gap::Lookup(_) | Gap::Rejected(_))) => Some(Unread {
            part: Part::User(name),
            why: gap.to_string(),
        }),
        _ => None,
    };
    few(names.into_iter().filter_map(unread).collect(), Part::Users)
}

impl View {
    /// Returns what could not be read of either side, or not completely. What nobody wanted to read
    /// is not among it. A person whose account may or may not exist is: if they left, they are not
    /// deactivated today.
    pub fn unread(&self) -> Vec<Unread> {
        let mut unread = self.unread_parts();
        for (provider, directory) in self.directories.iter() {
            unread.extend(unread_locks(&self.memory, provider, directory));
            let accounts = &directory.accounts;
            unread.extend(unread_accounts(
                &self.memory,
                provider,
                accounts,
                &self.users,
            ));
        }
        unread.extend(unread_users(&self.memory, &self.users));
        unread
    }

    fn unread_parts(&self) -> Vec<Unread> {
        let mut unread = Vec::new();
        for directory in self.directories.values() {
            unread.extend(gaps(Part::Accounts, &directory.accounts));
            // A directory without groups is nothing special.
            let groups = gaps_but(&[Gap::Empty], Part::Groups, &directory.groups);
            unread.extend(groups);
        }
        unread.extend(self.server.unread.iter().cloned());
        unread.extend(gaps(Part::Users, &self.users));
        unread.extend(unread_teams(&self.places));
        unread
    }
}

/// Returns teams that could not be read, or whose members could not.
pub fn unread_teams(places: &Places) -> Vec<Unread> {
    let mut unread = Vec::new();
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

/// Returns the first of many people, and the number of the others as one entry.
fn few(mut people: Vec<Unread>, whole: Part) -> Vec<Unread> {
    let Some(first) = people.get(NAMED) else {
        return people;
    };
    let rest = Unread {
        part: whole,
        why: format!(
            "so it is with {} more people; of the first of them: {}",
            people.len() - NAMED,
            first.why
        ),
    };
    people.truncate(NAMED);
    people.push(rest);
    people
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
