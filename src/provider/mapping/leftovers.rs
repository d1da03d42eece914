//! Recognises entries that directories keep beside their people: deleted entries, and losers of
//! replication conflicts.

use std::collections::BTreeSet;

use crate::config::Schema;
use crate::model::{Dn, Entry, fold};

/// The attribute of a deleted object that Active Directory keeps ([MS-ADTS] 3.1.1.5.5.1).
const DELETED: &str = "isdeleted";
/// The attributes that 389 and OpenDJ give an entry that lost a naming conflict.
const CONFLICTS: [&str; 2] = ["nsds5replconflict", "ds-sync-conflict"];

/// Returns the attributes that mark such entries, in lower case. A server need not know them.
pub(crate) fn attributes(schema: Schema) -> BTreeSet<String> {
    let ad = (schema == Schema::Ad).then_some(DELETED);
    let others = CONFLICTS.into_iter().chain(["objectclass"]);
    others.chain(ad).map(str::to_owned).collect()
}

/// Returns whether an entry is what is kept of a deleted one. Such an entry is not an account and
/// does not count for what a reading proves.
pub(crate) fn is_tombstone(entry: &Entry) -> bool {
    let has = |name: &str, value: &str| {
        let mut values = entry.values(name).iter();
        values.any(|v| v.trim_ascii().eq_ignore_ascii_case(value.as_bytes()))
    };
    has(DELETED, "TRUE")
        || has("objectclass", "nsTombstone")
        // 389 names what it keeps of `uid=carl` `nsuniqueid=…,uid=carl`.
        || matches!(
            Dn::first_rdn(&entry.dn).as_slice(),
            [(name, value)] if name == "nsuniqueid" || has_mark(value, "del:")
        )
}

/// Returns what shows that an entry lost a replication conflict: the same person was created on two
/// servers, or twice, and an administrator must delete one of the two.
pub(super) fn of_a_conflict(entry: &Entry, username: &str) -> Option<String> {
    const WHAT: &str = "a replication conflict, delete one of the two";
    if let Some(name) = CONFLICTS.iter().find(|name| !entry.values(name).is_empty()) {
        return Some(format!("{WHAT}: it has {name}"));
    }
    if fold(username).starts_with("$duplicate-") {
        return Some(format!("{WHAT}: the username is {username}"));
    }
    let rdn = Dn::first_rdn(&entry.dn);
    let by_id = |(name, _): &(String, String)| {
        matches!(name.as_str(), "nsuniqueid" | "entryuuid" | "entrydn")
    };
    if rdn.len() > 1 && rdn.iter().any(by_id) {
        return Some(format!("{WHAT}: its name has an id beside it"));
    }
    let marked = rdn.iter().any(|(_, value)| has_mark(value, "cnf:"));
    marked.then(|| format!("{WHAT}: its name ends with CNF: and an id"))
}

/// Returns whether a name ends with a mark of Active Directory, `\0ACNF:` or `\0ADEL:` and a GUID;
/// line ends are spaces in folded names.
fn has_mark(value: &str, mark: &str) -> bool {
    let Some((_, id)) = value.rsplit_once(mark) else {
        return false;
    };
    id.len() == 36 && id.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-')
}

#[cfg(test)]
mod tests {
    use super::super::testing::texts;
    use super::*;

    const GUID: &str = "11223344-5566-7788-99aa-bbccddeeff00";

    #[test]
    fn deleted_entries() {
        let is = |dn: &str, values: &[(&str, &str)]| is_tombstone(&texts(dn, values));
        assert!(is("cn=a", &[("isdeleted", "TRUE")]));
        assert!(!is("cn=a", &[("isdeleted", "FALSE")]));
        assert!(is("uid=a", &[("objectclass", "NsTombstone")]));
        assert!(is("nsuniqueid=1-2-3-4,uid=gone,dc=x", &[]));
        assert!(is(
            &format!("CN=A B\\0ADEL:{GUID},CN=Deleted Objects,DC=x"),
            &[]
        ));
        assert!(!is("nsuniqueid=1+uid=anna,dc=x", &[]));
        assert!(!is("cn=model:del:x,dc=x", &[]));
        assert!(!is("uid=anna,dc=x", &[("objectclass", "person")]));
    }

    #[test]
    fn losers_of_conflicts() {
        let of =
            |dn: &str, name: &str, values: &[(&str, &str)]| of_a_conflict(&texts(dn, values), name);
        let cnf = format!("CN=Anna Meier\\0ACNF:{GUID},OU=Staff,DC=x");
        assert!(of(&cnf, "anna", &[]).unwrap().contains("CNF"));
        assert!(of(&cnf.replace("\\0A", "\\0a"), "anna", &[]).is_some());
        assert!(
            of("cn=a", "$DUPLICATE-1f4", &[])
                .unwrap()
                .contains("$DUPLICATE-1f4")
        );
        assert!(of("nsuniqueid=1-2+uid=anna,dc=x", "anna", &[]).is_some());
        assert!(of("entryuuid=1-2+uid=anna,dc=x", "anna", &[]).is_some());
        let by_389 = [("nsds5replconflict", "namingConflict uid=anna")];
        assert!(of("uid=anna,dc=x", "anna", &by_389).is_some());
        assert!(of("uid=anna,dc=x", "anna", &[("ds-sync-conflict", "uid=anna")]).is_some());
        assert_eq!(of("CN=Anna,DC=x", "anna", &[]), None);
        assert_eq!(of("CN=CNF: Anna,DC=x", "anna", &[]), None);
    }
}
