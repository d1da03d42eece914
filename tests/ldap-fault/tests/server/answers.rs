//! Results other than success, cuts, silence, lost rights, referrals.

use std::time::{Duration, Instant};

use ldap_fault::{Armed, At, Fault, Target};
use ldap3::Scope;

use crate::client::{BASE, EVERYBODY, PEOPLE, connect, page, search, server};

#[tokio::test]
async fn each_result_code_comes_after_some_entries_and_after_a_whole_page() {
    for code in [3, 4, 11, 51, 52, 53] {
        let server = server(25, |script| script).await;
        let mut ldap = connect(&server).await;
        let end = |at| Fault::End {
            at,
            code,
            cookie: false,
        };
        server.arm(end(At::entries(4)));
        let got = page(&mut ldap, 10, vec![]).await.unwrap();
        assert_eq!((got.entries.len(), got.result.rc), (4, code));
        assert_eq!(got.cookie, Some(vec![]));
        server.disarm();
        server.arm(end(At::AFTER_FIRST_PAGE));
        let got = page(&mut ldap, 10, vec![]).await.unwrap();
        assert_eq!((got.entries.len(), got.result.rc), (10, code));
        server.disarm();
        server.arm(end(At { page: 2, after: 3 }));
        let first = page(&mut ldap, 10, vec![]).await.unwrap();
        let second = page(&mut ldap, 10, first.cookie.unwrap()).await.unwrap();
        assert_eq!((second.entries.len(), second.result.rc), (10, 0));
        let third = page(&mut ldap, 10, second.cookie.unwrap()).await.unwrap();
        assert_eq!((third.entries.len(), third.result.rc), (3, code));
    }
}

#[tokio::test]
async fn a_result_may_bring_a_cookie_that_works() {
    let server = server(25, |script| script).await;
    server.arm(Fault::End {
        at: At::entries(5),
        code: 4,
        cookie: true,
    });
    let mut ldap = connect(&server).await;
    let first = page(&mut ldap, 10, vec![]).await.unwrap();
    assert_eq!((first.entries.len(), first.result.rc), (5, 4));
    let second = page(&mut ldap, 10, first.cookie.unwrap()).await.unwrap();
    assert_eq!(second.entries[0].attrs["uid"], ["p0005"]);
}

#[tokio::test]
async fn connections_are_cut_between_pages_within_one_and_within_an_entry() {
    let server = server(25, |script| script).await;
    server.arm(Fault::Cut(At::SECOND_PAGE));
    let mut ldap = connect(&server).await;
    let first = page(&mut ldap, 10, vec![]).await.unwrap();
    assert!(page(&mut ldap, 10, first.cookie.unwrap()).await.is_err());
    for fault in [
        Fault::Cut(At::entries(3)),
        Fault::CutInsideEntry(At::entries(3)),
    ] {
        server.disarm();
        server.arm(Armed::from(fault).times(1));
        let mut ldap = connect(&server).await;
        assert!(page(&mut ldap, 10, vec![]).await.is_err());
        let mut ldap = connect(&server).await;
        assert_eq!(page(&mut ldap, 10, vec![]).await.unwrap().entries.len(), 10);
    }
}

#[tokio::test]
async fn silence_and_a_drip_outlast_a_patient_client() {
    let server = server(3, |script| script).await;
    server.arm(Fault::Silence(At::entries(1)));
    let mut ldap = connect(&server).await;
    let start = Instant::now();
    assert!(page(&mut ldap, 10, vec![]).await.is_err());
    assert!(start.elapsed() >= Duration::from_secs(2));
    server.disarm();
    // The silent connection stays so.
    assert!(page(&mut ldap, 10, vec![]).await.is_err());
    server.arm(Fault::Drip(Duration::from_millis(10)));
    let mut ldap = connect(&server).await;
    let mut stream = ldap
        .streaming_search(BASE, Scope::Subtree, EVERYBODY, vec!["uid"])
        .await
        .unwrap();
    for _ in 0..20 {
        assert!(stream.next().await.unwrap().is_some());
    }
}

#[tokio::test]
async fn an_answer_may_be_late() {
    let server = server(3, |script| script).await;
    let mut ldap = connect(&server).await;
    server.arm(Armed::from(Fault::Delay(Duration::from_millis(300))).times(1));
    let start = Instant::now();
    assert_eq!(page(&mut ldap, 10, vec![]).await.unwrap().entries.len(), 3);
    assert!(start.elapsed() >= Duration::from_millis(300));
}

#[tokio::test]
async fn a_notice_of_disconnection_ends_the_connection() {
    let server = server(3, |script| script).await;
    server.arm(Fault::Disconnection(At::entries(2)));
    let mut ldap = connect(&server).await;
    assert!(page(&mut ldap, 10, vec![]).await.is_err());
}

