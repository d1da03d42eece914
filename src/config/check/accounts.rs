//! Checks `[accounts]`, which says what entries mean.

use std::collections::BTreeSet;

use toml::Spanned;

use super::super::not_a_person::{FORM, NotAPerson};
use super::super::raw::{Key, RawAccounts, RawProvider};
use super::super::schema::Defaults;
use super::super::{GroupMembers, LockRule, Mapping, Schema};
use super::email;
use super::report::{Check, at, get, text};
use crate::model::{IdAttribute, IdForm, ProfileField};

type List = Vec<Spanned<String>>;

pub(super) fn mapping(
    check: &mut Check<'_>,
    raw: &RawAccounts,
    provider: &RawProvider,
    schema: Schema,
) -> Mapping {
    let defaults = schema.defaults();
    check.dn(&provider.group_base, "provider.group-base");
    let base = text(&provider.base).unwrap_or_default().to_owned();
    let usual = IdAttribute::usual(defaults.id);
    let id_of_accounts = id(check, &raw.id, "accounts.id", &usual, defaults.id);
    Mapping {
        schema,
        group_base: text(&provider.group_base).map_or_else(|| base.clone(), str::to_owned),
        filter: filter(check, &raw.filter, "accounts.filter", defaults.filter),
        group_filter: group_filter(check, &raw.group_filter, defaults.group_filter),
        // Groups use the attribute of accounts unless they have one of their own.
        group_id: id(
            check,
            &raw.group_id,
            "accounts.group-id",
            &id_of_accounts,
            defaults.id,
        ),
        anchor: anchor(check, raw, &id_of_accounts),
        new_id: None,
        id: id_of_accounts,
        username: attribute(check, &raw.username, "accounts.username", defaults.username),
        email: email::sources(check, &raw.email, defaults.email),
        fields: fields(check, raw, defaults),
        full_name: attributes(
            check,
            &raw.full_name,
            "accounts.full-name",
            defaults.full_name,
        ),
        locks: locks(check, &raw.lock, defaults),
        not_a_person: not_a_person(check, &raw.not_a_person, defaults),
        group_name: attribute(
            check,
            &raw.group_name,
            "accounts.group-name",
            defaults.group_name,
        ),
        group_members: group_members(check, raw, defaults),
        base,
    }
}

/// Reads an attribute with ids, which may have the form of its values.
fn id(
    check: &mut Check<'_>,
    key: &Key<String>,
    name: &str,
    default: &IdAttribute,
    example: &str,
) -> IdAttribute {
    let Some(written) = text(key) else {
        return default.clone();
    };
    let id = IdAttribute::parse(written).unwrap_or_else(|word| {
        let forms: Vec<&str> = IdForm::NAMES.iter().map(|(form, _)| *form).collect();
        check.problem(
            at(key),
            name,
            format!("`{word}` is not a form of ids"),
            format!(
                "write the attribute alone, or behind it a colon and one of {}, for example \
                 \"objectGUID:guid\"",
                forms.join(", ")
            ),
        );
        IdAttribute::usual(written.split(':').next().unwrap_or_default())
    });
    check.attribute_name(&id.name, at(key), name);
    if [
        "uid",
        "samaccountname",
        "cn",
        "mail",
        "userprincipalname",
        "uidnumber",
        "gidnumber",
    ]
    .contains(&id.name.as_str())
    {
        check.warn(at(key), format!("{name}: `{}` can change or be given to somebody else, who would then get the old user's messages; an immutable id is better, such as `{example}`", id.name));
    }
    id
}

/// Reads the second anchor, which has no default: only people know what is immutable and the same
/// in several directories.
fn anchor(check: &mut Check<'_>, raw: &RawAccounts, accounts: &IdAttribute) -> Option<IdAttribute> {
    let key = &raw.second_anchor;
    if text(key).is_none_or(str::is_empty) {
        return None;
    }
    let name = "accounts.second-anchor";
    let anchor = id(check, key, name, accounts, "employeeNumber");
    if anchor.name == accounts.name {
        check.problem(
            at(key),
            name,
            format!("`{}` is the id already", anchor.name),
            "write another attribute, which stays when the id changes, or leave the key out",
        );
    }
    Some(anchor)
}

/// Reads the name of an attribute, in lower case.
fn attribute(check: &mut Check<'_>, key: &Key<String>, name: &str, default: &str) -> String {
    let written = text(key).unwrap_or(default);
    check.attribute_name(written, at(key), name)
}

fn attributes(check: &mut Check<'_>, key: &Key<List>, name: &str, default: &[&str]) -> Vec<String> {
    let Some(written) = get(key) else {
        return default.iter().map(|a| a.to_ascii_lowercase()).collect();
    };
    let mut found: Vec<String> = Vec::new();
    for item in written {
        let attribute = check.attribute_name(item.get_ref().trim(), Some(item.span()), name);
        if !found.contains(&attribute) {
            found.push(attribute);
        }
    }
    found
}

fn fields(
    check: &mut Check<'_>,
    raw: &RawAccounts,
    defaults: &Defaults,
) -> Vec<(ProfileField, Vec<String>)> {
    let keys = [
        (
            ProfileField::FirstName,
            &raw.first_name,
            "accounts.first-name",
            defaults.first_name,
        ),
        (
            ProfileField::LastName,
            &raw.last_name,
            "accounts.last-name",
            defaults.last_name,
        ),
        (
            ProfileField::Nickname,
            &raw.nickname,
            "accounts.nickname",
            defaults.nickname,
        ),
        (
            ProfileField::Position,
            &raw.position,
            "accounts.position",
            defaults.position,
        ),
        (
            ProfileField::Locale,
            &raw.locale,
            "accounts.locale",
            defaults.locale,
        ),
    ];
    keys.into_iter()
        .map(|(field, key, name, default)| (field, attributes(check, key, name, default)))
        .filter(|(_, attributes)| !attributes.is_empty())
        .collect()
}

