//! Promise 11, and the second half of 5 and 6: what somebody did, and what the server does to
//! somebody, delays nobody else. In a cycle in which everything that proves anything is well, who
//! is locked goes, who is renamed is renamed and who is new gets a user, at once.

use std::collections::BTreeSet;

use mattermost_sim::User;

use crate::events::{Fault, Proof};
use crate::mischief::is_unreadable;
use crate::ports::{Lie, List, Part};
use crate::served::{Seen, Shown, State};
use crate::stage::Cycle;

use super::guard::{Kind, active};
use super::identity::fits;
use super::{Checker, Down, Verdict, broken, tell};

impl Checker {
    pub(super) fn delays(&mut self, cycle: &Cycle) -> Verdict {
        if cycle.order.is_some() {
            return Ok(());
        }
        self.replaced |= cycle.served.replaced > 0;
        if !self.nothing_hinders(cycle) {
            return Ok(());
        }
        self.leavers_go(cycle)?;
        if matches!(
            cycle.lie,
            Lie::None | Lie::Foreign(_, Part::Team | Part::List(List::Members))
        ) {
            self.renamed_are_renamed(cycle)?;
            self.newcomers_come(cycle)?;
        }
        Ok(())
    }

    /// Whether nothing is amiss that may hold more than the one whom it concerns.
    fn nothing_hinders(&self, cycle: &Cycle) -> bool {
        let unread = matches!(
            cycle.lie,
            Lie::Foreign(_, Part::Writes | Part::List(List::Users))
        );
        let served = &cycle.served;
        let plain = matches!(
            served.fault,
            Fault::None | Fault::Reordered(_) | Fault::LargeEntry(_)
        );
        // Where many dates are set anew, whoever reads them may have lost a right.
        let plan = cycle.plan.iter().flat_map(|plan| &plan.holds);
        let mut holds = plan.map(|hold| super::hold_word(&hold.key));
        let dated = holds.any(|hold| hold.eq_ignore_ascii_case("attribute:shadowexpire"));
        let before = self.earlier.iter().all(|e| e.proof == Proof::True);
        cycle.error.is_none()
            && cycle.plan.is_some()
            && cycle.struck.is_empty()
            && cycle.deeds.iter().all(|d| !d.late)
            && !unread
            && plain
            && !dated
            && served.nameless.is_empty()
            && before
            && !self.is_odd(served)
            && !self.amnesia
            && !self.clock_jumped
            && !self.replaced
            && self.guard.is_filled()
    }

    /// Whoever is locked is out after the cycle, unless they are too many, or more than others.
    fn leavers_go(&self, cycle: &Cycle) -> Verdict {
        let mut wanted = BTreeSet::new();
        let mut certain = Vec::new();
        for (number, id) in &cycle.before.linked {
            let Some(user) = cycle.before.users.get(id).filter(|u| u.is_active()) else {
                continue;
            };
            let seen = cycle.served.of(*number);
            match seen {
                Seen::Listed(shown) if shown.is_locked() => {
                    wanted.insert(id.clone());
                    if !shown.by_date
                        && self.is_plain(cycle, *number, user, shown)
                        && self.is_untried(cycle, id)
                    {
                        certain.push((*number, user));
                    }
                }
                Seen::Elsewhere { locked: true } | Seen::Unusable(_) => {
                    wanted.insert(id.clone());
                }
                _ => {}
            }
        }
        if !self.within(cycle, Kind::Locked, &wanted, 3) {
            return Ok(());
        }
        for (number, user) in certain {
            if cycle.after.users.get(&user.id).is_some_and(User::is_active) {
                return self.delayed(cycle, number, "is locked, and was not deactivated");
            }
        }
        Ok(())
    }

