//! When all faults have ended: the server equals the truth, except for people with a reason that
//! can be seen on the server; and then nothing more is written.

use std::collections::BTreeSet;

use mattermost_sim::User;

use crate::mischief::{is_large, is_unreadable};
use crate::served::{Seen, Served, Shown, State};
use crate::stage::{Cycle, Snapshot};
use crate::world::Flaw;

use super::identity::fits;
use super::{Checker, Down, Verdict, broken, tell};

/// A quiet cycle asks no more than this of so few people.
const REQUESTS: u32 = 12;
/// And for each person whom the server refuses.
const REQUESTS_OF_REFUSED: u32 = 6;
/// And for each row that makes an answer too large: lists are then asked for in halves.
const REQUESTS_OF_LARGE: u32 = 40;

impl Checker {
    /// The last cycle: nothing is left to do.
    pub fn rests(&mut self, cycle: &Cycle) -> Verdict {
        if let Some(error) = &cycle.error {
            return broken(
                7,
                format!("without any fault the last cycle fails: {error}"),
            );
        }
        // One person a day may be refused.
        let last = cycle.deeds.iter().find(|deed| deed.refused.is_none());
        if let Some(deed) = last.filter(|_| !cycle.is_quiet()) {
            let what = format!(
                "{} {} in a cycle without difference",
                deed.method, deed.target
            );
            return broken(8, what);
        }
        let refused = u32::try_from(cycle.refused.len()).unwrap();
        let large = cycle.before.users.values().filter(|u| is_large(u)).count();
        let more =
            refused * REQUESTS_OF_REFUSED + u32::try_from(large).unwrap() * REQUESTS_OF_LARGE;
        if cycle.requests > REQUESTS + more {
            return broken(8, format!("{} requests in a quiet cycle", cycle.requests));
        }
        Ok(())
    }

    /// The server is as the directory says.
    pub fn is_true(&mut self, cycle: &Cycle) -> Verdict {
        let now = &cycle.after;
        let of = |number: u32| now.linked.get(&number);
        let everybody: BTreeSet<u32> = cycle
            .served
            .seen
            .keys()
            .chain(now.linked.keys())
            .copied()
            .collect();
        for number in everybody.difference(&cycle.refused).copied() {
            let user = of(number).and_then(|id| now.users.get(id)).cloned();
            // Nothing is done about whom nobody can read.
            if user.as_ref().is_some_and(is_unreadable) {
                continue;
            }
            let wrong = match (cycle.served.of(number), user) {
                (Seen::Unusable(_), _) => None,
                (Seen::Listed(shown), user) => self.listed(cycle, shown, number, user),
                (Seen::Elsewhere { .. } | Seen::Nowhere, Some(user)) => {
                    self.gone(cycle, number, &user)
                }
                (_, None) => None,
            };
            if let Some(wrong) = wrong {
                let (promise, who) = (if wrong.1 { 6 } else { 7 }, tell(&cycle.served, number));
                let told = told(cycle, number);
                return broken(
                    promise,
                    format!("at the end {who} {}; told: {told}", wrong.0),
                );
            }
        }
        // Who has no legal name any more keeps what they have until the entry is put right.
        // And who shall have the name of somebody whom the server refuses for ever.
        let refused = |name: &String| {
            let mut refused = cycle.refused.iter().filter_map(|n| now.linked.get(n));
            refused.any(|id| now.users.get(id).is_some_and(|u| u.username == *name))
        };
        let named = |number: &u32| match cycle.served.of(*number) {
            Seen::Listed(shown) => {
                shown.account.flaw != Some(Flaw::NoName) && !refused(&shown.legal_name())
            }
            _ => !cycle.refused.contains(number),
        };
        for (_, id) in now.linked.iter().filter(|(number, _)| named(number)) {
            let user = now.users.get(id);
            if let Some(user) = user.filter(|u| u.username.starts_with("renaming-")) {
                return broken(
                    7,
                    format!("at the end somebody is called {}", user.username),
                );
            }
        }
        self.nobody_is_lost(now, &cycle.served)
    }

