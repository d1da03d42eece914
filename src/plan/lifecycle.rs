//! Who is deactivated, and who comes back.

use crate::model::{
    Absence, AccountKey, AccountState, Action, Class, Deactivation, Directory, Evidence, Gap, Link,
    Lookup, Precondition, Proof, ProviderName, Reason, Remember, Return, StepId, Subject, Undoing,
    User, Why,
};

use super::draft::{Draft, Known, Person, Risk};
use super::{ByHand, dates, flaps};

/// Complete readings that must not contain an account before it is called missing, unless the
/// grace is zero.
const MISSING_READINGS: u32 = 3;

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
            if ours(person.link.as_deref(), user) {
                draft.leave(person.subject(), Why::StateUnknown(why));
            }
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
    draft.learn(Remember::Link(key.clone(), seen.clone()));
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
        if respects(draft, out.key) {
            draft.leave(subject, Why::ReactivatedByHand);
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
    if user.is_active() {
        forget_return(draft, person.key);
        // Somebody reactivated the user and the directory agrees: our deactivation is history.
        if let Some(link) = person.link.as_mut().filter(|l| l.deactivated.is_some()) {
            let seen = Link {
                deactivated: None,
                ..Link::clone(link)
            };
            draft.learn(Remember::Link(person.key.clone(), seen.clone()));
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
    if let Some(why) = draft.untouchable(user) {
        draft.leave(person.subject(), why);
        return Standing::Resting;
    }
    // A reading that does not prove what it lacks may lack what says that the account is locked.
    if let Some(gap) = draft.gap(&person.key.provider) {
        draft.leave(person.subject(), Why::Unproven(gap.clone()));
        return Standing::Resting;
    }
    let seen = draft.world.memory.returns.get(person.key);
    let readings = seen.map_or(0, |r| r.readings) + 1;
    if readings < RETURN_READINGS {
        let first = draft.now.wall;
        draft.learn(Remember::Return(
            person.key.clone(),
            Some(Return { first, readings }),
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

/// Judges the linked accounts that the directory's reading does not contain.
pub fn missing(draft: &mut Draft<'_>, provider: &ProviderName, directory: &Directory) {
    let missing = draft.bonds.all.iter().filter(|bond| bond.account.is_none());
    let missing = missing.filter(|bond| &bond.key.provider == provider);
    for bond in missing {
        // Another account is that person's now, or has been all the time.
        if draft.owner(&bond.link.user) != Some(bond.key) {
            continue;
        }
        let (key, mut link) = (bond.key, Known::Remembered(bond.link));
        if let Some(user) = bond.user {
            arrived(draft, key, &mut link, user);
        }
        let link = &*link;
        match directory.accounts.look(&key.id) {
            Evidence::Present(_) => {}
            Evidence::Absent(proof) => absent(draft, key, link, &proof),
            Evidence::Unknown(gap) => match directory.accounts.found_elsewhere(&key.id) {
                Some((dn, AccountState::Locked { attribute, value })) => {
                    let reason = Reason::Locked {
                        attribute: attribute.clone(),
                        value: value.clone(),
                    };
                    take_out(draft, key, link, dn, Class::Locked, reason);
                }
                _ => unproven(draft, key, link, gap),
            },
        }
    }
}

fn unproven(draft: &mut Draft<'_>, key: &AccountKey, link: &Link, gap: Gap) {
    if matches!(draft.world.users.look(&link.user), Evidence::Present(u) if u.is_active()) {
        draft.at_risk.push((key.clone(), Risk::Missing));
        let subject = subject(draft, key, link, &link.last_dn);
        draft.leave(subject, Why::Unproven(gap));
    }
}

fn absent(draft: &mut Draft<'_>, key: &AccountKey, link: &Link, proof: &Proof) {
    forget_return(draft, key);
    if reactivated_by_hand(draft, link) {
        if respects(draft, key) {
            let subject = subject(draft, key, link, &link.last_dn);
            return draft.leave(subject, Why::ReactivatedByHand);
        }
        if proof.lookup.is_none() {
            return ask_again(draft, key, link);
        }
    }
    match &proof.lookup {
        Some(Lookup::Elsewhere {
            dn,
            state: AccountState::Locked { attribute, value },
        }) => {
            let reason = Reason::Locked {
                attribute: attribute.clone(),
                value: value.clone(),
            };
            take_out(draft, key, link, dn, Class::Locked, reason);
        }
        Some(Lookup::Elsewhere { dn, .. }) => wait_or_go(draft, key, link, Some(dn)),
        Some(Lookup::Nowhere) => wait_or_go(draft, key, link, None),
        // Nobody is called missing without having been asked for by id.
        None => unproven(draft, key, link, Gap::Lookup("it was not made".into())),
    }
}

/// Whether our deactivation was undone on Mattermost: a person decided, and the account's absence
/// changes nothing under the usual policy, whether or not it was asked for by id.
fn reactivated_by_hand(draft: &Draft<'_>, link: &Link) -> bool {
    let Evidence::Present(user) = draft.world.users.look(&link.user) else {
        return false;
    };
    user.is_active() && was_ours(link) && !draft.ordered.contains(&user.id)
}

/// Whether a reactivation against the directory is respected: by the policy, or because a person
/// took our deactivation back with `mattersync undo`.
fn respects(draft: &Draft<'_>, key: &AccountKey) -> bool {
    let undone = draft.world.memory.undone.get(key).into_iter().flatten();
    let mut undone = undone.filter(|u| matches!(u.what, Undoing::Reactivate { .. }));
    draft.policy.lifecycle.reactivated_by_hand == ByHand::Respect || undone.any(|u| u.done)
}

/// Who left is not looked up in each reading; who is counted as missing is.
fn ask_again(draft: &mut Draft<'_>, key: &AccountKey, link: &Link) {
    if !draft.world.memory.absences.contains_key(key) {
        let count = Absence {
            first: draft.now.clone(),
            last: draft.now.clone(),
            certain: std::time::Duration::ZERO,
            readings: 0,
        };
        draft.learn(Remember::Absence(key.clone(), Some(count)));
    }
    unproven(draft, key, link, Gap::Lookup("it is made next time".into()));
}

fn wait_or_go(draft: &mut Draft<'_>, key: &AccountKey, link: &Link, now_at: Option<&String>) {
    let Evidence::Present(user) = draft.world.users.look(&link.user) else {
        return;
    };
    // Who is not active has nothing to lose. Should he become active again, the count begins anew.
    if !user.is_active() {
        if draft.world.memory.absences.contains_key(key) {
            draft.learn(Remember::Absence(key.clone(), None));
        }
        return;
    }
    let absence = longer(draft, key);
    draft.learn(Remember::Absence(key.clone(), Some(absence.clone())));
    let grace = draft.policy.grace;
    let due = grace.is_zero() || (absence.certain >= grace && absence.readings >= MISSING_READINGS);
    if !due {
        draft.at_risk.push((key.clone(), Risk::Missing));
        let subject = subject(draft, key, link, &link.last_dn);
        let Absence {
            certain, readings, ..
        } = absence;
        return draft.leave(
            subject,
            Why::Grace {
                certain,
                grace,
                readings,
            },
        );
    }
    let reason = Reason::Missing {
        certain: absence.certain,
        readings: absence.readings,
        last_dn: link.last_dn.clone(),
        now_at: now_at.cloned(),
    };
    let dn = now_at.map_or(link.last_dn.as_str(), String::as_str);
    take_out(draft, key, link, dn, Class::Missing, reason);
}

fn longer(draft: &Draft<'_>, key: &AccountKey) -> Absence {
    match draft.world.memory.absences.get(key) {
        None => Absence {
            first: draft.now.clone(),
            last: draft.now.clone(),
            certain: std::time::Duration::ZERO,
            readings: 1,
        },
        Some(before) => Absence {
            first: before.first.clone(),
            last: draft.now.clone(),
            certain: before.certain + draft.now.certainly_since(&before.last),
            readings: before.readings.saturating_add(1),
        },
    }
}

fn take_out(
    draft: &mut Draft<'_>,
    key: &AccountKey,
    link: &Link,
    dn: &str,
    class: Class,
    reason: Reason,
) {
    let Evidence::Present(user) = draft.world.users.look(&link.user) else {
        return;
    };
    if !user.is_active() || draft.ordered.contains(&user.id) {
        return;
    }
    let subject = subject(draft, key, link, dn);
    let out = Out {
        key,
        class,
        reason,
        again: was_ours(link),
        after: Vec::new(),
    };
    deactivate(draft, subject, user, out);
}

/// Carries persons' orders to deactivate into the plan. A person's word goes before what the
/// directory says and before the guard.
pub fn ordered(draft: &mut Draft<'_>) {
    let memory = draft.world.memory;
    for (id, order) in &memory.orders {
        let Evidence::Present(user) = draft.world.users.look(id) else {
            continue;
        };
        draft.ordered.insert(id.clone());
        let account = draft.owner(id).cloned();
        let link = account.as_ref().and_then(|key| memory.links.get(key));
        if user.is_active() {
            let subject = Subject {
                account: account.clone(),
                dn: link.map(|l| l.last_dn.clone()),
                user: Some(id.clone()),
                name: user.username.clone(),
                email: Some(user.email.clone()),
            };
            let by = order.by.clone();
            draft.deactivate(
                subject,
                account,
                user,
                None,
                Reason::Ordered { by },
                Vec::new(),
            );
        } else {
            draft.learn(Remember::Order(id.clone(), None));
            if let (Some(key), Some(link)) = (account, link) {
                stays_out(draft, key, link.clone(), user, &order.by);
            }
        }
    }
}

/// Who was not active already when the order came does not come back by himself either.
fn stays_out(draft: &mut Draft<'_>, key: AccountKey, mut link: Link, user: &User, by: &str) {
    let by = by.to_owned();
    link.deactivated = Some(Deactivation {
        delete_at: user.deactivated_at,
        why: Reason::Ordered { by: by.clone() }.to_string(),
        ordered_by: Some(by),
    });
    draft.relinked.insert(key.clone(), link.clone());
    draft.learn(Remember::Link(key, link));
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
    if draft.world.memory.returns.contains_key(key) {
        draft.learn(Remember::Return(key.clone(), None));
    }
}
