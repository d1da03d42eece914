//! Promise 5: no mass change without a person. The limits are computed here once more, from the
//! design's words.

use std::collections::{BTreeMap, BTreeSet};

use mattermost_sim::{MailKind, User};

use crate::events::{Limits, Proof};
use crate::mischief::is_unreadable;
use crate::ports::Deed;
use crate::served::{Seen, State};
use crate::stage::Cycle;

use super::approvals::Wish;
use super::{Checker, Verdict, broken};

/// What the guard counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Create,
    Locked,
    Missing,
    Reactivate,
    Rename,
    Email,
    Move,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Locked => "locked",
            Self::Missing => "missing",
            Self::Reactivate => "reactivate",
            Self::Rename => "rename",
            Self::Email => "email",
            Self::Move => "move",
        }
    }

    /// The most in one cycle, with so many active linked users; `None` for no limit.
    pub(super) fn limit(self, limits: Limits, active: usize) -> Option<usize> {
        let n = active as f64;
        let up = |x: f64| x.ceil() as usize;
        Some(match (limits, self) {
            (Limits::Off, _) => return None,
            (Limits::Numbers, Self::Locked | Self::Missing | Self::Reactivate) => 1,
            (Limits::Numbers, Self::Rename | Self::Email) => 3,
            (Limits::Numbers, Self::Create) => 5,
            (Limits::Numbers, Self::Move) => 2,
            (Limits::Percent, Self::Locked) => up(n / 8.0),
            (Limits::Percent, Self::Missing | Self::Reactivate | Self::Email | Self::Move) => {
                up(n / 10.0)
            }
            (Limits::Percent, Self::Rename) => up(n / 5.0),
            (Limits::Percent, Self::Create) => up(n * 3.0 / 10.0),
            (Limits::Auto, Self::Missing) => up(n.sqrt() / 4.0),
            (Limits::Auto, Self::Locked) => up(n.sqrt() / 2.0),
            (Limits::Auto, Self::Reactivate | Self::Rename | Self::Email | Self::Move) => {
                up((n / 10.0).sqrt()).max(2)
            }
            (Limits::Auto, Self::Create) => up(n / 10.0).max(20),
        })
    }
}

#[derive(Debug, Default)]
pub struct Sums {
    /// What was done without approval and to whom, when by our clock, and when in truth.
    done: Vec<(Kind, String, i64, i64)>,
    /// Cycles since the state was empty in which nothing went wrong.
    clean: u32,
}

impl Sums {
    pub fn forget(&mut self) {
        self.done.clear();
        self.clean = 0;
    }

    /// A reading that is true was used to its end: the first fill is over when few are left.
    pub fn a_clean_cycle(&mut self, cycle: &Cycle, limits: Limits) {
        let linked = &cycle.before.linked;
        let left = cycle
            .served
            .all_shown()
            .filter(|(n, _)| !linked.contains_key(n));
        let limit = Kind::Create.limit(limits, active(cycle)).unwrap_or(0);
        let few = left.count() <= limit;
        let filled = few && !linked.is_empty() && cycle.served.nameless.is_empty();
        self.clean += u32::from(filled);
    }
}

impl Sums {
    /// Whom it was done to within a day.
    pub(super) fn people(&self, kind: Kind) -> BTreeSet<String> {
        let done = self.done.iter().filter(|(k, ..)| *k == kind);
        done.map(|(_, whom, ..)| whom.clone()).collect()
    }

    /// Whether the first fill is over, for certain.
    pub(super) fn is_filled(&self) -> bool {
        self.clean >= 2
    }
}

const DAY: i64 = 24 * 3_600_000;

