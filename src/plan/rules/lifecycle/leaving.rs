//! A deactivation that the directory wants, and what it must respect.

use crate::model::{
    AccountChange, AccountKey, Class, Link, Reason, Remember, StepId, Subject, Undoing, User, Why,
};
use crate::plan::ledger::draft::{Draft, PersonLink};
use crate::plan::ledger::{deactivation, flapping};
use crate::plan::policy::ByHand;

/// A deactivation of ours that was taken for lost has arrived after all.
pub(super) fn arrived(
    draft: &mut Draft<'_>,
    key: &AccountKey,
    link: &mut PersonLink<'_>,
    user: &User,
) {
    if user.is_active() || !link.is_in_doubt() {
        return;
    }
    let mut seen = Link::clone(link);
    if let Some(deactivation) = seen.deactivated.as_mut() {
        deactivation.delete_at = user.deactivated_at;
    }
    draft.learn(Remember::Account(
        key.clone(),
        AccountChange::Link(Some(seen.clone())),
    ));
    *link = PersonLink::from(seen);
}

/// A deactivation that the directory wants.
pub(super) struct Leaving<'a> {
    pub(super) key: &'a AccountKey,
    pub(super) class: Class,
    pub(super) reason: Reason,
    /// Whether we had deactivated the user before, and somebody undid it.
    pub(super) again: bool,
    pub(super) after: Vec<StepId>,
}

pub(super) fn deactivate(
    draft: &mut Draft<'_>,
    subject: Subject,
    user: &User,
    out: Leaving<'_>,
) -> Option<StepId> {
    let mut reason = out.reason;
    if out.again {
        if let Some(why) = respected(draft, out.key) {
            draft.leave(subject, why);
            return None;
        }
        reason = Reason::Again {
            because: Box::new(reason),
        };
    }
    let key = Some(out.key.clone());
    let step = deactivation::deactivate(
        draft,
        subject,
        key,
        user,
        Some(out.class),
        reason,
        out.after,
    )?;
    // The one who reactivates may be a machine as well, and two machines would fight for ever.
    if out.again && flapping::is_flapping(draft, out.key) {
        draft.flapping.insert(step);
    }
    Some(step)
}

/// Why a reactivation against the directory is respected, if it is: because a person took our
/// deactivation back with `mattersync undo`, or by the policy.
pub(super) fn respected(draft: &Draft<'_>, key: &AccountKey) -> Option<Why> {
    let undone = draft.world.memory.account(key).undone.iter();
    let mut undone = undone.filter(|u| matches!(u.what, Undoing::Reactivate { .. }) && u.done);
    match undone.next() {
        Some(undone) => Some(Why::DeactivationUndone {
            run: undone.run,
            by: undone.by.clone(),
            at: undone.at,
        }),
        None => (draft.policy.lifecycle.reactivated_by_hand == ByHand::Respect)
            .then_some(Why::ReactivatedByHand),
    }
}

/// Whether we had deactivated the user for certain.
pub(super) fn was_ours(link: &Link) -> bool {
    link.deactivated
        .as_ref()
        .is_some_and(|d| d.delete_at.is_some())
}

pub(super) fn forget_return(draft: &mut Draft<'_>, key: &AccountKey) {
    if draft.world.memory.account(key).returning.is_some() {
        draft.learn(Remember::Account(
            key.clone(),
            AccountChange::Returning(None),
        ));
    }
}

/// Returns why a user stays out whatever the directory says, if a person's word did it.
pub fn kept_out(link: Option<&Link>, user: &User) -> Option<Why> {
    let deactivation = link?.deactivated.as_ref().filter(|_| !user.is_active())?;
    let by = deactivation.ordered_by.clone()?;
    Some(Why::DeactivatedByOrder { by })
}
