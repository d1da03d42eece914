//! Chooses among the usernames of an account, where the directory has several.

use std::collections::BTreeMap;

use crate::model::{AccountKey, Directory, Memory, ProviderName, Roster, User, UserId};
use crate::plan::facts::{address, names};

/// Makes that username count which the user has already, so that a second one in the directory
/// renames nobody. For an account without a link it is the username of a user who also has one of
/// its addresses, or else the one that the provider prefers.
pub fn keep(
    directory: &mut Directory,
    provider: &ProviderName,
    users: &Roster<UserId, User>,
    memory: &Memory,
) {
    let several = directory.accounts.iter();
    let several = several.filter(|(_, account)| !account.other_usernames.is_empty());
    let ids: Vec<_> = several.map(|(id, _)| id.clone()).collect();
    if ids.is_empty() {
        return;
    }
    let named: BTreeMap<&str, &User> = users
        .iter()
        .map(|(_, u)| (u.username.as_str(), u))
        .collect();
    for id in ids {
        let key = AccountKey {
            provider: provider.clone(),
            id,
        };
        let Some(account) = directory.accounts.get_mut(&key.id) else {
            continue;
        };
        let link = memory.link(&key);
        let user = link.and_then(|link| users.get(&link.user));
        let chosen = memory
            .account(&key)
            .name
            .as_ref()
            .map(|chosen| chosen.base.as_str());
        let is = |value: &str, name: &str| names::legal(value).is_some_and(|legal| legal == name);
        let is_last = |value: &str| link.is_some_and(|link| link.last_username == value);
        let is_addressed = |value: &str| {
            let user = names::legal(value).and_then(|name| named.get(name.as_ref()).copied());
            user.is_some_and(|user| address::all(account).any(|address| address == user.email))
        };
        let all = || std::iter::once(&account.username).chain(&account.other_usernames);
        let kept = all()
            .position(|value| user.is_some_and(|user| is(value, &user.username)))
            .or_else(|| all().position(|value| chosen.is_some_and(|base| is(value, base))))
            .or_else(|| all().position(|value| is_last(value)))
            .or_else(|| all().position(|value| link.is_none() && is_addressed(value)));
        // If none is kept, the preferred username stays first.
        if let Some(at) = kept.and_then(|at| at.checked_sub(1))
            && let Some(other) = account.other_usernames.get_mut(at)
        {
            std::mem::swap(other, &mut account.username);
        }
    }
}