fn filter(check: &mut Check<'_>, key: &Key<String>, name: &str, default: &str) -> String {
    let Some(written) = text(key) else {
        return default.to_owned();
    };
    if !is_filter(written) {
        check.problem(
            at(key),
            name,
            "this is not an LDAP filter",
            format!(
                "write it as in RFC 4515, every condition in parentheses, for example {default}"
            ),
        );
    }
    let lower = written.to_lowercase();
    let telling = [
        "useraccountcontrol",
        "accountexpires",
        "pwdaccountlockedtime",
        "nsaccountlock",
        "logindisabled",
        "shadowexpire",
        "loginshell",
        "userpassword",
        "memberof",
    ];
    if let Some(attribute) = telling.iter().find(|attribute| lower.contains(*attribute)) {
        check.warn(at(key), format!("{name}: with `{attribute}` in the filter somebody who is locked or leaves the group looks like somebody who is gone, and is deactivated only after the grace; locks belong in accounts.lock"));
    }
    written.to_owned()
}

fn group_filter(check: &mut Check<'_>, key: &Key<String>, default: &str) -> String {
    match text(key) {
        Some("") => String::new(),
        written => {
            let written = written.unwrap_or(default);
            if !is_filter(written) {
                check.problem(
                    at(key),
                    "accounts.group-filter",
                    "this is not an LDAP filter",
                    format!(
                        "write it as in RFC 4515, for example {default}, or \"\" to read no groups"
                    ),
                );
            }
            written.to_owned()
        }
    }
}

/// Returns whether a text is a filter (RFC 4515). The parser recurses for each parenthesis, so
/// their number is checked first.
fn is_filter(text: &str) -> bool {
    let mut depth = 0_usize;
    let mut deepest = 0;
    for c in text.chars() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    text.starts_with('(')
        && text.len() <= 16_384
        && deepest <= 50
        && ldap3::parse_filter(text).is_ok()
}

fn locks(check: &mut Check<'_>, key: &Key<List>, defaults: &Defaults) -> Vec<LockRule> {
    let Some(written) = get(key) else {
        return defaults.lock.to_vec();
    };
    if written.is_empty() {
        check.warn(
            at(key),
            "accounts.lock: without a rule nobody counts as locked: users whose \
                             accounts are locked in the directory stay active on Mattermost",
        );
    }
    let mut rules = BTreeSet::new();
    for item in written {
        let word = item.get_ref().trim();
        match LockRule::parse(word) {
            Some(rule) => {
                if let LockRule::Value { attribute, .. } | LockRule::Bits { attribute, .. } = &rule
                {
                    check.attribute_name(attribute, Some(item.span()), "accounts.lock");
                }
                rules.insert(rule);
            }
            None => {
                let words: Vec<&str> = LockRule::NAMES.iter().map(|(name, _)| *name).collect();
                check.problem(
                    Some(item.span()),
                    "accounts.lock",
                    format!("there is no lock rule for `{word}`"),
                    format!(
                        "write some of {}; or an attribute of your directory with the value that \
                         locks (\"accountStatus=disabled\", \"sambaAcctFlags=*D*\")",
                        words.join(", ")
                    ),
                );
            }
        }
    }
    rules.into_iter().collect()
}

fn not_a_person(check: &mut Check<'_>, key: &Key<List>, defaults: &Defaults) -> Vec<NotAPerson> {
    let Some(written) = get(key) else {
        let usual = defaults.not_a_person.iter();
        return usual.filter_map(|text| NotAPerson::parse(text)).collect();
    };
    let mut rules = Vec::new();
    for item in written {
        match NotAPerson::parse(item.get_ref()) {
            Some(rule) => rules.push(rule),
            None => check.problem(
                Some(item.span()),
                "accounts.not-a-person",
                format!("`{}` is no rule", item.get_ref()),
                FORM,
            ),
        }
    }
    let is_written = |usual: &str| {
        let mut written = written.iter();
        written.any(|item| item.get_ref().trim().eq_ignore_ascii_case(usual))
    };
    let usual = defaults.not_a_person.iter().copied();
    let left_out: Vec<String> = usual
        .filter(|usual| !is_written(usual))
        .map(|usual| format!("\"{usual}\""))
        .collect();
    if !left_out.is_empty() {
        check.warn(
            at(key),
            format!(
                "accounts.not-a-person: this list takes the place of the usual one, of which it \
                 leaves out {}. Whoever they match counts as a person and gets a user; to keep \
                 them out, write them too",
                left_out.join(", ")
            ),
        );
    }
    rules
}

fn group_members(
    check: &mut Check<'_>,
    raw: &RawAccounts,
    defaults: &Defaults,
) -> Vec<GroupMembers> {
    let usernames = attributes(
        check,
        &raw.group_member_usernames,
        "accounts.group-member-usernames",
        defaults.group_member_usernames,
    );
    let dns = attributes(
        check,
        &raw.group_members,
        "accounts.group-members",
        defaults.group_members,
    );
    if let Some(both) = dns.iter().find(|attribute| usernames.contains(attribute)) {
        check.problem(at(&raw.group_members), "accounts.group-members", format!("`{both}` cannot hold DNs and usernames at once"), "write it in group-members if it holds DNs, in group-member-usernames if it holds usernames");
    }
    let usernames = usernames.into_iter().map(GroupMembers::Usernames);
    usernames
        .chain(dns.into_iter().map(GroupMembers::Dns))
        .collect()
}
