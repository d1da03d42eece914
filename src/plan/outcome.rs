//! What is to be remembered before a step is sent, and once it has been carried out.

use crate::model::{
    AccountKey, Action, Deactivation, Done, Given, HoldKey, Link, LinkOrigin, Memory, MemoryDelta,
    Now, ProfileField, Reason, Remember, Step, TeamId, Timestamp, User,
};

use super::flaps;
use super::guard::{approved, first_fill};
use super::profiles::sent;

/// What a step did to the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The user was created; this is the server's answer.
    Created(Box<User>),
    /// Nothing was sent; the link is made.
    Adopted,
    /// The username is the new one.
    Renamed,
    /// The address is the new one.
    EmailChanged,
    /// The server asked the person to confirm the new address.
    EmailAsked,
    /// The profile was changed; this is the server's answer.
    Updated(Box<User>),
    /// The user is deactivated since this moment of the server's clock.
    Deactivated(Timestamp),
    /// The user is active.
    Reactivated,
    /// The user is deleted for ever.
    Purged,
    /// The team exists.
    TeamMade(TeamId),
    /// The user is a member.
    Joined,
}

/// What must be on disk before the step is sent: without it our own deactivation, its answer
/// lost, would look like an administrator's. (A creation's nonce is made by who sends it.)
pub fn before(step: &Step, memory: &Memory) -> MemoryDelta {
    let Action::Deactivate {
        account: Some(key),
        ordered_by,
        ..
    } = &step.action
    else {
        return Vec::new();
    };
    let Some(mut link) = memory.links.get(key).cloned() else {
        return Vec::new();
    };
    link.deactivated = Some(Deactivation {
        delete_at: None,
        why: step.reason.to_string(),
        ordered_by: ordered_by.clone(),
    });
    vec![Remember::Link(key.clone(), link)]
}

/// Whether an earlier deactivation of the same user was sent and never seen: it may still arrive,
/// and would then be our work.
pub fn in_doubt(step: &Step, memory: &Memory) -> bool {
    let Action::Deactivate {
        account: Some(key), ..
    } = &step.action
    else {
        return false;
    };
    memory.links.get(key).is_some_and(Link::is_in_doubt)
}

/// Takes back what [`before`] said, for a step that surely was not carried out, nor any earlier
/// one like it ([`in_doubt`]).
pub fn undone(step: &Step, memory: &Memory) -> MemoryDelta {
    let Action::Deactivate {
        account: Some(key), ..
    } = &step.action
    else {
        return Vec::new();
    };
    match memory.links.get(key).cloned() {
        Some(mut link) if link.is_in_doubt() => {
            link.deactivated = None;
            vec![Remember::Link(key.clone(), link)]
        }
        _ => Vec::new(),
    }
}

/// What follows from a step that was carried out.
pub fn remember(step: &Step, effect: &Effect, memory: &Memory, now: &Now) -> MemoryDelta {
    let mut delta = linked(step, effect, memory, now);
    delta.extend(flip(step, effect, memory, now));
    if let Action::Deactivate { user, .. } = &step.action
        && memory.orders.contains_key(user)
    {
        delta.push(Remember::Order(user.clone(), None));
    }
    let fingerprint = step.action.fingerprint();
    // Permission for what was shown, not for the same thing another day.
    let approvals = memory.approvals.iter();
    let used = approvals.filter(|(_, a)| a.steps.contains(&fingerprint));
    delta.extend(used.map(|(hold, _)| Remember::Used(hold.clone(), fingerprint.clone())));
    if let Some(class) = step.class() {
        let by_approval = approved(memory, &HoldKey::Class(class), now)
            .is_some_and(|steps| steps.contains(&fingerprint));
        let expected = matches!(
            step.reason,
            Reason::Expired {
                announced: Some(_),
                ..
            }
        );
        if !by_approval && !expected && !first_fill(memory, step) {
            delta.push(Remember::Done(Done {
                class,
                at: now.wall,
                fingerprint,
            }));
        }
    }
    delta
}

