//! Dates on which accounts expire: their announcement, and what happens when they come.

use std::time::Duration;

use crate::model::{AccountChange, Announcement, Reason, Remember, User, Why};
use crate::plan::facts::limits::DAY;
use crate::plan::ledger::draft::{Draft, Person};

/// How long before its date an expiry is announced.
const NOTICE: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// How long before its date an expiry must have been announced, to surprise nobody.
const LEAD: Duration = DAY;

/// Announces the date on which an account in use will expire, and remembers it once for each date.
pub fn announce(draft: &mut Draft<'_>, person: &Person<'_>, user: &User) {
    if !user.is_active() {
        return;
    }
    let now = draft.now.wall;
    let soon = person.account.expires;
    let soon = soon.filter(|at| *at > now && at.since(now) <= NOTICE);
    let known = person.memory(draft).announced.as_ref();
    let Some(at) = soon else {
        if known.is_some() {
            draft.learn(Remember::Account(
                person.key.clone(),
                AccountChange::Announced(None),
            ));
        }
        return;
    };
    let days = at.since(now).as_secs() / DAY.as_secs();
    draft.leave(person.subject(), Why::ExpiresSoon { at, days });
    if known.is_none_or(|known| known.date != at) && draft.clock_jump == 0 {
        let announcement = Announcement {
            date: at,
            at: draft.now.clone(),
        };
        let key = person.key.clone();
        draft.learn(Remember::Account(
            key,
            AccountChange::Announced(Some(announcement)),
        ));
    }
}

/// Returns the reason to deactivate, if nothing but a date that has come locks the account.
pub fn expired(draft: &Draft<'_>, person: &Person<'_>) -> Option<Reason> {
    let (attribute, at) = person.account.expired()?;
    let announced = person.memory(draft).announced.as_ref();
    let in_time = |a: &&Announcement| {
        let before = at.since(a.at.wall) >= LEAD;
        a.date == at && before && draft.now.certainly_since(&a.at) >= LEAD
    };
    Some(Reason::Expired {
        attribute: attribute.to_owned(),
        at,
        announced: announced.filter(in_time).map(|a| a.at.wall),
    })
}
