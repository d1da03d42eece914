//! What is remembered before a step is sent, and once it has been carried out.

use crate::model::{
    AccountChange, AccountKey, AccountMemory, Action, ChangedPart, Deactivation, Done, Given,
    HoldKey, Link, LinkOrigin, Made, Memory, MemoryDelta, Nonce, Now, ProfileField, Reason,
    Remember, Step, TeamRef, Unlinked, User, UserChange, UserId,
};
use crate::plan::facts::approvals::approved;
use crate::plan::facts::effect::Effect;
use crate::plan::facts::fields::sent;
use crate::plan::facts::limits::{first_fill, person};
use crate::plan::ledger::flapping;
use crate::plan::ledger::undone_steps::carried_out;

/// Returns what must be on disk before the step is sent. Without it, our own deactivation would
/// look like an administrator's if its answer were lost. (A creation: [`begun`].)
pub fn before(step: &Step, memory: &Memory) -> MemoryDelta {
    let Action::Deactivate {
        account: Some(key),
        ordered_by,
        ..
    } = &step.action
    else {
        return Vec::new();
    };
    let Some(mut link) = memory.link(key).cloned() else {
        return Vec::new();
    };
    link.deactivated = Some(Deactivation {
        delete_at: None,
        why: step.reason.to_string(),
        ordered_by: ordered_by.clone(),
    });
    vec![Remember::Account(
        key.clone(),
        AccountChange::Link(Some(link)),
    )]
}

/// Returns what must be on disk before a creation is sent, and `None` for other steps: without it
/// nobody would know the user, or who filled the user's fields, if the answer were lost.
///
/// # Errors
/// That of `new_nonce`, which makes the nonce of a first attempt.
pub fn begun<E>(
    step: &Step,
    memory: &Memory,
    new_nonce: impl FnOnce() -> Result<Nonce, E>,
) -> Result<Option<Remember>, E> {
    let Action::CreateUser { account, user, .. } = &step.action else {
        return Ok(None);
    };
    let mut begun = match &memory.account(account).begun {
        Some(begun) => begun.clone(),
        None => new_nonce()?.into(),
    };
    let filled = user.profile.iter().filter(|(_, value)| !value.is_empty());
    begun.sent.extend(filled.map(|(f, v)| (*f, v.clone())));
    Ok(Some(of_account(account, AccountChange::Begun(Some(begun)))))
}

/// Returns whether an earlier deactivation of the same user was sent and its outcome never seen: it
/// may still arrive, and is then our work.
pub fn in_doubt(step: &Step, memory: &Memory) -> bool {
    let Action::Deactivate {
        account: Some(key), ..
    } = &step.action
    else {
        return false;
    };
    memory.link(key).is_some_and(Link::is_in_doubt)
}

/// Returns what takes back [`before`], for a step that certainly was not carried out, nor any
/// earlier one like it ([`in_doubt`]).
pub fn undone(step: &Step, memory: &Memory) -> MemoryDelta {
    let Action::Deactivate {
        account: Some(key), ..
    } = &step.action
    else {
        return Vec::new();
    };
    match memory.link(key).cloned() {
        Some(mut link) if link.is_in_doubt() => {
            link.deactivated = None;
            vec![Remember::Account(
                key.clone(),
                AccountChange::Link(Some(link)),
            )]
        }
        _ => Vec::new(),
    }
}

/// Returns what the server made of a step, for the record; `None` if the step says it all.
pub fn made(step: &Step, effect: &Effect) -> Option<Made> {
    let stored = |user: &User| {
        let sent = sent(step).into_keys();
        sent.map(|field| (field, user.field(field).to_owned()))
            .collect()
    };
    let made = match effect {
        Effect::Created(user) => Made {
            user: Some(user.id.clone()),
            stored: stored(user),
            ..Made::default()
        },
        Effect::Updated(user) => Made {
            stored: stored(user),
            ..Made::default()
        },
        Effect::Deactivated(at) => Made {
            delete_at: Some(*at),
            ..Made::default()
        },
        Effect::TeamMade(team) => Made {
            team: Some(team.clone()),
            ..Made::default()
        },
        Effect::EmailAsked => Made {
            asked: true,
            ..Made::default()
        },
        Effect::Adopted
        | Effect::Purged
        | Effect::BotAssigned
        | Effect::SessionsEnded
        | Effect::AccessReset
        | Effect::Moved
        | Effect::Unlinked
        | Effect::Renamed
        | Effect::EmailChanged
        | Effect::Reactivated
        | Effect::Joined => return None,
    };
    Some(made)
}

