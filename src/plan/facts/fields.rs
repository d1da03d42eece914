//! The fields of a profile: what an account has in them, and what a step sends.

use std::collections::BTreeMap;

use unicode_segmentation::UnicodeSegmentation;

use crate::model::{Account, Action, Profile, ProfileField, Step};
use crate::plan::policy::{Authority, Policy};

/// Returns what the directory says of a field, cut to what Mattermost stores, or an empty text.
pub fn wanted(account: &Account, field: ProfileField) -> &str {
    let value = account.profile.get(&field);
    value.map_or("", |value| cut(value, field.max_chars()))
}

/// Returns the account's values for the fields whose authority is one of `authorities`, cut to what
/// Mattermost stores.
pub fn profile(policy: &Policy, account: &Account, authorities: &[Authority]) -> Profile {
    let decides = |field: &ProfileField| {
        policy
            .fields
            .get(field)
            .is_some_and(|a| authorities.contains(a))
    };
    let values = account.profile.iter().filter(|(field, _)| decides(field));
    values
        .map(|(field, value)| (*field, cut(value, field.max_chars())))
        .filter(|(_, value)| !value.is_empty())
        .map(|(field, value)| (field, value.to_owned()))
        .collect()
}

/// Returns the value that a step sends for each field, to be remembered.
pub fn sent(step: &Step) -> BTreeMap<ProfileField, String> {
    match &step.action {
        Action::CreateUser { user, .. } => user.profile.clone(),
        Action::UpdateProfile { changes, .. } => {
            changes.iter().map(|(f, v)| (*f, v.to.clone())).collect()
        }
        _ => BTreeMap::new(),
    }
}

/// Returns at most `most` characters of a value, without white space around them. Several
/// characters that people see as one, such as an emoji, are kept together or left out.
pub fn cut(value: &str, most: usize) -> &str {
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
