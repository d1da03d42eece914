//! Reports what happens, each thing once: a failure or a remark that is the same in each cycle is
//! reported again after a day, and when it was over and comes back.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use crate::clock::Clock;
use crate::cycle::another;
use crate::model::{Gap, LeftAlone, Step, Timestamp, Unread, Why};
use crate::observe::{self, CycleFacts};
use crate::plan::DAY;
use crate::state::Outcome;

use super::incomplete::{Incomplete, News};

/// As many people who are left alone are named in one cycle; a full team would fill the journal.
const AT_ONCE: usize = 20;

/// As many users who are gone are reported one by one.
const FEW: usize = 3;

/// Reports events, each once.
pub struct Reporter {
    clock: Arc<dyn Clock>,
    reported: Mutex<Reported>,
}

#[derive(Default)]
struct Reported {
    at: BTreeMap<String, Timestamp>,
    /// What there was to report since the last cycle ended. Everything else is over, and is news
    /// when it comes again.
    present: BTreeSet<String>,
    /// Whether a failed step was reported since the last cycle ended.
    failure: bool,
    incomplete: Incomplete,
}

impl Reporter {
    /// Makes one that has reported nothing yet.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            reported: Mutex::default(),
        }
    }

    /// Reports what became of a step: each change, and each failure once a day.
    pub fn step(&self, step: &Step, outcome: &Outcome) {
        let again = match outcome.why() {
            None => true,
            Some(why) => {
                let news = self.is_news(format!("step {} {why}", step.action.fingerprint()));
                if news && let Ok(mut reported) = self.reported.lock() {
                    reported.failure = true;
                }
                news
            }
        };
        if again {
            observe::step(step, outcome);
        }
    }

    /// Reports what a cycle did, if it did anything or failed at something new; what it held, and
    /// whom it left alone for a reason that somebody can mend.
    pub fn cycle(&self, facts: &CycleFacts) {
        let plan = &facts.plan.plan;
        let failure = self.reported.lock().is_ok_and(|reported| reported.failure);
        if failure || !facts.done.is_empty() {
            observe::cycle_done(facts);
        }
        for hold in &plan.holds {
            let prints: Vec<&str> = hold.fingerprints.iter().map(|p| p.as_str()).collect();
            if self.is_news(format!("hold {:?} {}", hold.key, prints.join(" "))) {
                observe::held(hold);
            }
        }
        let news = plan.left_alone.iter().filter(|left| {
            wants_attention(&left.why)
                && self.is_news(format!("left {} {:?}", left.subject, left.why))
        });
        let mut news: Vec<_> = news.collect();
        // Many users who are gone at once have one cause.
        let is_gone = |left: &&LeftAlone| left.why == Why::UserGone;
        let gone: Vec<&LeftAlone> = news.iter().copied().filter(is_gone).collect();
        if gone.len() > FEW {
            observe::users_gone(&gone);
            news.retain(|left| !is_gone(left));
        }
        for left in news.iter().take(AT_ONCE) {
            observe::left_alone(left);
        }
        if news.len() > AT_ONCE {
            observe::more_left_alone(news.len() - AT_ONCE);
        }
        let announced = facts.plan.announced();
        for (left, at) in announced.iter().take(AT_ONCE) {
            observe::expiring(left, *at);
        }
        if announced.len() > AT_ONCE {
            observe::more_expiring(announced.len() - AT_ONCE);
        }
        self.reading(&facts.plan.incomplete);
        let unknown = facts.plan.state_unknown();
        if unknown > 0 && self.is_news("state unknown".to_owned()) {
            observe::state_unknown(unknown);
        }
        if let Some(says) = another(&facts.plan.made_elsewhere)
            && self.is_news("another installation".to_owned())
        {
            observe::another_installation(&says);
        }
        // A run that ended early did not reach everything that may still be wrong.
        self.forget_what_is_over(facts.stopped.is_none());
    }

    /// Reports that something cannot be read, when that begins, and that everything can be again.
    fn reading(&self, unread: &[Unread]) {
        let now = self.clock.now().wall;
        let noted = self
            .reported
            .lock()
            .map(|mut reported| reported.incomplete.note(unread, now));
        match noted {
            Ok(Some(News::Incomplete)) => {
                let words: Vec<String> = unread.iter().map(ToString::to_string).collect();
                observe::incomplete(&words);
            }
            Ok(Some(News::Complete(cycles))) => observe::complete(cycles),
            Ok(None) | Err(_) => {}
        }
    }

    fn forget_what_is_over(&self, all_was_seen: bool) {
        if let Ok(mut reported) = self.reported.lock() {
            let present = std::mem::take(&mut reported.present);
            if all_was_seen {
                reported.at.retain(|what, _| present.contains(what));
            }
            reported.failure = false;
        }
    }

    /// Tells whether something was not reported within a day, or was over in between; from now on
    /// it is.
    fn is_news(&self, what: String) -> bool {
        let now = self.clock.now().wall;
        let Ok(mut reported) = self.reported.lock() else {
            return true;
        };
        reported.present.insert(what.clone());
        let old = reported.at.get(&what);
        let news = old.is_none_or(|at| now.since(*at) >= DAY);
        if news {
            reported.at.insert(what, now);
        }
        news
    }
}

/// Whether a person should do something about it.
fn wants_attention(why: &Why) -> bool {
    match why {
        Why::Conflict { .. }
        | Why::Unlinked { .. }
        | Why::Duplicate { .. }
        | Why::LinkedTwice { .. }
        | Why::LooksLike { .. }
        | Why::SharedAnchor { .. }
        | Why::SeatOrder { .. }
        | Why::BadEntry(_)
        | Why::UserUnread { .. }
        | Why::BadUser(_)
        | Why::NoUsername(_)
        | Why::NoEmail(_)
        | Why::DomainRefused { .. }
        | Why::ReactivatedByHand
        | Why::DeactivationUndone { .. }
        | Why::NotUndone { .. }
        | Why::Untouchable(_)
        | Why::NoSeat { .. }
        | Why::UserGone
        | Why::LookAlike { .. }
        | Why::OlderState { .. }
        | Why::EmailSwap { .. }
        | Why::TeamArchived { .. }
        | Why::TeamMoved(_)
        | Why::TeamConstrained { .. }
        | Why::TeamDomain { .. }
        | Why::StateManaged { .. }
        | Why::TeamFull { .. }
        | Why::NoAdmin
        | Why::PasswordRefused(_)
        | Why::DroppedByConfiguration { .. }
        | Why::BackByConfiguration { .. }
        | Why::NotAPerson { linked: true, .. }
        | Why::NotPurged { .. }
        | Why::Unproven(Gap::Lookup(_)) => true,
        Why::LockedWithoutUser
        | Why::NotAPerson { linked: false, .. }
        | Why::ExpiresSoon { .. }
        | Why::Grace { .. }
        | Why::Unproven(_)
        | Why::UsersUnread(_)
        | Why::StateUnknown(_)
        | Why::SeenBackOnce
        | Why::DeactivatedByHand
        | Why::DeactivatedByOrder { .. }
        | Why::Protected
        | Why::LoginService { .. }
        | Why::EmailWaiting { .. }
        | Why::UndoWaits { .. }
        | Why::FieldUnproven { .. }
        | Why::Undone { .. }
        | Why::OutcomeUnknown(_) => false,
    }
}
