//! Checks `[policy]`, `[guard]` and `[[team]]`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::super::raw::{Key, RawConfig, RawGuard, RawPolicy, Scalar};
use super::super::words::{ADOPT, AUTHORITY, BY_HAND};
use super::super::{ProviderSettings, names};
use super::report::{Check, at, get, text};
use crate::model::{Class, ProfileField};
use crate::plan::{
    AdoptRule, Authority, ByHand, LifecyclePolicy, Limit, Policy, TeamPolicy, own_name,
};

pub(super) fn settings(
    check: &mut Check<'_>,
    raw: &RawConfig,
    providers: &[ProviderSettings],
) -> Policy {
    let policy = &raw.policy;
    let grace = check.duration(
        &policy.grace,
        "policy.grace",
        Duration::from_secs(86_400),
        Duration::ZERO..=Duration::from_secs(365 * 86_400),
    );
    if grace.is_zero() {
        check.warn(at(&policy.grace), "policy.grace: with 0s the first complete reading without a person deactivates them; a mistake in the directory has no time to be noticed");
    }
    let protect = protect(check, policy);
    let first_admin = first_admin(check, policy, &protect);
    let attributes = &policy.attributes;
    Policy {
        adopt: check.choice(&policy.adopt, "policy.adopt", &ADOPT, AdoptRule::default()),
        grace,
        protect,
        first_admin,
        seat_order: seat_order(check, policy, providers),
        fields: fields(check, policy, providers),
        username: identity(check, &attributes.username, "policy.attributes.username"),
        email: identity(check, &attributes.email, "policy.attributes.email"),
        teams: teams(check, raw),
        lifecycle: lifecycle(check, policy),
        guard: guard(check, &raw.guard),
        scopes: BTreeMap::new(),
    }
}

fn lifecycle(check: &mut Check<'_>, raw: &RawPolicy) -> LifecyclePolicy {
    let off = |key: &Key<Scalar>| get(key).is_some_and(|text| text.0.trim() == "off");
    let key = "policy.purge-after";
    let day = Duration::from_secs(86_400);
    let purge_after = match raw.purge_after {
        Some(_) if !off(&raw.purge_after) => {
            let span = check.duration(&raw.purge_after, key, 365 * day, 30 * day..=3_650 * day);
            check.warn(
                at(&raw.purge_after),
                "policy.purge-after: a user who is deleted for ever \
                                              takes along all that they wrote, also in other \
                                              people's conversations, and nothing brings it back; \
                                              each deletion waits for `mattersync approve purge`",
            );
            Some(span)
        }
        _ => None,
    };
    LifecyclePolicy {
        flap_limit: flap_limit(check, &raw.flap_limit),
        reactivated_by_hand: check.choice(
            &raw.reactivated_by_hand,
            "policy.reactivated-by-hand",
            &BY_HAND,
            ByHand::default(),
        ),
        purge_after,
    }
}

fn flap_limit(check: &mut Check<'_>, key: &Key<Scalar>) -> Option<u32> {
    let usual = Some(LifecyclePolicy::FLAP_LIMIT);
    let Some(written) = get(key) else {
        return usual;
    };
    let text = written.0.trim();
    if text == "off" {
        return None;
    }
    let number = text.parse().ok().filter(|n| (2..=100).contains(n));
    if number.is_none() {
        check.problem(
            at(key),
            "policy.flap-limit",
            format!("`{text}` is not a limit"),
            "write how many times within seven days a user may be deactivated and reactivated, 2 to 100, or \"off\"",
        );
    }
    number.or(usual)
}

fn protect(check: &mut Check<'_>, raw: &RawPolicy) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for item in get(&raw.protect).into_iter().flatten() {
        let written = item.get_ref().trim();
        let written = written.strip_prefix('@').unwrap_or(written);
        let name = own_name(written).filter(|name| is_username(name));
        if name.is_none() {
            check.problem(Some(item.span()), "policy.protect", format!("`{written}` cannot be a username"), "write usernames as the directory spells them, or as Mattermost shows them behind the @: letters, digits, `.`, `-`, `_`, at most 64");
        }
        names.extend(name);
    }
    names
}

/// Reads groups by name or DN; whether they exist is checked when the directory is read.
fn seat_order(
    check: &mut Check<'_>,
    raw: &RawPolicy,
    providers: &[ProviderSettings],
) -> Vec<String> {
    let mut groups: Vec<String> = Vec::new();
    for item in get(&raw.seat_order).into_iter().flatten() {
        let group = item.get_ref().trim().to_owned();
        let place = Some(item.span());
        if group.is_empty() || groups.contains(&group) {
            let what = match group.is_empty() {
                true => "a group without a name".to_owned(),
                false => format!("`{group}` is named twice"),
            };
            let instead = "write each group once, by its name or its DN";
            check.problem(place, "policy.seat-order", what, instead);
        }
        groups.push(group);
    }
    let no_groups = |provider: &ProviderSettings| provider.mapping.group_filter.is_empty();
    if !groups.is_empty() && !providers.is_empty() && providers.iter().all(no_groups) {
        check.problem(
            at(&raw.seat_order),
            "policy.seat-order",
            "groups are not read: accounts.group-filter is empty",
            "leave accounts.group-filter out, or write a filter that finds these groups",
        );
    }
    groups
}

