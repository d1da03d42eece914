use proptest::prelude::*;

use super::super::text::fold;
use super::*;

fn normal(text: &str) -> String {
    Dn::of(text).to_string()
}

fn is_within(name: &str, base: &str) -> bool {
    Dn::of(name).is_within(&Dn::of(base))
}

fn parent(name: &str) -> String {
    Dn::of(name).parent().to_string()
}

fn is_dn(text: &str) -> bool {
    Dn::read(text).is_some()
}

#[test]
fn spellings_of_one_name_are_one() {
    let canonical = "uid=alice,ou=people,dc=directory,dc=nh";
    for spelling in [
        "uid=alice,ou=People,dc=directory,dc=nh",
        "UID = Alice , OU=people,  DC=Directory,dc=nh ",
        "uid=\\61lice,ou=peop\\6ce,dc=directory,dc=nh",
    ] {
        assert_eq!(normal(spelling), canonical, "{spelling}");
    }
    assert_eq!(normal("cn=M\\C3\\BCller"), normal("CN=Mu\u{308}ller"));
    assert_eq!(normal("cn=a\\, b,dc=x"), normal("cn=A\\2c b,dc=x"));
    assert_eq!(normal("sn=b+cn=a,dc=x"), normal("CN=a + SN=b,dc=x"));
    assert_ne!(normal("cn=a\\,dc=x"), normal("cn=a,dc=x"));
}

#[test]
fn the_older_forms_are_read_too() {
    let name = normal("cn=Zand\\, Peter,ou=People,dc=x");
    for spelling in [
        "cn=\"Zand, Peter\",ou=People,dc=x",
        "CN = \"Zand, Peter\" , OU=People;DC=x",
        "cn=Zand\\2C Peter;ou=people;dc=x",
        "cn=Zand\\2c\\20Peter,ou=\"People\",dc=\"x\"",
        "OID.2.5.4.3=Zand\\, Peter,2.5.4.11=People,domainComponent=x",
        "cn=#0C0B5A616E642C205065746572,ou=People,dc=x",
        "commonName=Zand\\, Peter, organizationalUnitName=People, dc=x",
    ] {
        assert_eq!(normal(spelling), name, "{spelling}");
    }
    assert_eq!(normal("cn=\"a \\\" b\"+sn=c"), normal("sn=c+cn=a \\\" b"));
    assert_eq!(normal("cn=\\#0401,dc=x"), normal("cn=\"#0401\",dc=x"));
    // What is neither is taken as it stands.
    for (odd, same) in [
        ("cn=\"a\" b,dc=x", "cn=\\\"a\\\" b,dc=x"),
        ("cn=#room,dc=x", "cn=\\#room,dc=x"),
        ("cn=Zand; Peter,dc=x", "cn=Zand\\; Peter,dc=x"),
    ] {
        assert_eq!(normal(odd), normal(same), "{odd}");
    }
    assert!(!is_dn("cn=\"a\\"));
    assert!(is_within(&normal("cn=\"a,dc=y\",DC=x"), "dc=x"));
}

#[test]
fn an_escaped_separator_is_no_border() {
    let base = normal("dc=x");
    assert!(is_within(&normal("ou=p, DC=X"), &base));
    assert!(is_within(&base, &base));
    assert!(!is_within(&normal("cn=a\\,dc\\=x"), &base));
    assert!(!is_within(&normal("cn=a,dc=xx"), &normal("dc=x")));
    assert!(!is_within("adc=x", "dc=x"));
    assert!(is_within("cn=a", ""));
}

#[test]
fn parents_and_parts() {
    let text = "CN=Jordan\\, Alice+uid=Alice,OU=Staff,DC=x";
    let dn = Dn::of(text);
    assert_eq!(parent(text), "ou=staff,dc=x");
    assert_eq!(parent("dc=x"), "");
    assert_eq!(parent("Jordan, Alice"), "");
    assert_eq!(Dn::first_value(text, "uid").as_deref(), Some("alice"));
    assert_eq!(
        Dn::first_value(text, "cn").as_deref(),
        Some("jordan, alice")
    );
    assert_eq!(Dn::first_value(text, "mail"), None);
    let above: Vec<_> = dn.ancestors().collect();
    assert_eq!(above, ["ou=staff,dc=x", "dc=x"]);
    let parts: Vec<_> = dn.rdns().collect();
    assert_eq!(parts, ["cn=jordan\\, alice+uid=alice", "ou=staff", "dc=x"]);
}

#[test]
fn what_is_no_dn_is_told() {
    assert!(is_dn("cn=a"));
    for text in [
        "",
        "alice",
        "=a",
        "cn=a,",
        "cn=a\\",
        "cn=a\\6",
        "c n=a,dc=x",
    ] {
        assert!(!is_dn(text), "{text}");
    }
    assert_eq!(normal(" Alice "), "alice");
}

#[test]
fn folding_twice_changes_no_character() {
    for c in (0..0x2_0000).filter_map(char::from_u32) {
        let once = fold(&c.to_string());
        assert_eq!(fold(&once), once, "{c:?}");
    }
}

proptest! {
    #[test]
    fn normalising_twice_changes_nothing(text in "\\PC{0,40}") {
        let once = normal(&text);
        prop_assert_eq!(normal(&once), once.clone());
        prop_assert!(is_within(&once, &parent(&once)));
    }

    #[test]
    fn names_with_any_value_keep_their_parent(value in "[^\0]{1,20}") {
        let hex: String = value.bytes().map(|b| format!("\\{b:02x}")).collect();
        let dn = format!("cn={hex},OU=P,dc=x");
        prop_assert_eq!(parent(&dn), "ou=p,dc=x");
        prop_assert_eq!(normal(&normal(&dn)), normal(&dn));
    }
}

/// What an administrator writes is read strictly.
fn written(text: &str) -> Dn {
    Dn::parse(text).unwrap()
}

#[test]
fn names_that_were_written_are_compared_without_case_and_blanks() {
    let base = written("DC=directory, dc=NH");
    assert_eq!(base, written("dc=directory,dc=nh"));
    assert!(written("uid=a,ou=People,dc=directory,dc=nh").is_within(&base));
    assert!(!written("uid=a,dc=other,dc=nh").is_within(&base));
    assert!(!written("dc=nh").is_within(&base));
    assert_eq!(
        written(r"cn=Jordan\2C Alice+uid=a,o=x"),
        written(r"cn=jordan\, alice + uid=a,o=x")
    );
}

#[test]
fn faults_are_named() {
    for (text, what) in [
        ("", "empty"),
        ("example.org", "no `=`"),
        ("dc=a,", "no `=`"),
        ("dc=,dc=nh", "no value"),
        ("d c=a", "attribute name"),
        ("d_c=a", "attribute name"),
        ("OID.2.5.4.3=a", "attribute name"),
        ("cn;lang-de=a", "attribute name"),
        ("dc=a;dc=b", "`;`"),
        ("dc=\"a\"", "`\"`"),
        (r"dc=a\", "backslash"),
        (r"dc=a\b", "backslash"),
        (r"dc=\a", "backslash"),
        (r"dc=a\ff", "UTF-8"),
    ] {
        let fault = Dn::parse(text).unwrap_err().to_string();
        assert!(fault.contains(what), "{text}: {fault}");
    }
}
