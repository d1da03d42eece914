//! How long an account has been missing.

use std::time::Duration;

use crate::model::{Absence, AccountKey};
use crate::plan::ledger::draft::Draft;

/// Returns how long an account that this reading does not contain has certainly been missing.
pub fn missing_for(draft: &Draft<'_>, key: &AccountKey) -> Duration {
    absence(draft, key).certain
}

/// Returns the absence of an account that this reading does not contain.
pub fn absence(draft: &Draft<'_>, key: &AccountKey) -> Absence {
    match draft.world.memory.account(key).absence.as_ref() {
        None => Absence {
            first: draft.now.clone(),
            last: draft.now.clone(),
            certain: Duration::ZERO,
            readings: 1,
        },
        Some(before) if draft.world.counted == Some(&before.last) => before.clone(),
        Some(before) => Absence {
            first: before.first.clone(),
            last: draft.now.clone(),
            certain: before.certain + draft.now.certainly_since(&before.last),
            readings: before.readings.saturating_add(1),
        },
    }
}
