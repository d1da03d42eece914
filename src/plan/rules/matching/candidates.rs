//! Which user an account's username, addresses and mark point to.

use std::collections::BTreeSet;

use crate::model::{
    Account, AccountKey, Agreement, Claimed, NamedUser, NotAdopted, User, UserId, Why,
};
use crate::plan::facts::{address, names};
use crate::plan::ledger::draft::Draft;
use crate::plan::policy::AdoptRule;

/// What matching found for one account.
pub(super) enum Match<'a> {
    /// A user whom we created in a run whose outcome was lost: it alone carries our nonce, and
    /// username and address agree.
    Ours(&'a User),
    /// A user who was there before and counts as the same person.
    Same(&'a User, Agreement),
    /// A user stands in the way.
    Conflict(Why),
    /// Nobody: a user may be created.
    Nobody,
}

/// Finds out which user is an account's, or stands in its way. Users who stand for other accounts
/// count for nothing here.
pub(super) fn matching<'a>(draft: &Draft<'a>, key: &AccountKey, account: &Account) -> Match<'a> {
    let Some(name) = names::legal(&account.username) else {
        return Match::Nobody;
    };
    let chosen = draft
        .world
        .memory
        .account(key)
        .name
        .as_ref()
        .filter(|c| c.base == name);
    let name = chosen.map_or(name.as_ref(), |c| c.name.as_str());
    let by_name = draft.named(name);
    let by_mail: Vec<&'a User> = address::all(account)
        .filter_map(|address| draft.addressed(&address))
        .collect();

    // A user who stands for another account is that person's, however alike the names are. A
    // name or address among our own accounts is settled later: it may become free in this plan.
    let owned = |user: &User| draft.owner(&user.id).is_some();
    let by_name = by_name.filter(|u| !owned(u));
    let stranger = by_mail.iter().copied().find(|u| !owned(u));
    let mails: BTreeSet<&UserId> = by_mail.iter().map(|u| &u.id).collect();
    let begun = draft.world.memory.account(key).begun.as_ref();
    let holders = begun.and_then(|begun| draft.by_nonce.get(begun.nonce.as_str()));
    let holders = holders.into_iter().flatten().copied();
    let holders: Vec<&'a User> = holders.filter(|u| !owned(u)).collect();
    let is_named = |user: &User| by_name.is_some_and(|named| named.id == user.id);
    let agrees = |user: &User| is_named(user) && mails.contains(&user.id);
    // People can write into their own props, and copy what others have there: a nonce alone says
    // nothing. Of those who have it no two have the username and an address of the account.
    if let Some(user) = holders.iter().find(|user| agrees(user)) {
        return made(draft, account, user);
    }
    // A reading that hides the addresses makes nobody else of the user whom we made.
    if let [user] = holders.as_slice()
        && is_named(user)
        && !address::choose(account).is_ok_and(|choice| choice.passed_over.is_empty())
    {
        return nonce_conflict(account, user, NotAdopted::NoAddressToCompare);
    }
    match (
        decide(draft, key, by_name, stranger, &mails),
        holders.as_slice(),
    ) {
        (Match::Nobody, [user]) => nonce_conflict(account, user, NotAdopted::OnlyMark),
        (Match::Nobody, [user, ..]) => nonce_conflict(account, user, NotAdopted::SharedMark),
        (other, _) => other,
    }
}

/// Returns the conflict with a user who has the name and cannot be read.
pub(super) fn unread_holder<'a>(draft: &Draft<'a>, account: &Account) -> Match<'a> {
    let name = names::legal(&account.username);
    let why = name.and_then(|name| draft.unread_holder(Claimed::Username, &name));
    why.map_or(Match::Nobody, Match::Conflict)
}

/// The one user who carries the nonce of the account's creation and has its username and one of
/// its addresses. The first user of a server is made its administrator by the server itself. One
/// whom `protect` names is no less ours: nothing is done to them because of the link.
fn made<'a>(draft: &Draft<'a>, account: &Account, user: &'a User) -> Match<'a> {
    let own = names::own_name(&account.username);
    let first = own.is_some() && own == draft.policy.first_admin;
    let forbidden = out_of_bounds(draft, user).or_else(|| administrator(user).filter(|_| !first));
    match forbidden {
        None => Match::Ours(user),
        Some(because) => nonce_conflict(account, user, because),
    }
}

