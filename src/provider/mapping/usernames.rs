//! The usernames that an entry offers.

use crate::model::{Account, Dn, Entry, fold};

use super::text::{Texts, clean};

/// Returns the username for a new user, and the others that the entry has.
///
/// Of several values, one without `@` goes before one with it (Kerberos and old mail systems write
/// those beside the plain name), then the one that names the entry in its DN. The rest is in
/// alphabetical order, so that it is always the same.
pub(super) fn of(entry: &Entry, attribute: &str) -> Result<(String, Vec<String>), String> {
    let texts = Texts::of_names(entry, attribute);
    let in_rdn = Dn::first_value(&entry.dn, attribute).map(|value| fold(&clean(&value)));
    let names_it = |value: &String| {
        let seen = value.replace(Account::HIDDEN, "");
        in_rdn.as_ref() == Some(&fold(&seen))
    };
    if texts.unreadable && !texts.values.iter().any(names_it) {
        return Err(format!("its {attribute} is no UTF-8 text"));
    }
    let mut values = texts.values;
    values.sort_by_cached_key(|value| {
        let unreadable_beside = texts.unreadable && !names_it(value);
        let rank = (unreadable_beside, value.contains('@'), !names_it(value));
        (rank, fold(value), value.clone())
    });
    values.dedup_by_key(|value| fold(value));
    let mut values = values.into_iter();
    let first = values.next();
    let first = first.ok_or_else(|| format!("it has no {attribute}, which is the username"))?;
    Ok((first, values.collect()))
}

#[cfg(test)]
mod tests {
    use super::super::testing::texts;

    fn of(dn: &str, names: &[&str]) -> String {
        let values: Vec<_> = names.iter().map(|name| ("uid", *name)).collect();
        let (first, others) = super::of(&texts(dn, &values), "uid").unwrap();
        format!("{first}: {}", others.join(" "))
    }

    #[test]
    fn plain_before_at_before_the_rest() {
        for (dn, names, want) in [
            ("cn=x", &["zoe", "Alice", "bob"][..], "Alice: bob zoe"),
            ("uid=bob+cn=x", &["zoe", "alice", "BOB"], "BOB: alice zoe"),
            ("cn=x", &["JDOE@REALM", "jdoe"], "jdoe: JDOE@REALM"),
            ("cn=x", &["a@b", "zoe"], "zoe: a@b"),
            ("uid=a@b", &["a@b", "zoe"], "zoe: a@b"),
            ("uid=b@c", &["a@b", "b@c"], "b@c: a@b"),
            ("cn=x", &["jdoe", "JDoe", "jdoe "], "JDoe: "),
        ] {
            assert_eq!(of(dn, names), want, "{dn} {names:?}");
            let reversed: Vec<_> = names.iter().rev().copied().collect();
            assert_eq!(of(dn, &reversed), want, "{dn} {reversed:?}");
        }
    }
}
