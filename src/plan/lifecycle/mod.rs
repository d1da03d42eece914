//! Who is deactivated, and who comes back.

mod missing;
mod orders;

pub use missing::{missing, missing_for};
pub use orders::ordered;

use crate::model::{
    AccountChange, AccountKey, AccountState, Action, Class, Evidence, Link, Precondition, Reason,
    Remember, Return, StepId, Subject, Undoing, User, Why,
};

use super::draft::{Draft, Known, Person, Risk};
use super::{ByHand, dates, flaps, managed};

/// Readings that must agree before somebody is reactivated.
const RETURN_READINGS: u32 = 2;

/// What becomes of a person's user, as far as the state of the account is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Active, or to be created: fields and memberships are kept in step.
    In,
    /// Comes back in this plan, if there is a seat.
    Back,
    /// Not active and stays so, but the account is in use: fields are kept in step.
    Resting,
    /// Locked: fields are left as they are.
    Out,
}

/// Judges the state of one account that the directory has.
pub fn judge(draft: &mut Draft<'_>, person: &mut Person<'_>) -> Standing {
    let Some(user) = person.user else {
        return newcomer(draft, person);
    };
    if let Some(link) = person.link.as_mut() {
        arrived(draft, person.key, link, user);
    }
    if draft.ordered.contains(&user.id) {
        forget_return(draft, person.key);
        return Standing::Out;
    }
    match person.account.state.by_locks().clone() {
        AccountState::Locked { attribute, value } => {
            forget_return(draft, person.key);
            let expired = dates::expired(draft, person);
            let reason = expired.unwrap_or(Reason::Locked { attribute, value });
            locked(draft, person, user, reason);
            Standing::Out
        }
        AccountState::Active => {
            dates::announce(draft, person, user);
            active(draft, person, user)
        }
        // The lock rules never say so of themselves, and the matching left the others alone.
        AccountState::NotAPerson { .. } => Standing::Resting,
        AccountState::Unknown { why } => {
            forget_return(draft, person.key);
            if user.is_active() {
                return Standing::In;
            }
            let left = match ours(person.link.as_deref(), user) {
                true => Why::StateUnknown(why),
                false => Why::DeactivatedByHand,
            };
            draft.leave(person.subject(), left);
            Standing::Resting
        }
    }
}

/// A deactivation of ours that was taken for lost has arrived after all.
fn arrived(draft: &mut Draft<'_>, key: &AccountKey, link: &mut Known<'_>, user: &User) {
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
    *link = Known::from(seen);
}

fn newcomer(draft: &mut Draft<'_>, person: &Person<'_>) -> Standing {
    if matches!(person.account.state.by_locks(), AccountState::Locked { .. }) {
        draft.leave(person.subject(), Why::LockedWithoutUser);
        Standing::Out
    } else {
        Standing::In
    }
}

fn locked(draft: &mut Draft<'_>, person: &Person<'_>, user: &User, reason: Reason) {
    if !user.is_active() {
        return;
    }
    let is_dated = matches!(reason, Reason::Expired { .. });
    let again = person.link.as_deref().is_some_and(was_ours);
    let out = Out {
        key: person.key,
        class: Class::Locked,
        reason,
        again,
        after: person.after(),
    };
    let step = deactivate(draft, person.subject(), user, out);
    if is_dated {
        draft.dated.extend(step);
    }
}

/// A deactivation that the directory wants.
struct Out<'a> {
    key: &'a AccountKey,
    class: Class,
    reason: Reason,
    /// Whether we had deactivated the user before, and somebody undid it.
    again: bool,
    after: Vec<StepId>,
}

fn deactivate(
    draft: &mut Draft<'_>,
    subject: Subject,
    user: &User,
    out: Out<'_>,
) -> Option<StepId> {
    let mut reason = out.reason;
    if out.again {
        if let Some(why) = respected(draft, out.key) {
            draft.leave(subject, why);
            return None;
        }
        reason = Reason::Again {
            because: reason.to_string(),
        };
    }
    let key = Some(out.key.clone());
    let step = draft.deactivate(subject, key, user, Some(out.class), reason, out.after)?;
    // Whoever reactivates him may be a machine as well: they must not fight for ever.
    if out.again && flaps::is_flapping(draft, out.key) {
        draft.flapping.insert(step);
    }
    Some(step)
}

