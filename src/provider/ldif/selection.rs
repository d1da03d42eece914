//! Selects the accounts and groups among the entries of a file.

use std::collections::BTreeSet;

use crate::config::Mapping;
use crate::model::Dn;
use crate::provider::mapping::{lock_sources, wanted_attributes, wanted_group_attributes};

use super::filter::Filter;
use super::records::Bad;

/// Attributes that every entry has if the operational attributes were dumped (RFC 4512, 3.4).
pub(super) const OPERATIONAL: [&str; 2] = ["createtimestamp", "modifytimestamp"];

/// Selects the accounts and groups among the entries of a file.
pub(super) struct Selection {
    pub base: Dn,
    pub filter: Filter,
    pub group_base: Dn,
    /// The filter of groups; `None` when groups are not to be read.
    pub group_filter: Option<Filter>,
    pub wanted: BTreeSet<String>,
    pub lock_attributes: BTreeSet<String>,
}

impl Selection {
    pub(super) fn new(mapping: &Mapping) -> Result<Self, String> {
        let parse = |filter: &str| {
            Filter::parse(filter)
                .map_err(|e| format!("the filter {filter} cannot be applied to a file: {e}"))
        };
        let filter = parse(&mapping.filter)?;
        let mut wanted = wanted_attributes(mapping);
        wanted.extend(filter.attributes());
        wanted.extend(OPERATIONAL.map(str::to_owned));
        let mut group_filter = None;
        if !mapping.group_filter.trim().is_empty() {
            let filter = parse(&mapping.group_filter)?;
            wanted.extend(wanted_group_attributes(mapping));
            wanted.insert("objectclass".to_owned());
            wanted.extend(filter.attributes());
            group_filter = Some(filter);
        }
        Ok(Self {
            base: Dn::of(&mapping.base),
            filter,
            group_base: Dn::of(&mapping.group_base),
            group_filter,
            wanted,
            lock_attributes: mapping
                .locks
                .iter()
                .map(|rule| rule.attribute_key())
                .chain(lock_sources(mapping))
                .collect(),
        })
    }
}

/// Returns whether a record that cannot be used may match this filter below this base.
pub(super) fn may_be(bad: &Bad, base: &Dn, filter: &Filter) -> bool {
    let outside = |dn: &String| !Dn::of(dn).is_within(base);
    let decides = |name: &String| name.is_empty() || filter.attributes().contains(name);
    let found = bad.entry.as_ref().is_none_or(|entry| filter.matches(entry));
    !bad.dn.as_ref().is_some_and(outside) && (found || bad.attribute.as_ref().is_some_and(decides))
}
