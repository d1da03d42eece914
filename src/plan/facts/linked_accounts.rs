//! The remembered links, each with what was read on both sides.
//!
//! Links and accounts are sorted by the accounts' keys, users by their ids. Both sides are walked
//! along once, which for many accounts is far less work than to look up each.

use std::cmp::Ordering;

use crate::model::{
    Account, AccountKey, AccountMemory, DirectoryId, Link, Member, Roster, User, UserId,
};
use crate::plan::input::World;

/// One remembered link.
#[derive(Debug)]
pub struct LinkedAccount<'a> {
    /// The account's key.
    pub key: &'a AccountKey,
    /// The link as remembered.
    pub link: &'a Link,
    /// Everything that is remembered of the account.
    pub memory: &'a AccountMemory,
    /// The account, if it was read. `None` says nothing about absence.
    pub account: Option<&'a Account>,
    /// The user, if it was read. `None` says nothing about absence.
    pub user: Option<&'a User>,
    /// Another account with an older link to the same user. The user belongs to that account.
    pub other: Option<&'a AccountKey>,
}

/// All remembered links, in the order of their accounts' keys, and the accounts without one.
#[derive(Debug)]
pub struct LinkedAccounts<'a> {
    /// The links.
    pub all: Vec<LinkedAccount<'a>>,
    /// The accounts without a link, in the order of their keys.
    pub newcomers: Vec<(AccountKey, &'a Account)>,
    /// The index in `all` of the link of each linked user, sorted by the users' ids. If two
    /// accounts are linked to one user, the older link counts.
    owners: Vec<(&'a UserId, usize)>,
}

impl<'a> LinkedAccounts<'a> {
    /// Joins what is remembered with what was read.
    pub fn of(world: &World<'a>) -> Self {
        let mut linked_accounts = Self::with_accounts(world);
        linked_accounts.join_users(world.users);
        linked_accounts
    }

    fn with_accounts(world: &World<'a>) -> Self {
        let directories = world.directories.iter();
        let accounts = directories.flat_map(|(provider, directory)| {
            let accounts = directory.accounts.iter();
            accounts.map(move |(id, account): (&DirectoryId, _)| ((provider, id), account))
        });
        let links = world
            .memory
            .accounts_with(|memory| Some((memory, memory.link.as_ref()?)));
        let links = links.map(|(key, known)| ((&key.provider, &key.id), (key, known)));
        let mut all = Vec::with_capacity(world.memory.accounts.len());
        let mut newcomers = Vec::new();
        for ((provider, id), account, remembered) in paired(accounts, links) {
            if let Some((key, (memory, link))) = remembered {
                all.push(LinkedAccount {
                    key,
                    link,
                    memory,
                    account,
                    user: None,
                    other: None,
                });
            } else if let Some(account) = account {
                let key = AccountKey {
                    provider: provider.clone(),
                    id: id.clone(),
                };
                newcomers.push((key, account));
            }
        }
        Self {
            all,
            newcomers,
            owners: Vec::new(),
        }
    }

    fn join_users(&mut self, users: &'a Roster<UserId, User>) {
        let claims = self.all.iter().enumerate();
        let mut claims: Vec<_> = claims
            .map(|(at, linked_account)| (&linked_account.link.user, at))
            .collect();
        claims.sort_by(|a, b| a.0.as_str().cmp(b.0.as_str()));
        self.owners.reserve(claims.len());
        let same_user = claims.chunk_by(|a, b| a.0 == b.0);
        let same_user = same_user.filter_map(|group| Some((group.first()?.0, group)));
        for (id, claims, user) in paired(same_user, users.iter()) {
            let places = claims.into_iter().flatten().map(|(_, at)| *at);
            let Some(owner) = places.clone().min_by_key(|at| self.all[*at].link.since) else {
                continue;
            };
            let key = self.all[owner].key;
            for at in places {
                self.all[at].user = user;
                self.all[at].other = (at != owner).then_some(key);
            }
            self.owners.push((id, owner));
        }
    }

    /// Returns the account that a user is linked to.
    pub fn owner(&self, user: &UserId) -> Option<&'a AccountKey> {
        let found = self.owners.binary_search_by(|(id, _)| (*id).cmp(user));
        let (_, at) = self.owners.get(found.ok()?)?;
        Some(self.all[*at].key)
    }

    /// Returns how many of the linked users are active.
    pub fn active(&self) -> usize {
        let users = self
            .all
            .iter()
            .filter_map(|linked_account| linked_account.user);
        users.filter(|user| user.is_active()).count()
    }

    /// Returns for each link whether its user is certainly a member.
    pub fn inside(&self, members: &Roster<UserId, Member>) -> Vec<bool> {
        let mut inside = vec![false; self.all.len()];
        let owners = self.owners.iter().map(|(id, at)| (*id, *at));
        for (_, at, member) in paired(owners, members.iter()) {
            if let (Some(at), Some(member)) = (at, member) {
                inside[at] = member.left_at.is_none();
            }
        }
        inside
    }
}

/// Walks along two sequences that are sorted by unique keys, and pairs what has the same key.
pub fn paired<K: Ord, L, R>(
    left: impl Iterator<Item = (K, L)>,
    right: impl Iterator<Item = (K, R)>,
) -> impl Iterator<Item = (K, Option<L>, Option<R>)> {
    let (mut left, mut right) = (left.peekable(), right.peekable());
    std::iter::from_fn(move || {
        let order = match (left.peek(), right.peek()) {
            (Some((left, _)), Some((right, _))) => left.cmp(right),
            (Some(_), None) => Ordering::Less,
            (None, _) => Ordering::Greater,
        };
        match order {
            Ordering::Less => left.next().map(|(key, l)| (key, Some(l), None)),
            Ordering::Greater => right.next().map(|(key, r)| (key, None, Some(r))),
            Ordering::Equal => {
                let both = left.next().zip(right.next());
                both.map(|((key, l), (_, r))| (key, Some(l), Some(r)))
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_what_has_the_same_key() {
        let left = [(1, 'a'), (3, 'b'), (4, 'c')];
        let right = [(0, 'x'), (3, 'y'), (5, 'z')];
        let pairs: Vec<_> = paired(left.into_iter(), right.into_iter()).collect();
        let expected = [
            (0, None, Some('x')),
            (1, Some('a'), None),
            (3, Some('b'), Some('y')),
            (4, Some('c'), None),
            (5, None, Some('z')),
        ];
        assert_eq!(pairs, expected);
        let pairs: Vec<_> = paired(right.into_iter(), left.into_iter()).collect();
        assert_eq!(pairs, expected.map(|(key, l, r)| (key, r, l)));
    }
}
