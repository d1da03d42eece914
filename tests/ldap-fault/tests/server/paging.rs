//! Paging, good and bad.

use ldap_fault::Fault;
use ldap3::Scope;
use ldap3::controls::PagedResults;

use crate::client::{BASE, connect, page, search, server};

#[tokio::test]
async fn pages_add_up_and_cookies_are_good_once_for_one_search_on_one_connection() {
    let server = server(25, |script| script).await;
    let mut ldap = connect(&server).await;
    let mut counts = Vec::new();
    let mut cookie = vec![];
    loop {
        let got = page(&mut ldap, 10, cookie).await.unwrap();
        counts.push(got.entries.len());
        cookie = got.cookie.unwrap();
        if cookie.is_empty() {
            break;
        }
    }
    assert_eq!(counts, [10, 10, 5]);
    let first = page(&mut ldap, 10, vec![]).await.unwrap();
    let cookie = first.cookie.unwrap();
    let mut other = connect(&server).await;
    assert_eq!(
        page(&mut other, 10, cookie.clone())
            .await
            .unwrap()
            .result
            .rc,
        53
    );
    page(&mut ldap, 10, cookie.clone()).await.unwrap();
    assert_eq!(page(&mut ldap, 10, cookie).await.unwrap().result.rc, 53);
    let cookie = page(&mut ldap, 10, vec![]).await.unwrap().cookie.unwrap();
    let control = PagedResults { size: 10, cookie };
    let other = ldap
        .with_controls(control)
        .search(BASE, Scope::Subtree, "(uid=*)", vec!["uid"])
        .await
        .unwrap();
    assert_eq!(other.1.rc, 53);
    let seen = server.searches();
    assert_eq!(
        (
            seen[0].page_size,
            seen[0].continues,
            seen[0].paging_critical
        ),
        (Some(10), false, true)
    );
    assert!(seen[1].continues && seen[1].connection == 1);
}

#[tokio::test]
async fn a_size_limit_caps_the_sum_over_pages() {
    let server = server(25, |mut script| {
        script.size_limit = Some(15);
        script
    })
    .await;
    let mut ldap = connect(&server).await;
    let first = page(&mut ldap, 10, vec![]).await.unwrap();
    assert_eq!((first.entries.len(), first.result.rc), (10, 0));
    let second = page(&mut ldap, 10, first.cookie.unwrap()).await.unwrap();
    assert_eq!((second.entries.len(), second.result.rc), (5, 4));
    assert_eq!(second.cookie, Some(vec![]));
}

#[tokio::test]
async fn the_control_may_be_overlooked_or_lost() {
    let server = server(25, |script| script.with(Fault::PagingIgnored)).await;
    let mut ldap = connect(&server).await;
    let got = page(&mut ldap, 10, vec![]).await.unwrap();
    assert_eq!(
        (got.entries.len(), got.result.rc, got.cookie),
        (25, 0, None)
    );
    server.disarm();
    server.arm(Fault::PageWithoutControl);
    let got = page(&mut ldap, 10, vec![]).await.unwrap();
    assert_eq!(
        (got.entries.len(), got.result.rc, got.cookie),
        (10, 0, None)
    );
}

#[tokio::test]
async fn paging_may_be_unsupported() {
    let server = server(25, |script| script.with(Fault::PagingUnsupported)).await;
    let mut ldap = connect(&server).await;
    let got = page(&mut ldap, 10, vec![]).await.unwrap();
    assert_eq!((got.entries.len(), got.result.rc), (0, 12));
    let filter = "(objectClass=*)";
    let root = search(&mut ldap, "", Scope::Base, filter, &["supportedControl"])
        .await
        .unwrap();
    assert!(!root.entries[0].attrs.contains_key("supportedControl"));
    let plain = search(&mut ldap, BASE, Scope::Subtree, "(uid=*)", &[])
        .await
        .unwrap();
    assert_eq!((plain.entries.len(), plain.result.rc), (25, 0));
}

#[tokio::test]
async fn the_same_cookie_brings_the_first_page_for_ever() {
    let server = server(25, |script| script.with(Fault::SameCookie)).await;
    let mut ldap = connect(&server).await;
    let mut cookie = vec![];
    for _ in 0..5 {
        let got = page(&mut ldap, 10, cookie).await.unwrap();
        assert_eq!(
            (got.entries[0].attrs["uid"][0].as_str(), got.result.rc),
            ("p0000", 0)
        );
        cookie = got.cookie.unwrap();
        assert_eq!(cookie, b"same");
    }
}

#[tokio::test]
async fn ten_thousand_people_come_in_twenty_pages() {
    let server = server(10_000, |script| script).await;
    let mut ldap = connect(&server).await;
    let (mut count, mut cookie) = (0, vec![]);
    loop {
        let got = page(&mut ldap, 500, cookie).await.unwrap();
        count += got.entries.len();
        cookie = got.cookie.unwrap();
        if cookie.is_empty() {
            break;
        }
    }
    assert_eq!(count, 10_000);
    assert_eq!(server.searches().len(), 20);
}
