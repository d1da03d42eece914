//! Who is in the directory: whether their user goes, stays or comes back.

use crate::model::{
    AccountChange, AccountKey, AccountState, Action, Class, Link, Precondition, Reason, Remember,
    Return, User, Why,
};
use crate::plan::ledger::draft::{Draft, Person, PersonLink, Risk};
use crate::plan::ledger::standing::Standing;
use crate::plan::ledger::{deactivation, expiry, flapping};

use super::leaving::{Leaving, arrived, deactivate, forget_return, kept_out, was_ours};

/// Readings that must agree before somebody is reactivated.
const RETURN_READINGS: u32 = 2;

/// Judges the state of one account that the directory has.
pub fn judge(draft: &mut Draft<'_>, person: &mut Person<'_>) -> Standing {
    let Some(user) = person.user else {
        return newcomer(draft, person);
    };
    if let Some(link) = person.link.as_mut() {
        arrived(draft, person.key, link, user);
    }
    if draft.ordered.contains(&user.id) {
        forget_person_return(draft, person);
        return Standing::Out;
    }
    match person.account.state.by_locks().clone() {
        AccountState::Locked {
            attribute, value, ..
        } => {
            forget_person_return(draft, person);
            let expired = expiry::expired(draft, person);
            let reason = expired.unwrap_or(Reason::Locked { attribute, value });
            locked(draft, person, user, reason);
            if let Some(why) = kept_out(person.link.as_deref(), user) {
                draft.leave(person.subject(), why);
            }
            Standing::Out
        }
        AccountState::Active => {
            expiry::announce(draft, person, user);
            active(draft, person, user)
        }
        // The lock rules never say so of themselves, and the matching left the others alone.
        AccountState::NotAPerson { .. } => Standing::Resting,
        AccountState::Unknown { why } => {
            forget_person_return(draft, person);
            if user.is_active() {
                return Standing::In;
            }
            let link = person.link.as_deref();
            let left = kept_out(link, user).unwrap_or(match ours(link, user) {
                true => Why::StateUnknown(why),
                false => Why::DeactivatedByHand,
            });
            draft.leave(person.subject(), left);
            Standing::Resting
        }
    }
}

/// Returns how many readings agree that an account is back, this one included.
fn readings_with(draft: &Draft<'_>, key: &AccountKey) -> u32 {
    let Some(seen) = &draft.world.memory.account(key).returning else {
        return 1;
    };
    let is_counted = draft.world.counted.is_some_and(|at| at.wall == seen.first);
    seen.readings + u32::from(!is_counted)
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
    let out = Leaving {
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

fn active(draft: &mut Draft<'_>, person: &mut Person<'_>, user: &User) -> Standing {
    deactivation::forget(draft, user);
    if user.is_active() {
        forget_person_return(draft, person);
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
            *link = PersonLink::from(seen);
        }
        return Standing::In;
    }
    if let Some(why) = kept_out(person.link.as_deref(), user) {
        draft.leave(person.subject(), why);
        return Standing::Resting;
    }
    let deactivated = person.link.as_ref().and_then(|l| l.deactivated.as_ref());
    let (Some(deactivation), Some(at)) = (deactivated, user.deactivated_at) else {
        draft.leave(person.subject(), Why::DeactivatedByHand);
        return Standing::Resting;
    };
    if deactivation.delete_at.is_some_and(|seen| seen != at) {
        draft.leave(person.subject(), Why::DeactivatedByHand);
        return Standing::Resting;
    }
    let managed = deactivation::managed(draft, user, false);
    if let Some(why) = draft.untouchable(user).or(managed) {
        draft.leave(person.subject(), why);
        return Standing::Resting;
    }
    // A reading that does not prove what it lacks may lack what says that the account is locked.
    if let Some(gap) = draft.gap(&person.key.provider) {
        draft.leave(person.subject(), Why::Unproven(gap.clone()));
        return Standing::Resting;
    }
    let readings = readings_with(draft, person.key);
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
    if flapping::is_flapping(draft, person.key) {
        draft.flapping.insert(step);
    }
    Standing::Back
}

/// Whether the user's present deactivation is our work.
fn ours(link: Option<&Link>, user: &User) -> bool {
    let seen = link
        .and_then(|l| l.deactivated.as_ref())
        .map(|d| d.delete_at);
    seen.is_some_and(|seen| seen.is_none() || seen == user.deactivated_at)
}

fn forget_person_return(draft: &mut Draft<'_>, person: &Person<'_>) {
    if person.memory(draft).returning.is_some() {
        forget_return(draft, person.key);
    }
}
