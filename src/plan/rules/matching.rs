//! Who is who: which user an account stands for.

use std::collections::BTreeSet;

use crate::model::{
    Account, AccountChange, AccountKey, AccountState, Action, Agreed, Claimed, Link, LinkOrigin,
    NamedUser, Precondition, Reason, Remember, Subject, User, UserId, Why,
};
use crate::plan::facts::linked_accounts::LinkedAccount;
use crate::plan::facts::user_index::LinkObstacle;
use crate::plan::facts::{address, names};
use crate::plan::ledger::draft::{Draft, Known, Person};
use crate::plan::ledger::shared_ids;
use crate::plan::ledger::successors::{Succession, Successors};
use crate::plan::policy::AdoptRule;

/// What matching found for one account.
enum Match<'a> {
    /// A user whom we created in a run whose outcome was lost: it alone carries our nonce, and
    /// username and address agree.
    Ours(&'a User),
    /// A user who was there before and counts as the same person.
    Same(&'a User, String),
    /// A user stands in the way.
    Conflict(Why),
    /// Nobody: a user may be created.
    Nobody,
}

/// Finds the user of each account of every directory and plans adoptions. Accounts in conflict,
/// and those whose user cannot be read, are left alone and not returned. The older link comes
/// first: it keeps a name or address that two accounts want. Accounts without one come last.
pub fn people<'a>(draft: &mut Draft<'a>) -> Vec<Person<'a>> {
    let linked_accounts = draft.linked_accounts;
    let mut read: Vec<usize> = (0..linked_accounts.all.len())
        .filter(|at| linked_accounts.all[*at].account.is_some())
        .collect();
    // Links come in the order of their keys, and stay so among those of the same moment.
    read.sort_by_key(|at| linked_accounts.all[*at].link.since);
    let mut people = Vec::with_capacity(read.len() + linked_accounts.newcomers.len());
    let successors = Successors::of(draft);
    successors.tell(draft);
    people.extend(
        read.into_iter()
            .filter_map(|at| linked(draft, &successors, at)),
    );
    // An account whose creation was begun may have a user already, and nobody else gets that user,
    // however alike they are. A name that the directory spells so goes before one that was made so.
    let mut newcomers: Vec<_> = linked_accounts.newcomers.iter().collect();
    newcomers.sort_by_cached_key(|(key, account)| {
        let begun = draft.world.memory.account(key).nonce.is_some();
        let ours = begun && matches!(matching(draft, key, account), Match::Ours(_));
        (!ours, !names::is_exact(&account.username))
    });
    let newcomers = newcomers.into_iter();
    people
        .extend(newcomers.filter_map(|(key, account)| unlinked(draft, &successors, key, account)));
    for person in &people {
        tell_oddity(draft, person);
    }
    people
}

/// Tells of a username that looks like another one.
fn tell_oddity(draft: &mut Draft<'_>, person: &Person<'_>) {
    let username = &person.account.username;
    let Some(because) = names::oddity(username) else {
        return;
    };
    let why = Why::LookAlike {
        username: username.clone(),
        becomes: names::legal_username(username).unwrap_or_default(),
        because: because.to_owned(),
    };
    draft.leave(person.subject(), why);
}

