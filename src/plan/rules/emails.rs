//! Who gets which e-mail address, and in which order addresses change hands.
//!
//! Guarantees: no two users have or get one address; an address changes hands only after its holder
//! gave it up, in the same plan; whoever has an address that the directory still names keeps it; a
//! user whom another login service owns is left alone.

use std::borrow::Cow;
use std::collections::{BTreeMap, VecDeque};

use crate::model::{
    AccountChange, AccountPart, Action, HoldKey, Link, Precondition, Reason, Remember, StepId,
    User, ValueOf, Values, Why,
};
use crate::plan::facts::address;
use crate::plan::facts::temporary::is_temporary_email;
use crate::plan::ledger::draft::{Draft, Person};
use crate::plan::ledger::promised::{Addresses, allowed};
use crate::plan::ledger::rings::{free_email, takes_temporary};
use crate::plan::ledger::standing::Standing;
use crate::plan::policy::Authority;

/// A person whose address is to change.
struct WantedAddress<'p> {
    person: &'p Person<'p>,
    user: &'p User,
    /// Acceptable addresses, the preferred first; at least one.
    to: Vec<Cow<'p, str>>,
    /// The faded attribute without which another address would be wanted.
    rests_on: Option<HoldKey>,
}

/// Plans changes of addresses. Whoever has an address keeps it while the directory agrees; the
/// older link goes before the younger.
pub fn plan_addresses(draft: &mut Draft<'_>, people: &[(Person<'_>, Standing)]) -> Addresses {
    let mut addresses = Addresses::default();
    let mut all = Vec::new();
    for (person, standing) in people {
        let Some(user) = person.user else { continue };
        all.extend(wanted_address(
            draft,
            &mut addresses,
            person,
            user,
            *standing,
        ));
    }
    let waiting = grant_all(draft, &mut addresses, all);
    let waiting = open_rings(draft, &mut addresses, waiting);
    for (wanted, in_ring) in waiting.iter().zip(rings(&waiting)) {
        let email = &wanted.to[0];
        let why = match in_ring {
            true => Why::EmailSwap {
                email: email.to_string(),
            },
            false => addresses.taken(draft, email),
        };
        draft.leave(wanted.person.subject(), why);
    }
    addresses
}

/// Gives those their address for whom it is free, or becomes free. Returns those who remain: they
/// want what others keep, or each other's.
fn grant_all<'p>(
    draft: &mut Draft<'_>,
    addresses: &mut Addresses,
    all: Vec<WantedAddress<'p>>,
) -> Vec<WantedAddress<'p>> {
    let mut waiters: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (at, wanted) in all.iter().enumerate() {
        for email in &wanted.to {
            waiters.entry(email).or_default().push(at);
        }
    }
    let mut granted = vec![false; all.len()];
    let mut queue: VecDeque<usize> = (0..all.len()).collect();
    while let Some(at) = queue.pop_front() {
        let wanted = &all[at];
        if !granted[at] && grant(draft, addresses, wanted) {
            granted[at] = true;
            queue.extend(
                waiters
                    .get(wanted.user.email.as_str())
                    .into_iter()
                    .flatten(),
            );
        }
    }
    let pairs = all.into_iter().zip(granted);
    pairs.filter(|(_, done)| !done).map(|(w, _)| w).collect()
}

/// Resolves rings of addresses, each through a temporary address of one of its members. Returns
/// those who remain.
fn open_rings<'p>(
    draft: &mut Draft<'_>,
    addresses: &mut Addresses,
    waiting: Vec<WantedAddress<'p>>,
) -> Vec<WantedAddress<'p>> {
    if !takes_temporary(draft) {
        return waiting;
    }
    let in_ring = rings(&waiting);
    let (ring, rest): (Vec<_>, Vec<_>) = waiting.into_iter().zip(in_ring).partition(|(_, r)| *r);
    let mut open: VecDeque<WantedAddress<'p>> =
        ring.into_iter().map(|(wanted, _)| wanted).collect();
    for wanted in &mut open {
        // In a ring each gets what the next one gives up.
        wanted.to.truncate(1);
    }
    // Each round opens one ring and closes it.
    while let Some(opener) = open.pop_front() {
        let temporary = free_email(draft, opener.person.key);
        let step = change(draft, &opener, (&opener.user.email, &temporary), Vec::new());
        addresses.freed_by.insert(opener.user.email.clone(), step);
        open = grant_all(draft, addresses, open.into()).into();
        let mut before = vec![step];
        before.extend(addresses.take(&opener.to[0], opener.person.key));
        change(draft, &opener, (&temporary, &opener.to[0]), before);
    }
    rest.into_iter().map(|(wanted, _)| wanted).collect()
}

