//! Who may be deleted for ever: whom mattersync made and deactivated, whose account has been gone
//! for thirty days, and of whom a person said so.

use mattermost_sim::User;

use crate::served::Seen;
use crate::stage::Cycle;

use super::approvals::Wish;
use super::{Checker, Down, Verdict, broken, tell};

const AFTER: i64 = 30 * 24 * 3_600_000;

impl Checker {
    /// Since when who is inactive has been gone, at most.
    pub(super) fn read_gone(&mut self, cycle: &Cycle) {
        if cycle.order.is_some() {
            return;
        }
        for (number, id) in &cycle.before.linked {
            let inactive = cycle.before.users.get(id).is_some_and(|u| !u.is_active());
            let away = matches!(cycle.served.of(*number), Seen::Nowhere);
            if inactive && away {
                self.gone.entry(*number).or_insert(cycle.at);
            } else if cycle.error.is_none() && cycle.served.proves() {
                self.gone.remove(number);
            }
        }
    }

    pub(super) fn purged(&mut self, cycle: &Cycle, user: &User) -> Verdict {
        let (id, name) = (&user.id, &user.username);
        let Some(number) = self.owner.get(id).copied() else {
            return broken(3, format!("{name} was deleted for good, who is nobody's"));
        };
        let who = tell(&cycle.served, number);
        let bad = |promise: u8, what: &str| {
            broken(
                promise,
                format!("{name} was deleted for good; {who} {what}"),
            )
        };
        if !self.setting.purge {
            return bad(3, "is not to be");
        }
        if !self.made.contains(id) || user.is_bot || user.is_admin() {
            return bad(3, "has a user who was there before, or has more rights");
        }
        let ours = matches!(self.down.get(id), Some(Down::Ours | Down::Ordered));
        if user.is_active() || !ours && !self.amnesia {
            return bad(3, "has a user whom mattersync did not deactivate");
        }
        if !matches!(cycle.served.of(number), Seen::Nowhere) || !cycle.served.proves_absence() {
            return bad(1, "may be there");
        }
        let mut shown = cycle.served.all_shown();
        if shown.any(|(_, shown)| self.is_back(shown, number)) {
            return bad(2, "is there under another id");
        }
        let since = self.gone.get(&number).map_or(0, |since| cycle.at - since);
        let unknown = self.clock_jumped && self.rebooted;
        if since < AFTER && !unknown && !self.amnesia {
            return bad(1, &format!("has been gone for {} hours", since / 3_600_000));
        }
        let wish = Wish::Purge(id.clone());
        if !self.approvals.released("purge", &wish, cycle.wall) {
            return bad(5, "and nobody said so");
        }
        self.owner.remove(id);
        self.made.remove(id);
        self.gone.remove(&number);
        Ok(())
    }
}
