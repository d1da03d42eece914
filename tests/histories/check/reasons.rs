//! Promise 4: a plan says why; promise 6, its part about names: a bad entry is named.

use mattersync::model::{Action, Plan, Step};

use crate::events::Proof;
use crate::mischief::is_unreadable;
use crate::served::{Seen, State};
use crate::stage::Cycle;
use crate::world::Flaw;

use super::identity::fits;
use super::{Broken, Checker, Verdict, broken, tell};

impl Checker {
    pub(super) fn reasons(&self, cycle: &Cycle, plan: &Plan) -> Verdict {
        for step in &plan.steps {
            self.says_why(cycle, step)?;
            // One who was, or may have been, made for an account that was made anew since is for a
            // person to say.
            if let Action::Adopt { user, .. } = &step.action
                && self.made.contains(user.as_str())
                && self
                    .owner
                    .get(user.as_str())
                    .is_none_or(|owner| !matches!(cycle.served.of(*owner), Seen::Nowhere))
                && !self.twins.contains_key(user.as_str())
                && !self.amnesia
            {
                return broken(
                    7,
                    format!("a person is asked about {user}, made by mattersync"),
                );
            }
        }
        for left in &plan.left_alone {
            let (subject, why) = (left.subject.to_string(), left.why.to_string());
            if subject.trim().is_empty() || why.trim().is_empty() {
                return broken(4, format!("left alone without a word: {left:?}"));
            }
        }
        self.names_bad_entries(cycle, plan)?;
        self.explains(cycle, plan)
    }

    /// A step's reason has the attribute and the value that are true.
    fn says_why(&self, cycle: &Cycle, step: &Step) -> Verdict {
        let why = step.reason.to_string();
        let number = step.action.account();
        let number = number.and_then(|key| crate::world::Directory::number_of(key.id.as_str()));
        let number = number.unwrap_or(u32::MAX);
        let shown = self.shown(cycle, number);
        let has = |parts: &[&str]| parts.iter().all(|part| why.contains(part));
        let by_date = shown.is_some_and(|s| s.by_date || s.doubtful);
        let attribute = match by_date {
            true => crate::world::EXPIRY,
            false => self.setting.lock.attribute(),
        };
        let good = match &step.action {
            Action::Deactivate {
                ordered_by: Some(by),
                ..
            } => why.contains(by.as_str()),
            Action::Deactivate { .. } => match cycle.served.of(number) {
                Seen::Elsewhere { locked: true } if self.setting.dates => {
                    // By a clock that was set back the day has not come.
                    let gone = ["ou=archive", "complete reading"];
                    has(&[attribute]) || has(&[crate::world::EXPIRY]) || has(&gone)
                }
                Seen::Listed(_) | Seen::Unusable(_) | Seen::Elsewhere { locked: true } => {
                    has(&[attribute])
                }
                Seen::Elsewhere { .. } => has(&["ou=archive", "complete reading"]),
                _ => {
                    let dn = step.subject.dn.as_deref().unwrap_or_default();
                    let is_theirs = dn.contains(&format!("cn=Person {number}"))
                        || shown.is_none() && dn.contains("cn=Person");
                    is_theirs && has(&["gone from the directory", "complete reading"])
                }
            },
            Action::Rename { username, .. } if shown.is_none() => {
                let last = self.written.get(&number);
                let last = last.is_some_and(|raw| why.contains(&format!("last seen as {raw},")));
                username.from.starts_with("renaming-") && last
            }
            Action::Rename { username, .. } => shown.is_some_and(|shown| {
                why.contains("another user gets") || has(&[&shown.raw_name(), &username.from])
                    // The second half of a ring tells of the name that the user has now.
                    || has(&[&shown.raw_name()])
            }),
            Action::ChangeEmail { email, .. } => {
                let makes_room = why.contains("another user gets") && has(&[&email.from]);
                makes_room || has(&[&email.to])
            }
            Action::UpdateProfile { changes, .. } => changes
                .values()
                .all(|v| has(&[v.from.as_str(), v.to.as_str()])),
            Action::Reactivate { .. } => has(&["back", "deactivated because"]),
            Action::CreateUser { .. } => has(&["no user"]),
            _ => !why.is_empty(),
        };
        if good {
            return Ok(());
        }
        let who = tell(&cycle.served, number);
        broken(
            4,
            format!("the reason of {} for {who} is {why:?}", step.action.kind()),
        )
    }

