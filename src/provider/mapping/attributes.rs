//! The attributes of entries that are asked for.

use std::collections::BTreeSet;

use crate::config::{EmailSource, GroupMembers, LockRule, Mapping};

use super::{emails, leftovers};

/// Returns the attributes that describe people, in lower case: ids, username, e-mail sources and
/// what their templates name, fields, whole names, lock rules.
pub(crate) fn person_attributes(mapping: &Mapping) -> BTreeSet<String> {
    let mut wanted = BTreeSet::from([mapping.id.name.clone(), mapping.username.clone()]);
    let others = mapping.anchor.iter().chain(&mapping.new_id);
    wanted.extend(others.map(|other| other.name.clone()));
    for source in &mapping.email {
        match source {
            EmailSource::Attribute(name) => {
                wanted.insert(name.clone());
            }
            EmailSource::Template(template) => wanted.extend(emails::placeholders(template)),
        }
    }
    wanted.extend(mapping.fields.iter().flat_map(|(_, names)| names.clone()));
    wanted.extend(mapping.full_name.iter().cloned());
    wanted.extend(mapping.locks.iter().map(LockRule::attribute_key));
    lower(wanted)
}

/// Returns the attributes that mark deleted entries and the losers of replication conflicts, in
/// lower case. A server need not know them.
pub(crate) fn leftover_attributes(mapping: &Mapping) -> BTreeSet<String> {
    leftovers::attributes(mapping.schema)
}

/// Returns the attributes that accounts need, in lower case: those that describe people, and those
/// that mark other entries. A server need not know the latter.
pub(crate) fn wanted_attributes(mapping: &Mapping) -> BTreeSet<String> {
    let mut wanted = person_attributes(mapping);
    wanted.extend(leftover_attributes(mapping));
    wanted.extend(lock_sources(mapping));
    let rules = mapping.not_a_person.iter();
    wanted.extend(rules.filter_map(|rule| rule.attribute_key()));
    wanted
}

/// Returns the attributes from which servers compute those of lock rules, in lower case.
pub(crate) fn lock_sources(mapping: &Mapping) -> BTreeSet<String> {
    let sources = mapping.locks.iter().filter_map(LockRule::sources);
    sources.map(str::to_owned).collect()
}

/// Returns the attributes that groups need, in lower case: id, name, members.
pub(crate) fn wanted_group_attributes(mapping: &Mapping) -> BTreeSet<String> {
    let mut wanted = BTreeSet::from([mapping.group_id.name.clone(), mapping.group_name.clone()]);
    wanted.extend(member_attributes(mapping));
    lower(wanted)
}

/// Returns the attributes that may contain the members of a group, in lower case.
pub(crate) fn member_attributes(mapping: &Mapping) -> BTreeSet<String> {
    let name = |members: &GroupMembers| match members {
        GroupMembers::Usernames(name) | GroupMembers::Dns(name) => name.clone(),
    };
    lower(mapping.group_members.iter().map(name).collect())
}

fn lower(names: BTreeSet<String>) -> BTreeSet<String> {
    names.into_iter().map(|n| n.to_ascii_lowercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::super::testing::{ad, rfc2307};
    use super::*;

    #[test]
    fn everything_that_is_used_is_asked_for() {
        let mut mapping = rfc2307();
        mapping
            .email
            .push(EmailSource::Template("{Uid}.{employeeNumber}@{o}".into()));
        let wanted: Vec<_> = wanted_attributes(&mapping).into_iter().collect();
        assert_eq!(
            wanted.join(" "),
            "cn displayname ds-sync-conflict employeenumber entryuuid givenname mail \
             nsds5replconflict o objectclass preferredlanguage pwdaccountlockedtime shadowexpire sn \
             title uid userpassword"
        );
        let wanted: Vec<_> = wanted_group_attributes(&mapping).into_iter().collect();
        assert_eq!(wanted.join(" "), "cn entryuuid member memberuid");
        let wanted = wanted_attributes(&ad());
        assert!(wanted.contains("useraccountcontrol") && wanted.contains("objectguid"));
    }
}