    /// What is wrong with somebody who is there, and whether bad entries are about.
    fn listed(
        &self,
        cycle: &Cycle,
        shown: &Shown,
        number: u32,
        user: Option<User>,
    ) -> Option<(String, bool)> {
        let now = &cycle.after;
        if shown.doubtful {
            return None;
        }
        let bad = |what: String| Some((what, shown.account.flaw.is_some()));
        let Some(user) = user else {
            return match shown.state {
                State::Locked => None,
                _ if self.may_lack_a_user(now, &cycle.served, shown, number) => None,
                _ => bad("has no user".into()),
            };
        };
        let protected = self.setting.protect && shown.legal_name() == "vip";
        if protected || user.is_bot {
            return None;
        }
        if shown.state == State::Locked {
            let stays = self.may_stay_up(&user) || self.is_last_admin(now, &user);
            return match user.is_active() && !stays {
                true => bad(format!("is locked, and {} is active", user.username)),
                false => None,
            };
        }
        if !user.is_active() && !self.may_stay_down(now, &user) {
            let down = self.down.get(&user.id);
            return bad(format!(
                "is active, and {} is not ({down:?})",
                user.username
            ));
        }
        let base = shown.legal_name();
        let legal = shown.account.flaw != Some(Flaw::NoName);
        if legal && !fits(&user.username, &base) && !is_named(now, &base, &user) {
            return bad(format!(
                "is called {} although {base} is free",
                user.username
            ));
        }
        let mails = self.addresses(shown);
        let held = |mail: &String| {
            let mut others = now.users.values().filter(|u| u.id != user.id);
            others.any(|other| other.email == *mail)
        };
        let free = mails.iter().find(|mail| !held(mail));
        if !mails.contains(&user.email) && free.is_some() && !self.setting.verifies {
            return bad(format!(
                "has the address {} although {free:?} is free",
                user.email
            ));
        }
        let title = shown.title == user.position || self.amnesia && shown.title.is_empty();
        if user.first_name != shown.given() || user.last_name != shown.account.surname() || !title {
            let (first, last) = (&user.first_name, &user.last_name);
            return bad(format!("is called {first} {last}, {}", user.position));
        }
        self.membership(now, &user).and_then(bad)
    }

    fn membership(&self, now: &Snapshot, user: &User) -> Option<String> {
        let inside = |m: &&mattermost_sim::TeamMember| m.delete_at == 0;
        let members = now.members.iter().filter(inside).count();
        let is_in = now
            .members
            .iter()
            .filter(inside)
            .any(|m| m.user_id == user.id);
        let full = members >= usize::try_from(self.setting.room).unwrap_or(usize::MAX);
        (user.is_active() && !is_in && !full).then(|| format!("{} is in no team", user.username))
    }

    /// Nobody can have a user whose name and addresses others hold, or for whom there is no seat.
    pub(super) fn may_lack_a_user(
        &self,
        now: &Snapshot,
        served: &Served,
        shown: &Shown,
        number: u32,
    ) -> bool {
        let stranger = |u: &&User| !now.accounts.contains_key(&u.id);
        let base = shown.legal_name();
        let by_name = now.users.values().find(|u| u.username == base);
        let mails = self.addresses(shown);
        let held = |mail: &String| now.users.values().any(|u| u.email == *mail);
        let conflict = |mail: &String| {
            let mut strangers = now.users.values().filter(stranger);
            strangers.any(|u| u.email == *mail)
        };
        shown.account.flaw == Some(Flaw::NoName)
            || by_name.as_ref().is_some_and(stranger)
            || mails.iter().all(held)
            || mails.iter().any(conflict)
            || self.no_seat(now)
            || self.is_shared(served, number, &mails)
            || self.has_kin(now, served, number, &base, &mails)
    }

    /// Somebody else who is there shall have one of these addresses.
    fn is_shared(&self, served: &Served, number: u32, mails: &[String]) -> bool {
        let mut others = served.all_shown().filter(|(n, _)| *n != number);
        others.any(|(_, other)| {
            self.addresses(other)
                .iter()
                .any(|mail| mails.contains(mail))
        })
    }

    /// Somebody who is gone had this name or address: whether it is the same person is for a
    /// person to say.
    fn has_kin(
        &self,
        now: &Snapshot,
        served: &Served,
        number: u32,
        base: &str,
        mails: &[String],
    ) -> bool {
        let gone = now
            .linked
            .iter()
            .filter(|(n, _)| **n != number && served.shown(**n).is_none());
        let mut users = gone.filter_map(|(n, id)| Some((n, now.users.get(id)?)));
        users.any(|(n, user)| {
            let last = self.names.get(n).is_some_and(|name| name == base);
            let anchor = self.is_same_person(*n, number);
            last || anchor || user.username == base || mails.contains(&user.email)
        })
    }

