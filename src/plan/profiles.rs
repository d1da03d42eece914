//! First name to locale: what differs, and what is emptied.

use std::collections::BTreeMap;

use unicode_segmentation::UnicodeSegmentation;

use crate::model::{
    Account, AccountPart, Action, Precondition, Profile, ProfileField, Reason, Step, StepId, User,
    ValueOf, Values, Why,
};

use super::Authority;
use super::draft::{Draft, Person};
use super::lifecycle::Standing;

/// Plans changes of first name to locale.
pub fn settle(draft: &mut Draft<'_>, people: &[(Person<'_>, Standing)]) {
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
            let fields: Vec<String> = sure
                .keys()
                .chain(faded.keys())
                .map(ToString::to_string)
                .collect();
            let service = user.auth_service.clone();
            let why = Why::LoginService {
                service,
                fields: fields.join(", "),
            };
            draft.leave(person.subject(), why);
            continue;
        }
        if !sure.is_empty() {
            update(draft, person, user, sure);
        }
        // Each in a step of its own, so that the rest need not wait for a person's look.
        for (field, values) in faded {
            let step = update(draft, person, user, BTreeMap::from([(field, values)]));
            draft.rests_on.insert(step, field_key(field));
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
        // What we never gave may be what the person typed; emptying it is not ours.
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
        } else if draft.is_faded(provider, &field_key(field)) {
            changes.faded.insert(field, values);
        } else {
            changes.sure.insert(field, values);
        }
    }
    changes
}

/// What the directory says of a field, cut to what Mattermost stores; empty for nothing.
pub fn wanted(account: &Account, field: ProfileField) -> &str {
    let value = account.profile.get(&field);
    value.map_or("", |value| cut(value, field.max_chars()))
}

/// Whether the directory has a value that is no text: then nobody knows what it says.
fn unreadable(person: &Person<'_>, field: ProfileField) -> bool {
    let part = AccountPart::Field(field);
    person.account.unreadable.contains_key(&part)
}

/// How a field is called among the attributes of a reading's shape.
pub fn field_key(field: ProfileField) -> String {
    format!("field:{}", field.api_name())
}

/// The account's values for the fields of which one of `authorities` decides, cut to what
/// Mattermost stores.
pub fn profile(draft: &Draft<'_>, person: &Person<'_>, authorities: &[Authority]) -> Profile {
    let decides = |field: &ProfileField| {
        draft
            .policy
            .fields
            .get(field)
            .is_some_and(|a| authorities.contains(a))
    };
    let values = person
        .account
        .profile
        .iter()
        .filter(|(field, _)| decides(field));
    values
        .map(|(field, value)| (*field, cut(value, field.max_chars())))
        .filter(|(_, value)| !value.is_empty())
        .map(|(field, value)| (field, value.to_owned()))
        .collect()
}

/// At most so many characters of a value, without white space around them. What people see as one
/// character, such as an emoji of several, is taken whole or not at all.
fn cut(value: &str, most: usize) -> &str {
    let value = value.trim();
    // No text has more characters than bytes.
    if value.len() <= most {
        return value;
    }
    let mut room = most;
    let mut end = 0;
    for seen in value.graphemes(true) {
        let Some(left) = room.checked_sub(seen.chars().count()) else {
            break;
        };
        room = left;
        end += seen.len();
    }
    value.get(..end).unwrap_or(value).trim_end()
}

/// The value that each field gets in a step, for what is remembered of it.
pub fn sent(step: &Step) -> BTreeMap<ProfileField, String> {
    match &step.action {
        Action::CreateUser { user, .. } => user.profile.clone(),
        Action::UpdateProfile { changes, .. } => {
            changes.iter().map(|(f, v)| (*f, v.to.clone())).collect()
        }
        _ => BTreeMap::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_cut_in_the_middle_of_a_character() {
        let family = "\u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467}";
        for (value, most, want) in [
            ("Anna", 64, "Anna"),
            ("Anna Meier", 5, "Anna"),
            ("Zoe\u{308} L", 3, "Zo"),
            ("Zoe\u{308} L", 4, "Zoe\u{308}"),
            (
                "\u{1f1e9}\u{1f1ea}\u{1f1eb}\u{1f1f7}",
                3,
                "\u{1f1e9}\u{1f1ea}",
            ),
            (family, 4, ""),
            (family, 5, family),
        ] {
            assert_eq!(cut(value, most), want, "{value} {most}");
        }
        assert_eq!(cut(&format!("Anna {family}"), 8), "Anna");
        // One character of more than fit is nothing that anybody could read.
        assert_eq!(cut(&format!("a{}", "\u{301}".repeat(99)), 64), "");
    }
}
