//! People whose user is changed again and again.

use std::time::Duration;

use crate::model::{AccountKey, ChangedPart, Memory, Now, OwnChange, Timestamp};
use crate::plan::ledger::draft::Draft;

/// The time over which changes are counted.
pub const WINDOW: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// How many changes of one person are remembered; no limit is higher.
const MAX_REMEMBERED: usize = 100;

/// Returns the changes of an account's user that still count.
pub fn recent(memory: &Memory, key: &AccountKey, now: &Now) -> Vec<OwnChange> {
    let flips = memory.account(key).flips.iter();
    let recent = flips.filter(|flip| now.wall.since(flip.at) < WINDOW);
    recent.cloned().collect()
}

/// Returns [`recent`] with one more change; the oldest is left out where there are too many.
pub fn with(memory: &Memory, key: &AccountKey, now: &Now, of: ChangedPart) -> Vec<OwnChange> {
    let mut flips = recent(memory, key, now);
    flips.push(OwnChange { at: now.wall, of });
    flips.split_off(flips.len().saturating_sub(MAX_REMEMBERED))
}

/// Returns whether a person must decide about the next return of the account's user.
pub fn is_flapping(draft: &Draft<'_>, key: &AccountKey) -> bool {
    has_too_many(draft, key, ChangedPart::State)
}

pub fn has_too_many(draft: &Draft<'_>, key: &AccountKey, of: ChangedPart) -> bool {
    let limit = draft.policy.lifecycle.flap_limit;
    let limit = limit.and_then(|limit| usize::try_from(limit).ok());
    limit.is_some_and(|limit| moments(draft, key, of).len() >= limit)
}

/// Returns when something of an account's user was changed lately; deactivations and reactivations
/// count together.
pub fn moments(draft: &Draft<'_>, key: &AccountKey, of: ChangedPart) -> Vec<Timestamp> {
    let kind = |of| match of {
        ChangedPart::Deactivated | ChangedPart::Reactivated => ChangedPart::State,
        of => of,
    };
    let flips = recent(draft.world.memory, key, draft.now).into_iter();
    let same = flips.filter(|flip| kind(flip.of) == kind(of));
    same.map(|flip| flip.at).collect()
}
