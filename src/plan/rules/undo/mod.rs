//! What people took back: carried out, and then not done again by itself.
//!
//! A part of a run that was taken back is kept in the memory until it is carried out; its step is
//! guarded like any other. After that it keeps its place: what the directory said when it was
//! taken back is not done again, until the directory says something else or a person says `redo`.

mod values;

use std::collections::{BTreeMap, BTreeSet};

use self::values::{Fate, WantedBack};
use crate::model::{
    AccountChange, AccountKey, AccountState, Action, Class, Evidence, Link, Precondition,
    ProfileField, Remember, Undoing, Undone, User, ValueOf, Values, Why,
};
use crate::plan::facts::names::legal_username;
use crate::plan::facts::{address, fields, temporary};
use crate::plan::ledger::draft::Draft;
use crate::plan::ledger::undone_steps::out_of_reach;
use crate::plan::ledger::{deactivation, undone_steps};
use crate::plan::policy::Authority;

/// What becomes of one thing that was taken back.
enum UndoDecision<'a> {
    /// There is nothing to keep any more.
    Forget,
    /// It cannot be carried out.
    Lost(String),
    /// It stays as it is, and the plan leaves it alone.
    Keep(Undone),
    /// The same, and the person is told of.
    Tell(Undone, Why),
    /// It is to be carried out.
    Do(Undone),
    /// It is a username or an address: what becomes of it depends on who else gets theirs back.
    Back(Box<WantedBack<'a>>),
}

/// What was judged of one account, in the order in which it is remembered.
type Judged<'a> = (&'a AccountKey, &'a [Undone], Vec<UndoDecision<'a>>);

/// Carries out what was taken back, and marks what the rest of the plan must leave alone.
pub fn plan_undone(draft: &mut Draft<'_>) {
    let world = draft.world;
    let all = world.memory.accounts_with(|account| Some(&account.undone));
    let all = all.filter(|(_, list)| !list.is_empty());
    let mut all: Vec<Judged<'_>> = all
        .map(|(key, list)| {
            let decisions = list.iter().map(|undone| judge(draft, key, undone));
            (key, list.as_slice(), decisions.collect())
        })
        .collect();
    for of in [ValueOf::Username, ValueOf::Email] {
        give_back(draft, &mut all, of);
    }
    for (key, list, decisions) in all {
        let mut left = Vec::with_capacity(list.len());
        let mut fields = Vec::new();
        for (undone, decision) in list.iter().zip(decisions) {
            match decision {
                UndoDecision::Forget | UndoDecision::Back(_) => {}
                UndoDecision::Lost(why) => not_undone(draft, key, undone, why),
                UndoDecision::Keep(undone) => left.push(pinned(draft, key, undone)),
                UndoDecision::Tell(undone, why) => {
                    let subject = undone_steps::subject(draft, key, &undone);
                    draft.leave(subject, why);
                    left.push(pinned(draft, key, undone));
                }
                UndoDecision::Do(undone) => {
                    carry_out(draft, key, &undone, &mut fields);
                    left.push(pinned(draft, key, undone));
                }
            }
        }
        for (undone, changes) in by_run(fields) {
            update(draft, key, &undone, changes);
        }
        if left != *list {
            draft.learn(Remember::Account(key.clone(), AccountChange::Undone(left)));
        }
    }
}

/// Decides about the usernames, or the addresses, of all people at once.
fn give_back(draft: &mut Draft<'_>, all: &mut [Judged<'_>], of: ValueOf) {
    let mut places = Vec::new();
    let mut wanted = Vec::new();
    for (_, _, decisions) in all {
        for place in decisions {
            match std::mem::replace(place, UndoDecision::Forget) {
                UndoDecision::Back(one) if one.of == of => {
                    wanted.push(*one);
                    places.push(place);
                }
                other => *place = other,
            }
        }
    }
    let fates = values::give_back(draft, &wanted);
    for ((place, one), fate) in places.into_iter().zip(wanted).zip(fates) {
        *place = match fate {
            // The steps are there already.
            Fate::Do(undone) => UndoDecision::Keep(undone),
            Fate::Wait(undone, why) => UndoDecision::Tell(undone, why),
            Fate::Lost(why) => UndoDecision::Lost(why),
            Fate::Return(undone, why) => {
                not_undone(draft, &one.key, &one.undone, why);
                UndoDecision::Keep(undone)
            }
        };
    }
}

