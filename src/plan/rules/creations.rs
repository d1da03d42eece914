//! Users for the accounts that have none.
//!
//! Guarantees: an account gets at most one user; nobody gets a username or an address that somebody
//! has, is getting in this plan, or has with a user who cannot be read; on a server without an
//! administrator nobody is made before the one whom the configuration names.

use std::collections::BTreeMap;

use crate::model::{AccountKey, Action, NewUser, Precondition, Reason, StepId, UserRef, Why};
use crate::plan::facts::fields::profile;
use crate::plan::facts::{address, names};
use crate::plan::ledger::draft::{Draft, Person};
use crate::plan::ledger::promised::{Addresses, Naming, allowed};
use crate::plan::ledger::standing::Standing;
use crate::plan::policy::Authority;

/// Plans the creation of users for the accounts that have none. Returns what memberships refer to.
pub fn plan_creations(
    draft: &mut Draft<'_>,
    people: &[(Person<'_>, Standing)],
    naming: &Naming,
    addresses: &mut Addresses,
) -> BTreeMap<AccountKey, UserRef> {
    let mut made = BTreeMap::new();
    let has_no_admin = draft.has_no_admin();
    let first = first_admin(draft, people);
    let mut newcomers: Vec<&Person<'_>> = people
        .iter()
        .filter(|(p, standing)| p.user.is_none() && *standing == Standing::In)
        .map(|(p, _)| p)
        .collect();
    newcomers.sort_by_key(|p| first.as_ref() != Some(p.key));
    let mut first_step = None;
    for person in newcomers {
        let is_first = first.as_ref() == Some(person.key);
        if has_no_admin && !is_first && first_step.is_none() {
            draft.leave(person.subject(), Why::NoAdmin);
            continue;
        }
        if let Some(fault) = &draft.world.server.refused_password {
            draft.leave(person.subject(), Why::PasswordRefused(fault.clone()));
            continue;
        }
        let Some(step) = create(draft, person, naming, addresses, first_step) else {
            continue;
        };
        made.insert(person.key.clone(), UserRef::Made(step));
        if has_no_admin && is_first {
            first_step = Some(step);
        }
    }
    made
}

fn create(
    draft: &mut Draft<'_>,
    person: &Person<'_>,
    naming: &Naming,
    addresses: &mut Addresses,
    first_step: Option<StepId>,
) -> Option<StepId> {
    let username = naming.names.get(person.key)?.clone();
    let choice = match address::choose(person.account) {
        Ok(choice) => choice,
        Err(fault) => {
            draft.leave(person.subject(), Why::NoEmail(fault));
            return None;
        }
    };
    let emails = match allowed(draft, choice.values) {
        Ok(emails) => emails,
        Err(why) => {
            draft.leave(person.subject(), why);
            return None;
        }
    };
    let Some(email) = emails.iter().find(|e| addresses.is_free(draft, e)) else {
        let why = addresses.taken(draft, &emails[0]);
        draft.leave(person.subject(), why);
        return None;
    };
    let mut after = Vec::new();
    after.extend(naming.freed_by.get(&username));
    after.extend(addresses.take(email, person.key));
    after.extend(first_step);
    let mut subject = person.subject();
    subject.name.clone_from(&username);
    subject.email = Some(email.to_string());
    let action = Action::CreateUser {
        account: person.key.clone(),
        user: NewUser {
            username,
            email: email.to_string(),
            profile: profile(
                draft.policy,
                person.account,
                &[Authority::Directory, Authority::Initial],
            ),
        },
        directory_username: person.account.username.clone(),
        verified: true,
    };
    let (nothing, reason) = (Precondition::Nothing, Reason::NoUserYet);
    let step = draft.step(subject, action, nothing, reason, after);
    if let Some(faded) = draft.first_faded(&person.key.provider, choice.passed_over) {
        draft.rests_on.insert(step, faded);
    }
    Some(step)
}

/// The account that `policy.first-admin` names, if there is no administrator yet.
fn first_admin(draft: &Draft<'_>, people: &[(Person<'_>, Standing)]) -> Option<AccountKey> {
    let name = draft.policy.first_admin.as_ref()?;
    if !draft.has_no_admin() {
        return None;
    }
    let named = |p: &Person<'_>| {
        // The directory's own name: another one may look the same.
        p.user.is_none() && names::own_name(&p.account.username).as_ref() == Some(name)
    };
    people
        .iter()
        .find(|(p, standing)| *standing == Standing::In && named(p))
        .map(|(p, _)| p.key.clone())
}
