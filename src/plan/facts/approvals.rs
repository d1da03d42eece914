//! What a person released, and what waits for one.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::model::{Approval, Fingerprint, Hold, HoldCause, HoldKey, Memory, Now, Step, StepId};
use crate::plan::facts::clock;

/// How long an approval stays good.
pub const APPROVAL: Duration = Duration::from_secs(72 * 60 * 60);

/// The steps that an approval releases, if there is one and it has not ended.
pub fn approved<'m>(
    memory: &'m Memory,
    key: &HoldKey,
    now: &Now,
) -> Option<&'m BTreeSet<Fingerprint>> {
    let approval = memory.hold(key).approval.as_ref()?;
    (!has_ended(approval, now)).then_some(&approval.steps)
}

/// Whether an approval is good no more: its time is over, or it was given by a clock that was
/// ahead, and nobody knows how long ago.
pub fn has_ended(approval: &Approval, now: &Now) -> bool {
    let ahead = approval.at.0.saturating_sub(now.wall.0);
    approval.until <= now.wall || ahead > clock::TOLERANCE
}

/// A hold of these steps.
pub fn hold(key: HoldKey, cause: HoldCause, steps: &[&Step]) -> Hold {
    let ids: Vec<StepId> = steps.iter().map(|s| s.id).collect();
    let fingerprints = steps.iter().map(|s| s.action.fingerprint()).collect();
    Hold {
        key,
        cause,
        steps: ids,
        fingerprints,
    }
}