fn not_undone(draft: &mut Draft<'_>, key: &AccountKey, undone: &Undone, why: String) {
    let run = undone.run;
    let subject = undone_steps::subject(draft, key, undone);
    draft.leave(subject, Why::NotUndone { run, why });
}

/// Removes all other steps about people whose link this plan takes apart.
pub fn part(draft: &mut Draft<'_>) {
    let parting: BTreeSet<AccountKey> = draft
        .plan
        .steps
        .iter()
        .filter(|step| step.is_undo() && matches!(step.action, Action::Unlink { .. }))
        .filter_map(|step| step.action.account().cloned())
        .collect();
    if parting.is_empty() {
        return;
    }
    draft.plan.steps.retain(|step| {
        let parts = step
            .action
            .account()
            .is_some_and(|key| parting.contains(key));
        !parts || step.is_undo()
    });
}

fn judge<'a>(draft: &Draft<'a>, key: &AccountKey, undone: &Undone) -> UndoDecision<'a> {
    let link = draft.world.memory.link(key);
    let link = link.filter(|link| link.user == undone.user);
    let user = match draft.world.users.look(&undone.user) {
        Evidence::Present(user) => user,
        Evidence::Absent(_) => return lost(undone, "the user no longer exists"),
        Evidence::Unknown(_) => return UndoDecision::Keep(undone.clone()),
    };
    match (&undone.what, link) {
        (Undoing::Link { .. }, None) => match draft.owner(&user.id) {
            None => possible(draft, user, undone),
            Some(_) => lost(undone, "the user stands for another account by now"),
        },
        (Undoing::Link { .. }, Some(_)) => UndoDecision::Forget,
        (_, None) => lost(undone, "the user is not linked to this account any more"),
        (Undoing::Value { .. }, Some(link)) => value(draft, key, link, user, undone),
        (Undoing::Reactivate { delete_at }, Some(link)) => {
            let recorded = link.deactivated.as_ref().and_then(|d| d.delete_at);
            match user.deactivated_at {
                None => active(draft, key, undone),
                Some(at) if !undone.done && delete_at.or(recorded) == Some(at) => {
                    possible(draft, user, undone)
                }
                Some(at) => lost(undone, &format!("the user is deactivated anew, since {at}")),
            }
        }
        (Undoing::Deactivate { .. } | Undoing::Unlink, _) if undone.done => UndoDecision::Forget,
        (Undoing::Deactivate { .. }, Some(_)) if !user.is_active() => {
            lost(undone, "the user is not active any more")
        }
        (Undoing::Deactivate { .. } | Undoing::Unlink, Some(_)) => possible(draft, user, undone),
    }
}

fn lost<'a>(undone: &Undone, why: &str) -> UndoDecision<'a> {
    match undone.done {
        true => UndoDecision::Forget,
        false => UndoDecision::Lost(why.to_owned()),
    }
}

/// Decides for doing it, if anything may be done to the user at all.
fn possible<'a>(draft: &Draft<'_>, user: &User, undone: &Undone) -> UndoDecision<'a> {
    match out_of_reach(draft, user) {
        Some(why) => lost(undone, &why),
        None => UndoDecision::Do(undone.clone()),
    }
}

