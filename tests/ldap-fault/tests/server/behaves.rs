//! Without faults it is a small directory.

use ldap_fault::{Entry, Script, TEXTUAL_GUID};
use ldap3::Scope;

use crate::client::{BASE, EVERYBODY, PEOPLE, connect, search, server};

#[tokio::test]
async fn scopes_and_base_look_ups() {
    let server = server(3, |script| script).await;
    let mut ldap = connect(&server).await;
    for (base, scope, count) in [
        (BASE, Scope::Subtree, 5),
        (BASE, Scope::OneLevel, 1),
        (BASE, Scope::Base, 1),
        (PEOPLE, Scope::OneLevel, 3),
        (PEOPLE, Scope::Subtree, 4),
        ("UID=P0001, OU=people,dc=directory,dc=nh", Scope::Base, 1),
    ] {
        let page = search(&mut ldap, base, scope, "(objectClass=*)", &[])
            .await
            .unwrap();
        assert_eq!(
            (page.entries.len(), page.result.rc),
            (count, 0),
            "{base} {scope:?}"
        );
    }
    let absent = format!("uid=nobody,{PEOPLE}");
    let page = search(&mut ldap, &absent, Scope::Base, "(objectClass=*)", &[])
        .await
        .unwrap();
    assert_eq!(
        (page.result.rc, page.result.matched.as_str()),
        (32, "ou=people,dc=directory,dc=nh")
    );
}

#[tokio::test]
async fn filters_of_the_usual_kinds_also_on_bytes() {
    let people = Entry::ad_people(3, "CN=Users,DC=ad,DC=example,DC=org");
    let disabled = Entry::ad_person("gone", "CN=Users,DC=ad,DC=example,DC=org", 9)
        .without("userAccountControl")
        .with("userAccountControl", "514");
    let textual = Entry::ad_person("text", "CN=Users,DC=ad,DC=example,DC=org", 8)
        .without("objectGUID")
        .with("objectGUID", TEXTUAL_GUID);
    let entries = people.into_iter().chain([disabled, textual]).collect();
    let base = "DC=ad,DC=example,DC=org";
    let server = ldap_fault::FaultServer::start(Script::new(base, entries))
        .await
        .unwrap();
    let mut ldap = connect(&server).await;
    for (filter, count) in [
        ("(sAMAccountType=805306368)", 5),
        ("(&(objectClass=user)(samaccountname=P0001))", 1),
        ("(|(cn=p0001)(cn=p0002)(cn=nobody))", 2),
        ("(&(objectClass=user)(!(cn=p0001)))", 4),
        ("(cn=p*2)", 1),
        ("(cn=*00*)", 3),
        ("(uSNChanged>=10009)", 1),
        ("(uSNChanged<=10000)", 1),
        ("(userAccountControl:1.2.840.113556.1.4.803:=2)", 1),
        (
            "(objectGUID=\\fe\\fe\\fe\\fe\\fe\\fe\\fe\\fe\\fe\\fe\\fe\\fe\\00\\00\\00\\01)",
            1,
        ),
        ("(objectGUID=0123456789abcdef)", 1),
        ("(memberOf=*)", 0),
    ] {
        let page = search(&mut ldap, base, Scope::Subtree, filter, &["cn"])
            .await
            .unwrap();
        assert_eq!((page.entries.len(), page.result.rc), (count, 0), "{filter}");
    }
    let seen = server.searches();
    assert_eq!(seen[9].filter.matches("\\fe").count(), 12);
    let (filter, attributes) = ("(cn=text)", &["objectGUID"]);
    let page = search(&mut ldap, base, Scope::Subtree, filter, attributes)
        .await
        .unwrap();
    assert_eq!(page.entries[0].attrs["objectGUID"], ["0123456789abcdef"]);
    let page = search(&mut ldap, base, Scope::Subtree, "(cn=p0001)", attributes)
        .await
        .unwrap();
    assert_eq!(page.entries[0].bin_attrs["objectGUID"][0][..3], [0xfe; 3]);
}

