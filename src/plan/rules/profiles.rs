//! First name to locale: what differs, and what is emptied.
//!
//! Guarantees: only fields that the directory decides about are changed; a field is emptied only if
//! we filled it, the reading was whole, and its attribute was readable; a value that the server
//! stores otherwise than we sent it is not sent again and again.

use std::collections::BTreeMap;

use crate::model::{
    AccountPart, Action, HoldKey, Precondition, ProfileField, Reason, StepId, User, ValueOf,
    Values, Why,
};
use crate::plan::facts::fields::wanted;
use crate::plan::ledger::draft::{Draft, Person};
use crate::plan::ledger::standing::Standing;
use crate::plan::policy::Authority;

/// Plans changes of first name to locale.
pub fn plan_profiles(draft: &mut Draft<'_>, people: &[(Person<'_>, Standing)]) {
    for (person, standing) in people {
        let Some(user) = person.user else { continue };
        if *standing == Standing::Out || draft.untouchable(user).is_some() {
            continue;
        }
        let Changes { sure, faded } = differing(draft, person, user);
        if sure.is_empty() && faded.is_empty() {
            continue;
        }
        if !user.auth_service.is_empty() {
            let fields = sure.keys().chain(faded.keys());
            let fields = fields.map(|field| ValueOf::Field(*field)).collect();
            let service = user.auth_service.clone();
            draft.leave(person.subject(), Why::LoginService { service, fields });
            continue;
        }
        if !sure.is_empty() {
            update(draft, person, user, sure);
        }
        // Each in a step of its own, so that the rest need not wait for a person's look.
        for (field, values) in faded {
            let step = update(draft, person, user, BTreeMap::from([(field, values)]));
            let faded = HoldKey::Field(person.key.provider.clone(), field);
            draft.rests_on.insert(step, faded);
        }
    }
}

fn update(
    draft: &mut Draft<'_>,
    person: &Person<'_>,
    user: &User,
    changes: BTreeMap<ProfileField, Values>,
) -> StepId {
    let all = |pick: fn(&Values) -> &str| {
        let parts: Vec<String> = changes
            .iter()
            .map(|(field, v)| match changes.len() {
                1 => format!("{:?}", pick(v)),
                _ => format!("{field} {:?}", pick(v)),
            })
            .collect();
        parts.join(", ")
    };
    let reason = Reason::Differs {
        attribute: changes
            .keys()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(", "),
        directory: all(|v| &v.to),
        mattermost: all(|v| &v.from),
    };
    let found = changes.iter().map(|(f, v)| (*f, v.from.clone())).collect();
    let action = Action::UpdateProfile {
        account: person.key.clone(),
        user: user.id.clone(),
        changes,
    };
    draft.step(
        person.subject(),
        action,
        Precondition::Profile(found),
        reason,
        person.after(),
    )
}

/// What differs between a person and the user.
#[derive(Default)]
struct Changes {
    sure: BTreeMap<ProfileField, Values>,
    /// Fields to be emptied that most accounts lost at once.
    faded: BTreeMap<ProfileField, Values>,
}

fn differing(draft: &mut Draft<'_>, person: &Person<'_>, user: &User) -> Changes {
    let provider = &person.key.provider;
    let mut changes = Changes::default();
    for field in ProfileField::ALL {
        if draft.policy.fields.get(&field) != Some(&Authority::Directory) {
            continue;
        }
        if draft.is_pinned(person.key, ValueOf::Field(field)) {
            continue;
        }
        let from = user.field(field);
        let to = wanted(person.account, field);
        if to == from {
            continue;
        }
        let given = person.link.as_ref().and_then(|l| l.given.get(&field));
        let as_stored = given.is_some_and(|g| g.sent == to && g.stored == from);
        // A value that we never gave may be what the person typed, and we do not empty it.
        let not_ours = to.is_empty() && given.is_none_or(|g| g.sent.is_empty());
        if as_stored || not_ours {
            continue;
        }
        let values = Values {
            from: from.to_owned(),
            to: to.to_owned(),
        };
        if !to.is_empty() {
            changes.sure.insert(field, values);
        } else if draft.gap(provider).is_some() || unreadable(person, field) {
            let field = field.to_string();
            draft.leave(person.subject(), Why::FieldUnproven { field });
        } else if draft.is_faded(provider, field) {
            changes.faded.insert(field, values);
        } else {
            changes.sure.insert(field, values);
        }
    }
    changes
}

/// Whether the directory has a value that is no text: then nobody knows what it says.
fn unreadable(person: &Person<'_>, field: ProfileField) -> bool {
    let part = AccountPart::Field(field);
    person.account.unreadable.contains_key(&part)
}
