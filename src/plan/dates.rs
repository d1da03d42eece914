//! Dates on which accounts expire by themselves: announced, believed only while the clock can be,
//! and no surprise to the guard once they were announced.
//!
//! A directory does not change on such a date, and only our own clock says that it has come. It is
//! therefore compared with the time since boot at each reading: a wall clock that jumped ahead
//! within one boot, or that is behind what it said before, makes whatever rests on dates wait for a
//! person. Neither clock can tell how long the machine was switched off.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::model::{
    AccountChange, AccountState, Announcement, ClockSeen, Directories, Evidence, Hold, HoldCause,
    HoldKey, Memory, Now, Reason, Remember, ServerChange, Step, StepId, Timestamp, User, Why,
};

use super::draft::{Draft, Person};
use super::guard::{self, DAY};

/// So long before its date an expiry is announced.
const NOTICE: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// So long before its date an expiry must have been announced in order to surprise nobody.
const LEAD: Duration = DAY;

/// A clock is set right by less than this all the time; in milliseconds.
pub const TOLERANCE: i64 = 60 * 60 * 1_000;

/// How often it is written down what the clocks say.
const COMPARED: Duration = Duration::from_secs(60 * 60);

/// Expiries of fewer people than this are never too many at once.
const FEW: usize = 3;

/// By how many milliseconds the wall clock has jumped since it was last believed: zero while it
/// may be.
pub fn jump(memory: &Memory, now: &Now) -> i64 {
    let ahead = ahead(memory, now);
    if ahead.abs() > TOLERANCE { ahead } else { 0 }
}

fn ahead(memory: &Memory, now: &Now) -> i64 {
    let before = memory.server.clock.as_ref().map_or(0, |last| last.ahead);
    before.saturating_add(since_compared(memory, now))
}

/// By how many milliseconds the wall clock was set since the clocks were last compared; zero for
/// what is usual. What was written down by the wall clock before is so much further back, or less.
pub fn set_by(memory: &Memory, now: &Now) -> i64 {
    let by = since_compared(memory, now);
    if by.abs() > TOLERANCE { by } else { 0 }
}

fn since_compared(memory: &Memory, now: &Now) -> i64 {
    let Some(last) = &memory.server.clock else {
        return 0;
    };
    let wall = now.wall.0.saturating_sub(last.at.wall.0);
    match now.boot_id == last.at.boot_id && now.boot >= last.at.boot {
        true => {
            let boot = now.boot.saturating_sub(last.at.boot).as_millis();
            wall.saturating_sub(i64::try_from(boot).unwrap_or(i64::MAX))
        }
        // How long the machine was off is not known, but not that long.
        false => wall.min(0),
    }
}

/// Tells of the date on which an account that is in use will expire; writes it down once for each
/// date.
pub fn announce(draft: &mut Draft<'_>, person: &Person<'_>, user: &User) {
    if !user.is_active() {
        return;
    }
    let now = draft.now.wall;
    let soon = person.account.expires;
    let soon = soon.filter(|at| *at > now && at.since(now) <= NOTICE);
    let known = draft.world.memory.account(person.key).announced.as_ref();
    let Some(at) = soon else {
        if known.is_some() {
            draft.learn(Remember::Account(
                person.key.clone(),
                AccountChange::Announced(None),
            ));
        }
        return;
    };
    let days = at.since(now).as_secs() / DAY.as_secs();
    draft.leave(person.subject(), Why::ExpiresSoon { at, days });
    if known.is_none_or(|known| known.date != at) && draft.clock_jump == 0 {
        let announcement = Announcement {
            date: at,
            at: draft.now.clone(),
        };
        let key = person.key.clone();
        draft.learn(Remember::Account(
            key,
            AccountChange::Announced(Some(announcement)),
        ));
    }
}

/// The reason to deactivate, if nothing but a date that has come locks the account.
pub fn expired(draft: &Draft<'_>, person: &Person<'_>) -> Option<Reason> {
    let (attribute, at) = person.account.expired()?;
    let announced = draft.world.memory.account(person.key).announced.as_ref();
    let in_time = |a: &&Announcement| {
        let before = at.since(a.at.wall) >= LEAD;
        a.date == at && before && draft.now.certainly_since(&a.at) >= LEAD
    };
    Some(Reason::Expired {
        attribute: attribute.to_owned(),
        at,
        announced: announced.filter(in_time).map(|a| a.at.wall),
    })
}

