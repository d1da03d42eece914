//! The entries of a server as a tree.

use crate::entry::{Entry, normal, parent};
use crate::fault::is_below;
use crate::request::{PAGING, START_TLS, Scope};
use crate::script::Script;
use crate::tls::Tls;

/// Where the subschema is.
const SUBSCHEMA: &str = "cn=Subschema";

/// Entries beside their normal DNs.
#[derive(Debug, Default)]
pub(crate) struct Directory {
    base: String,
    entries: Vec<(String, Entry)>,
    special: Vec<(String, Entry)>,
}

impl Directory {
    /// The tree of a script.
    pub(crate) fn new(script: &Script) -> Self {
        let base = normal(&script.base);
        let mut directory = Self {
            special: vec![
                (String::new(), root_dse(script)),
                (normal(SUBSCHEMA), subschema(script)),
            ],
            base,
            entries: Vec::new(),
        };
        directory.fill(script.entries.clone());
        directory
    }

    /// Replaces the entries; containers that nobody gave are made up.
    pub(crate) fn fill(&mut self, entries: Vec<Entry>) {
        self.entries = entries
            .into_iter()
            .map(|entry| (normal(entry.dn()), entry))
            .collect();
        let mut known: std::collections::BTreeSet<String> =
            self.entries.iter().map(|(dn, _)| dn.clone()).collect();
        let mut made = Vec::new();
        let given: Vec<String> = known.iter().cloned().collect();
        for dn in given.iter().map(String::as_str).chain([self.base.as_str()]) {
            let ancestors = std::iter::successors(Some(dn), |dn| parent(dn));
            for dn in ancestors.take_while(|dn| is_below(dn, &self.base)) {
                if known.insert(dn.to_owned()) {
                    made.push((dn.to_owned(), container(dn)));
                }
            }
        }
        made.append(&mut self.entries);
        self.entries = made;
    }

    /// Whether there is such an entry.
    pub(crate) fn has(&self, base: &str) -> bool {
        let base = normal(base);
        self.entries
            .iter()
            .chain(&self.special)
            .any(|(dn, _)| *dn == base)
    }

    /// The nearest ancestor that there is, for `matchedDN`.
    pub(crate) fn matched(&self, base: &str) -> String {
        let base = normal(base);
        std::iter::successors(Some(base.as_str()), |dn| parent(dn))
            .find(|dn| !dn.is_empty() && self.has(dn))
            .unwrap_or_default()
            .to_owned()
    }

    /// The entries of a scope, with their normal DNs.
    pub(crate) fn scope(&self, base: &str, scope: Scope) -> Vec<(&str, &Entry)> {
        let base = normal(base);
        let special = if scope == Scope::Base {
            self.special.as_slice()
        } else {
            &[]
        };
        self.entries
            .iter()
            .chain(special)
            .filter(|(dn, _)| match scope {
                Scope::Base => *dn == base,
                Scope::One => parent(dn) == Some(base.as_str()),
                Scope::Subtree => is_below(dn, &base),
            })
            .map(|(dn, entry)| (dn.as_str(), entry))
            .collect()
    }
}

fn container(dn: &str) -> Entry {
    let rdn = dn.split(',').next().unwrap_or_default();
    let (name, value) = rdn.split_once('=').unwrap_or(("cn", rdn));
    let class = match name {
        "dc" => "domain",
        "ou" => "organizationalUnit",
        _ => "container",
    };
    Entry::new(dn)
        .with_all("objectClass", ["top", class])
        .with(name, value)
}

fn root_dse(script: &Script) -> Entry {
    let mut entry = Entry::new("")
        .with("objectClass", "top")
        .with_operational("namingContexts", &script.base)
        .with_operational("supportedLDAPVersion", "3")
        .with_operational("subschemaSubentry", SUBSCHEMA)
        .with_operational("supportedControl", PAGING);
    if matches!(script.tls, Tls::StartTls(_)) {
        entry = entry.with_operational("supportedExtension", START_TLS);
    }
    for (name, value) in &script.root_dse {
        entry = entry.with_operational(name, value);
    }
    entry
}

/// `attributeTypes` with a name each: what a client needs who asks whether an attribute is known.
fn subschema(script: &Script) -> Entry {
    let of_entries = script.entries.iter().flat_map(Entry::attributes);
    let names = of_entries.map(|(name, _, _)| name);
    let mut seen = std::collections::BTreeSet::new();
    let types = names
        .chain(script.schema.iter().map(String::as_str))
        .filter(|name| seen.insert(name.to_lowercase()))
        .enumerate()
        .map(|(i, name)| {
            format!(
                "( 1.3.6.1.4.1.99999.1.{i} NAME '{name}' SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )"
            )
        });
    let types: Vec<_> = types.collect();
    types.into_iter().fold(
        Entry::new(SUBSCHEMA).with_all("objectClass", ["top", "subschema"]),
        |entry, definition| entry.with_operational("attributeTypes", definition),
    )
}
