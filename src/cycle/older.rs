//! Rows of users that are older than what the server itself answered before.
//!
//! A cache or a read replica between us and the server may answer with old rows. Nothing follows
//! from such a row. But where the server's database was restored from a backup, or its clock was
//! set back, all rows are older and yet true: a row that stays the same for long enough is
//! believed.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::mattermost::Reader;
use crate::model::{
    AccountChange, Gap, Link, Memory, MemoryDelta, Newest, Now, Older, Rejected, Remember, Roster,
    Timestamp, User, UserChange, UserId,
};

/// How long the server must answer with an older row before it is believed, and in how many
/// readings. No cache and no replica lags behind for so long.
const LONG: Duration = Duration::from_secs(60 * 60);
const READINGS: u32 = 3;

/// Users that a message names; it counts the others.
const FEW: usize = 3;

/// Reads users again, by id, whose row in the list is older than an earlier one, and rejects those
/// whose row stays older. Where the rows by id contradict the list, a cache answered with the whole
/// list, and the list proves nothing. Where they agree, only these rows are old, and nobody else is
/// held up. Returns what is to be remembered: the newest row that was seen of each of `known`.
pub(super) async fn refuse(
    reader: &Reader,
    users: &mut Roster<UserId, User>,
    memory: &Memory,
    known: &BTreeSet<UserId>,
    now: &Now,
) -> MemoryDelta {
    let marks = marks(memory, known);
    let listed = older(users, &marks);
    if !listed.is_empty() {
        // Rows that are not older may come from the same cache: all that matter are read again.
        let admins = users.iter().filter(|(_, user)| user.is_admin());
        let again: BTreeSet<UserId> = admins.map(|(id, _)| id).chain(known).cloned().collect();
        let before = moments(users, &again);
        let read = reader.read_again(users, &again).await;
        if let Err(error) = &read {
            tracing::warn!("users whose rows are too old could not be read again: {error}");
        }
        if read.is_err() || moments(users, &again) != before {
            users.doubt(Gap::Older(named(users, &listed)));
        }
    }
    let still = older(users, &marks);
    let mut learned = Vec::new();
    for id in known {
        let (Some(user), mark) = (users.get(id), memory.user(id).newest.as_ref()) else {
            continue;
        };
        let at = user.updated_at;
        if !still.contains(id) {
            let seen = Newest { at, older: None };
            if mark != Some(&seen) {
                learned.push(Remember::User(id.clone(), UserChange::Newest(Some(seen))));
            }
            continue;
        }
        let (at, name) = (marks[id], user.username.clone());
        let older = again(mark.and_then(|mark| mark.older.as_ref()), user, now);
        if older.readings >= READINGS && older.certain >= LONG {
            let seen = Newest {
                at: user.updated_at,
                older: None,
            };
            learned.push(Remember::User(id.clone(), UserChange::Newest(Some(seen))));
            learned.extend(undone(memory, user));
            continue;
        }
        users.reject(Rejected {
            key: Some(id.clone()),
            name,
            why: format!(
                "what is read of this user ({}) is older than what the server answered before \
                 ({at}): does a cache or a read replica answer? If the server's database was \
                 restored or its clock set back, this is believed after an hour",
                older.seen
            ),
        });
        let older = Some(older);
        learned.push(Remember::User(
            id.clone(),
            UserChange::Newest(Some(Newest { at, older })),
        ));
    }
    let over = memory.users_with(|user| user.newest.as_ref());
    let over = over.filter(|(id, _)| !known.contains(id));
    learned.extend(over.map(|(id, _)| Remember::User(id.clone(), UserChange::Newest(None))));
    learned
}

/// Returns when each user was changed last, by what the server answered before. Of users whom an
/// older version of this program deactivated, only the deactivation is known.
fn marks(memory: &Memory, known: &BTreeSet<UserId>) -> BTreeMap<UserId, Timestamp> {
    let links = memory.links().map(|(_, link)| link);
    let deactivated = links.filter_map(|link| {
        let at = link.deactivated.as_ref()?.delete_at?;
        Some((link.user.clone(), at))
    });
    let mut marks: BTreeMap<UserId, Timestamp> = deactivated.collect();
    let newest = memory.users_with(|user| user.newest.as_ref());
    marks.extend(newest.map(|(id, newest)| (id.clone(), newest.at)));
    marks.retain(|id, _| known.contains(id));
    marks
}

fn older(users: &Roster<UserId, User>, marks: &BTreeMap<UserId, Timestamp>) -> BTreeSet<UserId> {
    let is_older =
        |(id, at): &(&UserId, &Timestamp)| users.get(id).is_some_and(|user| user.updated_at < **at);
    marks
        .iter()
        .filter(is_older)
        .map(|(id, _)| id.clone())
        .collect()
}

/// When each of these users was changed last, as far as they were read.
fn moments(users: &Roster<UserId, User>, ids: &BTreeSet<UserId>) -> BTreeMap<UserId, Timestamp> {
    let read = ids.iter().filter_map(|id| users.get(id));
    read.map(|user| (user.id.clone(), user.updated_at))
        .collect()
}

fn named(users: &Roster<UserId, User>, ids: &BTreeSet<UserId>) -> String {
    let names = ids.iter().filter_map(|id| users.get(id));
    let mut names: Vec<&str> = names.map(|user| user.username.as_str()).collect();
    names.sort_unstable();
    let more = names.len().saturating_sub(FEW);
    names.truncate(FEW);
    match more {
        0 => names.join(", "),
        more => format!("{} and {more} more", names.join(", ")),
    }
}

/// Counts an older row that was seen once more, or begins to count another one.
fn again(before: Option<&Older>, user: &User, now: &Now) -> Older {
    match before.filter(|older| older.seen == user.updated_at) {
        None => Older {
            seen: user.updated_at,
            certain: Duration::ZERO,
            last: now.clone(),
            readings: 1,
        },
        Some(before) => Older {
            seen: before.seen,
            certain: before
                .certain
                .saturating_add(now.certainly_since(&before.last)),
            last: now.clone(),
            readings: before.readings.saturating_add(1),
        },
    }
}

/// Forgets our deactivation of a user who is believed to be as before it: nobody reactivated them.
fn undone(memory: &Memory, user: &User) -> Option<Remember> {
    let (key, link) = memory.links().find(|(_, link)| link.user == user.id)?;
    let at = link.deactivated.as_ref()?.delete_at?;
    (user.is_active() && user.updated_at < at).then(|| {
        let link = Link {
            deactivated: None,
            ..link.clone()
        };
        Remember::Account(key.clone(), AccountChange::Link(Some(link)))
    })
}