fn unlinked<'a>(
    draft: &mut Draft<'a>,
    successors: &Successors<'a>,
    key: &'a AccountKey,
    account: &'a Account,
) -> Option<Person<'a>> {
    let mut person = Person {
        key,
        account,
        link: None,
        linked_account: None,
        user: None,
        adopted_by: None,
    };
    if let Some(why) = shared_ids::doubt(draft, key) {
        draft.leave(person.subject(), why);
        return None;
    }
    let rule = not_a_person(account);
    if rule.is_some() && draft.world.memory.account(key).nonce.is_none() {
        leave_alone(draft, person.subject(), rule, false);
        return None;
    }
    if let Some(mark) = draft.world.memory.account(key).unlinked.as_ref() {
        let user = draft.world.users.get(&mark.user);
        let why = Why::Unlinked {
            user: NamedUser::known(&mark.user, user),
            by: mark.by.clone(),
            at: mark.at,
        };
        draft.leave(person.subject(), why);
        return None;
    }
    let found = match matching(draft, person.key, account) {
        Match::Nobody => unread_holder(draft, account),
        found => found,
    };
    if let (Match::Nobody | Match::Same(..), Some(gap)) = (&found, draft.world.users.gaps().first())
    {
        draft.leave(person.subject(), Why::UsersUnread(gap.clone()));
        return None;
    }
    if !matches!(found, Match::Ours(_)) {
        // Of an account that is no person's, only a creation that was begun is followed up.
        if rule.is_some() {
            leave_alone(draft, person.subject(), rule, false);
            return None;
        }
        match successors.find(draft, key, account) {
            Succession::None => {}
            Succession::Successor(at) => return Some(successor(draft, person, at)),
            Succession::Perhaps(at, why) => {
                let user = &draft.linked_accounts.all[at].link.user;
                draft.perhaps_back.insert(user.clone());
                draft.leave(person.subject(), why);
                return None;
            }
        }
    }
    match found {
        Match::Nobody => {}
        Match::Conflict(why) => {
            draft.leave(person.subject(), why);
            return None;
        }
        Match::Ours(user) => {
            let link = new_link(draft, account, user, LinkOrigin::Created);
            draft.learn(Remember::Account(
                person.key.clone(),
                AccountChange::Link(Some(link.clone())),
            ));
            draft.learn(Remember::Account(
                person.key.clone(),
                AccountChange::Nonce(None),
            ));
            take(draft, &mut person, user, link);
        }
        Match::Same(user, _) if is_locked(account) => {
            let because = format!(
                "the account is locked, so nobody is adopted for it; if the user is that person: \
                 `mattersync deactivate {}`",
                user.username
            );
            let what = (Claimed::Username, user.username.clone());
            draft.leave(person.subject(), conflict(what, user, because));
            return None;
        }
        Match::Same(user, by) => {
            let link = new_link(draft, account, user, LinkOrigin::Adopted);
            let action = Action::Adopt {
                account: person.key.clone(),
                user: user.id.clone(),
                directory_username: account.username.clone(),
            };
            take(draft, &mut person, user, link);
            let reason = Reason::SamePerson { by };
            let expects = Precondition::Username(user.username.clone());
            let step = draft.step(person.subject(), action, expects, reason, Vec::new());
            person.adopted_by = Some(step);
        }
    }
    Some(person)
}

/// Moves the link of an account that is gone to its successor.
fn successor<'a>(draft: &mut Draft<'a>, mut person: Person<'a>, at: usize) -> Person<'a> {
    let linked_account = &draft.linked_accounts.all[at];
    let anchor = person.account.anchor.clone();
    let link = Link {
        last_dn: person.account.dn.clone(),
        last_username: person.account.username.clone(),
        anchor: anchor.clone(),
        ..linked_account.link.clone()
    };
    let action = Action::MoveLink {
        account: person.key.clone(),
        from: linked_account.key.clone(),
        user: linked_account.link.user.clone(),
        directory_username: person.account.username.clone(),
        anchor: anchor.clone(),
    };
    let reason = Reason::SameAnchor {
        anchor: anchor.unwrap_or_default(),
        was: linked_account.link.last_dn.clone(),
    };
    // The person is there, whether or not the move waits for an approval. Should they leave, the
    // count of their absence begins anew.
    if draft
        .world
        .memory
        .account(linked_account.key)
        .absence
        .is_some()
    {
        draft.learn(Remember::Account(
            linked_account.key.clone(),
            AccountChange::Absence(None),
        ));
    }
    draft.take(&linked_account.link.user, person.key);
    person.user = linked_account.user;
    person.link = Some(Known::from(link));
    let nothing = Precondition::Nothing;
    let step = draft.step(person.subject(), action, nothing, reason, Vec::new());
    person.adopted_by = Some(step);
    person
}