#[tokio::test]
async fn attributes_are_selected_and_operational_ones_want_to_be_asked_for() {
    let server = server(1, |script| script).await;
    let mut ldap = connect(&server).await;
    let all: &[&str] = &["*", "+"];
    for (wanted, uid, uuid) in [
        (&[] as &[&str], true, false),
        (&["*"], true, false),
        (&["+"], false, true),
        (all, true, true),
        (&["ENTRYUUID"], false, true),
        (&["1.1"], false, false),
    ] {
        let page = search(&mut ldap, BASE, Scope::Subtree, EVERYBODY, wanted)
            .await
            .unwrap();
        let attributes = &page.entries[0].attrs;
        let has = |name| attributes.contains_key(name);
        assert_eq!((has("uid"), has("entryUUID")), (uid, uuid), "{wanted:?}");
    }
}

#[tokio::test]
async fn the_root_dse_and_the_subschema_tell_what_it_is() {
    let server = server(1, |mut script| {
        script.root_dse = vec![("highestCommittedUSN".to_owned(), "12345".to_owned())];
        script.schema = vec!["memberOf".to_owned()];
        script
    })
    .await;
    let mut ldap = connect(&server).await;
    let wanted = &["+"];
    let page = search(&mut ldap, "", Scope::Base, "(objectClass=*)", wanted)
        .await
        .unwrap();
    let attributes = &page.entries[0].attrs;
    assert_eq!(attributes["namingContexts"], [BASE]);
    assert_eq!(attributes["highestCommittedUSN"], ["12345"]);
    assert_eq!(attributes["supportedControl"], ["1.2.840.113556.1.4.319"]);
    let subschema = &attributes["subschemaSubentry"][0];
    let wanted = &["attributeTypes"];
    let filter = "(objectClass=subschema)";
    let page = search(&mut ldap, subschema, Scope::Base, filter, wanted)
        .await
        .unwrap();
    let types = page.entries[0].attrs["attributeTypes"].join("\n");
    assert!(
        types.contains("NAME 'mail'") && types.contains("NAME 'memberOf'"),
        "{types}"
    );
}

#[tokio::test]
async fn who_did_not_bind_may_be_refused() {
    let server = server(1, |mut script| {
        script.anonymous = false;
        script
    })
    .await;
    let mut ldap = connect(&server).await;
    let page = search(&mut ldap, BASE, Scope::Subtree, EVERYBODY, &[])
        .await
        .unwrap();
    assert_eq!((page.entries.len(), page.result.rc), (0, 1));
    let (dn, password) = server.reader();
    ldap.simple_bind(&dn, &password)
        .await
        .unwrap()
        .success()
        .unwrap();
    let page = search(&mut ldap, BASE, Scope::Subtree, EVERYBODY, &[])
        .await
        .unwrap();
    assert_eq!((page.entries.len(), page.result.rc), (1, 0));
}

#[tokio::test]
async fn entries_can_be_replaced_and_the_server_stopped_and_started() {
    let mut server = server(2, |script| script).await;
    let mut ldap = connect(&server).await;
    server.set_entries(Entry::posix_people(7, PEOPLE));
    let page = search(&mut ldap, BASE, Scope::Subtree, EVERYBODY, &[])
        .await
        .unwrap();
    assert_eq!(page.entries.len(), 7);
    server.stop().await;
    search(&mut ldap, BASE, Scope::Subtree, EVERYBODY, &[])
        .await
        .err()
        .unwrap();
    assert!(ldap3::LdapConnAsync::new(&server.url()).await.is_err());
    server.start_again().await.unwrap();
    let mut ldap = connect(&server).await;
    let page = search(&mut ldap, BASE, Scope::Subtree, EVERYBODY, &[])
        .await
        .unwrap();
    assert_eq!((page.entries.len(), server.connections()), (7, 2));
}

#[tokio::test]
async fn writing_is_refused() {
    let server = server(1, |script| script).await;
    let mut ldap = connect(&server).await;
    let dn = format!("uid=p0000,{PEOPLE}");
    assert_eq!(ldap.delete(&dn).await.unwrap().rc, 53);
    let change = vec![ldap3::Mod::Delete(
        "mail",
        std::collections::BTreeSet::new().into_iter().collect(),
    )];
    assert_eq!(ldap.modify(&dn, change).await.unwrap().rc, 53);
}
