//! Filters as directories would evaluate them.

use proptest::prelude::*;

use super::*;
use crate::provider::mapping::testing::{entry, texts};

fn alice() -> Entry {
    texts(
        "uid=alice,ou=People,dc=nh",
        &[
            ("objectclass", "posixAccount"),
            ("objectclass", "inetOrgPerson"),
            ("uid", "Alice"),
            ("cn", "Alice  Maria Jordan"),
            ("cn;lang-de", "Alise"),
            ("mail", "alice(1)@example.org"),
            ("uidnumber", "1005"),
            ("useraccountcontrol", "514"),
            ("pwdchangedtime", "20250601120000Z"),
            ("memberof", "CN=Staff, OU=Groups,DC=nh"),
            (
                "objectcategory",
                "CN=Person,CN=Schema,CN=Configuration,DC=nh",
            ),
        ],
    )
}

fn matches(filter: &str) -> bool {
    Filter::parse(filter)
        .unwrap_or_else(|e| panic!("{filter}: {e}"))
        .matches(&alice())
}

#[test]
fn filters_that_match() {
    for filter in [
        "(uid=alice)",
        "uid=alice",
        "(objectClass=POSIXACCOUNT)",
        "(objectClass=person)",
        "(cn=alice maria  JORDAN)",
        "(cn=alise)",
        "(cn;lang-de=alise)",
        "(uid=*)",
        "(cn=al*)",
        "(cn=*jordan)",
        "(cn=*mar*)",
        "(cn=a*i*mar*dan)",
        "(mail=alice\\281\\29*)",
        "(mail=alice\\281\\29@example.org)",
        "(uidNumber>=1000)",
        "(uidNumber>=1005)",
        "(uidNumber<=20000)",
        "(pwdChangedTime>=20250101000000Z)",
        "(uid~=ALICE)",
        "(userAccountControl:1.2.840.113556.1.4.803:=2)",
        "(userAccountControl:1.2.840.113556.1.4.803:=514)",
        "(userAccountControl:1.2.840.113556.1.4.804:=3)",
        "(uid:caseExactMatch:=Alice)",
        "(uid:2.5.13.2:=aLICE)",
        "(memberOf=cn=staff,ou=groups,dc=NH)",
        "(objectCategory=person)",
        "(&)",
        "(!(|))",
        "(!(isCriticalSystemObject=TRUE))",
        "(&(objectClass=posixAccount)(objectClass=inetOrgPerson)(!(|(uid=admin)(uid=bob))))",
        " (|(uid=bob)(uid=alice)) ",
    ] {
        assert!(matches(filter), "{filter}");
    }
}

#[test]
fn filters_that_do_not() {
    for filter in [
        "(uid=alic)",
        "(uid=alice*x)",
        "(uidx=*)",
        "(u=*)",
        "(cn;lang-fr=*)",
        "(cn=jordan*)",
        "(cn=*alice)",
        "(cn=*jordan*maria*)",
        "(cn=alice*alice*jordan)",
        "(uidNumber>=1006)",
        "(uidNumber<=999)",
        "(uidNumber>=20000)",
        "(userAccountControl:1.2.840.113556.1.4.803:=3)",
        "(userAccountControl:1.2.840.113556.1.4.804:=17)",
        "(cn:1.2.840.113556.1.4.803:=1)",
        "(uid:caseExactMatch:=alice)",
        "(memberOf=cn=staff,ou=groups)",
        "(objectCategory=computer)",
        "(objectClass=posixGroup)",
        "(|)",
        "(!(uid=alice))",
        "(&(uid=alice)(uid=bob))",
    ] {
        assert!(!matches(filter), "{filter}");
    }
}

#[test]
fn bytes_compare_as_bytes() {
    let entry = entry("cn=a", &[("objectguid", &[0xff, 0, b'A'])]);
    let matches = |f: &str| Filter::parse(f).unwrap().matches(&entry);
    assert!(matches("(objectGUID=\\ff\\00A)"));
    assert!(!matches("(objectGUID=\\ff\\00a)"));
    assert!(!matches("(objectGUID=*a)"));
}

#[test]
fn what_is_no_filter_says_where() {
    for (filter, at, what) in [
        ("", 1, "attribute"),
        ("(uid=a", 7, "')' is missing"),
        ("(uid=a))", 8, "follows"),
        ("(uid=a)(uid=b)", 8, "follows"),
        ("(=a)", 2, "attribute"),
        ("(uid)", 5, "'=' is missing"),
        ("(&uid=a)", 3, "')' is missing"),
        ("(ö=a)", 2, "attribute"),
        ("(uid=\\2)", 6, "hex"),
        ("(uid=ö(b)", 7, "\\28"),
        ("(uid=\\ff*)", 10, "UTF-8"),
        (
            "(memberOf:1.2.840.113556.1.4.1941:=cn=a)",
            11,
            "needs a server",
        ),
        ("(u:1.2.840.113556.1.4.803:=x)", 4, "number"),
        ("(u:dn)", 4, ":="),
    ] {
        let error = Filter::parse(filter).unwrap_err();
        assert_eq!(error.at, at, "{filter}: {error}");
        assert!(error.what.contains(what), "{filter}: {error}");
    }
}

#[test]
fn depth_is_bounded() {
    let nested = |n: usize| format!("{}(a=b){}", "(!".repeat(n), ")".repeat(n));
    assert!(Filter::parse(&nested(50)).is_ok());
    assert!(
        Filter::parse(&nested(51))
            .unwrap_err()
            .what
            .contains("deep")
    );
    assert!(Filter::parse(&"(!".repeat(100_000)).is_err());
}

#[test]
fn the_attributes_of_a_filter() {
    let filter =
        Filter::parse("(&(objectClass=a)(!(UID=b))(|(cn;lang-de=*)(sn:caseExactMatch:=x)))");
    let names: Vec<_> = filter.unwrap().attributes().into_iter().collect();
    assert_eq!(names, ["cn", "objectclass", "sn", "uid"]);
}

proptest! {
    #[test]
    fn no_text_panics(text in "[()&|!=*<>~:\\\\a-c0-9ö ]{0,40}") {
        if let Ok(filter) = Filter::parse(&text) {
            filter.matches(&alice());
            filter.attributes();
        }
    }

    #[test]
    fn an_escaped_value_matches_itself(value in "\\PC{1,30}") {
        prop_assume!(!value.trim().is_empty());
        let escaped = crate::provider::mapping::escape_filter_value(&value);
        let filter = Filter::parse(&format!("(cn={escaped})")).unwrap();
        prop_assert!(filter.matches(&texts("cn=a", &[("cn", &value)])));
    }

    #[test]
    fn an_escaped_part_is_found_inside(value in "[!-~]{1,20}") {
        let escaped = crate::provider::mapping::escape_filter_value(&value);
        let entry = texts("cn=a", &[("cn", &["x", &value, "y"].concat())]);
        for filter in [format!("(cn=*{escaped}*)"), format!("(cn=x{escaped}*)"), format!("(cn=*{escaped}y)")] {
            let found = Filter::parse(&filter).unwrap().matches(&entry);
            prop_assert!(found, "{}", filter);
        }
    }
}