fn active(draft: &mut Draft<'_>, person: &mut Person<'_>, user: &User) -> Standing {
    managed::forget(draft, user);
    if user.is_active() {
        forget_return(draft, person.key);
        // Somebody reactivated the user and the directory agrees: our deactivation is history.
        if let Some(link) = person.link.as_mut().filter(|l| l.deactivated.is_some()) {
            let seen = Link {
                deactivated: None,
                ..Link::clone(link)
            };
            draft.learn(Remember::Account(
                person.key.clone(),
                AccountChange::Link(Some(seen.clone())),
            ));
            *link = Known::from(seen);
        }
        return Standing::In;
    }
    let deactivated = person.link.as_ref().and_then(|l| l.deactivated.as_ref());
    if let Some(by) = deactivated.and_then(|d| d.ordered_by.clone()) {
        draft.leave(person.subject(), Why::DeactivatedByOrder { by });
        return Standing::Resting;
    }
    let (Some(deactivation), Some(at)) = (deactivated, user.deactivated_at) else {
        draft.leave(person.subject(), Why::DeactivatedByHand);
        return Standing::Resting;
    };
    if deactivation.delete_at.is_some_and(|seen| seen != at) {
        draft.leave(person.subject(), Why::DeactivatedByHand);
        return Standing::Resting;
    }
    let managed = managed::state(draft, user, "reactivated");
    if let Some(why) = draft.untouchable(user).or(managed) {
        draft.leave(person.subject(), why);
        return Standing::Resting;
    }
    // A reading that does not prove what it lacks may lack what says that the account is locked.
    if let Some(gap) = draft.gap(&person.key.provider) {
        draft.leave(person.subject(), Why::Unproven(gap.clone()));
        return Standing::Resting;
    }
    let seen = draft.world.memory.account(person.key).returning.as_ref();
    let readings = seen.map_or(0, |r| r.readings) + 1;
    if readings < RETURN_READINGS {
        let first = draft.now.wall;
        draft.learn(Remember::Account(
            person.key.clone(),
            AccountChange::Returning(Some(Return { first, readings })),
        ));
        draft.at_risk.push((person.key.clone(), Risk::Return));
        draft.dates_at_risk |= person.account.expires.is_some();
        draft.leave(person.subject(), Why::SeenBackOnce);
        return Standing::Resting;
    }
    let action = Action::Reactivate {
        account: person.key.clone(),
        user: user.id.clone(),
    };
    let reason = Reason::Returned {
        deactivated_because: deactivation.why.clone(),
    };
    let expects = Precondition::DeactivatedAt(at);
    let step = draft.step(person.subject(), action, expects, reason, person.after());
    // A date that has not come yet, by a clock that went back.
    if person.account.expires.is_some() {
        draft.dated.insert(step);
    }
    if flaps::is_flapping(draft, person.key) {
        draft.flapping.insert(step);
    }
    Standing::Back
}

/// Whom messages are about where the account was not read.
pub fn subject(draft: &Draft<'_>, key: &AccountKey, link: &Link, dn: &str) -> Subject {
    let user = match draft.world.users.look(&link.user) {
        Evidence::Present(user) => Some(user),
        _ => None,
    };
    Subject {
        account: Some(key.clone()),
        dn: Some(dn.to_owned()),
        user: Some(link.user.clone()),
        name: user.map_or_else(|| link.last_username.clone(), |u| u.username.clone()),
        email: user.map(|u| u.email.clone()),
    }
}

/// Why a reactivation against the directory is respected, if it is: because a person took our
/// deactivation back with `mattersync undo`, or by the policy.
fn respected(draft: &Draft<'_>, key: &AccountKey) -> Option<Why> {
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
fn was_ours(link: &Link) -> bool {
    link.deactivated
        .as_ref()
        .is_some_and(|d| d.delete_at.is_some())
}

/// Whether the user's present deactivation is our work.
fn ours(link: Option<&Link>, user: &User) -> bool {
    let seen = link
        .and_then(|l| l.deactivated.as_ref())
        .map(|d| d.delete_at);
    seen.is_some_and(|seen| seen.is_none() || seen == user.deactivated_at)
}

fn forget_return(draft: &mut Draft<'_>, key: &AccountKey) {
    if draft.world.memory.account(key).returning.is_some() {
        draft.learn(Remember::Account(
            key.clone(),
            AccountChange::Returning(None),
        ));
    }
}