fn nonce_conflict<'a>(account: &Account, user: &User, because: NotAdopted) -> Match<'a> {
    let what = (Claimed::CreationMark, account.username.clone());
    Match::Conflict(conflict(what, user, because))
}

fn decide<'a>(
    draft: &Draft<'a>,
    key: &AccountKey,
    by_name: Option<&'a User>,
    by_mail: Option<&'a User>,
    mails: &BTreeSet<&UserId>,
) -> Match<'a> {
    let Some(user) = by_name.or(by_mail) else {
        return Match::Nobody;
    };
    let name_agrees = by_name.is_some();
    let mail_agrees = mails.contains(&user.id);
    let one_user = mails.iter().all(|id| **id == user.id);
    let rule = match draft.policy.adopt {
        AdoptRule::Never => false,
        AdoptRule::Username => name_agrees,
        AdoptRule::Email => mail_agrees,
        AdoptRule::UsernameAndEmail => name_agrees && mail_agrees,
    };
    let forbidden = never_adopted(draft, user).or_else(|| begun_for_another(draft, key, user));
    if rule && one_user && forbidden.is_none() {
        let agreement = Agreement {
            username: name_agrees,
            email: mail_agrees,
            marked: user.props.contains_key(User::NONCE_PROP),
        };
        return Match::Same(user, agreement);
    }
    let because = match forbidden {
        _ if !one_user => NotAdopted::DifferentUsers,
        Some(why) => why,
        None if draft.policy.adopt == AdoptRule::Never => NotAdopted::AdoptionOff,
        None if name_agrees => NotAdopted::OnlyUsername,
        None => NotAdopted::OnlyEmail,
    };
    let (what, value) = match by_name {
        Some(user) => (Claimed::Username, user.username.clone()),
        None => (Claimed::EmailAddress, user.email.clone()),
    };
    Match::Conflict(conflict((what, value), user, because))
}

pub(super) fn conflict((what, value): (Claimed, String), user: &User, because: NotAdopted) -> Why {
    Why::Conflict {
        what,
        value,
        holder: NamedUser::of(user),
        because,
    }
}

fn never_adopted(draft: &Draft<'_>, user: &User) -> Option<NotAdopted> {
    let protected = draft.policy.protect.contains(&user.username);
    let named = || protected.then_some(NotAdopted::Protected);
    let forbidden = out_of_bounds(draft, user).or_else(named);
    forbidden.or_else(|| administrator(user))
}

/// Whether a user carries the mark of the creation of another account, which is there: it was made
/// for that one, whatever the user is called by now. A copied mark delays nobody else.
fn begun_for_another(draft: &Draft<'_>, key: &AccountKey, user: &User) -> Option<NotAdopted> {
    let mark = user.props.get(User::NONCE_PROP)?;
    let begun = draft
        .world
        .memory
        .accounts_with(|account| account.begun.as_ref());
    let mut others = begun.filter(|(other, begun)| *other != key && begun.nonce.as_str() == mark);
    others.find_map(|(other, _)| {
        let directory = draft.world.directories.get(&other.provider)?;
        let account = directory.accounts.get(&other.id)?;
        let dn = account.dn.clone();
        Some(NotAdopted::BegunForAnother { dn })
    })
}

fn administrator(user: &User) -> Option<NotAdopted> {
    user.is_admin().then_some(NotAdopted::Administrator)
}

fn out_of_bounds(draft: &Draft<'_>, user: &User) -> Option<NotAdopted> {
    if draft.world.memory.user(&user.id).forgotten.is_some() {
        Some(NotAdopted::Forgotten)
    } else if draft.world.server.own_user.as_ref() == Some(&user.id) {
        Some(NotAdopted::OwnAccount)
    } else if user.is_bot {
        Some(NotAdopted::Bot)
    } else if user.is_remote {
        Some(NotAdopted::Remote)
    } else if user.is_guest() {
        Some(NotAdopted::Guest)
    } else {
        None
    }
}
