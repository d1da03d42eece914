//! What to do about entries without a usable id.

use crate::model::Dn;

/// The advice if nothing better is known.
pub(super) const REPAIR: &str = "repair them or leave them out with the filter";

/// Returns what to do: if bad entries are apart from the accounts, another base leaves them out.
///
/// FreeIPA shows each person a second time below `cn=compat`, without an id; the people themselves
/// are below `cn=accounts` beside it.
pub(super) fn about_base(base: &str, usable: &[&str], bad: &[&str]) -> String {
    let base = Dn::of(base);
    let inside =
        |parent: &Dn, names: &[&str]| names.iter().any(|name| Dn::of(name).is_within(parent));
    // It is not known where a record is that could not be read.
    if !bad.iter().all(|name| Dn::of(name).is_within(&base)) {
        return REPAIR.to_owned();
    }
    let better = if inside(&Dn::of(&format!("cn=compat,{base}")), bad) {
        let people = Dn::of(&format!("cn=accounts,{base}"));
        inside(&people, usable).then_some(people)
    } else {
        common_parent(usable).filter(|parent| *parent != base && parent.is_within(&base))
    };
    match better.filter(|better| !inside(better, bad)) {
        Some(better) => format!(
            "repair them, or leave them out: the people are below {better}, so write \
             provider.base = \"{better}\""
        ),
        None => REPAIR.to_owned(),
    }
}

/// Returns the nearest name that is above all of these.
fn common_parent(names: &[&str]) -> Option<Dn> {
    let (first, rest) = names.split_first()?;
    let rest: Vec<Dn> = rest.iter().map(|name| Dn::of(name)).collect();
    let mut parent = Dn::of(first).parent();
    while !rest.iter().all(|name| name.is_within(&parent)) {
        parent = parent.parent();
    }
    Some(parent).filter(|parent| !parent.is_root())
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: &str = "dc=ipa,dc=example";

    fn base_in(advice: &str) -> Option<&str> {
        advice.split_once("provider.base = ").map(|(_, base)| base)
    }

    #[test]
    fn the_compat_tree_of_freeipa_is_left_out_by_the_base() {
        let usable = [
            "uid=anna,cn=users,cn=accounts,dc=ipa,dc=example",
            "uid=bert,cn=deleted users,cn=accounts,cn=provisioning,dc=ipa,dc=example",
        ];
        let bad = ["uid=anna,cn=users,cn=compat,DC=ipa,dc=example"];
        let advice = about_base(BASE, &usable, &bad);
        assert_eq!(base_in(&advice), Some("\"cn=accounts,dc=ipa,dc=example\""));
    }

    #[test]
    fn what_stands_apart_is_left_out_and_what_does_not_is_not() {
        let usable = [
            "uid=a,ou=in,ou=people,dc=ipa,dc=example",
            "uid=b,ou=people,dc=ipa,dc=example",
        ];
        let advice = |bad: &str| about_base(BASE, &usable, &[bad]);
        let apart = advice("cn=x,ou=rooms,dc=ipa,dc=example");
        assert_eq!(base_in(&apart), Some("\"ou=people,dc=ipa,dc=example\""));
        assert_eq!(advice("cn=x,ou=people,dc=ipa,dc=example"), REPAIR);
        assert_eq!(about_base(BASE, &[], &["cn=x"]), REPAIR);
        let everywhere = ["uid=a,dc=ipa,dc=example", "uid=b,ou=p,dc=ipa,dc=example"];
        assert_eq!(
            about_base(BASE, &everywhere, &["cn=x,ou=p,dc=ipa,dc=example"]),
            REPAIR
        );
    }
}
