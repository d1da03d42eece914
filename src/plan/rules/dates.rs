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
    AccountChange, AccountState, ClockSeen, Directories, Evidence, Hold, HoldCause, HoldKey,
    Reason, Remember, ServerChange, Step, StepId, Timestamp,
};
use crate::plan::facts::clock::{TOLERANCE, ahead, set_by};
use crate::plan::facts::{approvals, limits};
use crate::plan::ledger::draft::Draft;

/// How often it is written down what the clocks say.
const COMPARED: Duration = Duration::from_secs(60 * 60);

/// Expiries of fewer people than this are never too many at once.
const FEW: usize = 3;

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
    let released = approvals::approved(draft.world.memory, &HoldKey::Clock, draft.now);
    let steps = draft.plan.steps.iter().filter(|step| {
        draft.dated.contains(&step.id)
            && released.is_none_or(|r| !r.contains(&step.action.fingerprint()))
    });
    let steps: Vec<_> = steps.collect();
    (!steps.is_empty())
        .then(|| approvals::hold(HoldKey::Clock, HoldCause::ClockJumped { ahead }, &steps))
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
    let counts = |step: &Step| step.class().is_some() && !limits::first_fill(memory, step);
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