/// Keeps a reactivation that is done for as long as the directory would deactivate again.
fn active<'a>(draft: &Draft<'_>, key: &AccountKey, undone: &Undone) -> UndoDecision<'a> {
    let directory = draft.world.directories.get(&key.provider);
    let account = directory.and_then(|directory| directory.accounts.get(&key.id));
    match account.map(|account| &account.state) {
        Some(AccountState::Active) => UndoDecision::Forget,
        _ => UndoDecision::Keep(Undone {
            done: true,
            ..undone.clone()
        }),
    }
}

fn value<'a>(
    draft: &Draft<'_>,
    key: &AccountKey,
    link: &Link,
    user: &'a User,
    undone: &Undone,
) -> UndoDecision<'a> {
    let Undoing::Value {
        of,
        made,
        back,
        directory,
    } = &undone.what
    else {
        return UndoDecision::Forget;
    };
    let mut undone = undone.clone();
    let current = current(*of, user);
    let wanted = wanted_values(draft, key, *of);
    if let Some(wanted) = &wanted {
        let unproven = draft.gap(&key.provider).is_some() && wanted.iter().all(String::is_empty);
        match directory {
            None => {
                let first = wanted.first().cloned();
                set_directory(&mut undone, first);
            }
            Some(said) if !wanted.contains(said) && !unproven => return UndoDecision::Forget,
            Some(_) => {}
        }
        // Nothing to keep where the directory wants the same.
        if wanted.contains(back) && (current == back || undone.done) {
            return UndoDecision::Forget;
        }
    }
    if current == back {
        undone.done = true;
        return kept(undone, wanted.is_some());
    }
    let between = temporary::is_temporary(*of, current, key);
    if !undone.done && (current == made || between) {
        return match WantedBack::of(draft, (key, link), user, &undone) {
            Some(wanted) => UndoDecision::Back(Box::new(wanted)),
            None => field(draft, user, undone),
        };
    }
    // Somebody set it again by hand, or nobody wants it.
    if undone.done && (current == made || between) {
        return UndoDecision::Forget;
    }
    if undone.done {
        return kept(undone, wanted.is_some());
    }
    UndoDecision::Lost(format!(
        "the {of} is {current:?} by now, and the run had made it {made:?}"
    ))
}

fn set_directory(undone: &mut Undone, said: Option<String>) {
    if let Undoing::Value { directory, .. } = &mut undone.what {
        *directory = said;
    }
}

fn kept<'a>(undone: Undone, tell: bool) -> UndoDecision<'a> {
    let Undoing::Value { of, .. } = &undone.what else {
        return UndoDecision::Forget;
    };
    let why = Why::Undone {
        what: *of,
        run: undone.run,
        by: undone.by.clone(),
        at: undone.at,
    };
    match tell {
        true => UndoDecision::Tell(undone, why),
        false => UndoDecision::Keep(undone),
    }
}

/// A field that is still as the run made it.
fn field<'a>(draft: &Draft<'_>, user: &User, undone: Undone) -> UndoDecision<'a> {
    match values::owned(user, &undone).or_else(|| out_of_reach(draft, user)) {
        Some(why) => UndoDecision::Lost(why),
        None => UndoDecision::Do(undone),
    }
}

fn current(of: ValueOf, user: &User) -> &str {
    match of {
        ValueOf::Username => &user.username,
        ValueOf::Email => &user.email,
        ValueOf::Field(field) => user.field(field),
    }
}

/// What the directory wants, the preferred first; `None` when it was not read, does not have the
/// account, or does not decide.
fn wanted_values(draft: &Draft<'_>, key: &AccountKey, of: ValueOf) -> Option<Vec<String>> {
    let policy = draft.policy;
    let authority = match of {
        ValueOf::Username => policy.username,
        ValueOf::Email => policy.email,
        ValueOf::Field(field) => policy.fields.get(&field).copied().unwrap_or(Authority::Off),
    };
    if authority != Authority::Directory {
        return None;
    }
    let directory = draft.world.directories.get(&key.provider)?;
    let account = directory.accounts.get(&key.id)?;
    Some(match of {
        ValueOf::Username => legal_username(&account.username).into_iter().collect(),
        ValueOf::Email => match address::choose(account) {
            Ok(choice) => choice.values.iter().map(ToString::to_string).collect(),
            Err(_) => Vec::new(),
        },
        ValueOf::Field(field) => vec![fields::wanted(account, field).to_owned()],
    })
}

