//! Finds out which groups without a visible member are really empty.

use std::collections::BTreeSet;

use ldap3::Scope;

use super::paging::{Subtree, list};
use super::root::RootDse;
use super::schema::known_attributes;
use super::session::{LARGEST_ENTRY, LARGEST_PERSON, Search, Session};
use crate::config::{Mapping, Schema};
use crate::model::Dn;
use crate::provider::ProviderError;
use crate::provider::mapping::{escape_filter_value, member_attributes};

/// How many groups one search asks about at most.
const AT_ONCE: u32 = 50;

/// Returns which of these groups have no member, as the server says.
///
/// A condition on an attribute that the server does not know, or that we may not search by, is
/// undefined, and so is its negation (RFC 4511, 4.5.1.7; slapd.access(5)). A group that is found by
/// the negation therefore certainly has no member. Where we may search by members but not read
/// them, a group with members is not found either. Samba (4.17) treats values that may not be read
/// as absent; therefore in a domain the accounts are asked too. A search that fails proves nothing.
pub(super) async fn empty_groups(
    session: &mut Session,
    root: &RootDse,
    mapping: &Mapping,
    page_size: Option<u32>,
    mut groups: BTreeSet<Dn>,
) -> BTreeSet<Dn> {
    let empty = shown_empty(session, root, mapping, page_size).await;
    groups.retain(|group| empty.contains(group));
    if mapping.schema != Schema::Ad {
        return groups;
    }
    let mut proven = BTreeSet::new();
    let groups: Vec<Dn> = groups.into_iter().collect();
    for some in groups.chunks(AT_ONCE as usize) {
        proven.extend(unclaimed(session, mapping, some).await);
    }
    proven
}

/// Returns which of these groups no account names as one that it is a member of.
async fn unclaimed(session: &mut Session, mapping: &Mapping, groups: &[Dn]) -> BTreeSet<Dn> {
    let mut groups: BTreeSet<Dn> = groups.iter().cloned().collect();
    while !groups.is_empty() {
        let claims: String = groups
            .iter()
            .map(|group| format!("(memberOf={})", escape_filter_value(group.as_str())))
            .collect();
        let search = Search {
            base: &mapping.base,
            scope: Scope::Subtree,
            filter: &format!("(&{}(|{claims}))", mapping.filter),
            attributes: &["memberOf".to_owned()],
            page: Some((AT_ONCE, Vec::new())),
            largest: LARGEST_PERSON,
        };
        let found = match session.search(search).await {
            Ok(found) if found.code == 0 && found.too_large.is_empty() => found.entries,
            _ => return BTreeSet::new(),
        };
        if found.is_empty() {
            break;
        }
        let before = groups.len();
        for claim in found.iter().flat_map(|entry| entry.values("memberof")) {
            groups.remove(&Dn::of(&String::from_utf8_lossy(claim)));
        }
        // An account is in one of them, and does not show in which.
        if groups.len() == before {
            return BTreeSet::new();
        }
    }
    groups
}

/// Searches for groups without a member.
async fn shown_empty(
    session: &mut Session,
    root: &RootDse,
    mapping: &Mapping,
    page_size: Option<u32>,
) -> BTreeSet<Dn> {
    let lists = member_attributes(mapping);
    let found = without(session, mapping, &lists, page_size).await;
    let empty = found.unwrap_or_default();
    if !empty.is_empty() {
        return empty;
    }
    // Searching by an attribute that the server does not know finds nobody.
    let known = known_attributes(session, root).await;
    let Ok(Some(known)) = known.map(|known| known.filter(|known| !lists.is_subset(known))) else {
        return empty;
    };
    let lists: BTreeSet<_> = lists.intersection(&known).cloned().collect();
    let found = without(session, mapping, &lists, page_size).await;
    found.unwrap_or_default()
}

async fn without(
    session: &mut Session,
    mapping: &Mapping,
    lists: &BTreeSet<String>,
    page_size: Option<u32>,
) -> Result<BTreeSet<Dn>, ProviderError> {
    let mut empty = BTreeSet::new();
    if lists.is_empty() {
        return Ok(empty);
    }
    let any: String = lists.iter().map(|list| format!("({list}=*)")).collect();
    let what = Subtree {
        base: &mapping.group_base,
        filter: &format!("(&{}(!(|{any})))", mapping.group_filter),
        // Asks for no attribute (RFC 4511, 4.5.1.8).
        attributes: &["1.1".to_owned()],
        page_size,
        largest: LARGEST_ENTRY,
        trees: &[],
    };
    list(session, &what, &mut |entry| {
        empty.insert(Dn::of(&entry.dn));
    })
    .await?;
    Ok(empty)
}