/// Returns what the server made of a step whose outcome was found out later, as far as the changes
/// of memory show it.
pub fn made_later(step: &Step, delta: &MemoryDelta) -> Option<Made> {
    let link = delta.iter().find_map(|change| match change {
        Remember::Account(_, AccountChange::Link(Some(link))) => Some(link),
        _ => None,
    })?;
    let stored = |field: &ProfileField| link.given.get(field).map(|given| given.stored.clone());
    let made = Made {
        user: matches!(step.action, Action::CreateUser { .. }).then(|| link.user.clone()),
        delete_at: match (&step.action, &link.deactivated) {
            (Action::Deactivate { .. }, Some(deactivation)) => deactivation.delete_at,
            _ => None,
        },
        team: None,
        stored: sent(step)
            .into_keys()
            .filter_map(|field| Some((field, stored(&field)?)))
            .collect(),
        asked: matches!(&step.action, Action::ChangeEmail { email, .. }
            if link.email_waiting.as_ref() == Some(&email.to)),
    };
    (made != Made::default()).then_some(made)
}

/// Returns what to remember after a step was carried out.
pub fn remember(step: &Step, effect: &Effect, memory: &Memory, now: &Now) -> MemoryDelta {
    let mut delta = linked(step, effect, memory, now);
    delta.extend(own_change(step, effect, memory, now));
    if let Action::Deactivate { user, .. } = &step.action
        && memory.user(user).order.is_some()
    {
        delta.push(Remember::User(user.clone(), UserChange::Order(None)));
    }
    if let Some(key) = step.action.account()
        && let undone = &memory.account(key).undone
        && !undone.is_empty()
    {
        delta.extend(carried_out(step, effect, undone));
    }
    delta.extend(filled(step, effect, memory));
    if let (Action::ResetAccess { user, .. }, Effect::AccessReset) = (&step.action, effect) {
        delta.push(Remember::User(user.clone(), UserChange::Reset(None)));
    }
    if let (Action::EndSessions { user, .. }, Effect::SessionsEnded) = (&step.action, effect) {
        delta.push(Remember::User(
            user.clone(),
            UserChange::SessionsEnded(Some(now.wall)),
        ));
    }
    let fingerprint = step.action.fingerprint();
    // An approval releases what was shown, not the same change on another day.
    let holds = memory.holds.iter();
    let used = holds.filter(|(_, hold)| hold.releases(&fingerprint));
    delta.extend(used.map(|(hold, _)| Remember::Used(hold.clone(), fingerprint.clone())));
    if let Some(class) = step.class() {
        let by_hand = matches!(step.reason, Reason::ByHand { .. });
        let by_approval = approved(memory, &HoldKey::Class(class), now)
            .is_some_and(|steps| steps.contains(&fingerprint));
        let expected = matches!(
            step.reason,
            Reason::Expired {
                announced: Some(_),
                ..
            }
        );
        // A ring counts each of its people once: this person when they leave the temporary name.
        let half = step.action.opens_ring();
        if !by_hand && !by_approval && !expected && !half && !first_fill(memory, step) {
            delta.push(Remember::Done(Done {
                class,
                at: now.wall,
                whom: person(step),
            }));
        }
    }
    delta
}

/// Returns the change that remembers the team for its configured name.
fn filled(step: &Step, effect: &Effect, memory: &Memory) -> MemoryDelta {
    let (name, team) = match (&step.action, effect) {
        (Action::CreateTeam { name, .. }, Effect::TeamMade(team)) => (name, team),
        (
            Action::JoinTeam {
                team: TeamRef::Existing(team),
                team_name,
                ..
            },
            Effect::Joined,
        ) => (team_name, team),
        _ => return MemoryDelta::new(),
    };
    match memory.configured_team(name) {
        Some(known) if known == team => MemoryDelta::new(),
        _ => memory.configure_team(name, team),
    }
}

