//! Binds, and their count.

use std::time::Duration;

use ldap_fault::{Armed, Fault, READER_PASSWORD};

use crate::client::{BASE, connect, server};

#[tokio::test]
async fn right_and_wrong_passwords_are_told_apart_and_counted() {
    let server = server(1, |script| script).await;
    let mut ldap = connect(&server).await;
    let dn = format!("cn=reader,{BASE}");
    for (dn, password, code) in [
        (dn.as_str(), READER_PASSWORD, 0),
        (dn.as_str(), "wrong", 49),
        ("cn=stranger", READER_PASSWORD, 49),
        (dn.as_str(), "", 53),
        ("", "", 0),
    ] {
        assert_eq!(
            ldap.simple_bind(dn, password).await.unwrap().rc,
            code,
            "{dn}"
        );
    }
    assert_eq!(server.binds(), 5);
    assert_eq!(server.bind_records()[1].code, Some(49));
    server.forget();
    assert_eq!(server.binds(), 0);
}

#[tokio::test]
async fn binds_may_get_other_results_for_a_while() {
    let server = server(1, |script| script).await;
    let (dn, password) = server.reader();
    for code in [8, 49, 51] {
        server.arm(Armed::from(Fault::BindResult(code)).times(1));
        let mut ldap = connect(&server).await;
        assert_eq!(ldap.simple_bind(&dn, &password).await.unwrap().rc, code);
        assert_eq!(ldap.simple_bind(&dn, &password).await.unwrap().rc, 0);
    }
}

#[tokio::test]
async fn a_bind_may_get_no_answer() {
    for fault in [Fault::BindSilence, Fault::NeverAnswer] {
        let server = server(1, |script| script.with(fault.clone())).await;
        let mut ldap = connect(&server).await;
        ldap.with_timeout(Duration::from_millis(300));
        assert!(ldap.simple_bind("", "").await.is_err());
        assert_eq!(server.binds(), usize::from(fault == Fault::BindSilence));
        assert_eq!(server.connections(), 1);
    }
}
