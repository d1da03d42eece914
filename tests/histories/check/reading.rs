//! Promise 1: absence counts only when it is proven.

use mattermost_sim::User;

use crate::events::{Fault, Proof};
use crate::served::{Seen, Served, Shown, State};
use crate::stage::Cycle;

use super::approvals::Wish;
use super::{Checker, Verdict, broken, tell};

/// Complete readings that must lack somebody.
const READINGS: usize = 3;

impl Checker {
    /// Whether a deactivation is right, as far as one is allowed to know.
    pub(super) fn may_go(&mut self, cycle: &Cycle, user: &User) -> Verdict {
        let Some(number) = self.linked_to(cycle, &user.id) else {
            return broken(
                3,
                format!("{} was deactivated, who is nobody's", user.username),
            );
        };
        let who = tell(&cycle.served, number);
        let name = &user.username;
        if self.respected.contains(&user.id) && !self.amnesia && !self.setting.enforce {
            let what = format!("{name} was deactivated, whom an administrator had let in again");
            return broken(3, what);
        }
        match cycle.served.of(number) {
            Seen::Listed(shown) if shown.state == State::Locked => Ok(()),
            // Who knows by which clock.
            Seen::Listed(shown) if shown.doubtful && self.may_believe_clock(cycle) => Ok(()),
            Seen::Listed(shown) if shown.doubtful && self.is_released(cycle, user) => Ok(()),
            Seen::Elsewhere { locked: true } => Ok(()),
            Seen::Listed(_) => broken(1, format!("{name} was deactivated; {who} is there")),
            Seen::Unusable(_) if self.shown(cycle, number).is_some_and(Shown::is_locked) => Ok(()),
            Seen::Unusable(_) => broken(
                1,
                format!("{name} was deactivated; {who} is there, unusable"),
            ),
            Seen::Nowhere if self.is_misnumbered(&cycle.served, number) && !self.amnesia => broken(
                1,
                format!("{name} was deactivated; {who} is there, with a wrong id"),
            ),
            Seen::Elsewhere { .. } | Seen::Nowhere => self.missing(cycle, number, name, &who),
        }
    }

    fn is_released(&self, cycle: &Cycle, user: &User) -> bool {
        let wish = Wish::Down(user.id.clone());
        self.approvals.released_anywhere(&wish, cycle.wall)
    }

    fn missing(&mut self, cycle: &Cycle, number: u32, name: &str, who: &str) -> Verdict {
        let served = &cycle.served;
        if !served.proves_absence() {
            let fault = &served.fault;
            let what = format!("{name} was deactivated; the reading ({fault:?}) proves nothing");
            return broken(1, format!("{what} of {who}"));
        }
        let readings = self.absent.get(&number).map_or(&[][..], Vec::as_slice);
        let since = readings.first().map_or(0, |first| cycle.at - first);
        let grace = i64::from(self.setting.grace_hours) * 3_600_000;
        if grace > 0 && (readings.len() < READINGS || since < grace) {
            let (n, hours) = (readings.len(), since / 3_600_000);
            let what =
                format!("{name} was deactivated after {n} readings and {hours} h without {who}");
            return broken(1, what);
        }
        let listed = self.believed.0;
        let wish = Wish::Down(self.user_of(cycle, number));
        let approved = self.approvals.released_anywhere(&wish, cycle.wall);
        if served.hidden.contains(&number) && self.is_odd(served) && !approved {
            let what = format!(
                "{name} was deactivated; a reading of {} after {listed}",
                served.listed
            );
            return broken(1, format!("{what} accounts hides {who}"));
        }
        Ok(())
    }

    /// A reading that is too far from the last one that was believed.
    pub(super) fn is_odd(&self, served: &Served) -> bool {
        let (listed, units) = self.believed;
        let shrank = listed >= served.listed + 3 && (listed - served.listed) * 5 > listed;
        let hidden = match served.fault {
            Fault::HideUnit(unit) => units[unit] >= 3,
            _ => false,
        };
        shrank || hidden
    }

    fn user_of(&self, cycle: &Cycle, number: u32) -> String {
        cycle
            .before
            .linked
            .get(&number)
            .cloned()
            .unwrap_or_default()
    }

    /// Whether a reactivation is right.
    pub(super) fn may_return(&mut self, cycle: &Cycle, user: &User) -> Verdict {
        self.may_return_by_state(user)?;
        let name = &user.username;
        let Some(number) = self.linked_to(cycle, &user.id) else {
            return broken(3, format!("{name} was reactivated, who is nobody's"));
        };
        let who = tell(&cycle.served, number);
        let may_be_open = |s: &Shown| {
            let wish = Wish::Up(user.id.clone());
            let released = self.approvals.released_anywhere(&wish, cycle.wall);
            s.state == State::Open && !s.doubtful
                || s.doubtful && (self.may_believe_clock(cycle) || released)
        };
        let open = matches!(cycle.served.of(number), Seen::Listed(s) if may_be_open(s));
        if !open {
            return broken(1, format!("{name} was reactivated; {who} is not active"));
        }
        if !cycle.served.proves() {
            let fault = &cycle.served.fault;
            return broken(
                1,
                format!("{name} was reactivated from an unproven reading ({fault:?})"),
            );
        }
        if self.back.get(&number).is_none_or(|n| *n < 2) {
            return broken(
                1,
                format!("{name} was reactivated after one reading of {who}"),
            );
        }
        Ok(())
    }

    /// Whether a field may be emptied.
    pub(super) fn may_empty(&self, cycle: &Cycle, user: &User, field: &str) -> Verdict {
        let wish = Wish::Profile(user.id.clone());
        let hidden = match field {
            "position" => "title",
            "first name" => "givenName",
            _ => "",
        };
        let everybody = cycle.served.fault == Fault::HideAttribute(hidden);
        let approved =
            self.approvals.released_anywhere(&wish, cycle.wall) || self.agreed.contains(field);
        if !cycle.served.proves() || (everybody && !approved) {
            let (name, fault) = (&user.username, &cycle.served.fault);
            return broken(
                1,
                format!("{field} of {name} was emptied by a reading like {fault:?}"),
            );
        }
        Ok(())
    }

    /// Whether an address may be replaced by one of a source that comes later.
    pub(super) fn may_change_mail(
        &self,
        cycle: &Cycle,
        user: &User,
        shown: &Shown,
        to: &str,
    ) -> Verdict {
        if shown.mails().iter().any(|mail| mail == to) {
            return Ok(());
        }
        let wish = Wish::Mail(user.id.clone(), to.to_owned());
        let everybody = matches!(cycle.served.fault, Fault::HideAttribute("mail"));
        let approved = self.approvals.released_anywhere(&wish, cycle.wall);
        let lost = shown.no_mail || shown.account.mails.is_empty();
        if lost && (cycle.served.proof == Proof::Broken || (everybody && !approved)) {
            let (name, fault) = (&user.username, &cycle.served.fault);
            let what = format!("{name} got {to} because of a reading like {fault:?}");
            return broken(1, what);
        }
        Ok(())
    }
}
