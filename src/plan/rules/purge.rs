//! Users who are deleted for ever: only whom we created and deactivated, only when the account has
//! been gone long enough, and each time only when a person has said so.

use std::collections::BTreeSet;

use crate::model::{
    AccountChange, AccountKey, Action, Directory, DirectoryId, Evidence, Link, LinkOrigin, Lookup,
    Memory, NotPurged, Now, Precondition, ProviderName, Reason, Remember, Timestamp, User, Why,
};
use crate::plan::facts::clock;
use crate::plan::ledger::deactivation;
use crate::plan::ledger::draft::Draft;
use crate::plan::ledger::standing::subject;
use crate::plan::policy::Policy;

/// The most people who are asked for by id in one reading in order to be deleted.
const AT_ONCE: usize = 50;

/// Whom a reading must look up by id because they are to be deleted, those who are gone longest
/// first.
pub fn due(
    memory: &Memory,
    policy: &Policy,
    provider: &ProviderName,
    now: &Now,
) -> BTreeSet<DirectoryId> {
    let Some(after) = policy.lifecycle.purge_after else {
        return BTreeSet::new();
    };
    let gone = memory.accounts_with(|account| account.gone);
    let due = gone.filter(|(key, since)| {
        key.provider == *provider && now.wall.since(kept(memory, now, *since)) >= after
    });
    let mut due: Vec<_> = due.map(|(key, since)| (since, &key.id)).collect();
    due.sort();
    due.truncate(AT_ONCE);
    due.into_iter().map(|(_, id)| id.clone()).collect()
}

/// Nobody is gone for longer because the clock was set: a moment that the wall clock before wrote
/// down, by the wall clock of now.
fn kept(memory: &Memory, now: &Now, since: Timestamp) -> Timestamp {
    Timestamp(since.0.saturating_add(clock::set_by(memory, now)))
}

/// Writes down anew since when everybody is gone, when the clock was set. The clocks are compared
/// once: what they said is written down with it.
pub fn keep_ages(draft: &mut Draft<'_>) {
    let memory = draft.world.memory;
    if clock::set_by(memory, draft.now) == 0 {
        return;
    }
    for (key, since) in memory.accounts_with(|account| account.gone) {
        let since = kept(memory, draft.now, since);
        draft.learn(Remember::Account(
            key.clone(),
            AccountChange::Gone(Some(since)),
        ));
    }
}

/// Notes who is gone, and plans the end of those who have been for long enough.
pub fn candidates(draft: &mut Draft<'_>, provider: &ProviderName, directory: &Directory) {
    let memory = draft.world.memory;
    let gone = memory.accounts_with(|account| account.gone);
    let gone = gone.map(|(key, _)| key);
    let ours = gone.filter(|key| &key.provider == provider);
    let wanted = draft.policy.lifecycle.purge_after.is_some();
    let over = |key: &&AccountKey| {
        !wanted || !memory.is_linked(key) || directory.accounts.get(&key.id).is_some()
    };
    let over: Vec<AccountKey> = ours.filter(over).cloned().collect();
    for key in over {
        draft.learn(Remember::Account(key, AccountChange::Gone(None)));
    }
    if !wanted {
        return;
    }
    let linked_accounts = draft.linked_accounts;
    let absent = linked_accounts
        .all
        .iter()
        .filter(|linked_account| linked_account.account.is_none());
    for linked_account in absent.filter(|linked_account| &linked_account.key.provider == provider) {
        let Some(user) = linked_account.user else {
            continue;
        };
        // Who is somebody else's by now has come back under another id.
        if draft
            .owner(&user.id)
            .is_some_and(|owner| owner != linked_account.key)
        {
            continue;
        }
        let since = memory.account(linked_account.key).gone.as_ref();
        let since = since.map(|since| kept(memory, draft.now, *since));
        if !is_finished(linked_account.link, user) {
            forget(draft, linked_account.key, since);
            continue;
        }
        let Evidence::Absent(proof) =
            draft.look(directory, linked_account.key, linked_account.link)
        else {
            continue;
        };
        match (&proof.lookup, since) {
            (Some(Lookup::Elsewhere { .. }), since) => forget(draft, linked_account.key, since),
            (_, None) => {
                let now = draft.now.wall;
                draft.learn(Remember::Account(
                    linked_account.key.clone(),
                    AccountChange::Gone(Some(now)),
                ));
            }
            // Nobody is gone who was not asked for by id.
            (None, Some(_)) => {}
            (Some(Lookup::Nowhere), Some(since)) => {
                purge(draft, linked_account.key, linked_account.link, user, since);
            }
        }
    }
}

/// Whether the user was made by us, and the present deactivation is ours.
fn is_finished(link: &Link, user: &User) -> bool {
    let seen = link.deactivated.as_ref().and_then(|d| d.delete_at);
    link.origin == LinkOrigin::Created && seen.is_some() && seen == user.deactivated_at
}

fn forget(draft: &mut Draft<'_>, key: &AccountKey, since: Option<Timestamp>) {
    if since.is_some() {
        draft.learn(Remember::Account(key.clone(), AccountChange::Gone(None)));
    }
}

fn purge(draft: &mut Draft<'_>, key: &AccountKey, link: &Link, user: &User, since: Timestamp) {
    let after = draft.policy.lifecycle.purge_after.unwrap_or_default();
    let Some(deactivated) = user.deactivated_at else {
        return;
    };
    if draft.now.wall.since(since) < after {
        return;
    }
    let subject = subject(draft, key, link, &link.last_dn);
    if let Some(because) = obstacle(draft, key, user) {
        return draft.leave(subject, Why::NotPurged { since, because });
    }
    let action = Action::Purge {
        account: key.clone(),
        user: user.id.clone(),
    };
    let reason = Reason::GoneFor {
        since,
        deactivated,
        after,
        last_dn: link.last_dn.clone(),
    };
    let expects = Precondition::DeactivatedAt(deactivated);
    draft.step(subject, action, expects, reason, Vec::new());
}

fn obstacle(draft: &Draft<'_>, key: &AccountKey, user: &User) -> Option<NotPurged> {
    match draft.untouchable(user) {
        Some(Why::Untouchable(why)) => return Some(NotPurged::Untouchable(why)),
        Some(_) => return Some(NotPurged::Protected),
        None => {}
    }
    if let Some(why) = deactivation::obstacle(draft, &user.id) {
        return Some(NotPurged::Untouchable(why));
    }
    if key.id.is_former() {
        return Some(NotPurged::FormerId);
    }
    if user.is_admin() {
        return Some(NotPurged::Administrator);
    }
    if draft.perhaps_back.contains(&user.id) {
        return Some(NotPurged::PerhapsBack);
    }
    if draft.clock_jump != 0 {
        return Some(NotPurged::ClockJumped);
    }
    match draft.world.server.may_delete_users {
        Some(true) => None,
        Some(false) => Some(NotPurged::NotAllowed),
        None => Some(NotPurged::NotAsked),
    }
}
