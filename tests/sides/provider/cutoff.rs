//! A reading that is not all there is must not look like one that is.

use ldap_fault::{Armed, At, Fault};
use mattersync::model::{Evidence, Gap};
use mattersync::provider::ProviderError;

use crate::provider::support::{
    BASE, assert_proven, assert_unproven, read, read_from, rfc2307, server, settings,
};

#[tokio::test]
async fn an_honest_server_is_read_to_the_end_and_proven() {
    let server = server(701, |script| script).await;
    let directory = read_from(&server).await.unwrap();
    assert_eq!(directory.accounts.len(), 701);
    assert_proven(&directory);
    let pages = server.searches();
    let pages: Vec<_> = pages.iter().filter(|s| s.page_size == Some(100)).collect();
    assert!(pages.iter().all(|page| page.paging_critical));
    assert!(!pages[0].attributes.is_empty(), "only what is needed");
    assert!(!pages[0].attributes.contains(&"*".to_owned()));
}

#[tokio::test]
async fn the_three_limits_keep_what_came_and_prove_nothing() {
    for code in [3, 4, 11] {
        for (at, came) in [(At::entries(30), 30), (At::AFTER_FIRST_PAGE, 100)] {
            for cookie in [false, true] {
                let fault = Fault::End { at, code, cookie };
                let server = server(250, |script| script.with(fault.clone())).await;
                let directory = read_from(&server).await.unwrap();
                assert_eq!(directory.accounts.len(), came, "{fault:?}");
                assert_unproven(
                    &directory,
                    |gap| matches!(gap, Gap::ResultCode { code: c, .. } if *c == code),
                );
            }
        }
    }
}

#[tokio::test]
async fn a_limit_of_the_whole_search_is_seen_on_the_page_where_it_strikes() {
    let server = server(700, |mut script| {
        script.size_limit = Some(500);
        script
    })
    .await;
    let directory = read_from(&server).await.unwrap();
    assert_eq!(directory.accounts.len(), 500);
    assert_unproven(&directory, |gap| {
        matches!(gap, Gap::ResultCode { code: 4, .. })
    });
}

#[tokio::test]
async fn any_other_result_is_no_reading() {
    for code in [1, 32, 50, 51, 52, 53, 80] {
        for at in [
            At::START,
            At::entries(30),
            At::AFTER_FIRST_PAGE,
            At::SECOND_PAGE,
        ] {
            let cookie = code == 51;
            let fault = Fault::End { at, code, cookie };
            let server = server(250, |script| script.with(fault.clone())).await;
            let error = read_from(&server).await.expect_err("no reading");
            assert!(
                matches!(error, ProviderError::Search { .. }),
                "{fault:?}: {error}"
            );
            assert!(
                error.to_string().contains(&format!("result {code}")),
                "{error}"
            );
        }
    }
}

#[tokio::test]
async fn a_cut_is_no_reading() {
    for fault in [
        Fault::Cut(At::entries(30)),
        Fault::Cut(At::AFTER_FIRST_PAGE),
        Fault::Cut(At::SECOND_PAGE),
        Fault::CutInsideEntry(At::entries(30)),
        Fault::Disconnection(At::SECOND_PAGE),
    ] {
        let server = server(250, |script| script.with(fault.clone())).await;
        let error = read_from(&server).await.expect_err("no reading");
        let known = matches!(error, ProviderError::Search { .. });
        assert!(known, "{fault:?}: {error}");
        if let Fault::Disconnection(_) = fault {
            assert!(
                error
                    .to_string()
                    .contains("ended the connection with result"),
                "{error}"
            );
        }
    }
}

#[tokio::test]
async fn paging_that_cannot_be_trusted_proves_nothing() {
    for (fault, came) in [
        (Fault::PagingIgnored, 250),
        (Fault::PageWithoutControl, 100),
        (Fault::SameCookie, 100),
    ] {
        let server = server(250, |script| script.with(fault.clone())).await;
        let directory = read_from(&server).await.unwrap();
        assert_eq!(directory.accounts.len(), came, "{fault:?}");
        assert_unproven(&directory, |gap| matches!(gap, Gap::Paging(_)));
        assert!(server.searches().len() < 20, "it does not go on for ever");
    }
}

