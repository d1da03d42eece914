//! Who is at odds with somebody again and again.

use std::time::Duration;

use crate::model::{AccountKey, Flip, Flipped, Memory, Now, Timestamp};
use crate::plan::ledger::draft::Draft;

/// The time over which changes are counted.
pub const WINDOW: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// The most changes of one person that are remembered; no limit is higher.
const MOST: usize = 100;

/// What was changed of an account's user, as far as it still counts.
pub fn recent(memory: &Memory, key: &AccountKey, now: &Now) -> Vec<Flip> {
    let flips = memory.account(key).flips.iter();
    let recent = flips.filter(|flip| now.wall.since(flip.at) < WINDOW);
    recent.cloned().collect()
}

/// [`recent`] with one more change, the oldest left out where there are too many.
pub fn with(memory: &Memory, key: &AccountKey, now: &Now, of: Flipped) -> Vec<Flip> {
    let mut flips = recent(memory, key, now);
    flips.push(Flip { at: now.wall, of });
    flips.split_off(flips.len().saturating_sub(MOST))
}

/// Whether the next return of the account's user is for a person to decide.
pub fn is_flapping(draft: &Draft<'_>, key: &AccountKey) -> bool {
    has_too_many(draft, key, Flipped::State)
}

pub fn has_too_many(draft: &Draft<'_>, key: &AccountKey, of: Flipped) -> bool {
    let limit = draft.policy.lifecycle.flap_limit;
    let limit = limit.and_then(|limit| usize::try_from(limit).ok());
    limit.is_some_and(|limit| moments(draft, key, of).len() >= limit)
}

/// When something of an account's user was changed of late; going and coming are one.
pub fn moments(draft: &Draft<'_>, key: &AccountKey, of: Flipped) -> Vec<Timestamp> {
    let kind = |of| match of {
        Flipped::Deactivated | Flipped::Reactivated => Flipped::State,
        of => of,
    };
    let flips = recent(draft.world.memory, key, draft.now).into_iter();
    let same = flips.filter(|flip| kind(flip.of) == kind(of));
    same.map(|flip| flip.at).collect()
}
