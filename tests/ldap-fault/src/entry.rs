//! Entries, and people and groups ready made.

use std::collections::BTreeMap;

/// A `objectGUID` that happens to be valid UTF-8: a client that goes by looks takes it for text.
pub const TEXTUAL_GUID: [u8; 16] = *b"0123456789abcdef";

#[derive(Debug, Clone, Default)]
struct Attribute {
    /// As it is sent.
    name: String,
    values: Vec<Vec<u8>>,
    operational: bool,
}

/// One entry of the directory.
#[derive(Debug, Clone)]
pub struct Entry {
    dn: String,
    /// By the name in lower case.
    attributes: BTreeMap<String, Attribute>,
}

impl Entry {
    /// An entry without attributes.
    #[must_use]
    pub fn new(dn: &str) -> Self {
        Self {
            dn: dn.to_owned(),
            attributes: BTreeMap::new(),
        }
    }

    /// Adds a value; the name's case is kept as it is first given.
    #[must_use]
    pub fn with(self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.with_all(name, [value])
    }

    /// Adds values; with none, the attribute is there and empty.
    #[must_use]
    pub fn with_all<V: AsRef<[u8]>>(
        mut self,
        name: &str,
        values: impl IntoIterator<Item = V>,
    ) -> Self {
        let attribute = self.attributes.entry(name.to_lowercase()).or_default();
        if attribute.name.is_empty() {
            attribute.name = name.to_owned();
        }
        let values = values.into_iter().map(|value| value.as_ref().to_vec());
        attribute.values.extend(values);
        self
    }

    /// Adds a value that is sent only to those who ask for it by name or for `+`.
    #[must_use]
    pub fn with_operational(self, name: &str, value: impl AsRef<[u8]>) -> Self {
        let mut entry = self.with(name, value);
        if let Some(attribute) = entry.attributes.get_mut(&name.to_lowercase()) {
            attribute.operational = true;
        }
        entry
    }

    /// The entry without an attribute.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.attributes.remove(&name.to_lowercase());
        self
    }

    /// The DN as it was given.
    #[must_use]
    pub fn dn(&self) -> &str {
        &self.dn
    }

    /// The values of an attribute, whatever the case of its name.
    #[must_use]
    pub fn values(&self, name: &str) -> Option<&[Vec<u8>]> {
        let attribute = self.attributes.get(&name.to_lowercase())?;
        Some(&attribute.values)
    }

    /// Names as they are sent, values, and whether they are operational.
    pub(crate) fn attributes(&self) -> impl Iterator<Item = (&str, &[Vec<u8>], bool)> {
        self.attributes.values().map(|attribute| {
            (
                attribute.name.as_str(),
                attribute.values.as_slice(),
                attribute.operational,
            )
        })
    }

    /// A person as OpenLDAP has them: `uid=UID,PARENT` with `entryUUID`, `mail` and the like; `n`
    /// makes the numbers.
    #[must_use]
    pub fn posix_person(uid: &str, parent: &str, n: u32) -> Self {
        Self::new(&format!("uid={uid},{parent}"))
            .with_all(
                "objectClass",
                ["top", "inetOrgPerson", "posixAccount", "shadowAccount"],
            )
            .with("uid", uid)
            .with("cn", format!("Person {uid}"))
            .with("sn", uid)
            .with("mail", format!("{uid}@example.org"))
            .with("uidNumber", (5_000 + n).to_string())
            .with("gidNumber", "1000")
            .with("homeDirectory", format!("/home/{uid}"))
            .with_operational("entryUUID", format!("00000000-0000-4000-8000-{n:012x}"))
    }

    /// A person as Active Directory has them: `CN=NAME,PARENT` with a binary `objectGUID`, which is not
    /// valid UTF-8, `sAMAccountName` and an enabled `userAccountControl`.
    #[must_use]
    pub fn ad_person(name: &str, parent: &str, n: u32) -> Self {
        let mut guid = [0xfe; 16];
        guid[12..].copy_from_slice(&n.to_be_bytes());
        Self::new(&format!("CN={name},{parent}"))
            .with_all(
                "objectClass",
                ["top", "person", "organizationalPerson", "user"],
            )
            .with("cn", name)
            .with("sAMAccountName", name)
            .with("sAMAccountType", "805306368")
            .with("userPrincipalName", format!("{name}@example.org"))
            .with("displayName", format!("Person {name}"))
            .with("mail", format!("{name}@example.org"))
            .with("userAccountControl", "512")
            .with("uSNChanged", (10_000 + n).to_string())
            .with("objectGUID", guid)
    }

    /// `n` people `p0000` upward, by [`Self::posix_person`].
    #[must_use]
    pub fn posix_people(n: u32, parent: &str) -> Vec<Self> {
        (0..n)
            .map(|i| Self::posix_person(&format!("p{i:04}"), parent, i))
            .collect()
    }

    /// `n` people `p0000` upward, by [`Self::ad_person`].
    #[must_use]
    pub fn ad_people(n: u32, parent: &str) -> Vec<Self> {
        (0..n)
            .map(|i| Self::ad_person(&format!("p{i:04}"), parent, i))
            .collect()
    }
}

/// A DN in a form that can be compared: lower case, no spaces around `,` and `=`.
pub(crate) fn normal(dn: &str) -> String {
    parts(dn)
        .map(|part| match part.split_once('=') {
            Some((name, value)) => format!("{}={}", name.trim(), value.trim()),
            None => part.trim().to_owned(),
        })
        .collect::<Vec<_>>()
        .join(",")
        .to_lowercase()
}

/// The parent of a normal DN.
pub(crate) fn parent(normal: &str) -> Option<&str> {
    let first = parts(normal).next()?;
    normal.get(first.len() + 1..)
}

/// The RDNs, split at commas that are not escaped.
fn parts(dn: &str) -> impl Iterator<Item = &str> {
    let mut escaped = false;
    dn.split(move |c| {
        let splits = c == ',' && !escaped;
        escaped = c == '\\' && !escaped;
        splits
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dns_are_compared_without_case_and_spaces() {
        assert_eq!(
            normal("UID=Anna , OU=People,dc=x"),
            "uid=anna,ou=people,dc=x"
        );
        assert_eq!(parent("cn=a\\,b,dc=x"), Some("dc=x"));
        assert_eq!(parent("dc=x"), None);
    }
}