/// A page may be empty, as where the server filters after it has counted; the cookie says whether
/// there is more.
#[tokio::test]
async fn an_empty_page_with_another_cookie_is_not_the_end() {
    for page in [0, 1, 2] {
        let fault = Fault::End {
            at: At { page, after: 0 },
            code: 0,
            cookie: true,
        };
        let server = server(250, |script| script.with(fault)).await;
        let directory = read_from(&server).await.unwrap();
        assert_eq!(directory.accounts.len(), 250, "{page}");
        assert_proven(&directory);
    }
}

#[tokio::test]
async fn a_server_that_does_not_page_is_read_at_once() {
    // The root DSE says so; or it may not be read, and the critical control is refused.
    let hidden = Fault::End {
        at: At::START,
        code: 50,
        cookie: false,
    };
    for root in [false, true] {
        let server = server(250, |script| script.with(Fault::PagingUnsupported)).await;
        if root {
            let hidden = ldap_fault::Armed::from(hidden.clone());
            server.arm(hidden.on(ldap_fault::Target::RootDse));
        }
        let directory = read_from(&server).await.unwrap();
        assert_eq!(directory.accounts.len(), 250);
        assert_proven(&directory);
    }
}

/// A usual limit is suspect, paged or not, until two halves have the same sum.
#[tokio::test]
async fn a_usual_limit_is_confirmed_or_proves_nothing() {
    for paging in [false, true] {
        for (people, most) in [(500, None), (501, Some(500)), (1_700, Some(1_500))] {
            let server = server(people, |script| match paging {
                true => script,
                false => script.with(Fault::PagingUnsupported),
            })
            .await;
            if let Some(most) = most {
                server.arm(Fault::Truncated(most));
            }
            let directory = read_from(&server).await.unwrap();
            match most {
                None => assert_proven(&directory),
                Some(n) => assert_unproven(&directory, |gap| *gap == Gap::SuspectCount(n)),
            }
        }
    }
}

/// A half that may not be whole confirms nothing, though the sum is right.
#[tokio::test]
async fn a_half_with_a_gap_confirms_nothing() {
    let hiding = Fault::References(vec![format!("ldap://127.0.0.1/ou=Branch,{BASE}")]);
    // Both halves, and the second alone.
    for half in ["(uid=", "(!(|(uid="] {
        let server = server(500, |script| script).await;
        server.arm(Armed::from(hiding.clone()).when_filter_has(half));
        let directory = read_from(&server).await.unwrap();
        assert_unproven(&directory, |gap| *gap == Gap::SuspectCount(500));
    }
}

#[tokio::test]
async fn nobody_at_all_proves_nothing() {
    let server = server(0, |script| script).await;
    let directory = read_from(&server).await.unwrap();
    assert_unproven(&directory, |gap| *gap == Gap::Empty);
}

#[tokio::test]
async fn a_proof_names_its_source() {
    let server = server(3, |script| script).await;
    let directory = read_from(&server).await.unwrap();
    let Evidence::Absent(proof) = directory.accounts.look(&crate::provider::support::nobody())
    else {
        panic!("proven");
    };
    assert_eq!((proof.entries, proof.source), (3, server.url()));
}

#[tokio::test]
async fn who_is_known_by_another_attribute_is_in_another_directory() {
    let server = server(3, |script| script).await;
    for name in ["entryuuid", "uid"] {
        let mut mapping = rfc2307(BASE);
        mapping.id.name = name.into();
        let directory = read(settings(&server.url()), mapping, &[]).await.unwrap();
        let source = directory.accounts.source();
        assert_eq!(source.where_ids_count(), format!("{BASE} by {name}"));
    }
}
