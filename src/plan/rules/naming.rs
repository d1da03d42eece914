//! Who gets which username when several want one, and in which order names change hands.
//!
//! Guarantees: no two users have or get one username; a suffix that was chosen stays with its
//! account; a name that is given up in this plan is given up before anybody gets it; nobody is
//! renamed to a name that is protected.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{
    AccountChange, AccountKey, Action, ChosenName, Claimed, NamedUser, NotAdopted, Oddity,
    Precondition, Reason, Remember, StepId, Subject, User, UserId, ValueOf, Values, Why,
};
use crate::plan::facts::linked_accounts::LinkedAccount;
use crate::plan::facts::temporary::is_temporary_username;
use crate::plan::facts::{exchange, names};
use crate::plan::ledger::draft::{Draft, Person};
use crate::plan::ledger::promised::Naming;
use crate::plan::ledger::rings::free_username;
use crate::plan::ledger::standing;
use crate::plan::ledger::standing::Standing;
use crate::plan::policy::Authority;

/// Names that are promised in this plan, and names that are given up.
#[derive(Default)]
struct Owners<'p> {
    promised: BTreeSet<String>,
    gives_up: BTreeSet<&'p UserId>,
    /// The number that the next suffix of a base is tried with.
    next: BTreeMap<String, u64>,
}

impl Owners<'_> {
    /// Whether somebody has the name and keeps it, or gets it.
    fn is_taken(&self, draft: &Draft<'_>, name: &str) -> bool {
        let holder = draft.named(name);
        self.promised.contains(name) || holder.is_some_and(|u| !self.gives_up.contains(&u.id))
    }

    /// The base with the first number that nobody has now or gets in this plan; a name that the
    /// user has already will do.
    fn suffixed(&mut self, draft: &Draft<'_>, base: &str, user: Option<&User>) -> String {
        let mut number = self.next.get(base).copied().unwrap_or(2);
        loop {
            let name = names::with_suffix(base, &number.to_string());
            let holder = draft.named(&name).map(|u| &u.id);
            let protected = draft.policy.protect.contains(&name);
            if !protected
                && !self.promised.contains(&name)
                && draft.unread_holder(Claimed::Username, &name).is_none()
                && (holder.is_none() || holder == user.map(|u| &u.id))
            {
                self.next.insert(base.to_owned(), number);
                return name;
            }
            number += 1;
        }
    }
}

/// Settles the usernames of all people and plans the renames.
///
/// First come those whose name is certain: who keeps one, and who cannot get the one that the
/// directory wants. After them everybody who is left gets a new one, so that each name that is
/// given up in this plan is given up for certain.
pub fn plan_usernames(draft: &mut Draft<'_>, people: &[(Person<'_>, Standing)]) -> Naming {
    let mut wanted = Vec::new();
    for (person, standing) in people {
        // A locked account without a user gets neither a user nor a name.
        let nobody = person.user.is_none() && *standing == Standing::Out;
        if nobody || keeps(draft, person, *standing) {
            continue;
        }
        match wanted_username(draft, person) {
            Ok(base) => wanted.push((person, base)),
            // A name with a number is better than a temporary one.
            Err(Why::Conflict { value, .. }) if is_renaming(person) => wanted.push((person, value)),
            Err(why) => draft.leave(person.subject(), why),
        }
    }
    // An account that the directory calls so goes before accounts whose name was made so.
    wanted.sort_by_key(|(person, _)| !names::is_exact(&person.account.username));
    let users = wanted.iter().filter_map(|(person, _)| person.user);
    let leavers = leavers(draft);
    let users = users.chain(leavers.iter().map(|(_, user)| *user));
    let mut owners = Owners {
        gives_up: users.map(|u| &u.id).collect(),
        promised: draft.given_back.clone(),
        ..Owners::default()
    };
    let mut naming = Naming::default();
    let mut renames = Vec::new();
    for (person, base) in wanted {
        let name = choose(draft, &mut owners, (person.key, person.user), base);
        owners.promised.insert(name.clone());
        match person.user {
            None => {
                naming.names.insert(person.key.clone(), name);
            }
            Some(user) if user.username == name => {}
            Some(user) => {
                renames.push(Rename {
                    key: person.key,
                    user,
                    subject: person.subject(),
                    reason: Reason::Differs {
                        attribute: "username".into(),
                        directory: person.account.username.clone(),
                        mattermost: user.username.clone(),
                    },
                    to: name,
                    after: person.after(),
                });
            }
        }
    }
    for (linked_account, user) in leavers {
        renames.extend(settled(draft, &mut owners, linked_account, user));
    }
    rename(draft, &mut naming, &renames);
    naming
}