    fn renamed_are_renamed(&self, cycle: &Cycle) -> Verdict {
        // Whom the directory gave another name, and who gave themselves one.
        let mut meant = BTreeSet::new();
        let mut own = BTreeSet::new();
        let mut certain = Vec::new();
        for (number, id) in &cycle.before.linked {
            let (Some(user), Seen::Listed(shown)) =
                (cycle.before.users.get(id), cycle.served.of(*number))
            else {
                continue;
            };
            let base = shown.legal_name();
            if fits(&user.username, &base) {
                continue;
            }
            let mut links = cycle.before.memory.links().map(|(_, link)| link);
            let link = links.find(|link| link.user.as_str() == id);
            let is_own = link.is_some_and(|link| link.agreed.username.as_ref() == Some(&base));
            match is_own {
                true => own.insert(id.clone()),
                false => meant.insert(id.clone()),
            };
            let mut others = cycle.served.all_shown().filter(|(n, _)| n != number);
            let alone = others.all(|(_, other)| other.legal_name() != base);
            let free = cycle.before.users.values().all(|u| u.username != base);
            if shown.state == State::Open
                && user.is_active()
                && alone
                && free
                && self.given_back.get(id).is_none_or(|times| *times < 2)
                && self.is_plain(cycle, *number, user, shown)
            {
                certain.push((*number, user, base, is_own));
            }
        }
        // However many give themselves names: the directory's come first.
        if !self.within(cycle, Kind::Rename, &meant, 3) {
            return Ok(());
        }
        let all = meant.union(&own).cloned().collect();
        let is_room = self.within(cycle, Kind::Rename, &all, 2);
        let certain = certain
            .into_iter()
            .filter(|(.., is_own)| is_room || !is_own);
        for (number, user, base, _) in certain {
            let now = cycle.after.users.get(&user.id);
            if now.is_some_and(|u| !fits(&u.username, &base)) {
                return self.delayed(cycle, number, "has another name, and was not renamed");
            }
        }
        Ok(())
    }

    fn newcomers_come(&self, cycle: &Cycle) -> Verdict {
        let lacking = |(number, shown): &(u32, &Shown)| {
            shown.state != State::Locked && !cycle.before.linked.contains_key(number)
        };
        let new: Vec<(u32, &Shown)> = cycle.served.all_shown().filter(lacking).collect();
        let wanted: BTreeSet<String> = new.iter().map(|(n, _)| n.to_string()).collect();
        if !self.within(cycle, Kind::Create, &wanted, 3) {
            return Ok(());
        }
        for (number, shown) in new {
            let mut linked = cycle.before.linked.keys();
            if linked.any(|other| self.is_same_person(*other, number)) {
                // Whether it is they whom somebody else's account stood for is for a person to say.
                continue;
            }
            let excused = |now| self.may_lack_a_user(now, &cycle.served, shown, number);
            // Who has the name may be renamed first, and be held.
            let base = shown.legal_name();
            let named = cycle.before.users.values().any(|u| u.username == base);
            if shown.account.flaw.is_none()
                && !named
                && !cycle.refused.contains(&number)
                && !cycle.after.linked.contains_key(&number)
                && !excused(&cycle.before)
                && !excused(&cycle.after)
            {
                return self.delayed(cycle, number, "is new, and got no user");
            }
        }
        Ok(())
    }

    /// Whether somebody has nothing about them that may delay them.
    fn is_plain(&self, cycle: &Cycle, number: u32, user: &User, shown: &Shown) -> bool {
        let known = self.names.get(&number);
        let protected = [Some(&shown.legal_name()), known, Some(&user.username)]
            .into_iter()
            .flatten()
            .any(|name| self.setting.protect && name.starts_with("vip"));
        let row = cycle.old.as_ref().map(|old| old.get(&user.id));
        user.roles == "system_user"
            && !is_unreadable(user)
            && !user.is_bot
            && shown.account.flaw.is_none()
            && !protected
            && !cycle.refused.contains(&number)
            && !self.twins.contains_key(&user.id)
            && row.is_none_or(|row| row == Some(user))
    }

    /// Whether mattersync never deactivated them before, as it knows.
    fn is_untried(&self, cycle: &Cycle, id: &str) -> bool {
        let mut links = cycle.before.memory.links().map(|(_, link)| link);
        let link = links.find(|l| l.user.as_str() == id);
        !matches!(self.down.get(id), Some(Down::Ordered))
            && link.is_some_and(|l| l.deactivated.is_none())
    }

    /// Whether so many people are within the limits of one cycle and of so many cycles in a day.
    fn within(&self, cycle: &Cycle, kind: Kind, wanted: &BTreeSet<String>, cycles: usize) -> bool {
        // Whoever cannot be read, or is told of by an older row, does not count.
        let is_old = |user: &User| {
            let rows = cycle.old.as_ref();
            rows.is_some_and(|rows| rows.get(&user.id) != Some(user))
        };
        let users = cycle.before.users.values();
        let hidden = users.filter(|user| is_unreadable(user) || is_old(user));
        let active = active(cycle).saturating_sub(hidden.count());
        let Some(limit) = kind.limit(self.setting.limits, active) else {
            return true;
        };
        let day = self.guard.people(kind).union(wanted).count();
        wanted.len() <= limit && day <= cycles * limit
    }

    fn delayed(&self, cycle: &Cycle, number: u32, what: &str) -> Verdict {
        let who = tell(&cycle.served, number);
        let told = super::end::told(cycle, number);
        broken(11, format!("{who} {what}; told: {told}"))
    }
}