/// Returns whether Mattermost accepts a username. The directory's usernames may have letters with
/// marks and letters of other scripts.
fn is_username(name: &str) -> bool {
    let fits = |c: char| c.is_alphanumeric() || "._-".contains(c);
    (1..=64).contains(&name.chars().count()) && name.chars().all(fits)
}

fn first_admin(
    check: &mut Check<'_>,
    raw: &RawPolicy,
    protect: &BTreeSet<String>,
) -> Option<String> {
    let name = text(&raw.first_admin)?;
    if name.is_empty() {
        check.problem(
            at(&raw.first_admin),
            "policy.first-admin",
            "is empty",
            "write the username of one account, or leave the key out",
        );
    } else if protect.contains(&name.to_lowercase()) {
        check.problem(
            at(&raw.first_admin),
            "policy.first-admin",
            format!("`{name}` is in policy.protect too, and a protected user is never created"),
            "take the name out of one of them",
        );
    }
    // The plan compares names in this form.
    own_name(name)
}

/// Reads the authority over the username or the address. Nobody can be created without these, so
/// `off` is not allowed.
fn identity(check: &mut Check<'_>, key: &Key<String>, name: &str) -> Authority {
    let authority = check.choice(key, name, &AUTHORITY, Authority::Directory);
    if authority == Authority::Off {
        check.problem(
            at(key),
            name,
            "nobody can be created without it",
            "write \"initial\" to set it at creation and leave it to the person afterwards",
        );
    }
    authority
}

/// Reads the authorities over fields. By default names follow the directory. Nickname, position and
/// locale are set at creation and then left to the person: otherwise a directory that does not have
/// them would empty what people wrote themselves.
fn fields(
    check: &mut Check<'_>,
    raw: &RawPolicy,
    providers: &[ProviderSettings],
) -> BTreeMap<ProfileField, Authority> {
    let keys = [
        (
            ProfileField::FirstName,
            &raw.attributes.first_name,
            "first-name",
            Authority::Directory,
        ),
        (
            ProfileField::LastName,
            &raw.attributes.last_name,
            "last-name",
            Authority::Directory,
        ),
        (
            ProfileField::Nickname,
            &raw.attributes.nickname,
            "nickname",
            Authority::Initial,
        ),
        (
            ProfileField::Position,
            &raw.attributes.position,
            "position",
            Authority::Initial,
        ),
        (
            ProfileField::Locale,
            &raw.attributes.locale,
            "locale",
            Authority::Initial,
        ),
    ];
    let mut fields = BTreeMap::new();
    for (field, key, name, usual) in keys {
        let authority = check.choice(key, &format!("policy.attributes.{name}"), &AUTHORITY, usual);
        let is_name = matches!(field, ProfileField::FirstName | ProfileField::LastName);
        let has_source = providers.iter().any(|provider| {
            let mapping = &provider.mapping;
            is_name && !mapping.full_name.is_empty()
                || mapping.fields.iter().any(|(f, _)| *f == field)
        });
        if has_source && authority != Authority::Off {
            fields.insert(field, authority);
        } else if key.is_some() && authority == Authority::Directory {
            check.problem(at(key), &format!("policy.attributes.{name}"), "no attribute is named that it could come from, so it would be emptied for everybody", format!("write accounts.{name} = [\"…\"] with the attribute, or \"off\""));
        }
    }
    fields
}

fn guard(check: &mut Check<'_>, raw: &RawGuard) -> BTreeMap<Class, Limit> {
    let mut limits = BTreeMap::new();
    for class in Class::ALL {
        let Some(key) = guard_key(raw, class) else {
            continue;
        };
        let name = format!("guard.{class}");
        let Some(written) = get(key) else {
            continue;
        };
        match limit(&written.0) {
            Some(Limit::Auto) => {}
            Some(limit) => {
                if limit == Limit::Off {
                    check.warn(at(key), format!("{name}: without a limit one mistake in the directory reaches everybody at once"));
                } else if limit != Limit::Number(0) && class == Class::Privileged {
                    check.warn(at(key), format!("{name}: so many of these happen before anybody \
                                                 sees them; whoever can write an administrator's \
                                                 address or username in the directory could become \
                                                 administrator"));
                } else if limit != Limit::Number(0) && class == Class::Adopt {
                    check.warn(at(key), format!("{name}: so many of these happen before anybody \
                                                 sees them; whoever can choose their username and \
                                                 address on Mattermost could take over another's \
                                                 account"));
                }
                limits.insert(class, limit);
            }
            None => check.problem(at(key), &name, format!("`{}` is not a limit", written.0), "write \"auto\", a number, a percentage of the active users such as \"2%\", or \"off\""),
        }
    }
    limits
}

