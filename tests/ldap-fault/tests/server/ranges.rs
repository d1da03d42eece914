//! Ranges of values, as Active Directory sends them.

use ldap_fault::{Entry, Fault, FaultServer, Script};
use ldap3::Scope;

use crate::client::{BASE, connect, search};

async fn group_server() -> FaultServer {
    let members = (0..3_100).map(|i| format!("uid=p{i:04},{BASE}"));
    let group = Entry::new(&format!("cn=all,{BASE}"))
        .with("cn", "all")
        .with_all("member", members);
    let mut script = Script::new(BASE, vec![group]);
    script.range = Some(1_500);
    FaultServer::start(script).await.unwrap()
}

#[tokio::test]
async fn values_continue_over_several_requests() {
    let server = group_server().await;
    let mut ldap = connect(&server).await;
    let dn = format!("cn=all,{BASE}");
    let mut all = Vec::new();
    for (wanted, name, count) in [
        ("member", "member;range=0-1499", 1_500),
        ("member;range=1500-*", "member;range=1500-2999", 1_500),
        ("member;range=3000-*", "member;range=3000-*", 100),
    ] {
        let filter = "(objectClass=*)";
        let mut got = search(&mut ldap, &dn, Scope::Base, "(cn=*)", &[wanted])
            .await
            .unwrap();
        assert_eq!(
            search(&mut ldap, &dn, Scope::Base, filter, &[wanted])
                .await
                .unwrap()
                .entries
                .len(),
            0
        );
        let attributes = &mut got.entries[0].attrs;
        assert_eq!(
            attributes.get("member").is_some_and(Vec::is_empty),
            wanted == "member"
        );
        let values = attributes.remove(name).unwrap();
        assert_eq!(values.len(), count, "{wanted}");
        all.extend(values);
    }
    all.dedup();
    assert_eq!(all.len(), 3_100);
}

#[tokio::test]
async fn a_continuation_may_get_no_values() {
    let server = group_server().await;
    server.arm(Fault::RangesUnanswered);
    let mut ldap = connect(&server).await;
    let dn = format!("cn=all,{BASE}");
    let wanted = &["member;range=1500-*"];
    let got = search(&mut ldap, &dn, Scope::Base, "(cn=*)", wanted)
        .await
        .unwrap();
    assert_eq!((got.entries.len(), got.result.rc), (1, 0));
    assert!(got.entries[0].attrs.is_empty());
}
