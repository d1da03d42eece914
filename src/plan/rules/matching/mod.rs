//! Who is who: which user an account stands for.
//!
//! Guarantees: a user stands for at most one account; a link is followed by ids alone, whatever
//! either side is called; nobody is adopted without a person's word, nor by a mark alone; bots,
//! guests and those with more rights are never adopted.

mod candidates;

use crate::model::{
    Account, AccountChange, AccountKey, AccountState, Action, Agreed, Claimed, Link, LinkOrigin,
    NamedUser, NotAdopted, Precondition, Reason, Remember, Subject, User, Why, full_name,
};
use crate::plan::facts::linked_accounts::LinkedAccount;
use crate::plan::facts::names;
use crate::plan::ledger::draft::{Draft, Person, PersonLink};
use crate::plan::ledger::shared_ids;
use crate::plan::ledger::successors::{Succession, Successors};

use self::candidates::{Match, conflict, matching, unread_holder};

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
    successors.list_shared_anchors(draft);
    people.extend(
        read.into_iter()
            .filter_map(|at| linked(draft, &successors, at)),
    );
    // An account whose creation was begun may have a user already, and nobody else gets that user,
    // however alike they are. A name that the directory spells so goes before one that was made so.
    let mut newcomers: Vec<_> = linked_accounts.newcomers.iter().collect();
    newcomers.sort_by_cached_key(|(key, account)| {
        let begun = draft.world.memory.account(key).begun.is_some();
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
        because,
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
    if rule.is_some() && draft.world.memory.account(key).begun.is_none() {
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
            let mut link = new_link(draft, account, user, LinkOrigin::Created);
            let begun = draft.world.memory.account(person.key).begun.as_ref();
            link.given = begun.map(|begun| begun.given(user)).unwrap_or_default();
            draft.learn(Remember::Account(
                person.key.clone(),
                AccountChange::Link(Some(link.clone())),
            ));
            draft.learn(Remember::Account(
                person.key.clone(),
                AccountChange::Begun(None),
            ));
            take(draft, &mut person, user, link);
        }
        Match::Same(user, _) if is_locked(account) => {
            let what = (Claimed::Username, user.username.clone());
            let username = user.username.clone();
            let why = conflict(what, user, NotAdopted::AccountLocked { username });
            draft.leave(person.subject(), why);
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
    person.link = Some(PersonLink::from(link));
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
    let mut link = relinked.map_or(
        PersonLink::Remembered(linked_account.link),
        PersonLink::from,
    );
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
    link: &mut PersonLink<'a>,
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
        *link = PersonLink::from(seen);
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
        full_name: full_name(&account.profile),
    }
}

fn take<'a>(draft: &mut Draft<'a>, person: &mut Person<'a>, user: &'a User, link: Link) {
    draft.take(&user.id, person.key);
    person.user = Some(user);
    person.link = Some(PersonLink::from(link));
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
