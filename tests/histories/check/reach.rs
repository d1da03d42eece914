//! Promise 3: what mattersync did not create or adopt it does not touch.

use mattermost_sim::User;

use crate::ports::Deed;
use crate::stage::Cycle;

use super::{Checker, Down, Verdict, broken};

impl Checker {
    /// A user who is changed must be one of ours.
    pub(super) fn reached(&self, cycle: &Cycle, deed: &Deed, user: &User) -> Verdict {
        let name = &user.username;
        if self.is_own(user) && deed.target == "/api/v4/teams" {
            // Who makes a team is in it, which moves `update_at`.
            return Ok(());
        }
        if deed.late && self.made.contains(&user.id) {
            // Sent when it was linked; the state was lost before it arrived.
            return Ok(());
        }
        let Some(number) = self.linked_to(cycle, &user.id) else {
            let owner = self.owner.get(&user.id);
            // The state was lost on the way, or a creation was never written down: the second call
            // of a creation marks its address.
            if owner.is_some() && self.made.contains(&user.id) && cycle.killed {
                return Ok(());
            }
            return broken(3, format!("{name} was changed, who is linked to nobody"));
        };
        if user.is_bot && !goes_with_owner(deed, &user.id) {
            return broken(3, format!("the bot {name} was changed"));
        }
        if self.is_own(user) {
            return broken(3, "mattersync's own account was changed");
        }
        let base = self.names.get(&number).map(String::as_str);
        // A creation may be finished in the cycle in which it is found again.
        let fresh = !cycle.before.accounts.contains_key(&user.id);
        if self.setting.protect && base == Some("vip") && !fresh {
            return broken(3, format!("{name} was changed, whom `protect` names"));
        }
        Ok(())
    }

    /// Whoever is not ours is afterwards what they were before.
    pub(super) fn untouched(&self, cycle: &Cycle) -> Verdict {
        for (id, before) in &cycle.before.users {
            let linked =
                cycle.after.accounts.contains_key(id) || cycle.before.accounts.contains_key(id);
            let after = cycle.after.users.get(id);
            let made = self.made.contains(id);
            if before.is_bot && cycle.deeds.iter().any(|d| goes_with_owner(d, id)) {
                continue;
            }
            let same = match after {
                Some(after) if self.is_own(before) => {
                    let mut after = after.clone();
                    after.update_at = before.update_at;
                    after == *before
                }
                after => after == Some(before),
            };
            if !linked && !made && !same {
                return broken(
                    3,
                    format!("a stranger changed: {before:?} became {after:?}"),
                );
            }
        }
        let admins = |users: &std::collections::BTreeMap<String, User>| {
            let humans = users
                .values()
                .filter(|u| u.is_active() && u.is_admin() && !u.is_bot);
            let others = humans.filter(|u| !self.is_own(u));
            others.count()
        };
        if admins(&cycle.before.users) > 0 && admins(&cycle.after.users) == 0 {
            return broken(3, "the last active human administrator was deactivated");
        }
        Ok(())
    }

    /// The account that mattersync works with.
    fn is_own(&self, user: &User) -> bool {
        self.setting.own_account() == Some(user.username.as_str())
    }

    /// Only what mattersync itself deactivated, and nobody since, comes back.
    pub(super) fn may_return_by_state(&self, user: &User) -> Verdict {
        let name = &user.username;
        match self.down.get(&user.id) {
            Some(Down::Ours | Down::Forgotten) => Ok(()),
            Some(Down::Ordered) => {
                let what = format!("{name} was reactivated, whom a person had ordered out");
                broken(3, what)
            }
            Some(Down::ByHand) | None => {
                let what = format!("{name} was reactivated, whom an administrator had deactivated");
                broken(3, what)
            }
        }
    }
}

impl Checker {
    /// A person ordered a user out. Who is inactive already stays so.
    pub fn ordered(&mut self, cycle: &Cycle) {
        let Some(user) = &cycle.order else { return };
        let inactive = |u: &User| !u.is_active();
        if cycle.error.is_none() && cycle.before.users.get(user).is_some_and(inactive) {
            self.down.insert(user.clone(), Down::Ordered);
        }
    }
}

/// Whether the server disabled a bot because its owner was deactivated.
pub(super) fn goes_with_owner(deed: &Deed, bot: &str) -> bool {
    let goes = |(before, after): &(Option<User>, Option<User>)| {
        let was = before.as_ref().is_some_and(User::is_active);
        was && after.as_ref().is_some_and(|u| !u.is_active())
    };
    let human = |u: &User| !u.is_bot;
    let mut owners = deed.changed.values().filter(|change| goes(change));
    let owner = owners.any(|(_, after)| after.as_ref().is_some_and(human));
    owner && deed.changed.get(bot).is_some_and(goes)
}