#[tokio::test]
async fn a_lost_right_hides_entries_and_attributes_with_result_0() {
    let server = server(5, |script| script).await;
    let mut ldap = connect(&server).await;
    server.arm(Fault::HideBelow(format!("uid=p0003,{PEOPLE}")));
    server.arm(Fault::HideAttribute("mail".to_owned()));
    let got = search(&mut ldap, BASE, Scope::Subtree, EVERYBODY, &["mail"])
        .await
        .unwrap();
    assert_eq!((got.entries.len(), got.result.rc), (4, 0));
    assert!(got.entries.iter().all(|entry| entry.attrs.is_empty()));
    let got = search(&mut ldap, BASE, Scope::Subtree, "(mail=*)", &[])
        .await
        .unwrap();
    assert_eq!((got.entries.len(), got.result.rc), (0, 0));
    server.arm(Fault::NoSuchObject(PEOPLE.to_owned()));
    let got = search(&mut ldap, PEOPLE, Scope::Subtree, EVERYBODY, &[])
        .await
        .unwrap();
    assert_eq!((got.entries.len(), got.result.rc), (0, 32));
}

#[tokio::test]
async fn referrals_come_as_references_and_as_a_result() {
    let server = server(25, |script| script).await;
    let url = "ldap://sub.example.org/DC=sub,DC=example,DC=org";
    server.arm(Fault::References(vec![
        url.to_owned(),
        "ldap://x/CN=Configuration".to_owned(),
    ]));
    let mut ldap = connect(&server).await;
    let first = page(&mut ldap, 20, vec![]).await.unwrap();
    assert_eq!(first.result.refs.len(), 0);
    let last = page(&mut ldap, 20, first.cookie.unwrap()).await.unwrap();
    assert_eq!(
        (last.result.refs.len(), last.result.refs[0].as_str()),
        (2, url)
    );
    server.disarm();
    server.arm(Fault::ReferralResult(vec![url.to_owned()]));
    let got = page(&mut ldap, 20, vec![]).await.unwrap();
    assert_eq!((got.result.rc, got.result.refs), (10, vec![url.to_owned()]));
}

#[tokio::test]
async fn names_of_attributes_come_in_mixed_case() {
    let server = server(1, |script| script.with(Fault::MixedCaseNames)).await;
    let mut ldap = connect(&server).await;
    let got = search(
        &mut ldap,
        BASE,
        Scope::Subtree,
        EVERYBODY,
        &["mail", "entryUUID"],
    )
    .await
    .unwrap();
    let names: Vec<_> = got.entries[0].attrs.keys().cloned().collect();
    assert!(
        names.contains(&"mAiL".to_owned()) && names.contains(&"eNtRyUuId".to_owned()),
        "{names:?}"
    );
}

#[tokio::test]
async fn a_fault_strikes_only_what_it_is_aimed_at() {
    let server = server(3, |script| script).await;
    let mut ldap = connect(&server).await;
    let busy = || {
        Armed::from(Fault::End {
            at: At::START,
            code: 51,
            cookie: false,
        })
    };
    let dn = format!("uid=p0000,{PEOPLE}");
    let lookup = (dn.as_str(), Scope::Base, "(objectClass=*)");
    let everybody = (BASE, Scope::Subtree, EVERYBODY);
    let by_id = (
        BASE,
        Scope::Subtree,
        "(entryUUID=00000000-0000-4000-8000-000000000001)",
    );
    let elsewhere = (
        "ou=People,dc=directory,dc=nh",
        Scope::OneLevel,
        "(uid=p0001)",
    );
    let cases = [
        (busy(), [0, 51, 51, 51]),
        (busy().on(Target::Lookups), [51, 0, 0, 0]),
        (busy().on(Target::All), [51, 51, 51, 51]),
        (busy().on(Target::RootDse), [0, 0, 0, 0]),
        (busy().when_filter_has("entryUUID="), [0, 0, 51, 0]),
        (busy().below(PEOPLE), [0, 0, 0, 51]),
        (busy().when_asked_for("memberOf"), [0, 0, 0, 0]),
        (busy().times(1), [0, 51, 0, 0]),
    ];
    for (armed, expected) in cases {
        server.disarm();
        server.arm(armed.clone());
        let mut codes = Vec::new();
        for (base, scope, filter) in [lookup, everybody, by_id, elsewhere] {
            codes.push(
                search(&mut ldap, base, scope, filter, &[])
                    .await
                    .unwrap()
                    .result
                    .rc,
            );
        }
        assert_eq!(codes, expected, "{armed:?}");
    }
}