    fn names_bad_entries(&self, cycle: &Cycle, plan: &Plan) -> Verdict {
        if cycle.served.proof == Proof::Broken {
            return Ok(());
        }
        let named = |dn: &str| {
            plan.left_alone
                .iter()
                .any(|l| l.subject.dn.as_deref() == Some(dn))
        };
        let nameless = cycle.served.nameless.iter();
        let mut bad: Vec<String> = nameless.map(|a| a.dn()).collect();
        bad.extend(cycle.served.too_large.clone());
        for (_, shown) in cycle.served.all_shown() {
            let new = shown.state != State::Locked && !shown.doubtful;
            if shown.account.flaw == Some(Flaw::NoName) && new {
                bad.push(shown.account.dn());
            }
        }
        match bad.iter().find(|dn| !named(dn)) {
            Some(dn) => broken(6, format!("the bad entry {dn} is not named")),
            None => Ok(()),
        }
    }

    /// Whoever differs is in a step, or left alone for a reason.
    fn explains(&self, cycle: &Cycle, plan: &Plan) -> Verdict {
        if cycle.served.proof == Proof::Broken || cycle.deeds.iter().any(|d| d.late) {
            return Ok(());
        }
        let linked = &cycle.before.linked;
        let read = |id: &String| {
            let old = cycle.old.as_ref().map(|old| old.get(id));
            let now = cycle.before.users.get(id);
            old.is_none_or(|old| old == now) && !now.is_some_and(is_unreadable)
        };
        for (number, seen) in &cycle.served.seen {
            let id = linked.get(number);
            if !id.is_none_or(read) {
                continue;
            }
            let Some(what) = self.difference(cycle, seen, id) else {
                continue;
            };
            // A creation whose answer was lost was found again.
            let found = id.is_none() && cycle.after.linked.contains_key(number);
            if !found && !is_told(plan, *number, id) {
                return Err(unexplained(cycle, *number, what));
            }
        }
        let active = |id: &&String| cycle.before.users.get(*id).is_some_and(|u| u.is_active());
        for (number, id) in linked.iter().filter(|(_, id)| active(id) && read(id)) {
            let gone = matches!(cycle.served.of(*number), Seen::Nowhere);
            if gone && !is_told(plan, *number, Some(id)) {
                return Err(unexplained(cycle, *number, "is missing"));
            }
        }
        Ok(())
    }

    fn difference(&self, cycle: &Cycle, seen: &Seen, id: Option<&String>) -> Option<&'static str> {
        let user = id.and_then(|id| cycle.before.users.get(id));
        let shown = match (seen, user) {
            (Seen::Listed(shown), _) => shown,
            (Seen::Elsewhere { .. }, Some(user)) if user.is_active() => {
                return Some("is elsewhere, and has an active user");
            }
            _ => return None,
        };
        if shown.doubtful {
            return None;
        }
        let Some(user) = user else {
            return (shown.state != State::Locked && id.is_none()).then_some("has no user");
        };
        match (shown.state, user.is_active()) {
            (State::Open, false) => return Some("is active, its user is not"),
            (State::Locked, true) => return Some("is locked, its user is not"),
            (State::Locked, false) => return None,
            _ => {}
        }
        if self.setting.protect && shown.legal_name() == "vip" {
            return None;
        }
        if !fits(&user.username, &shown.legal_name()) {
            return Some("has another username");
        }
        let mails = self.addresses(shown);
        if !mails.is_empty() && !mails.contains(&user.email) {
            return Some("has another address");
        }
        let names = user.first_name != shown.given() && !shown.no_given
            || user.last_name != shown.account.surname();
        names.then_some("has another name")
    }
}

fn is_told(plan: &Plan, number: u32, id: Option<&String>) -> bool {
    let of = |subject: &mattersync::model::Subject| {
        let key = subject.account.as_ref();
        let key = key.and_then(|k| crate::world::Directory::number_of(k.id.as_str()));
        key == Some(number)
            || id.is_some() && subject.user.as_ref().map(|u| u.as_str()) == id.map(String::as_str)
    };
    plan.steps.iter().any(|s| of(&s.subject)) || plan.left_alone.iter().any(|l| of(&l.subject))
}

fn unexplained(cycle: &Cycle, number: u32, what: &str) -> Broken {
    let who = tell(&cycle.served, number);
    Broken {
        promise: 4,
        what: format!("{who} {what}, and the plan does not say why"),
    }
}
