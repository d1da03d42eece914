//! A state file that is older than what was done: how Mattermost itself tells, and what follows.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{AccountKey, Memory, Remember, Restored, Roster, User, UserId};

use super::draft::Draft;
use super::{World, address, names};

/// Users who carry the mark of a creation by mattersync of whom nothing is remembered, and
/// about whom no person said anything. People can
/// write into their own props: a mark alone says nothing for certain.
pub fn unknown_marks(users: &Roster<UserId, User>, memory: &Memory) -> Vec<UserId> {
    let linked: BTreeSet<&UserId> = memory.links.values().map(|l| &l.user).collect();
    let unlinked: BTreeSet<&UserId> = memory.unlinked.values().map(|u| &u.user).collect();
    let pending: BTreeSet<&str> = memory.nonces.values().map(|n| n.as_str()).collect();
    let users = users.iter().map(|(_, user)| user);
    let unknown = users.filter(|user| {
        let mark = user.props.get(User::NONCE_PROP);
        mark.is_some_and(|mark| !pending.contains(mark.as_str()))
            && user.is_human()
            && !linked.contains(&user.id)
            && !memory.kept.contains_key(&user.id)
            && !memory.forgotten.contains_key(&user.id)
            && !unlinked.contains(&user.id)
    });
    unknown.map(|user| user.id.clone()).collect()
}

/// Those of [`unknown_marks`] who have username and address of an account without a link: they
/// show that the state file is older than what was done.
pub fn witnesses<'u>(world: &World<'u>) -> Vec<&'u User> {
    let unknown = unknown_marks(world.users, world.memory);
    let unknown = unknown.iter().filter_map(|id| world.users.get(id));
    let named: BTreeMap<&str, &User> = unknown.map(|u| (u.username.as_str(), u)).collect();
    if named.is_empty() {
        return Vec::new();
    }
    let directories = world.directories.iter();
    let accounts = directories.flat_map(|(provider, directory)| {
        directory.accounts.iter().map(move |(id, account)| {
            let provider = provider.clone();
            (
                AccountKey {
                    provider,
                    id: id.clone(),
                },
                account,
            )
        })
    });
    let newcomers = accounts.filter(|(key, _)| !world.memory.links.contains_key(key));
    let found = newcomers.filter_map(|(_, account)| {
        let user = *named.get(names::legal(&account.username)?.as_ref())?;
        let agrees = address::all(account).any(|address| address == user.email);
        agrees.then_some(user)
    });
    found.collect()
}

/// Whether Mattermost has users whom only we can have made, and later than anybody of whom is known
/// that we made them: marked, and with username and address of an account
/// without a link.
pub fn noticed(draft: &Draft<'_>) -> Option<Restored> {
    if draft.world.memory.restored.is_some() || draft.bonds.newcomers.is_empty() {
        return None;
    }
    // Times of one clock, the server's.
    let linked = draft.bonds.all.iter().filter_map(|bond| bond.user);
    let linked = linked.filter(|user| user.props.contains_key(User::NONCE_PROP));
    let newest = linked.map(|user| user.created_at).max();
    let mut ours = witnesses(draft.world);
    ours.retain(|user| newest.is_none_or(|newest| user.created_at > newest));
    let first = ours.first()?;
    let others = match ours.len() - 1 {
        0 => String::new(),
        n => format!(" and {n} more"),
    };
    Some(Restored {
        at: draft.now.wall,
        how: format!(
            "the state file is an older copy, or another one than before: Mattermost has users \
             whom mattersync made and of whom it knows nothing ({}{others})",
            first.username
        ),
    })
}

/// What must no longer be believed once this is known: since when who is missing or back.
pub fn forget(memory: &Memory) -> Vec<Remember> {
    let absences = memory.absences.keys().cloned();
    let returns = memory.returns.keys().cloned();
    let absences = absences.map(|key| Remember::Absence(key, None));
    absences
        .chain(returns.map(|key| Remember::Return(key, None)))
        .collect()
}
