//! A state file that is older than what was done: how Mattermost itself tells, and what follows.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{AccountKey, AccountState, Memory, Remember, Restored, Roster, User, UserId};
use crate::plan::facts::{address, names};
use crate::plan::input::World;
use crate::plan::ledger::draft::Draft;

/// Users who carry the mark of a creation by mattersync of whom nothing is remembered, and
/// about whom no person said anything. People can
/// write into their own props: a mark alone says nothing for certain.
pub fn unknown_marks(users: &Roster<UserId, User>, memory: &Memory) -> Vec<UserId> {
    let linked: BTreeSet<&UserId> = memory.links().map(|(_, link)| &link.user).collect();
    let unlinked: BTreeSet<&UserId> = memory
        .accounts_with(|account| account.unlinked.as_ref())
        .map(|(_, unlinked)| &unlinked.user)
        .collect();
    let pending: BTreeSet<&str> = memory
        .accounts_with(|account| account.begun.as_ref())
        .map(|(_, begun)| begun.nonce.as_str())
        .collect();
    let users = users.iter().map(|(_, user)| user);
    let unknown = users.filter(|user| {
        let mark = user.props.get(User::NONCE_PROP);
        mark.is_some_and(|mark| !pending.contains(mark.as_str()))
            && user.is_human()
            && !linked.contains(&user.id)
            && memory.user(&user.id).kept.is_none()
            && memory.user(&user.id).forgotten.is_none()
            && !unlinked.contains(&user.id)
    });
    unknown.map(|user| user.id.clone()).collect()
}

/// Those of [`unknown_marks`] who have username and address of an account that is in use and has no
/// link: together they may show that the state file is older than what was done.
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
    let newcomers = accounts.filter(|(key, _)| !world.memory.is_linked(key));
    // The names of those who left are free to whoever signs up.
    let newcomers = newcomers.filter(|(_, account)| account.state == AccountState::Active);
    let found = newcomers.filter_map(|(_, account)| {
        let user = *named.get(names::legal(&account.username)?.as_ref())?;
        let agrees = address::all(account).any(|address| address == user.email);
        agrees.then_some(user)
    });
    found.collect()
}

/// The fewest users who show that the state file is older.
const FEWEST: usize = 2;

/// And the share of those who are linked, or could be, that they must come to: one of so many.
const SHARE: usize = 5;

/// Whether Mattermost has so many users whom only we can have made, and later than anybody of whom
/// is known that we made them, that the state file must be older: marked, and with username and
/// address of an account in use without a link. Everybody can write such a mark for themselves, so a
/// few of them show nothing.
pub fn noticed(draft: &Draft<'_>) -> Option<Restored> {
    if draft.world.memory.server.restored.is_some() || draft.linked_accounts.newcomers.is_empty() {
        return None;
    }
    // Times of one clock, the server's.
    let linked = draft
        .linked_accounts
        .all
        .iter()
        .filter_map(|linked_account| linked_account.user);
    let linked = linked.filter(|user| user.props.contains_key(User::NONCE_PROP));
    let newest = linked.map(|user| user.created_at).max();
    let mut ours = witnesses(draft.world);
    ours.retain(|user| newest.is_none_or(|newest| user.created_at > newest));
    let accounts = draft.world.directories.values();
    let accounts = accounts.flat_map(|directory| directory.accounts.iter());
    let in_use = accounts.filter(|(_, account)| account.state == AccountState::Active);
    let all = draft.linked_accounts.all.len().max(in_use.count());
    if ours.len() < FEWEST || ours.len() * SHARE < all {
        return None;
    }
    let first = ours.first()?;
    Some(Restored {
        at: draft.now.wall,
        how: format!(
            "the state file seems to be an older copy, or another one than before: {} users carry \
             a mark like those whom mattersync made, and it knows nothing of them ({} and {} more). \
             People can write such a mark themselves",
            ours.len(),
            first.username,
            ours.len() - 1
        ),
        witnesses: ours.iter().map(|user| user.id.clone()).collect(),
    })
}

/// What must no longer be believed once a person has said that the state file is an older copy:
/// since when who is missing or back. What was shown to the person, and is released, stays.
pub fn forget(memory: &Memory, shown: &BTreeSet<AccountKey>) -> Vec<Remember> {
    let accounts = memory.accounts.iter();
    let unseen = accounts.filter(|(key, _)| !shown.contains(*key));
    let forgotten = unseen.flat_map(|(key, account)| {
        let changes = account.forget_counts().into_iter();
        changes.map(|change| Remember::Account(key.clone(), change))
    });
    forgotten.collect()
}
