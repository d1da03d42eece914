//! A state file that is older than what was done: how Mattermost itself tells, and what follows.

use std::collections::BTreeSet;

use crate::model::{Memory, Remember, Restored, Roster, User, UserId};

use super::draft::Draft;
use super::{address, names};

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
            && !user.is_bot
            && !linked.contains(&user.id)
            && !memory.kept.contains_key(&user.id)
            && !unlinked.contains(&user.id)
    });
    unknown.map(|user| user.id.clone()).collect()
}

/// Whether Mattermost has users whom only we can have made, and later than anybody of whom is known
/// that we made them: marked, and with username and address of an account
/// without a link.
pub fn noticed(draft: &Draft<'_>) -> Option<Restored> {
    let memory = draft.world.memory;
    let people = &draft.bonds.newcomers;
    if memory.restored.is_some() || people.is_empty() {
        return None;
    }
    let unknown: BTreeSet<UserId> = unknown_marks(draft.world.users, memory)
        .into_iter()
        .collect();
    if unknown.is_empty() {
        return None;
    }
    // Times of one clock, the server's.
    let linked = draft.bonds.all.iter().filter_map(|bond| bond.user);
    let linked = linked.filter(|user| user.props.contains_key(User::NONCE_PROP));
    let newest = linked.map(|user| user.created_at).max();
    let ours = people.iter().filter_map(|(_, account)| {
        let name = names::legal(&account.username)?;
        let user = draft.named(&name).filter(|u| unknown.contains(&u.id))?;
        let agrees = address::all(account).any(|address| address == user.email);
        (agrees && newest.is_none_or(|newest| user.created_at > newest)).then_some(user)
    });
    let ours: Vec<&User> = ours.collect();
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