/// Plans one change of an address, after these steps.
fn change(
    draft: &mut Draft<'_>,
    wanted: &WantedAddress<'_>,
    (from, to): (&str, &str),
    before: Vec<StepId>,
) -> StepId {
    let WantedAddress { person, user, .. } = wanted;
    let action = Action::ChangeEmail {
        account: person.key.clone(),
        user: user.id.clone(),
        email: Values {
            from: from.to_owned(),
            to: to.to_owned(),
        },
        waits_for_click: draft.world.server.require_email_verification == Some(true),
    };
    let reason = match wanted.to.iter().any(|email| email == to) {
        true => Reason::Differs {
            attribute: "e-mail address".into(),
            directory: to.to_owned(),
            mattermost: user.email.clone(),
        },
        false => Reason::MakesRoom {
            name: user.email.clone(),
        },
    };
    let mut after = person.after();
    after.extend(before);
    let expects = Precondition::Email(from.to_owned());
    let step = draft.step(person.subject(), action, expects, reason, after);
    if let Some(attribute) = &wanted.rests_on {
        draft.rests_on.insert(step, attribute.clone());
    }
    step
}

/// Plans one change if an address that is wanted is free.
fn grant(draft: &mut Draft<'_>, addresses: &mut Addresses, wanted: &WantedAddress<'_>) -> bool {
    let WantedAddress { person, user, .. } = wanted;
    let Some(to) = wanted.to.iter().find(|to| addresses.is_free(draft, to)) else {
        return false;
    };
    let before = addresses.take(to, person.key).into_iter().collect();
    let step = change(draft, wanted, (&user.email, to), before);
    // Where the server waits for a click the old address is not free after the step.
    if draft.world.server.require_email_verification != Some(true) {
        addresses.freed_by.insert(user.email.clone(), step);
    }
    true
}

/// Which of these people want each other's addresses in a ring.
fn rings(waiting: &[WantedAddress<'_>]) -> Vec<bool> {
    let giving_up: BTreeMap<&str, usize> = waiting
        .iter()
        .enumerate()
        .map(|(at, wanted)| (wanted.user.email.as_str(), at))
        .collect();
    let next = |at: usize| giving_up.get(waiting[at].to[0].as_ref()).copied();
    // Each person is walked over once; the number says in which walk.
    let mut walk = vec![0; waiting.len()];
    let mut in_ring = vec![false; waiting.len()];
    for start in 0..waiting.len() {
        let mut at = Some(start);
        while let Some(here) = at.filter(|here| walk[*here] == 0) {
            walk[here] = start + 1;
            at = next(here);
        }
        let Some(entry) = at.filter(|here| walk[*here] == start + 1) else {
            continue;
        };
        let mut here = entry;
        while !in_ring[here] {
            in_ring[here] = true;
            here = next(here).unwrap_or(here);
        }
    }
    in_ring
}

/// The addresses of which a user shall have one instead of the present one.
fn wanted_address<'p>(
    draft: &mut Draft<'_>,
    addresses: &mut Addresses,
    person: &'p Person<'p>,
    user: &'p User,
    standing: Standing,
) -> Option<WantedAddress<'p>> {
    let stays = standing == Standing::Out && !is_temporary_email(&user.email, person.key);
    if stays
        || draft.policy.email != Authority::Directory
        || draft.untouchable(user).is_some()
        || draft.is_pinned(person.key, ValueOf::Email)
    {
        return None;
    }
    let choice = match address::choose(person.account) {
        Ok(choice) => choice,
        Err(fault) => {
            draft.leave(person.subject(), Why::NoEmail(fault));
            return None;
        }
    };
    if choice.values.iter().any(|email| *email == user.email) {
        forget_waiting(draft, person);
        return None;
    }
    let provider = &person.key.provider;
    if let Some(attribute) = person.account.unreadable.get(&AccountPart::Email) {
        let field = attribute.clone();
        draft.leave(person.subject(), Why::FieldUnproven { field });
        return None;
    }
    if draft.gap(provider).is_some()
        && let Some(&field) = choice.passed_over.first()
    {
        let field = field.to_owned();
        draft.leave(person.subject(), Why::FieldUnproven { field });
        return None;
    }
    let rests_on = draft.first_faded(provider, choice.passed_over);
    let to = match allowed(draft, choice.values) {
        Ok(to) => to,
        Err(why) => {
            draft.leave(person.subject(), why);
            return None;
        }
    };
    if !user.auth_service.is_empty() {
        let service = user.auth_service.clone();
        let fields = vec![ValueOf::Email];
        draft.leave(person.subject(), Why::LoginService { service, fields });
        return None;
    }
    let asked = person.link.as_ref().and_then(|l| l.email_waiting.clone());
    let waits = draft.world.server.require_email_verification != Some(false);
    if let Some(email) = asked.filter(|email| waits && to.iter().any(|to| to == email)) {
        // Promised to this person: nobody else gets it before the click.
        addresses.take(&email, person.key);
        draft.leave(person.subject(), Why::EmailWaiting { email });
        return None;
    }
    Some(WantedAddress {
        person,
        user,
        to,
        rests_on,
    })
}

fn forget_waiting(draft: &mut Draft<'_>, person: &Person<'_>) {
    let waiting = |link: &&Link| link.email_waiting.is_some();
    if let Some(link) = person.link.as_deref().filter(waiting) {
        let link = Link {
            email_waiting: None,
            ..link.clone()
        };
        draft.learn(Remember::Account(
            person.key.clone(),
            AccountChange::Link(Some(link)),
        ));
    }
}