/// Returns one more change of a user. A person's order does not count: only what we decide by
/// ourselves may repeat for ever.
fn own_change(step: &Step, effect: &Effect, memory: &Memory, now: &Now) -> Option<Remember> {
    let of = changed_part(step, effect)?;
    let by_person = step.is_undo() || matches!(step.reason, Reason::ByHand { .. });
    let key = step.action.account().filter(|_| !by_person)?;
    let flips = flapping::with(memory, key, now, of);
    Some(Remember::Account(key.clone(), AccountChange::Flips(flips)))
}

fn changed_part(step: &Step, effect: &Effect) -> Option<ChangedPart> {
    match effect {
        Effect::Deactivated(_) => step.class().map(|_| ChangedPart::Deactivated),
        Effect::Reactivated => Some(ChangedPart::Reactivated),
        // A user with a temporary name gets the right one in the same run.
        _ if step.action.opens_ring() => None,
        Effect::Renamed | Effect::EmailChanged | Effect::EmailAsked | Effect::Updated(_) => {
            step.action.changes()
        }
        _ => None,
    }
}

/// Returns what a step changes of the account's link, and of what depends on the link.
fn linked(step: &Step, effect: &Effect, memory: &Memory, now: &Now) -> MemoryDelta {
    let Some(key) = step.action.account() else {
        return Vec::new();
    };
    match (&step.action, effect) {
        (Action::Unlink { user, as_new, .. }, Effect::Unlinked) => {
            unlinked(step, memory, user, *as_new, now)
        }
        (_, Effect::Purged) => Vec::from_iter(forget_account(memory, key)),
        (
            Action::CreateUser {
                directory_username, ..
            },
            Effect::Created(user),
        ) => {
            let mut link = new_link(step, &user.id, LinkOrigin::Created, now);
            link.last_username.clone_from(directory_username);
            record_given(&mut link, step, user);
            let no_longer_begun = AccountChange::Begun(None);
            vec![
                of_account(key, no_longer_begun),
                of_account(key, AccountChange::Link(Some(link))),
            ]
        }
        (
            Action::Adopt {
                user,
                directory_username,
                ..
            },
            Effect::Adopted,
        ) => {
            let mut link = new_link(step, user, LinkOrigin::Adopted, now);
            link.last_username.clone_from(directory_username);
            adopted(memory, key, link)
        }
        (Action::MoveLink { from, .. }, Effect::Moved) => moved(step, memory, from, key),
        _ => changed(step, effect, memory, key),
    }
}

fn of_account(key: &AccountKey, change: AccountChange) -> Remember {
    Remember::Account(key.clone(), change)
}

fn new_link(step: &Step, user: &UserId, origin: LinkOrigin, now: &Now) -> Link {
    Link {
        user: user.clone(),
        origin,
        since: now.wall,
        last_dn: step.subject.dn.clone().unwrap_or_default(),
        last_username: String::new(),
        deactivated: None,
        email_waiting: None,
        given: Default::default(),
        anchor: None,
        agreed: Default::default(),
    }
}

/// Returns the changes of an adoption: what was said about either side before is over, and a user
/// that an earlier creation for the account may have made is no longer ours.
fn adopted(memory: &Memory, key: &AccountKey, link: Link) -> MemoryDelta {
    let mut delta = Vec::new();
    let account = memory.account(key);
    if !account.undone.is_empty() {
        delta.push(of_account(key, AccountChange::Undone(Vec::new())));
    }
    delta.extend(neither_unlinked_nor_begun(account, key));
    if memory.user(&link.user).kept.is_some() {
        delta.push(Remember::User(link.user.clone(), UserChange::Kept(None)));
    }
    delta.push(of_account(key, AccountChange::Link(Some(link))));
    delta
}