/// Linked users whose account the directory did not show, and who have the name that a ring was
/// opened with: they left in the middle of it.
fn leavers<'d>(draft: &Draft<'d>) -> Vec<(&'d LinkedAccount<'d>, &'d User)> {
    let gone = draft
        .linked_accounts
        .all
        .iter()
        .filter(|linked_account| linked_account.account.is_none());
    let gone = gone.filter_map(|linked_account| Some((linked_account, linked_account.user?)));
    let between = gone.filter(|(linked_account, user)| {
        is_temporary_username(&user.username, linked_account.key)
            && draft
                .world
                .directories
                .contains_key(&linked_account.key.provider)
            && draft.owner(&user.id) == Some(linked_account.key)
            && user.auth_service.is_empty()
            && draft.untouchable(user).is_none()
            && !draft.is_pinned(linked_account.key, ValueOf::Username)
    });
    between.collect()
}

/// Plans the rename to the name that the account had when it was last seen. That does not depend on
/// what the reading proves: the present name was meant to be temporary.
fn settled<'d>(
    draft: &mut Draft<'d>,
    owners: &mut Owners<'_>,
    linked_account: &'d LinkedAccount<'d>,
    user: &'d User,
) -> Option<Rename<'d>> {
    let base = names::legal_username(&linked_account.link.last_username)?;
    let to = choose(draft, owners, (linked_account.key, Some(user)), base);
    owners.promised.insert(to.clone());
    let subject = standing::subject(
        draft,
        linked_account.key,
        linked_account.link,
        &linked_account.link.last_dn,
    );
    (to != user.username).then_some(Rename {
        key: linked_account.key,
        user,
        subject,
        reason: Reason::LeftBetween {
            last: linked_account.link.last_username.clone(),
        },
        to,
        after: Vec::new(),
    })
}

/// A user whom no account stands behind and who has this name, adoptions of this plan considered.
fn stranger<'d>(draft: &Draft<'d>, name: &str) -> Option<&'d User> {
    let holder = draft.named(name);
    holder.filter(|user| draft.owner(&user.id).is_none())
}

/// Whether a person keeps the present name without asking anybody.
fn keeps(draft: &Draft<'_>, person: &Person<'_>, standing: Standing) -> bool {
    let Some(user) = person.user else {
        return false;
    };
    // The name that a ring was opened with is nobody's to keep, whatever happened meanwhile.
    let pinned = draft.is_pinned(person.key, ValueOf::Username);
    if is_temporary_username(&user.username, person.key)
        && draft.untouchable(user).is_none()
        && !pinned
    {
        return false;
    }
    if pinned
        || standing == Standing::Out
        || draft.policy.username != Authority::Directory
        || !user.auth_service.is_empty()
        || draft.untouchable(user).is_some()
    {
        return true;
    }
    names::legal(&person.account.username).is_some_and(|base| {
        base == user.username || remembered(draft, person.key, &base) == Some(&user.username)
    })
}

/// The name with a suffix that was chosen for the person and this base.
fn remembered<'d>(draft: &Draft<'d>, key: &AccountKey, base: &str) -> Option<&'d String> {
    let chosen = draft.world.memory.account(key).name.as_ref()?;
    (chosen.base == base).then_some(&chosen.name)
}

/// The legal form of the directory's name, if the person can have it, with a suffix if need be;
/// else a word about it.
fn wanted_username(draft: &Draft<'_>, person: &Person<'_>) -> Result<String, Why> {
    let raw = &person.account.username;
    let base = names::legal_username(raw).ok_or_else(|| Why::NoUsername(raw.clone()))?;
    if draft.policy.keeps_from(raw, &base) {
        return Err(Why::LookAlike {
            username: raw.clone(),
            because: Oddity::KeptForAnother,
            becomes: base,
        });
    }
    let chosen = remembered(draft, person.key, &base);
    if chosen.is_some_and(|name| stranger(draft, name).is_none()) {
        return Ok(base);
    }
    let Some(holder) = stranger(draft, &base) else {
        return draft
            .unread_holder(Claimed::Username, &base)
            .map_or(Ok(base), Err);
    };
    Err(Why::Conflict {
        what: Claimed::Username,
        holder: NamedUser::of(holder),
        because: NotAdopted::NotLinked,
        value: base,
    })
}

