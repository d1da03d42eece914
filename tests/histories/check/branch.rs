//! Promise 13: it never saws off its own branch; promise 12: old news is no news; and a place is
//! known by its id.

use crate::events::OUR_BOT;
use crate::stage::Cycle;

use super::{Checker, Verdict, broken};

impl Checker {
    /// Its own account and the rights of it are what they were before.
    pub(super) fn own_branch(&self, cycle: &Cycle) -> Verdict {
        let Some(name) = self.setting.own_account() else {
            return Ok(());
        };
        let own = |users: &std::collections::BTreeMap<String, mattermost_sim::User>| {
            let user = users.values().find(|u| u.username == name);
            user.map(|u| (u.is_active(), u.roles.clone()))
        };
        let (before, after) = (own(&cycle.before.users), own(&cycle.after.users));
        if before == after {
            return Ok(());
        }
        let why = if name == OUR_BOT {
            ", with its owner"
        } else {
            ""
        };
        broken(
            13,
            format!("mattersync's own account {name} was {before:?} and is {after:?}{why}"),
        )
    }

    /// What a list says that is older than what the server answered before is not learned.
    pub(super) fn old_news(&self, cycle: &Cycle) -> Verdict {
        let Some(old) = &cycle.old else {
            return Ok(());
        };
        for (key, link) in cycle.before.memory.links() {
            let id = link.user.as_str();
            let known = link.deactivated.as_ref().and_then(|d| d.delete_at);
            let (Some(known), Some(row)) = (known, old.get(id)) else {
                continue;
            };
            let touched = cycle.deeds.iter().any(|d| d.changed.contains_key(id));
            // Whoever is older in a list is asked for by id: what somebody did since is news.
            let truth = cycle.before.users.get(id);
            let news = truth.is_some_and(|user| user.update_at > known.0 && user.is_active());
            if row.update_at >= known.0 || touched || news {
                continue;
            }
            let after = cycle.after.memory.link(key);
            let kept = after.is_none_or(|after| after.deactivated == link.deactivated);
            if !kept {
                let name = &row.username;
                return broken(
                    12,
                    format!("the deactivation of {name} was forgotten because of an older list"),
                );
            }
        }
        Ok(())
    }
}