/// Returns the key of a class. Deletions for ever have a fixed limit, and memberships and
/// administration are neither taken away nor given.
fn guard_key(raw: &RawGuard, class: Class) -> Option<&Key<Scalar>> {
    Some(match class {
        Class::Create => &raw.create,
        Class::Adopt => &raw.adopt,
        Class::Move => &raw.r#move,
        Class::Locked => &raw.locked,
        Class::Missing => &raw.missing,
        Class::Reactivate => &raw.reactivate,
        Class::Rename => &raw.rename,
        Class::Email => &raw.email,
        Class::Privileged => &raw.privileged,
        Class::MembershipRemoval | Class::Grant | Class::Purge => return None,
    })
}

/// Reads a limit: `auto`, `off`, `12`, `2%` or `0.25%`.
fn limit(text: &str) -> Option<Limit> {
    let text = text.trim();
    if let Some(percent) = text.strip_suffix('%') {
        let (whole, part) = percent
            .trim_end()
            .split_once('.')
            .unwrap_or((percent.trim_end(), "0"));
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        if !digits(whole) || !digits(part) || part.len() > 2 || whole.len() > 3 {
            return None;
        }
        let points =
            whole.parse::<u32>().ok()? * 100 + format!("{part:0<2}").parse::<u32>().ok()?;
        return (points <= 10_000).then_some(Limit::BasisPoints(points));
    }
    match text {
        "auto" => Some(Limit::Auto),
        "off" => Some(Limit::Off),
        _ => text
            .parse()
            .ok()
            .filter(|_| !text.starts_with('+'))
            .map(Limit::Number),
    }
}

fn teams(check: &mut Check<'_>, raw: &RawConfig) -> Vec<TeamPolicy> {
    let mut teams: Vec<TeamPolicy> = Vec::new();
    for item in raw.team.iter().flatten() {
        let team = item.get_ref();
        let display_name = text(&team.display_name).unwrap_or_default();
        if display_name.is_empty() || display_name.chars().count() > 64 {
            check.problem(
                at(&team.display_name).or(Some(item.span())),
                "team.display-name",
                "a team has a name for people, of 1 to 64 characters",
                "write display-name = \"Example Org\"",
            );
        }
        let given = text(&team.name);
        let name = given.map_or_else(|| names::team_name_from(display_name), str::to_owned);
        if let Some(fault) = names::team_name_fault(&name)
            && (given.is_some() || !display_name.is_empty())
        {
            let what = match given {
                Some(name) => format!("`{name}`: {fault}"),
                None => format!("`{display_name}` gives the name `{name}`: {fault}"),
            };
            let instead = if names::team_name_fault(&format!("team-{name}")).is_none() {
                format!("write name = \"team-{name}\"")
            } else {
                "write name = \"…\" with a name that it is to have in addresses".into()
            };
            check.problem(
                at(&team.name).or(at(&team.display_name)),
                "team.name",
                what,
                instead,
            );
        }
        if teams.iter().any(|other| other.name == name) {
            check.problem(
                at(&team.name).or(at(&team.display_name)),
                "team.name",
                format!("two teams have the name `{name}`"),
                "write name = \"…\" for one of them",
            );
        }
        if display_name == "Example Org" {
            check.warn(
                at(&team.display_name),
                "team.display-name: \"Example Org\" is a placeholder; people will see it",
            );
        }
        teams.push(TeamPolicy {
            name,
            display_name: display_name.to_owned(),
        });
    }
    teams
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits() {
        for (text, expected) in [
            ("auto", Some(Limit::Auto)),
            ("off", Some(Limit::Off)),
            ("0", Some(Limit::Number(0))),
            ("12", Some(Limit::Number(12))),
            ("2%", Some(Limit::BasisPoints(200))),
            ("0.25%", Some(Limit::BasisPoints(25))),
            ("0.5 %", Some(Limit::BasisPoints(50))),
            ("100%", Some(Limit::BasisPoints(10_000))),
            ("101%", None),
            ("0.125%", None),
            ("-1", None),
            ("+1", None),
            ("%", None),
            (".5%", None),
            ("many", None),
            ("true", None),
        ] {
            assert_eq!(limit(text), expected, "{text}");
        }
    }
}