/// The name that a person gets: what was chosen before, the base, or the base with a suffix.
fn choose(
    draft: &mut Draft<'_>,
    owners: &mut Owners<'_>,
    (key, user): (&AccountKey, Option<&User>),
    base: String,
) -> String {
    let chosen = remembered(draft, key, &base);
    if let Some(name) = chosen.filter(|name| !owners.is_taken(draft, name)) {
        return name.clone();
    }
    if !owners.is_taken(draft, &base) && stranger(draft, &base).is_none() {
        if draft.world.memory.account(key).name.is_some() {
            draft.learn(Remember::Account(key.clone(), AccountChange::Name(None)));
        }
        return base;
    }
    let name = owners.suffixed(draft, &base, user);
    let chosen = ChosenName {
        base,
        name: name.clone(),
    };
    draft.learn(Remember::Account(
        key.clone(),
        AccountChange::Name(Some(chosen)),
    ));
    name
}

struct Rename<'p> {
    key: &'p AccountKey,
    user: &'p User,
    subject: Subject,
    /// Why it gets the name.
    reason: Reason,
    to: String,
    after: Vec<StepId>,
}

/// Plans the renames so that each name is free before it is taken. A chain ends at a free name; a
/// ring is opened through a temporary one.
fn rename(draft: &mut Draft<'_>, naming: &mut Naming, renames: &[Rename<'_>]) {
    let changes = renames.iter();
    let changes: Vec<_> = changes
        .map(|r| (r.user.username.as_str(), r.to.as_str()))
        .collect();
    for chain in exchange::chains(&changes) {
        let mut members = chain.members.iter().filter_map(|at| renames.get(*at));
        let opener = if chain.ring { members.next() } else { None };
        let opened = opener.map(|opener| {
            let temporary = free_username(draft, opener.key);
            let step = make_room(draft, opener, &temporary);
            naming.freed_by.insert(opener.user.username.clone(), step);
            (opener, temporary, step)
        });
        for rename in members {
            plain(draft, naming, rename, &rename.user.username);
        }
        if let Some((opener, temporary, step)) = opened {
            plain(draft, naming, opener, &temporary);
            naming.freed_by.insert(opener.user.username.clone(), step);
        }
    }
}

fn plain(draft: &mut Draft<'_>, naming: &mut Naming, rename: &Rename<'_>, from: &str) {
    let user = rename.user;
    let mut after = rename.after.clone();
    after.extend(naming.freed_by.get(&rename.to));
    if from != user.username {
        after.extend(naming.freed_by.get(&user.username));
    }
    let step = push(
        draft,
        rename,
        from,
        &rename.to,
        rename.reason.clone(),
        after,
    );
    naming.freed_by.insert(user.username.clone(), step);
}

fn make_room(draft: &mut Draft<'_>, rename: &Rename<'_>, temporary: &str) -> StepId {
    let reason = Reason::MakesRoom {
        name: rename.user.username.clone(),
    };
    let after = rename.after.clone();
    push(
        draft,
        rename,
        &rename.user.username,
        temporary,
        reason,
        after,
    )
}

fn push(
    draft: &mut Draft<'_>,
    rename: &Rename<'_>,
    from: &str,
    to: &str,
    reason: Reason,
    after: Vec<StepId>,
) -> StepId {
    let action = Action::Rename {
        account: rename.key.clone(),
        user: rename.user.id.clone(),
        username: Values {
            from: from.to_owned(),
            to: to.to_owned(),
        },
    };
    let expects = Precondition::Username(from.to_owned());
    draft.step(rename.subject.clone(), action, expects, reason, after)
}

/// Whether a person has the name that a ring was opened with.
fn is_renaming(person: &Person<'_>) -> bool {
    let user = person.user;
    user.is_some_and(|user| is_temporary_username(&user.username, person.key))
}