impl Checker {
    pub(super) fn limits(&mut self, cycle: &Cycle) -> Verdict {
        if cycle.order.is_some() {
            return Ok(());
        }
        self.waits_for_a_look(cycle)?;
        let active = active(cycle);
        // What is a day old is over, also when the clock is put back afterwards.
        // And a day that has passed is over, whatever the clock was set to.
        let within = |at: &i64, truth: &i64| *at >= cycle.wall - DAY && *truth >= cycle.at - DAY;
        self.guard
            .done
            .retain(|(_, _, at, truth)| within(at, truth));
        // Who they are: a limit counts people. And of these, who is done with it: not those who
        // have a name or an address for a moment.
        let mut now: BTreeMap<Kind, [BTreeSet<String>; 2]> = BTreeMap::new();
        for deed in cycle.deeds.iter().filter(|d| !d.late) {
            for (kind, wish) in self.kinds(cycle, deed) {
                // Who flaps is looked at alone.
                let holds = [kind.word(), "flapping"];
                let mut holds = holds.into_iter();
                if !holds.any(|hold| self.approvals.released(hold, &wish, cycle.wall)) {
                    let [all, done] = now.entry(kind).or_default();
                    all.insert(wish.whom());
                    if !wish.is_for_a_moment() {
                        done.insert(wish.whom());
                    }
                }
            }
        }
        for (kind, [all, done]) in now {
            self.limit_of(cycle, kind, &all, done)?;
        }
        self.hold_of_locked(cycle, active)
    }

    /// So many of a kind are allowed in one cycle, and in a day.
    pub(super) fn limit_of(
        &mut self,
        cycle: &Cycle,
        kind: Kind,
        all: &BTreeSet<String>,
        done: BTreeSet<String>,
    ) -> Verdict {
        let number = all.len();
        let Some(limit) = kind.limit(self.setting.limits, active(cycle)) else {
            return Ok(());
        };
        let filling = kind == Kind::Create && self.guard.clean < 2;
        if filling {
            return Ok(());
        }
        let what = kind.word();
        if number > limit {
            return broken(
                5,
                format!("{number} × {what} in one cycle; {limit} are allowed"),
            );
        }
        // A day counts people as well: who is put right again and again is one.
        let sum = self.guard.people(kind).union(all).count();
        if sum > 3 * limit {
            return broken(
                5,
                format!("{sum} × {what} in a day; {} are allowed", 3 * limit),
            );
        }
        for whom in done {
            self.guard.done.push((kind, whom, cycle.wall, cycle.at));
        }
        Ok(())
    }

    /// Names, addresses and returns of whoever has more rights than others wait for a person.
    pub(super) fn privileged(&self, cycle: &Cycle, before: &User, after: &User) -> Verdict {
        let id = &before.id;
        let mut wishes = Vec::new();
        if before.username != after.username {
            wishes.push(Wish::Rename(id.clone(), after.username.clone()));
        }
        if before.email != after.email {
            wishes.push(Wish::Mail(id.clone(), after.email.clone()));
        }
        if !before.is_active() && after.is_active() {
            wishes.push(Wish::Up(id.clone()));
        }
        let fresh = !cycle.before.accounts.contains_key(id);
        if before.roles == "system_user" || fresh {
            return Ok(());
        }
        let unasked = |wish: &&Wish| !self.approvals.released_anywhere(wish, cycle.wall);
        match wishes.iter().find(unasked) {
            Some(wish) => broken(
                5,
                format!("{} ({}): {wish:?}, unasked", before.username, before.roles),
            ),
            None => Ok(()),
        }
    }

    /// A state that is not the last one costs a person's look, before anything that counts is done.
    fn waits_for_a_look(&self, cycle: &Cycle) -> Verdict {
        let deeds = cycle.deeds.iter().filter(|d| self.noticed && !d.late);
        for (kind, wish) in deeds.flat_map(|deed| self.kinds(cycle, deed)) {
            // A lock is seen today, whatever was forgotten.
            let seen = kind == Kind::Locked;
            if !seen && !self.approvals.released_anywhere(&wish, cycle.wall) {
                let what = kind.word();
                return broken(5, format!("{what} ({wish:?}) by an older state, unasked"));
            }
        }
        Ok(())
    }

