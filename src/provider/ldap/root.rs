//! What a server says about itself (RFC 4512, 5.1).

use ldap3::Scope;

use super::diagnostic::plain;
use super::paging::{PAGED_RESULTS, tree_of};
use super::session::{LARGEST_ENTRY, Search, Session};
use crate::model::Entry;
use crate::provider::ProviderError;

const ATTRIBUTES: [&str; 10] = [
    "namingContexts",
    "supportedControl",
    "supportedExtension",
    "vendorName",
    "vendorVersion",
    "dsServiceName",
    "highestCommittedUSN",
    "defaultNamingContext",
    "objectClass",
    "subschemaSubentry",
];

/// The root DSE, as far as it may be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct RootDse {
    /// The trees that the server holds.
    pub naming_contexts: Vec<String>,
    /// Whether it knows the paging control; `None` when it does not say.
    pub paging: Option<bool>,
    /// The maker and the version of the server.
    pub vendor: Option<String>,
    /// The name of the domain controller, on Active Directory.
    pub service: Option<String>,
    /// How many changes this domain controller has made, on Active Directory ([MS-ADTS] 3.1.1.3.2).
    pub changes: Option<String>,
    /// The DN of its schema.
    pub subschema: Option<String>,
}

impl RootDse {
    /// Reads the root DSE. If a server does not show it, all its fields are empty.
    pub(super) async fn read(session: &mut Session) -> Result<Self, ProviderError> {
        let entry = read_entry(session, "", &ATTRIBUTES).await?;
        Ok(entry.map_or_else(Self::default, |entry| Self::of(&entry)))
    }

    fn of(entry: &Entry) -> Self {
        let controls = texts(entry, "supportedcontrol");
        let paging = (!controls.is_empty()).then(|| controls.iter().any(|c| c == PAGED_RESULTS));
        let service = texts(entry, "dsservicename").pop();
        let name = texts(entry, "vendorname").pop();
        let version = texts(entry, "vendorversion").pop();
        let is_openldap = texts(entry, "objectclass")
            .iter()
            .any(|class| class.eq_ignore_ascii_case("OpenLDAProotDSE"));
        let vendor = match (name, version) {
            (Some(name), Some(version)) => Some(format!("{name} {version}")),
            (Some(read_entry), None) | (None, Some(read_entry)) => Some(read_entry),
            (None, None) if is_openldap => Some("OpenLDAP".into()),
            (None, None) if service.is_some() => Some("Active Directory".into()),
            (None, None) => None,
        };
        Self {
            naming_contexts: texts(entry, "namingcontexts"),
            paging,
            vendor,
            service,
            changes: texts(entry, "highestcommittedusn").pop(),
            subschema: texts(entry, "subschemasubentry").pop(),
        }
    }

    /// Returns the tree that contains `base`, the innermost where trees are nested.
    pub(super) fn context_of(&self, base: &str) -> Option<&str> {
        tree_of(base, &self.naming_contexts)
    }
}

/// Reads one entry by its DN; `None` when the server does not return it, for any reason.
pub(super) async fn read_entry(
    session: &mut Session,
    dn: &str,
    attributes: &[impl AsRef<str>],
) -> Result<Option<Entry>, ProviderError> {
    let attributes: Vec<_> = attributes.iter().map(|n| n.as_ref().to_owned()).collect();
    let search = Search {
        base: dn,
        scope: Scope::Base,
        filter: "(objectClass=*)",
        attributes: &attributes,
        page: None,
        largest: LARGEST_ENTRY,
    };
    let found = session.search(search).await?;
    let read_entry = found.code == 0 && found.entries.len() == 1;
    Ok(found.entries.into_iter().next().filter(|_| read_entry))
}

/// Returns the values of an attribute (in lower case) as text fit for one line.
pub(super) fn texts(entry: &Entry, attribute: &str) -> Vec<String> {
    let values = entry.values(attribute).iter();
    values
        .map(|value| plain(&String::from_utf8_lossy(value)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(attributes: &[(&str, &[&str])]) -> Entry {
        let bytes = |values: &[&str]| values.iter().map(|v| v.as_bytes().to_vec()).collect();
        Entry {
            dn: String::new(),
            attributes: attributes
                .iter()
                .map(|(name, values)| ((*name).to_owned(), bytes(values)))
                .collect(),
        }
    }

    #[test]
    fn the_innermost_tree_is_the_one_that_contains_the_base() {
        let root = RootDse::of(&entry(&[(
            "namingcontexts",
            &["dc=nh", "", "DC=directory,DC=nh", "o=other"],
        )]));
        assert_eq!(
            root.context_of("ou=People, dc=directory,dc=nh"),
            Some("DC=directory,DC=nh")
        );
        assert_eq!(root.context_of("dc=nh"), Some("dc=nh"));
        assert_eq!(root.context_of("dc=de"), None);
    }

    #[test]
    fn a_server_that_lists_no_controls_has_not_said_that_it_cannot_page() {
        assert_eq!(RootDse::of(&entry(&[])).paging, None);
        assert_eq!(
            RootDse::of(&entry(&[("supportedcontrol", &["1.2"])])).paging,
            Some(false)
        );
        let paging = RootDse::of(&entry(&[("supportedcontrol", &["1.2", PAGED_RESULTS])])).paging;
        assert_eq!(paging, Some(true));
    }
}