/// Marks what the rest of the plan leaves alone.
fn pinned(draft: &mut Draft<'_>, key: &AccountKey, undone: Undone) -> Undone {
    if let Undoing::Value { of, back, .. } = &undone.what {
        draft.pinned.insert((key.clone(), *of));
        match of {
            ValueOf::Username => drop(draft.given_back.insert(back.clone())),
            ValueOf::Email => drop(draft.given_back.insert(back.clone())),
            ValueOf::Field(_) => {}
        }
    }
    undone
}

type Fields = Vec<(Undone, ProfileField, Values)>;

fn carry_out(draft: &mut Draft<'_>, key: &AccountKey, undone: &Undone, fields: &mut Fields) {
    let Evidence::Present(user) = draft.world.users.look(&undone.user) else {
        return;
    };
    let subject = undone_steps::subject(draft, key, undone);
    let reason = undone_steps::reason(undone);
    let (account, id) = (key.clone(), user.id.clone());
    let (action, expects) = match &undone.what {
        Undoing::Value { of, made, back, .. } => {
            if let ValueOf::Field(field) = of {
                let values = Values {
                    from: made.clone(),
                    to: back.clone(),
                };
                fields.push((undone.clone(), *field, values));
            }
            return;
        }
        Undoing::Reactivate { .. } => {
            let Some(at) = user.deactivated_at else {
                return;
            };
            if let Some(why) = deactivation::managed(draft, user, false) {
                return draft.leave(subject, why);
            }
            draft.ordered.insert(id.clone());
            let action = Action::Reactivate { account, user: id };
            (action, Precondition::DeactivatedAt(at))
        }
        Undoing::Deactivate { .. } => {
            draft.ordered.insert(id);
            let class = Some(Class::Locked);
            deactivation::deactivate(
                draft,
                subject,
                Some(account),
                user,
                class,
                reason,
                Vec::new(),
            );
            return;
        }
        Undoing::Unlink => (
            Action::Unlink {
                account,
                user: id,
                as_new: false,
            },
            Precondition::Nothing,
        ),
        Undoing::Link { directory_username } => (
            Action::Adopt {
                account,
                user: id,
                directory_username: directory_username.clone(),
            },
            Precondition::Username(user.username.clone()),
        ),
    };
    draft.step(subject, action, expects, reason, Vec::new());
}

/// Fields that one person took back of one run are one step.
fn by_run(fields: Fields) -> Vec<(Undone, BTreeMap<ProfileField, Values>)> {
    let mut runs: Vec<(Undone, BTreeMap<ProfileField, Values>)> = Vec::new();
    for (undone, field, values) in fields {
        let same = |(other, _): &&mut (Undone, _)| other.run == undone.run && other.by == undone.by;
        match runs.iter_mut().find(same) {
            Some((_, changes)) => drop(changes.insert(field, values)),
            None => runs.push((undone, BTreeMap::from([(field, values)]))),
        }
    }
    runs
}

fn update(
    draft: &mut Draft<'_>,
    key: &AccountKey,
    undone: &Undone,
    changes: BTreeMap<ProfileField, Values>,
) {
    let found = changes.iter().map(|(f, v)| (*f, v.from.clone())).collect();
    let action = Action::UpdateProfile {
        account: key.clone(),
        user: undone.user.clone(),
        changes,
    };
    let subject = undone_steps::subject(draft, key, undone);
    let expects = Precondition::Profile(found);
    draft.step(
        subject,
        action,
        expects,
        undone_steps::reason(undone),
        Vec::new(),
    );
}