/// Steps that the guard does not count: their dates were announced. A date that takes more than a
/// fifth of all at once is a mistake until a person says otherwise.
pub fn expected(draft: &Draft<'_>, active: u64) -> BTreeSet<StepId> {
    let steps = draft.plan.steps.iter();
    let expected = steps.filter(|step| {
        matches!(
            step.reason,
            Reason::Expired {
                announced: Some(_),
                ..
            }
        )
    });
    let expected: BTreeSet<StepId> = expected.map(|step| step.id).collect();
    let share = u64::try_from(expected.len().saturating_mul(5)).unwrap_or(u64::MAX);
    if expected.len() >= FEW && share > active {
        BTreeSet::new()
    } else {
        expected
    }
}

/// What waits because the clock jumped.
pub fn hold(draft: &Draft<'_>) -> Option<Hold> {
    let ahead = draft.clock_jump;
    if ahead == 0 {
        return None;
    }
    let released = guard::approved(draft.world.memory, &HoldKey::Clock, draft.now);
    let steps = draft.plan.steps.iter().filter(|step| {
        draft.dated.contains(&step.id)
            && released.is_none_or(|r| !r.contains(&step.action.fingerprint()))
    });
    let steps: Vec<_> = steps.collect();
    (!steps.is_empty())
        .then(|| guard::hold(HoldKey::Clock, HoldCause::ClockJumped { ahead }, &steps))
}

/// Writes down what the clocks say, where anything depends on dates or is summed over a day. A jump
/// is remembered until nothing rests on it any more.
pub fn learn(draft: &mut Draft<'_>) {
    let memory = draft.world.memory;
    for (key, _) in memory.accounts_with(|account| account.announced.as_ref()) {
        let user = memory
            .link(key)
            .map(|link| draft.world.users.look(&link.user));
        let is_out = match user {
            None => true,
            Some(Evidence::Present(user)) => !user.is_active(),
            Some(_) => false,
        };
        if is_out {
            draft.learn(Remember::Account(
                key.clone(),
                AccountChange::Announced(None),
            ));
        }
    }
    let mut directories = draft.world.directories.values();
    let dates = directories.any(|d| d.accounts.iter().any(|(_, a)| a.expires.is_some()));
    let counts = |step: &Step| step.class().is_some() && !guard::first_fill(memory, step);
    let summed = !memory.done.is_empty() || draft.plan.steps.iter().any(counts);
    if !dates && !summed && draft.policy.lifecycle.purge_after.is_none() {
        return;
    }
    // What rests on dates is not known where the directory was not read.
    let unread = draft.world.directories.values();
    let unread = unread.filter(|d| !d.accounts.gaps().is_empty()).count() > 0;
    let open = unread || draft.dates_at_risk || hold(draft).is_some();
    let ahead = match draft.clock_jump {
        0 => 0,
        _ if !open => 0,
        _ => ahead(memory, draft.now),
    };
    let due = memory.server.clock.as_ref().is_none_or(|last| {
        let doubt = |ahead: i64| ahead.abs() > TOLERANCE;
        last.at.boot_id != draft.now.boot_id
            || doubt(last.ahead) != doubt(ahead)
            || set_by(memory, draft.now) != 0
            || draft.clock_jump != 0 && ahead == 0
            || draft.now.wall.since(last.at.wall) >= COMPARED
    });
    if due {
        let at = draft.now.clone();
        draft.learn(Remember::Server(ServerChange::Clock(Some(ClockSeen {
            at,
            ahead,
        }))));
    }
}

/// The next date, after `now`, on which an account expires. Whether it has a user who is active is
/// not asked: that may have changed since both sides were read.
pub fn next_expiry(directories: &Directories, now: Timestamp) -> Option<Timestamp> {
    let accounts = directories.values().flat_map(|d| d.accounts.iter());
    let dates = accounts.filter_map(|(_, account)| match account.state {
        AccountState::Locked { .. } | AccountState::NotAPerson { .. } => None,
        AccountState::Active | AccountState::Unknown { .. } => account.expires,
    });
    dates.filter(|at| *at > now).min()
}