    fn no_seat(&self, now: &Snapshot) -> bool {
        let taken = now
            .users
            .values()
            .filter(|u| u.is_active() && !u.is_bot)
            .count();
        let limit = self.setting.seats.filter(|_| self.setting.new_server);
        let limit = match limit {
            Some(more) => self.setting.people + more,
            None => return false,
        };
        taken >= limit as usize
    }

    /// An administrator let the user in again.
    fn may_stay_up(&self, user: &User) -> bool {
        let enforced = self.setting.enforce && !self.amnesia;
        !enforced && (self.respected.contains(&user.id) || self.maybe_respected.contains(&user.id))
    }

    fn may_stay_down(&self, now: &Snapshot, user: &User) -> bool {
        let down = self.down.get(&user.id);
        matches!(down, Some(Down::ByHand | Down::Ordered | Down::Forgotten)) || self.no_seat(now)
    }

    fn is_last_admin(&self, now: &Snapshot, user: &User) -> bool {
        let others = now.users.values().filter(|u| {
            let own = self.setting.own_account() == Some(u.username.as_str());
            u.is_admin() && u.is_active() && !u.is_bot && u.id != user.id && !own
        });
        user.is_admin() && others.count() == 0
    }

    fn gone(&self, cycle: &Cycle, number: u32, user: &User) -> Option<(String, bool)> {
        let protected =
            self.setting.protect && self.names.get(&number).is_some_and(|name| name == "vip");
        let stays = !user.is_active()
            || self.is_misnumbered(&cycle.served, number)
            || protected
            || user.is_bot
            || self.may_stay_up(user)
            || self.is_last_admin(&cycle.after, user);
        (!stays).then(|| (format!("is gone, and {} is active", user.username), false))
    }

    /// Each user whom mattersync made is still known as whose it is.
    fn nobody_is_lost(&self, now: &Snapshot, served: &Served) -> Verdict {
        if self.amnesia {
            return Ok(());
        }
        for link in now.memory.links().map(|(_, link)| link) {
            let Some(user) = now.users.get(link.user.as_str()) else {
                continue;
            };
            let ours = !is_unreadable(user)
                && !user.is_active()
                && self.down.get(&user.id) == Some(&Down::Ours);
            let seen = link.deactivated.as_ref().map(|d| d.delete_at);
            let known = seen.is_some_and(|at| at.is_none_or(|at| at.0 == user.delete_at));
            if ours && !known {
                let name = &user.username;
                return broken(
                    7,
                    format!("{name}, deactivated by mattersync, passes for another's"),
                );
            }
        }
        for user in &self.made {
            if !now.accounts.contains_key(user) && !self.is_stray(now, served, user) {
                let name = now.users.get(user).map(|u| &u.username);
                return broken(
                    7,
                    format!("nobody is linked to {name:?}, whom mattersync made"),
                );
            }
        }
        Ok(())
    }
}

impl Checker {
    /// Whether a user came when nobody waited for it any more, and by then its account had left or
    /// had got another name or address: it is listed as an orphan or a conflict, for a mark alone
    /// makes nobody anybody's.
    fn is_stray(&self, now: &Snapshot, served: &Served, id: &str) -> bool {
        let (Some(number), Some(user)) = (self.owner.get(id), now.users.get(id)) else {
            return false;
        };
        let other = match served.of(*number) {
            Seen::Listed(shown) => {
                let mails = self.addresses(shown);
                !fits(&user.username, &shown.legal_name()) || !mails.contains(&user.email)
            }
            _ => true,
        };
        other && self.made_late.contains(id)
    }
}

/// Whether somebody else has a username.
fn is_named(now: &Snapshot, name: &str, user: &User) -> bool {
    let mut others = now.users.values().filter(|u| u.id != user.id);
    others.any(|u| u.username == name)
}

/// What the plan says about somebody.
pub(super) fn told(cycle: &Cycle, number: u32) -> String {
    let Some(plan) = &cycle.plan else {
        return "nothing".into();
    };
    let is = |s: &mattersync::model::Subject| {
        let key = s.account.as_ref();
        key.and_then(|k| crate::world::Directory::number_of(k.id.as_str())) == Some(number)
    };
    let left = plan.left_alone.iter().filter(|l| is(&l.subject));
    let mut all: Vec<String> = left.map(|l| l.why.to_string()).collect();
    let held = plan.held();
    let steps = plan.steps.iter().filter(|s| is(&s.subject));
    all.extend(steps.map(|s| {
        let held = if held.contains(&s.id) { " (held)" } else { "" };
        format!("{}{held}: {}", s.action.kind(), s.reason)
    }));
    all.join("; ")
}