/// The second anchor to remember: one that was seen in a whole reading, and that nobody else has.
fn anchor_seen(
    draft: &Draft<'_>,
    successors: &Successors<'_>,
    key: &AccountKey,
    account: &Account,
) -> bool {
    let known = draft.gap(&key.provider).is_none();
    account.anchor.is_some() && known && successors.sharer(account).is_none()
}

fn is_locked(account: &Account) -> bool {
    matches!(account.state.by_locks(), AccountState::Locked { .. })
}

/// The rule that says that an entry is not a person's.
fn not_a_person(account: &Account) -> Option<&str> {
    match &account.state {
        AccountState::NotAPerson { rule, .. } => Some(rule),
        _ => None,
    }
}

fn leave_alone(draft: &mut Draft<'_>, subject: Subject, rule: Option<&str>, linked: bool) {
    let rule = rule.unwrap_or_default().to_owned();
    draft.leave(subject, Why::NotAPerson { rule, linked });
}

fn linked<'a>(draft: &mut Draft<'a>, successors: &Successors<'a>, at: usize) -> Option<Person<'a>> {
    let linked_account = &draft.linked_accounts.all[at];
    let (key, account) = (linked_account.key, linked_account.account?);
    let relinked = draft.relinked.get(key).cloned();
    let mut link = relinked.map_or(Known::Remembered(linked_account.link), Known::from);
    if let Some(why) = shared_ids::doubt(draft, key) {
        draft.leave(gone(key, account, &link), why);
        return None;
    }
    let elsewhere = shared_ids::elsewhere(draft, key, &link, account);
    learn_seen(draft, successors, linked_account, account, &mut link);
    if let Some(why) = elsewhere.or_else(|| linked_twice(linked_account, &link)) {
        draft.leave(gone(key, account, &link), why);
        return None;
    }
    let Some(user) = linked_account.user else {
        let subject = gone(key, account, &link);
        if !draft.leave_unread(&subject, &link.user) {
            draft.leave(subject, Why::UserGone);
        }
        return None;
    };
    let person = Person {
        key,
        account,
        link: Some(link),
        linked_account: Some(at),
        user: Some(user),
        adopted_by: None,
    };
    match is_left_alone(draft, &person) {
        true => None,
        false => Some(person),
    }
}

/// Learns where the account is now, what it is called, and what both sides agree about.
fn learn_seen<'a>(
    draft: &mut Draft<'a>,
    successors: &Successors<'a>,
    linked_account: &LinkedAccount<'a>,
    account: &Account,
    link: &mut Known<'a>,
) {
    let key = linked_account.key;
    let anchor = match anchor_seen(draft, successors, key, account) {
        true => account.anchor.clone(),
        false => link.anchor.clone(),
    };
    let seen = Link {
        agreed: agreed(linked_account, account, link),
        last_dn: account.dn.clone(),
        last_username: account.username.clone(),
        anchor,
        ..Link::clone(link)
    };
    if seen != **link {
        let change = AccountChange::Link(Some(seen.clone()));
        draft.learn(Remember::Account(key.clone(), change));
        *link = Known::from(seen);
    }
    if linked_account.memory.absence.is_some() {
        draft.learn(Remember::Account(key.clone(), AccountChange::Absence(None)));
    }
}

fn linked_twice(linked_account: &LinkedAccount<'_>, link: &Link) -> Option<Why> {
    linked_account.other.map(|other| Why::LinkedTwice {
        user: link.user.clone(),
        other: other.clone(),
    })
}

