//! The roles of 389 Directory Server in an export. A user in a locked role has `nsAccountLock:
//! TRUE` when the server is asked, but not in a file.
//!
//! `dsidm … role lock` and `ns-inactivate.pl` put a role into the nested role `cn=nsDisabledRole`;
//! for people alone they use `cn=nsManagedDisabledRole`.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{AccountState, Dn, Entry};

/// The attribute by which 389 puts people into roles, in lower case.
pub(super) const ROLE: &str = "nsroledn";
const DISABLED: &str = "nsdisabledrole";
const NESTED: &[u8] = b"nsNestedRoleDefinition";
const FILTERED: &[u8] = b"nsFilteredRoleDefinition";

/// Returns whether a role is one of those that lock by their name.
pub(super) fn locks(role: &str) -> bool {
    let name = Dn::first_value(role, "cn");
    name.is_some_and(|name| matches!(name.as_str(), "nsmanageddisabledrole" | DISABLED))
}

/// The roles that a file defines.
#[derive(Debug, Default)]
pub(super) struct Roles {
    /// The roles inside each nested role.
    nested: BTreeMap<Dn, Vec<Dn>>,
    /// Roles that find their members by a filter.
    filtered: BTreeSet<Dn>,
    /// Whether the file contains the role that locks others.
    has_disabling_role: bool,
}

/// What a file shows about a user whose lock the server would compute.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Computed {
    Locked(AccountState),
    /// No role or container locks the user.
    Free,
    /// It is not known.
    Unclear(AccountState),
}

impl Roles {
    /// Records an entry that defines a role.
    pub(super) fn note(&mut self, entry: &Entry) {
        let classes = entry.values("objectclass");
        let is = |class: &[u8]| classes.iter().any(|c| c.eq_ignore_ascii_case(class));
        if is(FILTERED) {
            self.filtered.insert(Dn::of(&entry.dn));
        } else if is(NESTED) {
            self.has_disabling_role |=
                Dn::first_value(&entry.dn, "cn").as_deref() == Some(DISABLED);
            let inside = named(entry).map(Dn::of).collect();
            self.nested.insert(Dn::of(&entry.dn), inside);
        }
    }

    /// Returns what the roles and the container of an entry say about its lock. It must be called
    /// after all roles were recorded.
    pub(super) fn computed(&self, entry: &Entry) -> Computed {
        let locked = |attribute: &str, value: String| {
            let attribute = attribute.to_owned();
            Computed::Locked(AccountState::Locked {
                attribute,
                value,
                expired: None,
            })
        };
        if let Some(container) = inactive_container(entry) {
            return locked("container", container);
        }
        let disabled = self.disabled();
        let is_disabled = |role: &&str| locks(role) || disabled.contains(&Dn::of(role));
        if let Some(role) = named(entry).find(is_disabled) {
            return locked("nsRoleDN", role.trim().to_owned());
        }
        let unclear = |why: String| Computed::Unclear(AccountState::Unknown { why });
        if let Some(role) = disabled.iter().find(|role| self.filtered.contains(*role)) {
            return unclear(format!(
                "the role {role} is locked, and whom its filter finds is not in the file"
            ));
        }
        match named(entry).next().filter(|_| !self.has_disabling_role) {
            Some(role) => unclear(format!(
                "whether the role {role} is locked is not in the file (cn=nsDisabledRole)"
            )),
            None => Computed::Free,
        }
    }

    /// Returns all roles inside a role that locks.
    fn disabled(&self) -> BTreeSet<Dn> {
        let mut disabled = BTreeSet::new();
        let mut next: Vec<&Dn> = self.nested.keys().collect();
        next.retain(|role| locks(role.as_str()));
        while let Some(role) = next.pop() {
            for inner in self.nested.get(role).into_iter().flatten() {
                if disabled.insert(inner.clone()) {
                    next.push(inner);
                }
            }
        }
        disabled
    }
}

fn named(entry: &Entry) -> impl Iterator<Item = &str> {
    let values = entry.values(ROLE).iter();
    values.filter_map(|value| std::str::from_utf8(value).ok())
}

/// Returns the container of FreeIPA for users who are not active any more or not yet.
pub(super) fn inactive_container(entry: &Entry) -> Option<String> {
    let parent = Dn::of(&entry.dn).parent();
    let parts: Vec<&str> = parent.rdns().collect();
    let in_freeipa = parts
        .windows(2)
        .any(|two| two == ["cn=accounts", "cn=provisioning"]);
    let inactive = matches!(
        parts.first(),
        Some(&("cn=deleted users" | "cn=staged users"))
    );
    (in_freeipa && inactive).then(|| parent.to_string())
}

#[cfg(test)]
mod tests {
    use super::super::testing::entry;
    use super::*;

    const OURS: &str = "cn=contractors,dc=example";
    const INNER: &str = "cn=temps,dc=example";

    fn state_letter(roles: &Roles, role: &str) -> char {
        let person = entry("uid=a,dc=example", &[("nsroledn", role.as_bytes())]);
        match roles.computed(&person) {
            Computed::Locked(_) => 'l',
            Computed::Free => 'a',
            Computed::Unclear(_) => 'u',
        }
    }

    fn nested(roles: &mut Roles, name: &str, inside: &[&str]) {
        let mut values: Vec<_> = inside.iter().map(|r| (ROLE, r.as_bytes())).collect();
        values.push(("objectclass", b"NSNestedRoleDefinition"));
        roles.note(&entry(name, &values));
    }

    #[test]
    fn who_is_in_a_locked_role_is_locked() {
        let mut roles = Roles::default();
        assert_eq!(state_letter(&roles, OURS), 'u');
        assert_eq!(
            state_letter(&roles, "cn=nsManagedDisabledRole,dc=example"),
            'l'
        );
        nested(&mut roles, "cn=nsDisabledRole,dc=example", &[]);
        assert_eq!(state_letter(&roles, OURS), 'a');
        nested(
            &mut roles,
            "CN=nsDisabledRole, dc=example",
            &["CN=Contractors, dc=example"],
        );
        assert_eq!(state_letter(&roles, OURS), 'l');
        assert_eq!(state_letter(&roles, INNER), 'a');
        nested(&mut roles, OURS, &[INNER, "cn=nsDisabledRole,dc=example"]);
        assert_eq!(state_letter(&roles, INNER), 'l');
        let filtered = [("objectclass", &b"nsFilteredRoleDefinition"[..])];
        roles.note(&entry(INNER, &filtered));
        assert_eq!(state_letter(&roles, "cn=sales,dc=example"), 'u');
    }
}
