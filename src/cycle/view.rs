//! Look-ups in both sides as read in one cycle.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Account, AccountKey, Action, ProviderName, User, UserId};
use crate::plan::{Policy, UserIndex};

use super::read::View;
use super::same::strangers;

impl View {
    /// Returns all accounts that were read.
    pub fn accounts(&self) -> impl Iterator<Item = (AccountKey, &Account)> {
        self.directories.iter().flat_map(|(provider, directory)| {
            directory.accounts.iter().map(|(id, account)| {
                let key = AccountKey {
                    provider: provider.clone(),
                    id: id.clone(),
                };
                (key, account)
            })
        })
    }

    /// Returns an account, if it was read.
    pub fn account(&self, key: &AccountKey) -> Option<&Account> {
        self.directories.get(&key.provider)?.accounts.get(&key.id)
    }

    /// Returns the users whom the plan adopts.
    pub fn adopted(&self) -> BTreeSet<&UserId> {
        let steps = self.plan.steps.iter();
        let adopted = steps.filter_map(|step| match &step.action {
            Action::Adopt { user, .. } => Some(user),
            _ => None,
        });
        adopted.collect()
    }

    /// Counts the linked accounts of providers that the configuration does not name.
    pub fn strangers(&self) -> BTreeMap<ProviderName, usize> {
        strangers(&self.memory, self.directories.keys())
    }

    /// Counts the active human users whom no account stands behind, and nobody has looked at.
    /// Guests, and who is named in `policy.protect` or about to be adopted, are not counted.
    pub(super) fn count_orphans(&self, policy: &Policy) -> usize {
        let world = self.world();
        let user_index = UserIndex::of(&world, policy);
        let adopted = self.adopted();
        let is_news = |user: &&User| {
            !user.is_guest()
                && !user_index.is_protected(user)
                && self.memory.kept(&user.id).is_none()
                && !adopted.contains(&user.id)
        };
        user_index.orphans().filter(is_news).count()
    }
}