/// Tells whether the account is no person's, and leaves it alone then. A locked account's person has
/// left, whoever uses the mailbox now. Orders are followed elsewhere.
fn is_left_alone(draft: &mut Draft<'_>, person: &Person<'_>) -> bool {
    let rule = not_a_person(person.account);
    let is_locked = matches!(person.account.state.by_locks(), AccountState::Locked { .. });
    if rule.is_none() || is_locked {
        return false;
    }
    // Two readings in a row must say that somebody is back; this one does not.
    if draft.world.memory.account(person.key).returning.is_some() {
        let nothing = AccountChange::Returning(None);
        draft.learn(Remember::Account(person.key.clone(), nothing));
    }
    leave_alone(draft, person.subject(), rule, true);
    true
}

/// What both sides agree about now; where they differ, what they last agreed about.
fn agreed(linked_account: &LinkedAccount<'_>, account: &Account, link: &Link) -> Agreed {
    let Some(user) = linked_account.user else {
        return link.agreed.clone();
    };
    let wanted = std::iter::once(&account.username).chain(&account.other_usernames);
    let mut wanted = wanted.filter_map(|name| names::legal(name));
    let chosen = linked_account.memory.name.as_ref();
    let named = chosen.is_some_and(|chosen| chosen.name == user.username)
        || wanted.any(|name| name == user.username);
    let mut addresses = account.emails.iter().flat_map(|source| &source.values);
    let addressed = addresses.any(|email| *email == user.email);
    let known = |now: bool, value: &String, before: &Option<String>| match now {
        true => Some(value.clone()),
        false => before.clone(),
    };
    Agreed {
        username: known(named, &user.username, &link.agreed.username),
        email: known(addressed, &user.email, &link.agreed.email),
    }
}

fn gone(key: &AccountKey, account: &Account, link: &Link) -> Subject {
    Subject {
        account: Some(key.clone()),
        dn: Some(account.dn.clone()),
        user: Some(link.user.clone()),
        name: account.username.clone(),
        email: None,
    }
}

fn take<'a>(draft: &mut Draft<'a>, person: &mut Person<'a>, user: &'a User, link: Link) {
    draft.take(&user.id, person.key);
    person.user = Some(user);
    person.link = Some(Known::from(link));
}

fn new_link(draft: &Draft<'_>, account: &Account, user: &User, origin: LinkOrigin) -> Link {
    Link {
        user: user.id.clone(),
        origin,
        since: draft.now.wall,
        last_dn: account.dn.clone(),
        last_username: account.username.clone(),
        deactivated: None,
        email_waiting: None,
        given: Default::default(),
        anchor: None,
        agreed: Agreed::default(),
    }
}

fn matching<'a>(draft: &Draft<'a>, key: &AccountKey, account: &Account) -> Match<'a> {
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
    let nonce = draft.world.memory.account(key).nonce.as_ref();
    let holders = nonce.and_then(|nonce| draft.by_nonce.get(nonce.as_str()));
    let holders = holders.into_iter().flatten().copied();
    let holders: Vec<&'a User> = holders.filter(|u| !owned(u)).collect();
    let agrees =
        |user: &User| by_name.is_some_and(|named| named.id == user.id) && mails.contains(&user.id);
    // People can write into their own props, and copy what others have there: a nonce alone says
    // nothing. Of those who have it no two have the username and an address of the account.
    if let Some(user) = holders.iter().find(|user| agrees(user)) {
        return made(draft, account, user);
    }
    match (
        decide(draft, key, by_name, stranger, &mails),
        holders.as_slice(),
    ) {
        (Match::Nobody, [user]) => {
            nonce_conflict(account, user, "neither username nor address agrees")
        }
        (Match::Nobody, [user, ..]) => nonce_conflict(account, user, "more than one user has it"),
        (other, _) => other,
    }
}

/// Returns the conflict with a user who has the name and cannot be read.
fn unread_holder<'a>(draft: &Draft<'a>, account: &Account) -> Match<'a> {
    let name = names::legal(&account.username);
    let why = name.and_then(|name| draft.unread_holder(&name));
    why.map_or(Match::Nobody, Match::Conflict)
}

