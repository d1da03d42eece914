//! What somebody waits for: an approval, the grace, a second reading, a seat, a click, a day.

use std::time::Duration;

use super::StoryBuilder;
use crate::desk::outlook::Outlook;
use crate::model::{AccountKey, Seats, UserId, Why, shell_word};

impl StoryBuilder<'_> {
    /// Says what somebody waits for.
    pub(super) fn waits(
        &self,
        key: &AccountKey,
        user: Option<&UserId>,
        now: &Outlook,
    ) -> Vec<String> {
        let memory = &self.view.memory;
        let mut waits = Vec::new();
        for wanted in &now.steps {
            for name in &wanted.held_by {
                let kind = wanted.step.action.kind();
                let typed = shell_word(name);
                waits.push(format!(
                    "{kind}: for a person: `mattersync approve {typed}`"
                ));
            }
        }
        let linked = memory.link(key).map(|link| &link.user);
        let found = linked.and_then(|id| self.view.users.get(id));
        let is_active = found.is_none_or(crate::model::User::is_active);
        if let Some(absence) = memory.account(key).absence.as_ref().filter(|_| is_active) {
            let grace = self.policy.grace;
            let left = grace.saturating_sub(absence.certain);
            waits.push(format!(
                "missing since {}: active until {} at least, and until 3 complete readings agree",
                absence.first.wall,
                self.now.wall.after(left)
            ));
        }
        waits.extend(self.purge(key));
        if let Some(back) = memory.account(key).returning.as_ref() {
            waits.push(format!(
                "back since {}: {} of 2 readings that agree",
                back.first, back.readings
            ));
        }
        waits.extend(self.seat(key));
        let asked = memory
            .link(key)
            .and_then(|link| link.email_waiting.as_ref());
        if let Some(email) = asked {
            waits.push(format!(
                "for the person's click in the mail that went to {email}"
            ));
        }
        if let Some(order) = user.and_then(|id| memory.user(id).order.as_ref()) {
            waits.push(format!(
                "to be deactivated by the word of {} on {}",
                order.by, order.at
            ));
        }
        if let Some(at) = self.view.account(key).and_then(|a| a.expires) {
            let past = at.since(self.now.wall) == Duration::ZERO;
            waits.extend((!past).then(|| format!("the account expires on {at}")));
        }
        waits
    }

    /// Says when somebody who left is to be deleted for ever.
    fn purge(&self, key: &AccountKey) -> Option<String> {
        let since = self.view.memory.account(key).gone.as_ref()?;
        let at = since.after(self.policy.lifecycle.purge_after?);
        Some(format!(
            "gone since {since}: would be deleted for ever from {at} on, after an approval \
             (policy.purge-after)"
        ))
    }

    /// Says which place in the queue for a seat an account has.
    fn seat(&self, key: &AccountKey) -> Option<String> {
        let left = self.view.plan.left_alone.iter();
        let late = left.filter(|l| matches!(l.why, Why::NoSeat { .. }));
        // The plan lists them in the order in which they get a seat.
        let late: Vec<&AccountKey> = late.filter_map(|l| l.subject.account.as_ref()).collect();
        let place = late.iter().position(|waits| *waits == key)?;
        let taken = match self.view.server.seats {
            Seats::Limited { limit, active } => format!("; {active} of {limit} are taken"),
            _ => String::new(),
        };
        let since = self.view.memory.account(key).waiting.as_ref();
        let since = since.map_or(self.now.wall, |wait| wait.since);
        Some(format!(
            "for a seat since {since}: number {} of {} who wait{taken}",
            place + 1,
            late.len()
        ))
    }
}
