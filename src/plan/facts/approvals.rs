//! What a person approved, and what waits for an approval.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::model::{Approval, Fingerprint, Hold, HoldCause, HoldKey, Memory, Now, Step, StepId};
use crate::plan::facts::clock;

/// How long an approval lasts.
pub const APPROVAL: Duration = Duration::from_secs(72 * 60 * 60);

/// Returns the steps that an approval releases, if there is one that has not ended.
pub fn approved<'m>(
    memory: &'m Memory,
    key: &HoldKey,
    now: &Now,
) -> Option<&'m BTreeSet<Fingerprint>> {
    let approval = memory.hold(key).approval.as_ref()?;
    (!has_ended(approval, now)).then_some(&approval.steps)
}

/// Returns whether an approval has ended: its time is over, or it was given while the clock was
/// ahead, so that its age is not known.
pub fn has_ended(approval: &Approval, now: &Now) -> bool {
    let ahead = approval.at.0.saturating_sub(now.wall.0);
    approval.until <= now.wall || ahead > clock::TOLERANCE
}

/// Returns a hold of these steps.
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