/// The one user who carries the nonce of the account's creation and has its username and one of
/// its addresses. The first user of a server is made its administrator by the server itself. One
/// whom `protect` names is no less ours: nothing is done to him because of the link.
fn made<'a>(draft: &Draft<'a>, account: &Account, user: &'a User) -> Match<'a> {
    let own = names::own_name(&account.username);
    let first = own.is_some() && own == draft.policy.first_admin;
    let forbidden = out_of_bounds(draft, user).or_else(|| administrator(user).filter(|_| !first));
    match forbidden {
        None => Match::Ours(user),
        Some(because) => nonce_conflict(account, user, &because),
    }
}

fn nonce_conflict<'a>(account: &Account, user: &User, because: &str) -> Match<'a> {
    let what = (Claimed::CreationMark, account.username.clone());
    Match::Conflict(conflict(what, user, because.to_owned()))
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
        let marked = user.props.contains_key(User::NONCE_PROP);
        let by = match (name_agrees, mail_agrees) {
            (true, true) if marked => {
                "username, e-mail address and a mark like that of a creation by mattersync, which \
                 anybody can write,"
            }
            (true, true) => "username and e-mail address",
            (true, false) => "username",
            _ => "e-mail address",
        };
        return Match::Same(user, by.to_owned());
    }
    let because = if !one_user {
        "username and addresses belong to different users".to_owned()
    } else if let Some(why) = forbidden {
        why
    } else {
        let agrees = if name_agrees {
            "only the username agrees"
        } else {
            "only an address agrees"
        };
        match draft.policy.adopt {
            AdoptRule::Never => "policy.adopt is \"never\"".to_owned(),
            _ => format!("{agrees}, which policy.adopt does not call a match"),
        }
    };
    let (what, value) = match by_name {
        Some(user) => (Claimed::Username, user.username.clone()),
        None => (Claimed::EmailAddress, user.email.clone()),
    };
    Match::Conflict(conflict((what, value), user, because))
}

fn conflict((what, value): (Claimed, String), user: &User, because: String) -> Why {
    Why::Conflict {
        what,
        value,
        holder: NamedUser::of(user),
        because,
    }
}

fn never_adopted(draft: &Draft<'_>, user: &User) -> Option<String> {
    let protected = draft.policy.protect.contains(&user.username);
    let named = || protected.then(|| "policy.protect names this user".into());
    let forbidden = out_of_bounds(draft, user).or_else(named);
    forbidden.or_else(|| administrator(user))
}

/// Whether a user carries the mark of the creation of another account, which is there: it was made
/// for that one, whatever the user is called by now. A copied mark delays nobody else.
fn begun_for_another(draft: &Draft<'_>, key: &AccountKey, user: &User) -> Option<String> {
    let mark = user.props.get(User::NONCE_PROP)?;
    let begun = draft
        .world
        .memory
        .accounts_with(|account| account.nonce.as_ref());
    let mut others = begun.filter(|(other, nonce)| *other != key && nonce.as_str() == mark);
    others.find_map(|(other, _)| {
        let directory = draft.world.directories.get(&other.provider)?;
        let account = directory.accounts.get(&other.id)?;
        Some(format!(
            "it carries the mark of a creation that was begun for {}",
            account.dn
        ))
    })
}

fn administrator(user: &User) -> Option<String> {
    let why = || "a system administrator is never adopted".into();
    user.is_admin().then(why)
}

fn out_of_bounds(draft: &Draft<'_>, user: &User) -> Option<String> {
    if draft.world.memory.user(&user.id).forgotten.is_some() {
        Some("everything about that user's person was forgotten (`mattersync forget`)".into())
    } else if draft.world.server.own_user.as_ref() == Some(&user.id) {
        Some("it is the account that mattersync works with".into())
    } else if user.is_bot {
        Some("a bot is never adopted".into())
    } else if user.is_remote {
        Some(format!("{} and is never adopted", LinkObstacle::Remote))
    } else if user.is_guest() {
        Some("a guest is never adopted".into())
    } else {
        None
    }
}
