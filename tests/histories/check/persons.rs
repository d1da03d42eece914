//! Who is who where people keep a second anchor: an account that comes with somebody's anchor is
//! that person, and no other.

use std::collections::{BTreeMap, BTreeSet};

use crate::events::Proof;
use crate::served::{Seen, Shown};
use crate::stage::Cycle;

use super::approvals::Wish;
use super::guard::Kind;
use super::{Checker, Verdict, broken, tell};

#[derive(Debug, Default)]
pub struct Persons {
    /// Whose account is whose, as their anchors say.
    of: BTreeMap<u32, u32>,
    /// Accounts whose anchor was in a whole reading while they had a user.
    known: BTreeSet<u32>,
    /// Whose it said that they are.
    proven: BTreeMap<u32, u32>,
}

impl Checker {
    pub(super) fn read_persons(&mut self, cycle: &Cycle) {
        let offset = cycle.wall - cycle.at;
        let jumped = self.offset.replace(offset).is_some_and(|old| old != offset);
        self.clock_jumped |= jumped;
        self.fresh_jump |= jumped;
        for (number, shown) in cycle.served.all_shown() {
            self.persons.of.insert(number, shown.account.person);
            let Some(day) = shown.account.expires else {
                self.dates.remove(&number);
                continue;
            };
            let seen = self.dates.entry(number).or_insert((day, cycle.at));
            if seen.0 != day {
                *seen = (day, cycle.at);
            }
        }
    }

    pub(super) fn learn_persons(&mut self, cycle: &Cycle) {
        let sure = cycle.error.is_none() && cycle.struck.is_empty() && cycle.order.is_none();
        if !sure || cycle.served.proof != Proof::True || !cycle.served.proves() {
            return;
        }
        let linked = cycle.before.linked.keys();
        let shown = linked.filter(|number| matches!(cycle.served.of(**number), Seen::Listed(_)));
        let shown: Vec<u32> = shown.copied().collect();
        for number in shown {
            let account = cycle.served.shown(number).map(|shown| &shown.account);
            let person = account.map(|account| (number, account.person));
            self.persons.proven.extend(person);
            self.persons.known.insert(number);
        }
    }

    /// Whether an account that is there is certainly the person of another one that was.
    pub(super) fn is_back(&self, shown: &Shown, number: u32) -> bool {
        let person = self.persons.proven.get(&number);
        self.setting.anchors && person == Some(&shown.account.person)
    }

    /// Whether two accounts are one person's, as far as anchors say.
    pub(super) fn is_same_person(&self, one: u32, other: u32) -> bool {
        let of = |number: u32| self.persons.of.get(&number);
        self.setting.anchors && of(one).is_some() && of(one) == of(other)
    }

    /// Who comes back under another id gets no second user.
    pub(super) fn has_no_other(&self, cycle: &Cycle, number: u32, name: &str) -> Verdict {
        if self.amnesia {
            return Ok(());
        }
        let mut linked = cycle.before.linked.iter();
        let other = linked.find(|(old, _)| {
            **old != number
                && self.is_same_person(**old, number)
                && self.persons.known.contains(old)
                && matches!(
                    cycle.served.of(**old),
                    Seen::Nowhere | Seen::Elsewhere { .. }
                )
        });
        match other {
            Some((old, user)) => {
                let who = tell(&cycle.served, number);
                broken(
                    2,
                    format!("{who} was account {old} with the user {user}, and got {name}"),
                )
            }
            None => Ok(()),
        }
    }

    /// Links that moved with people are counted as anything else.
    pub(super) fn moves(&mut self, cycle: &Cycle, moved: Vec<(u32, String)>) -> Verdict {
        let mut unasked = BTreeSet::new();
        for (number, user) in moved {
            let wish = Wish::Move(number, user.clone());
            if !self.approvals.released("move", &wish, cycle.wall) {
                unasked.insert(user);
            }
        }
        if unasked.is_empty() || cycle.order.is_some() {
            return Ok(());
        }
        self.limit_of(cycle, Kind::Move, &unasked.clone(), unasked)
    }

    /// Whether mattersync may take the day that its clock says for the truth: it saw no jump, or
    /// nothing rested on the clock when it jumped.
    pub(super) fn may_believe_clock(&self, cycle: &Cycle) -> bool {
        let compared = cycle.before.memory.server.clock.is_some();
        self.rebooted || !self.fresh_jump || !compared
    }

    /// Whether the day on which an account expires was told of long enough before.
    pub(super) fn was_told(&self, cycle: &Cycle, shown: &Shown) -> bool {
        const DAY: i64 = 24 * 3_600_000;
        let since = self.dates.get(&shown.account.number);
        // By a clock that a person has called right the day may come too early.
        (shown.by_date || shown.doubtful)
            && since.is_some_and(|(day, seen)| {
                let first = crate::stage::BEGIN + seen;
                cycle.at - seen >= DAY && day * DAY - first >= DAY
            })
    }
}
