//! 1,200 entries and slapd's own limit of 500: what was not sent is not gone.

use mattermost_sim::Version;
use mattersync::cycle::Engine;
use mattersync::model::{Gap, Why};
use servers::Slapd;

use crate::flow::openldap::{BASE, dn, limited, people, provider, start, unlimited};
use testkit::stage::{Cycle, Stage, cycle};

/// Who is missing is deactivated at the first proven reading, and no limit of a class would hide
/// that somebody was to be taken out.
const HASTY: &str = "[policy]\ngrace = \"0s\"\n[guard]\nmissing = \"off\"\n\
                     [policy.attributes]\nposition = \"directory\"\n";

/// The three ways to the server: StartTLS, TLS, its socket.
fn engines(stage: &Stage, slapd: &Slapd) -> [Engine; 3] {
    [slapd.url(), slapd.ldaps_url(), slapd.ldapi_url()]
        .map(|url| stage.engine(&provider(stage, slapd, &url, BASE), HASTY))
}

#[track_caller]
fn assert_truncated(cycle: &Cycle) {
    let directory = cycle.summary.view.directories.values().next().unwrap();
    assert_eq!(directory.accounts.len(), 500);
    let gaps = directory.accounts.gaps();
    let limit = |gap: &Gap| matches!(gap, Gap::ResultCode { code: 4, .. });
    assert!(gaps.iter().any(limit), "{gaps:?}");
}

fn unproven(cycle: &Cycle) -> usize {
    cycle.left(|left| matches!(left.why, Why::Unproven(_)))
}

#[tokio::test]
async fn what_the_limit_cuts_off_is_not_gone() {
    let stage = Stage::new(Version::V11);
    let mut slapd = start(&people(1_200), limited());

    // Who is seen is created, from the first reading on.
    let [mut tls, ..] = engines(&stage, &slapd);
    let first = cycle(&stage, &mut tls).await;
    assert_truncated(&first);
    assert_eq!(
        first.kinds(),
        [("create", 500), ("create-team", 1), ("join-team", 500)]
    );
    assert_eq!(stage.active(), 500);
    stage.assert_rests(&cycle(&stage, &mut tls).await);

    slapd.restart_with(unlimited()).unwrap();
    let whole = cycle(&stage, &mut tls).await;
    assert_eq!(whole.kinds(), [("create", 700), ("join-team", 700)]);
    for engine in &mut engines(&stage, &slapd) {
        let again = cycle(&stage, engine).await;
        assert_eq!(
            again
                .summary
                .view
                .directories
                .values()
                .next()
                .unwrap()
                .accounts
                .len(),
            1_200
        );
        stage.assert_rests(&again);
    }

    for (n, url) in ["StartTLS", "TLS", "socket"].into_iter().enumerate() {
        slapd.restart_with(limited()).unwrap();
        let engine = &mut engines(&stage, &slapd)[n];
        the_limit_returns(&stage, &slapd, engine, n).await;
        slapd.restart_with(unlimited()).unwrap();
        the_limit_is_lifted(&stage, engine, n).await;
        assert_eq!(stage.active(), 1_199 - n, "over {url}");
    }
}

/// Of those who are seen, one gets another surname, and one loses the title; of the others, one
/// is really deleted.
async fn the_limit_returns(stage: &Stage, slapd: &Slapd, engine: &mut Engine, n: usize) {
    let active = stage.active();
    stage.assert_rests(&cycle(stage, engine).await);

    slapd
        .set(&dn(&format!("p000{n}")), "sn", &["Newname"])
        .unwrap();
    slapd.set(&dn(&format!("p001{n}")), "title", &[]).unwrap();
    slapd.delete(&dn(&format!("p110{n}"))).unwrap();
    let cut = cycle(stage, engine).await;
    assert_truncated(&cut);
    assert_eq!(cut.kinds(), [("update", 1)], "what is added goes on");
    assert_eq!(stage.user(&format!("p000{n}")).last_name, "Newname");
    assert_eq!(cut.grave(), 0, "nobody is to be deactivated, not even held");
    assert_eq!(
        unproven(&cut),
        active - 500,
        "each is listed with the reason"
    );
    assert_eq!(stage.active(), active);
    let kept = |why: &Why| matches!(why, Why::FieldUnproven { field } if field == "position");
    assert_eq!(cut.left(|left| kept(&left.why)), 1);
    assert_eq!(stage.user(&format!("p001{n}")).position, "Somebody");
}

/// Now the deletion is proven, and so is the title's loss.
async fn the_limit_is_lifted(stage: &Stage, engine: &mut Engine, n: usize) {
    let whole = cycle(stage, engine).await;
    assert_eq!(whole.kinds(), [("deactivate", 1), ("update", 1)]);
    assert!(!stage.is_active(&format!("p110{n}")));
    assert_eq!(stage.user(&format!("p001{n}")).position, "");
    stage.assert_rests(&cycle(stage, engine).await);
}
