//! Promise 2: a person is their directory id. Whoever a user was made for, no other person's
//! values ever reach it, and nobody else is linked to it.

use std::collections::BTreeSet;

use mattermost_sim::User;

use crate::ports::Deed;
use crate::served::{Served, Shown, State};
use crate::stage::Cycle;

use super::approvals::Wish;
use super::{Checker, Verdict, broken, tell};

/// Whether Mattermost's username is the directory's, or it with a number.
pub fn fits(username: &str, base: &str) -> bool {
    let rest = username.strip_prefix(base);
    rest.is_some_and(|rest| rest.chars().all(|c| c.is_ascii_digit()))
}

impl Checker {
    /// A user came into being: it must be of somebody who is there and lacks one.
    pub(super) fn created(&mut self, cycle: &Cycle, deed: &Deed, user: &User) -> Verdict {
        let name = &user.username;
        if user.roles != "system_user" {
            return broken(
                3,
                format!("{name} was created with the roles {}", user.roles),
            );
        }
        let made_of = |shown: &Shown| {
            fits(name, &shown.legal_name()) && self.addresses(shown).contains(&user.email)
        };
        let mut fit: BTreeSet<u32> = cycle
            .served
            .all_shown()
            .filter(|(_, shown)| made_of(shown))
            .map(|(number, _)| number)
            .collect();
        if deed.late && fit.is_empty() {
            // The directory has gone on since it was sent.
            let earlier = self.earlier.iter().flat_map(Served::all_shown);
            fit.extend(earlier.filter(|(_, s)| made_of(s)).map(|(n, _)| n));
        }
        let linked = cycle.after.accounts.get(&user.id);
        let taken: BTreeSet<u32> = self.owner.values().copied().collect();
        let number = linked
            .into_iter()
            .flatten()
            .copied()
            .find(|n| fit.contains(n))
            .or_else(|| fit.iter().copied().find(|n| !taken.contains(n)))
            .or_else(|| fit.first().copied());
        let Some(number) = number else {
            let what = format!("{name} ({}) was created with values of nobody", user.email);
            return broken(2, what);
        };
        if deed.late {
            // Or it was sent for one whom the directory had then.
            let earlier = self.earlier.iter().flat_map(Served::all_shown);
            fit.extend(earlier.filter(|(_, s)| made_of(s)).map(|(n, _)| n));
        }
        if fit.len() > 1 {
            self.twins.insert(user.id.clone(), fit);
        }
        let before = self.owner.iter().find(|(_, n)| **n == number);
        if let Some((old, _)) = before
            && !self.amnesia
        {
            let who = tell(&cycle.served, number);
            return broken(
                7,
                format!("{who} has the user {old} and got a second one, {name}"),
            );
        }
        self.has_no_other(cycle, number, name)?;
        self.owner.insert(user.id.clone(), number);
        self.made.insert(user.id.clone());
        if deed.late {
            self.made_late.insert(user.id.clone());
        }
        if deed.late {
            return Ok(());
        }
        let shown = cycle.served.shown(number);
        if shown.is_some_and(|s| s.state == State::Locked && !s.doubtful) {
            let who = tell(&cycle.served, number);
            return broken(1, format!("a user was created for {who}, who is locked"));
        }
        Ok(())
    }

    /// The addresses that a person may get.
    pub(super) fn addresses(&self, shown: &Shown) -> Vec<String> {
        let mut all = shown.mails();
        let template = shown.template();
        let legal = !template.contains(' ') && template.matches('@').count() == 1;
        if all.is_empty() && self.setting.fallback && legal {
            all.push(template);
        }
        all
    }

    /// Values that were written are those of the person whose user it is.
    pub(super) fn values(&mut self, cycle: &Cycle, before: &User, after: &User) -> Verdict {
        let Some(number) = self.linked_to(cycle, &before.id) else {
            return Ok(());
        };
        let Some(shown) = self.shown(cycle, number) else {
            // Nobody stays between two names, also who left in the middle of a ring.
            let known = self.names.get(&number);
            let ends_ring = before.username.starts_with("renaming-")
                && known.is_some_and(|name| fits(&after.username, name));
            let same = (before.username == after.username || ends_ring)
                && before.email == after.email
                && before.first_name == after.first_name
                && before.last_name == after.last_name
                && before.position == after.position;
            if same {
                return Ok(());
            }
            let what = format!("{} was changed although it was not read", before.username);
            return broken(2, what);
        };
        let who = tell(&cycle.served, number);
        let wrong = |field: &str, value: &str| {
            broken(
                2,
                format!(
                    "{field} of {} became {value:?}, not a value of {who}",
                    before.id
                ),
            )
        };
        let name = &after.username;
        if before.username != *name
            && !fits(name, &shown.legal_name())
            && !name.starts_with("renaming-")
        {
            return wrong("the username", name);
        }
        // Rings of addresses are opened through one that nobody reads.
        let temporary = after.email.starts_with("changing-")
            && after.email.ends_with("@mattersync.invalid")
            && !self.setting.verifies;
        if before.email != after.email
            && !temporary
            && !self.addresses(shown).contains(&after.email)
        {
            return wrong("the address", &after.email);
        }
        let fields = [
            (
                "first name",
                &before.first_name,
                &after.first_name,
                shown.given(),
            ),
            (
                "last name",
                &before.last_name,
                &after.last_name,
                shown.account.surname(),
            ),
            (
                "position",
                &before.position,
                &after.position,
                shown.title.clone(),
            ),
            (
                "nickname",
                &before.nickname,
                &after.nickname,
                before.nickname.clone(),
            ),
            (
                "locale",
                &before.locale,
                &after.locale,
                before.locale.clone(),
            ),
        ];
        for (field, old, new, wanted) in fields {
            if old == new {
                continue;
            }
            if *new != wanted {
                return wrong(field, new);
            }
            if new.is_empty() {
                self.may_empty(cycle, before, field)?;
            }
        }
        if before.email != after.email && !temporary {
            self.may_change_mail(cycle, before, shown, &after.email)?;
        }
        Ok(())
    }

    /// Links say what is true.
    pub(super) fn links(&mut self, cycle: &Cycle) -> Verdict {
        let mut seen = BTreeSet::new();
        let mut moved = Vec::new();
        for (number, user) in &cycle.after.linked {
            let (number, user) = (*number, user.clone());
            if !seen.insert(user.clone()) {
                return broken(2, format!("two accounts are linked to the user {user}"));
            }
            let twins = self.twins.get(&user);
            match self.owner.get(&user) {
                Some(owner) if *owner == number => continue,
                Some(_) if twins.is_some_and(|t| t.contains(&number)) => {}
                // An older state that was put back has the older link again.
                Some(owner) if self.is_same_person(*owner, number) => {
                    let is_new = cycle.before.linked.get(&number) != Some(&user);
                    moved.extend(is_new.then(|| (number, user.clone())));
                }
                Some(owner) => {
                    let what = format!("account {number} is linked to {user}, made for {owner}");
                    return broken(2, what);
                }
                // Who was deleted for good, and nobody answered, is forgotten with the next look.
                None if !cycle.after.users.contains_key(&user) => continue,
                None => {
                    let wish = Wish::Adopt(number, user.clone());
                    if !self.made.contains(&user)
                        && !self.approvals.released("adopt", &wish, cycle.wall)
                    {
                        let name = cycle.after.users.get(&user).map(|u| u.username.clone());
                        let what = format!("account {number} got {name:?} without approval");
                        return broken(3, what);
                    }
                }
            }
            self.owner.insert(user, number);
        }
        self.moves(cycle, moved)
    }
}
