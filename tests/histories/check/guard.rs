//! Promise 5: no mass change without a person. The limits are computed here once more, from the
//! design's words.

use std::collections::{BTreeMap, BTreeSet};

use mattermost_sim::{MailKind, User};

use crate::events::Proof;
use crate::ports::Deed;
use crate::served::{Seen, State};
use crate::stage::Cycle;

use super::approvals::Wish;
use super::{Checker, Verdict, broken};

/// What the guard counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Create,
    Locked,
    Missing,
    Reactivate,
    Rename,
    Email,
    /// The last three of somebody with more rights than everybody.
    Privileged,
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
            Self::Privileged => "privileged",
        }
    }

    /// The most in one cycle, with so many active linked users.
    fn limit(self, active: usize) -> usize {
        let n = active as f64;
        let up = |x: f64| x.ceil() as usize;
        match self {
            Self::Missing => up(n.sqrt() / 4.0),
            Self::Locked => up(n.sqrt() / 2.0),
            Self::Reactivate | Self::Rename | Self::Email => up((n / 10.0).sqrt()).max(2),
            Self::Create => up(n / 10.0).max(20),
            Self::Privileged => 0,
        }
    }
}

#[derive(Debug, Default)]
pub struct Sums {
    /// What was done without approval, to whom, when by our clock, and when in truth.
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
    pub fn a_clean_cycle(&mut self, cycle: &Cycle) {
        let linked = &cycle.before.linked;
        let left = cycle
            .served
            .all_shown()
            .filter(|(n, _)| !linked.contains_key(n));
        let few = left.count() <= Kind::Create.limit(active(cycle));
        let filled = few && !linked.is_empty() && cycle.served.nameless.is_empty();
        self.clean += u32::from(filled);
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
        self.guard.done.retain(|(.., at, truth)| within(at, truth));
        // Who they are: a limit counts people. And of these, who is done with it: not those who
        // have a name or an address for a moment.
        let mut now: BTreeMap<Kind, [BTreeSet<String>; 2]> = BTreeMap::new();
        for deed in cycle.deeds.iter().filter(|d| !d.late) {
            for (kind, wish) in self.kinds(cycle, deed) {
                let privileged = kind == Kind::Privileged;
                let released = match privileged {
                    // Who flaps is released as one who flaps.
                    true => self.approvals.released_anywhere(&wish, cycle.wall),
                    false => self.approvals.released(kind.word(), &wish, cycle.wall),
                };
                if !released {
                    let [all, done] = now.entry(kind).or_default();
                    all.insert(wish.whom());
                    if !wish.is_for_a_moment() {
                        done.insert(wish.whom());
                    }
                }
            }
        }
        for (kind, [all, done]) in now {
            let number = all.len();
            let limit = kind.limit(active);
            let filling = kind == Kind::Create && self.guard.clean < 2;
            if filling {
                continue;
            }
            let what = kind.word();
            if number > limit {
                return broken(
                    5,
                    format!("{number} × {what} in one cycle; {limit} are allowed"),
                );
            }
            let recent = self.guard.done.iter();
            let recent = recent.filter(|(k, ..)| *k == kind);
            let mut people: BTreeSet<&String> = recent.map(|(_, whom, ..)| whom).collect();
            people.extend(&all);
            let sum = people.len();
            if sum > 3 * limit {
                return broken(
                    5,
                    format!("{sum} × {what} in a day; {} are allowed", 3 * limit),
                );
            }
            for whom in done {
                self.guard.done.push((kind, whom, cycle.wall, cycle.at));
            }
        }
        self.hold_of_locked(cycle, active)
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
                Seen::Listed(shown) => shown.state == State::Locked,
                _ => false,
            };
            let user = cycle.before.users.get(*id);
            let plain = user.is_some_and(|u| u.is_active() && !u.is_admin());
            let link = cycle
                .before
                .memory
                .links
                .values()
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
        let (wanted, limit) = (wanted.count(), Kind::Locked.limit(active));
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
            let more = before.roles.split_whitespace().any(|r| r != "system_user");
            let or_privileged = |kind| if more { Kind::Privileged } else { kind };
            match (before.is_active(), after.is_active()) {
                (true, false) => {
                    let number = self.linked_to(cycle, id).unwrap_or(u32::MAX);
                    let locked = match cycle.served.of(number) {
                        Seen::Listed(_) | Seen::Unusable(_) | Seen::Elsewhere { locked: true } => {
                            Kind::Locked
                        }
                        _ => Kind::Missing,
                    };
                    kinds.push((locked, Wish::Down(id.clone())));
                }
                (false, true) => {
                    kinds.push((or_privileged(Kind::Reactivate), Wish::Up(id.clone())));
                }
                _ => {}
            }
            if before.username != after.username {
                let to = after.username.clone();
                kinds.push((or_privileged(Kind::Rename), Wish::Rename(id.clone(), to)));
            }
            if before.email != after.email {
                let wish = Wish::Mail(id.clone(), after.email.clone());
                kinds.push((or_privileged(Kind::Email), wish));
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
fn active(cycle: &Cycle) -> usize {
    let active = |id: &&String| cycle.before.users.get(*id).is_some_and(User::is_active);
    cycle.before.linked.values().filter(active).count()
}