    /// More are locked than may go at once: then a hold says so.
    fn hold_of_locked(&self, cycle: &Cycle, active: usize) -> Verdict {
        let Some(plan) = &cycle.plan else {
            return Ok(());
        };
        let wanted = cycle.before.linked.iter().filter(|(number, id)| {
            let locked = match cycle.served.of(**number) {
                Seen::Listed(shown) => shown.state == State::Locked && !shown.by_date,
                _ => false,
            };
            let user = cycle.before.users.get(*id);
            let plain = user.is_some_and(|u| u.is_active() && !u.is_admin() && !is_unreadable(u));
            let link = cycle
                .before
                .memory
                .links()
                .map(|(_, link)| link)
                .find(|l| l.user.as_str() == id.as_str());
            let untried = link.is_some_and(|l| l.deactivated.is_none());
            let protected = self.setting.protect
                && self
                    .names
                    .get(number)
                    .is_some_and(|name| name.starts_with("vip"));
            let down = Wish::Down((*id).clone());
            locked
                && plain
                && untried
                && !protected
                && !self.approvals.released("locked", &down, cycle.wall)
        });
        let wanted = wanted.count();
        let Some(limit) = Kind::Locked.limit(self.setting.limits, active) else {
            return Ok(());
        };
        let held = plan
            .holds
            .iter()
            .any(|h| super::hold_word(&h.key) == "locked");
        if wanted > limit && !held && cycle.served.proof == Proof::True {
            return broken(
                5,
                format!("{wanted} are locked, {limit} are allowed; nothing is held"),
            );
        }
        Ok(())
    }

    /// What a request did, as the guard counts.
    fn kinds(&self, cycle: &Cycle, deed: &Deed) -> Vec<(Kind, Wish)> {
        let mut kinds = Vec::new();
        for (id, (before, after)) in &deed.changed {
            let Some(after) = after else { continue };
            let Some(before) = before else {
                let number = self.owner.get(id).copied().unwrap_or(u32::MAX);
                kinds.push((Kind::Create, Wish::Create(number)));
                continue;
            };
            let more = before.roles != "system_user";
            match (before.is_active(), after.is_active()) {
                (true, false) if before.is_bot => {}
                (true, false) => {
                    let number = self.linked_to(cycle, id).unwrap_or(u32::MAX);
                    let locked = match cycle.served.of(number) {
                        // A day that was told of before surprises nobody.
                        Seen::Listed(shown) if self.was_told(cycle, shown) => continue,
                        Seen::Listed(_) | Seen::Unusable(_) | Seen::Elsewhere { locked: true } => {
                            Kind::Locked
                        }
                        _ => Kind::Missing,
                    };
                    kinds.push((locked, Wish::Down(id.clone())));
                }
                (false, true) if !more => kinds.push((Kind::Reactivate, Wish::Up(id.clone()))),
                _ => {}
            }
            // Who has more rights is asked about each time.
            if more {
                continue;
            }
            if before.username != after.username {
                let to = after.username.clone();
                kinds.push((Kind::Rename, Wish::Rename(id.clone(), to)));
            }
            if before.email != after.email {
                kinds.push((Kind::Email, Wish::Mail(id.clone(), after.email.clone())));
            }
        }
        for mail in deed
            .mails
            .iter()
            .filter(|m| m.kind == MailKind::Verification)
        {
            let wish = Wish::Mail(mail.user_id.clone(), mail.to.clone());
            kinds.push((Kind::Email, wish));
        }
        kinds
    }
}

/// How many linked users are active.
pub(super) fn active(cycle: &Cycle) -> usize {
    let among = |users: &BTreeMap<String, User>| {
        let active = |id: &&String| users.get(*id).is_some_and(User::is_active);
        cycle.before.linked.values().filter(active).count()
    };
    // Who was active when a list was made that is older counts, too.
    let old = cycle.old.as_ref().map_or(0, among);
    among(&cycle.before.users).max(old)
}
