//! Finds out which attributes a server knows. A filter on an unknown attribute finds nobody, with
//! result 0, as if there were nobody.

use std::collections::BTreeSet;

use super::root::{RootDse, read_entry};
use super::session::Session;
use crate::provider::ProviderError;

/// Returns the names of all attributes of the server's schema, in lower case; `None` when it does
/// not show its schema (RFC 4512, 4.2).
pub(super) async fn known_attributes(
    session: &mut Session,
    root: &RootDse,
) -> Result<Option<BTreeSet<String>>, ProviderError> {
    let Some(subschema) = &root.subschema else {
        return Ok(None);
    };
    let entry = read_entry(session, subschema, &["attributeTypes"]).await?;
    let Some(entry) = entry else {
        return Ok(None);
    };
    let types = entry.values("attributetypes").iter();
    let names: BTreeSet<_> = types
        .flat_map(|text| names(&String::from_utf8_lossy(text)))
        .collect();
    Ok((!names.is_empty()).then_some(names))
}

/// Returns the names in an attribute type description: `( OID NAME 'cn' …` or `( OID NAME ( 'cn'
/// 'commonName' ) …` (RFC 4512, 4.1.2), and the OID.
fn names(description: &str) -> Vec<String> {
    let oid = description.trim_start_matches(['(', ' ']);
    let oid = oid.split_whitespace().next().unwrap_or_default();
    let mut found = vec![oid.to_ascii_lowercase()];
    let Some((_, rest)) = description.split_once(" NAME ") else {
        return found;
    };
    match rest.trim_start().strip_prefix('(') {
        Some(several) => {
            let list = several.split(')').next().unwrap_or_default();
            let quoted = list.split('\'').skip(1).step_by(2);
            found.extend(quoted.map(str::to_ascii_lowercase));
        }
        None => found.extend(rest.split('\'').nth(1).map(str::to_ascii_lowercase)),
    }
    found
}

/// Returns the attributes that a filter (RFC 4515) contains, in lower case, without options.
pub(super) fn attributes_in(filter: &str) -> BTreeSet<String> {
    // A parenthesis within a value is escaped, so each one begins or ends a filter.
    let items = filter.split('(').map(|item| item.trim_start());
    let names = items.filter_map(|item| {
        let end = item.find(['=', '~', '<', '>', ':', ')'])?;
        let name = item.get(..end)?.trim();
        let name = name.split(';').next().unwrap_or_default();
        let is_name = name.chars().next().is_some_and(char::is_alphanumeric);
        is_name.then(|| name.to_ascii_lowercase())
    });
    names.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_name_and_several_are_found() {
        assert_eq!(
            names("( 2.5.4.3 NAME ( 'cn' 'commonName' ) DESC 'it''s (x)' SUP name )"),
            ["2.5.4.3", "cn", "commonname"]
        );
        assert_eq!(
            names("( 0.9.2342 NAME 'Mail' DESC 'a b' )"),
            ["0.9.2342", "mail"]
        );
        assert_eq!(names("( 1.2.3 DESC 'no name' )"), ["1.2.3"]);
        for broken in ["", "(", "( 1 NAME 'x", "( 1 NAME ", "( 1 NAME ("] {
            names(broken);
        }
    }

    #[test]
    fn a_filters_attributes_are_found() {
        let found = attributes_in(
            "(&(objectClass=posixAccount)(!(uid=root))(| (memberOf=cn=a\\28b\\29,dc=x) \
             (userAccountControl:1.2.840.113556.1.4.803:=2)(cn;lang-de~=x)(n>=1)))",
        );
        let expected = [
            "cn",
            "memberof",
            "n",
            "objectclass",
            "uid",
            "useraccountcontrol",
        ];
        assert_eq!(
            found.iter().map(String::as_str).collect::<Vec<_>>(),
            expected
        );
        assert_eq!(attributes_in("uid=*").len(), 1);
    }
}