fn neither_unlinked_nor_begun(account: &AccountMemory, key: &AccountKey) -> MemoryDelta {
    let mark = account
        .unlinked
        .as_ref()
        .map(|_| AccountChange::Unlinked(None));
    let begun = account.begun.as_ref().map(|_| AccountChange::Begun(None));
    let changes = mark.into_iter().chain(begun);
    changes.map(|change| of_account(key, change)).collect()
}

/// Returns the changes that move what is remembered from one account to another, but for what is
/// about an entry: whether it is there, and when it expires.
fn moved(step: &Step, memory: &Memory, from: &AccountKey, key: &AccountKey) -> MemoryDelta {
    let (
        Some(link),
        Action::MoveLink {
            directory_username,
            anchor,
            ..
        },
    ) = (memory.link(from), &step.action)
    else {
        return Vec::new();
    };
    let link = Link {
        last_dn: step.subject.dn.clone().unwrap_or_default(),
        last_username: directory_username.clone(),
        anchor: anchor.clone(),
        ..link.clone()
    };
    let own = memory.account(key);
    let record = AccountMemory {
        link: Some(link),
        absence: None,
        returning: own.returning.clone(),
        begun: None,
        unlinked: None,
        gone: None,
        waiting: None,
        announced: own.announced.clone(),
        duplicate: own.duplicate,
        ..memory.account(from).clone()
    };
    let mut delta = Vec::from_iter(forget_account(memory, from));
    delta.push(of_account(key, AccountChange::All(Box::new(record))));
    delta
}

/// Returns what a step changes of a link that stays.
fn changed(step: &Step, effect: &Effect, memory: &Memory, key: &AccountKey) -> MemoryDelta {
    let Some(before) = memory.link(key) else {
        return Vec::new();
    };
    let mut link = before.clone();
    change(&mut link, step, effect);
    if link == *before {
        return Vec::new();
    }
    let mut delta = vec![of_account(key, AccountChange::Link(Some(link)))];
    if matches!(effect, Effect::Reactivated) {
        delta.push(of_account(key, AccountChange::Returning(None)));
    }
    delta
}

/// Forgets everything about an account, except approvals and what was done.
pub fn forget_account(memory: &Memory, key: &AccountKey) -> Option<Remember> {
    let is_known = memory.accounts.contains_key(key);
    is_known.then(|| Remember::forget_account(key.clone()))
}

/// Removes a link and what depends on it: a nonce in the user's `props` no longer makes the user
/// ours, and a suffix belongs to the name that the user had.
fn unlinked(step: &Step, memory: &Memory, user: &UserId, as_new: bool, now: &Now) -> MemoryDelta {
    let Some(key) = step.action.account() else {
        return Vec::new();
    };
    let by = match &step.reason {
        Reason::ByHand { by, .. } | Reason::Undone { by, .. } => by.clone(),
        _ => String::new(),
    };
    let mark = Unlinked {
        user: user.clone(),
        by,
        at: now.wall,
    };
    let mut delta = Vec::from_iter(forget_account(memory, key));
    delta.push(Remember::User(user.clone(), UserChange::Order(None)));
    delta.push(Remember::Account(
        key.clone(),
        AccountChange::Unlinked((!as_new).then_some(mark)),
    ));
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
        // The deactivation stays remembered: the directory wants it, and it was ours and undone.
        Effect::Reactivated if step.is_undo() => {}
        Effect::Reactivated => link.deactivated = None,
        Effect::EmailChanged => link.email_waiting = None,
        Effect::EmailAsked => {
            if let Action::ChangeEmail { email, .. } = &step.action {
                link.email_waiting = Some(email.to.clone());
            }
        }
        Effect::Updated(user) => record_given(link, step, user),
        Effect::Created(_)
        | Effect::Adopted
        | Effect::Moved
        | Effect::Unlinked
        | Effect::Renamed
        | Effect::Purged
        | Effect::BotAssigned
        | Effect::SessionsEnded
        | Effect::AccessReset
        | Effect::TeamMade(_)
        | Effect::Joined => {}
    }
}

fn record_given(link: &mut Link, step: &Step, answer: &User) {
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
