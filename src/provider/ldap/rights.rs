//! Finds out whether an attribute that no entry shows would be visible if an entry had it.

use ldap3::Scope;

use super::session::{LARGEST_PERSON, Search, Session};
use crate::config::{LockRule, Mapping};

/// Returns whether the server proves that no account has the attribute of a lock rule.
///
/// A condition on an attribute that the server does not know, or that we may not search by, is
/// undefined, and so is its negation (RFC 4511, 4.5.1.7; slapd.access(5)). An entry that is found
/// by the negation therefore proves the right to search. The right to read is a stronger one.
/// Therefore no entry with the attribute may be found, because the reading showed none.
pub(super) async fn absence_shows(
    session: &mut Session,
    mapping: &Mapping,
    rule: &LockRule,
) -> bool {
    let (accounts, lock) = (&mapping.filter, rule.attribute());
    let without = format!("(&{accounts}(!({lock}=*)))");
    let with = format!("(&{accounts}({lock}=*))");
    finds(session, &mapping.base, &without).await == Some(true)
        && finds(session, &mapping.base, &with).await == Some(false)
}

/// Returns whether a search finds any entry; `None` when it fails.
async fn finds(session: &mut Session, base: &str, filter: &str) -> Option<bool> {
    let search = Search {
        base,
        scope: Scope::Subtree,
        filter,
        // Asks for no attribute (RFC 4511, 4.5.1.8).
        attributes: &["1.1".to_owned()],
        page: Some((1, Vec::new())),
        largest: LARGEST_PERSON,
    };
    let found = session.search(search).await.ok()?;
    let somebody = !found.entries.is_empty() || !found.too_large.is_empty();
    (found.code == 0).then_some(somebody)
}