/// One more change of a user's state. A person's word is none: only what we decided by ourselves
/// may go on for ever.
fn flip(step: &Step, effect: &Effect, memory: &Memory, now: &Now) -> Option<Remember> {
    let ours = match effect {
        Effect::Deactivated(_) => step.class().is_some(),
        Effect::Reactivated => true,
        _ => false,
    };
    let key = step.action.account().filter(|_| ours)?;
    let mut times = flaps::recent(memory, key, now);
    times.push(now.wall);
    Some(Remember::Flips(key.clone(), Some(times)))
}

/// Nothing is remembered of somebody who was deleted for ever.
fn forget(key: &AccountKey, memory: &Memory) -> MemoryDelta {
    let key = || key.clone();
    let mut delta = vec![Remember::Unlink(key()), Remember::Gone(key(), None)];
    if memory.flips.contains_key(&key()) {
        delta.push(Remember::Flips(key(), None));
    }
    if memory.names.contains_key(&key()) {
        delta.push(Remember::Name(key(), None));
    }
    if memory.announced.contains_key(&key()) {
        delta.push(Remember::Announced(key(), None));
    }
    delta
}

fn linked(step: &Step, effect: &Effect, memory: &Memory, now: &Now) -> MemoryDelta {
    let Some(key) = step.action.account() else {
        return Vec::new();
    };
    let fresh = |user: &crate::model::UserId, origin, username: &str| Link {
        user: user.clone(),
        origin,
        since: now.wall,
        last_dn: step.subject.dn.clone().unwrap_or_default(),
        last_username: username.to_owned(),
        deactivated: None,
        email_waiting: None,
        given: Default::default(),
        anchor: None,
    };
    if matches!(effect, Effect::Purged) {
        return forget(key, memory);
    }
    let mut delta = Vec::new();
    let link = match (&step.action, effect) {
        (
            Action::CreateUser {
                directory_username, ..
            },
            Effect::Created(user),
        ) => {
            delta.push(Remember::Nonce(key.clone(), None));
            let mut link = fresh(&user.id, LinkOrigin::Created, directory_username);
            give(&mut link, step, user);
            link
        }
        (
            Action::Adopt {
                user,
                directory_username,
                ..
            },
            Effect::Adopted,
        ) => fresh(user, LinkOrigin::Adopted, directory_username),
        _ => {
            let Some(mut link) = memory.links.get(key).cloned() else {
                return delta;
            };
            let before = link.clone();
            change(&mut link, step, effect);
            if link == before {
                return delta;
            }
            link
        }
    };
    delta.push(Remember::Link(key.clone(), link));
    if matches!(effect, Effect::Reactivated) {
        delta.push(Remember::Return(key.clone(), None));
    }
    delta
}

fn change(link: &mut Link, step: &Step, effect: &Effect) {
    match effect {
        Effect::Deactivated(at) => {
            let ordered_by = match &step.action {
                Action::Deactivate { ordered_by, .. } => ordered_by.clone(),
                _ => None,
            };
            let why = step.reason.to_string();
            link.deactivated = Some(Deactivation {
                delete_at: Some(*at),
                why,
                ordered_by,
            });
        }
        Effect::Reactivated => link.deactivated = None,
        Effect::EmailChanged => link.email_waiting = None,
        Effect::EmailAsked => {
            if let Action::ChangeEmail { email, .. } = &step.action {
                link.email_waiting = Some(email.to.clone());
            }
        }
        Effect::Updated(user) => give(link, step, user),
        Effect::Created(_)
        | Effect::Adopted
        | Effect::Renamed
        | Effect::Purged
        | Effect::TeamMade(_)
        | Effect::Joined => {}
    }
}

fn give(link: &mut Link, step: &Step, answer: &User) {
    for (field, value) in sent(step) {
        let stored = answer.field(field).to_owned();
        link.given.insert(
            field,
            Given {
                sent: value,
                stored,
            },
        );
    }
    debug_assert!(link.given.len() <= ProfileField::ALL.len());
}
