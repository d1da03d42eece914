//! The reading lied: cut, empty, refused, or of another server.

use std::collections::BTreeMap;
use std::time::Duration;

use ldap_fault::{Armed, At, Entry, Fault, FaultServer, Script};
use mattermost_sim::Options;
use mattersync::cycle::CycleError;
use mattersync::daemon::{Health, LastCycle, Phase};
use mattersync::desk::DeskError;
use mattersync::model::{Gap, Timestamp, Why};

use crate::edge::scene::{BASE, HASTY, PEOPLE, Scene, Set as _, ad_person, person};
use testkit::desk;
use testkit::service;
use testkit::stage::{HOUR, cycle, try_cycle};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A fault of the search for accounts, and of no other.
fn of_accounts(fault: Fault) -> Armed {
    Armed::from(fault).when_asked_for("mail")
}

/// A right was lost, or the base was moved: nobody is there, with result 0. No limit and no
/// approval makes leavers of all.
#[tokio::test]
async fn edge_01_nobody_is_out_because_the_reading_is_empty() {
    let scene = Scene::people(12).await;
    let mut engine = scene.engine(HASTY);
    scene.fill(&mut engine).await;
    scene.ldap.arm(Fault::HideBelow(PEOPLE.into()));
    for _ in 0..4 {
        let empty = cycle(&scene.stage, &mut engine).await;
        assert_eq!(empty.gaps(), [Gap::Empty]);
        assert_eq!((empty.grave(), empty.writes), (0, 0));
        assert_eq!(empty.left(|l| matches!(l.why, Why::Unproven(_))), 12);
        let health = LastCycle::of(&empty.summary.facts, Timestamp(0)).health();
        assert!(matches!(health, Health::Degraded(why) if why[0].contains("no entry at all")));
        scene.stage.clock.advance(DAY);
    }
    desk::show_holds(&mut engine).await.unwrap();
    let word = desk::approve(&mut engine, "missing", "alice").await;
    assert!(matches!(word, Err(DeskError::NothingHeld(..))));
    scene.ldap.disarm();
    let rest = cycle(&scene.stage, &mut engine).await;
    scene.stage.assert_rests(&rest);
    assert_eq!(scene.stage.active(), 12);
}

/// What came is right, and not all; or nothing is right. Either way nobody is out.
#[tokio::test]
async fn edge_02_a_search_that_ends_badly_takes_nothing_from_anybody() {
    for code in [3, 4, 11, 51, 52, 53] {
        let mut scene = Scene::people(12).await;
        let mut engine = scene.engine(HASTY);
        scene.fill(&mut engine).await;
        scene.edit(0, |e| e.set("sn", "Married"));
        scene.remove(11);
        let at = At::entries(6);
        let cookie = false;
        scene.ldap.arm(of_accounts(Fault::End { at, code, cookie }));
        let partly = matches!(code, 3 | 4 | 11);
        for _ in 0..4 {
            let done = try_cycle(&scene.stage, &mut engine).await;
            match done {
                Ok(done) => {
                    assert!(partly, "{code}");
                    let cut =
                        |gap: &Gap| matches!(gap, Gap::ResultCode { code: c, .. } if *c == code);
                    assert!(done.gaps().iter().any(cut), "{code}: {:?}", done.gaps());
                    assert_eq!(done.grave(), 0, "{code}");
                }
                Err(error) => {
                    assert!(!partly, "{code}: {error}");
                    assert_eq!(error.exit_code(), 69);
                    let words = format!("result {code}");
                    assert!(error.to_string().contains(&words), "{error}");
                }
            }
            scene.stage.clock.advance(DAY);
        }
        assert_eq!(scene.stage.active(), 12, "{code}");
        assert!(
            scene
                .memory()
                .await
                .accounts
                .values()
                .all(|m| m.absence.is_none()),
            "{code}"
        );
        // What was seen is kept in step.
        let name = scene.stage.user("p0000").last_name;
        assert_eq!(name == "Married", partly, "{code}: {name}");
        scene.ldap.disarm();
        cycle(&scene.stage, &mut engine).await;
        assert!(!scene.stage.is_active("p0011"), "{code}");
    }
}

/// A library or a proxy cuts at a round number, and says that it was all. A number that is right
/// by chance is confirmed.
#[tokio::test]
async fn edge_03_a_round_number_is_believed_only_when_it_is_confirmed() {
    let mut scene = Scene::people(503).await;
    let mut engine = scene.engine(HASTY);
    scene.fill(&mut engine).await;
    let searches = scene.ldap.searches();
    let of_people = searches
        .iter()
        .filter(|s| s.attributes.iter().any(|a| a == "mail"));
    assert!(
        of_people
            .into_iter()
            .all(|s| s.paging_critical && s.page_size.is_some())
    );

    scene.ldap.arm(Fault::Truncated(500));
    let cut = cycle(&scene.stage, &mut engine).await;
    assert_eq!(cut.accounts(), 500);
    assert_eq!(cut.gaps(), [Gap::SuspectCount(500)]);
    assert!(cut.gaps()[0].to_string().contains("usual server limit"));
    assert_eq!((cut.grave(), cut.writes), (0, 0));

    scene.ldap.disarm();
    for n in 0..3 {
        scene.remove(n);
    }
    let honest = cycle(&scene.stage, &mut engine).await;
    assert_eq!((honest.accounts(), honest.gaps()), (500, vec![]));
    assert_eq!(honest.kinds(), [("deactivate", 3)]);
}

/// "Unknown" is not "missing", whatever the reason.
#[tokio::test]
async fn edge_04_a_directory_that_cannot_be_asked_is_no_reason_to_do_anything() {
    let scene = Scene::people(5).await;
    let mut engine = scene.engine(HASTY);
    scene.fill(&mut engine).await;
    let before = scene.memory().await;
    let dead = ["ldap://127.0.0.1:1", "ldap://nobody.invalid:389"];
    for url in dead {
        let mut engine = scene.engine_at(&[url.to_owned()], "start-tls = true\n", HASTY);
        for _ in 0..4 {
            let error = try_cycle(&scene.stage, &mut engine).await.err().unwrap();
            assert_eq!(error.exit_code(), 69, "{error}");
            assert!(error.to_string().contains(url), "{error}");
            scene.stage.clock.advance(DAY);
        }
    }
    for code in [49, 51, 53] {
        scene.ldap.arm(Fault::BindResult(code));
        let error = try_cycle(&scene.stage, &mut engine).await.err().unwrap();
        assert!(matches!(error, CycleError::Provider(_)), "{error}");
        assert_eq!(error.must_not_hurry(), code == 49);
        scene.ldap.disarm();
    }
    assert_eq!(scene.memory().await, before);
    assert_eq!(scene.stage.active(), 5);
    let rest = cycle(&scene.stage, &mut engine).await;
    scene.stage.assert_rests(&rest);
}

/// Half of a reading is none, and a cookie is of no use on another connection.
#[tokio::test]
async fn edge_05_a_cut_between_pages_is_followed_by_a_reading_from_the_first_page() {
    let mut scene = Scene::people(25).await;
    let mut engine = scene.engine_at(&[scene.ldap.url()], "page-size = 10\n", HASTY);
    scene.fill(&mut engine).await;
    scene.remove(24);
    scene.put(30, person(30, "newcomer"));
    scene
        .ldap
        .arm(of_accounts(Fault::Cut(At::SECOND_PAGE)).times(1));
    let before = scene.ldap.searches().len();
    let error = try_cycle(&scene.stage, &mut engine).await.err().unwrap();
    assert!(
        error.to_string().contains("closed the connection"),
        "{error}"
    );
    assert_eq!(scene.stage.active(), 25);
    let again = cycle(&scene.stage, &mut engine).await;
    assert_eq!((again.accounts(), again.gaps()), (25, vec![]));
    assert!(!scene.stage.is_active("p0024") && scene.stage.is_active("newcomer"));
    let mut pages: BTreeMap<usize, Vec<bool>> = BTreeMap::new();
    for search in &scene.ldap.searches()[before..] {
        if search.attributes.iter().any(|a| a == "mail") {
            let of_connection = pages.entry(search.connection).or_default();
            of_connection.push(search.continues);
        }
    }
    let pages: Vec<Vec<bool>> = pages.into_values().collect();
    assert_eq!(pages, [vec![false, true], vec![false, true, true]]);
}

/// Accounts and groups are two searches: each begins without a cookie.
#[tokio::test]
async fn edge_06_each_search_has_pages_of_its_own() {
    let mut scene = Scene::people(25).await;
    for n in 100..125 {
        let name = format!("group{n}");
        let group = Entry::new(&format!("cn={name},ou=Groups,{BASE}"))
            .with_all("objectClass", ["top", "posixGroup"])
            .with("cn", name)
            .with("memberUid", "p0001")
            .with_operational("entryUUID", format!("00000000-0000-4000-9000-{n:012x}"));
        scene.put(n, group);
    }
    let mut engine = scene.engine_at(&[scene.ldap.url()], "page-size = 10\n", HASTY);
    let done = cycle(&scene.stage, &mut engine).await;
    let directory = done.summary.view.directories.values().next().unwrap();
    assert_eq!((directory.accounts.len(), directory.groups.len()), (25, 25));
    assert_eq!(directory.groups.gaps(), []);
    assert_eq!(directory.accounts.gaps(), []);
    let mut filters: BTreeMap<String, Vec<bool>> = BTreeMap::new();
    for search in scene.ldap.searches() {
        if search.page_size == Some(10) {
            filters
                .entry(search.filter)
                .or_default()
                .push(search.continues);
        }
    }
    assert_eq!(filters.len(), 2);
    for (filter, continues) in filters {
        assert_eq!(continues, [false, true, true], "{filter}");
    }
}

/// The root DSE says so; then all is asked for at once, and a leaver is one.
#[tokio::test]
async fn edge_07_a_server_that_cannot_page_is_asked_once_and_believed_if_it_can_be() {
    let people = (0..20).map(|n| (n, person(n, &format!("p{n:04}"))));
    let mut scene = Scene::with("rfc2307", people.collect(), |mut script| {
        let other = ("supportedControl".into(), "2.16.840.1.113730.3.4.2".into());
        script.root_dse.push(other);
        script.with(Fault::PagingUnsupported)
    })
    .await;
    let mut engine = scene.engine(HASTY);
    scene.fill(&mut engine).await;
    let asked = scene.ldap.searches();
    let mut asked = asked
        .iter()
        .filter(|s| s.attributes.iter().any(|a| a == "mail"));
    assert!(
        asked.all(|s| s.page_size.is_none()),
        "{:?}",
        scene.ldap.searches()
    );
    scene.remove(7);
    let done = cycle(&scene.stage, &mut engine).await;
    assert_eq!(done.gaps(), []);
    assert_eq!(done.kinds(), [("deactivate", 1)]);
    // And where it stops at a limit, it has to say so.
    let (at, code, cookie) = (At::entries(10), 4, false);
    scene.ldap.arm(of_accounts(Fault::End { at, code, cookie }));
    let cut = cycle(&scene.stage, &mut engine).await;
    assert_eq!((cut.grave(), cut.writes), (0, 0));
    assert_eq!(scene.stage.active(), 19);
}

/// A server that is busy is asked less often, and nobody is blocked for it.
#[tokio::test(flavor = "multi_thread")]
async fn edge_08_a_directory_that_refuses_for_a_while_is_left_in_peace() {
    let people = Entry::posix_people(3, &format!("ou=People,{}", service::BASE));
    let ldap = FaultServer::start(Script::new(service::BASE, people))
        .await
        .unwrap();
    let config = service::Config {
        provider: format!("urls = [\"{}\"]\n", ldap.url()),
        schedule: "interval = \"10s\"\njitter = \"0s\"\nmax-backoff = \"1h\"\n".into(),
        ..service::Config::default()
    };
    let stage = service::Stage::new(
        crate::BINARY,
        &Options::new(mattermost_sim::Version::V11),
        &config,
    );
    let daemon = stage.start_and_wait();
    assert_eq!(stage.sim.users().len(), 4);
    let (at, cookie) = (At::START, false);
    ldap.arm(of_accounts(Fault::End {
        at,
        code: 51,
        cookie,
    }));
    let pause = |failures: u32| {
        daemon.signal("USR1");
        let status = daemon.wait_for("a failure", |s| {
            s.failures >= failures && s.phase == Phase::Idle
        });
        let now = jiff::Timestamp::now().as_millisecond();
        status.next.unwrap().0 - now
    };
    daemon.wait_for("a failure", |s| s.failures == 1);
    let (second, fifth) = (pause(2), {
        pause(3);
        pause(4);
        pause(5)
    });
    assert!(second > 10_000, "{second} ms");
    assert!(fifth > 100_000, "{fifth} ms");
    assert_eq!(
        daemon.said("no cycle could be finished"),
        1,
        "{}",
        daemon.output()
    );
    assert!(daemon.output().contains("busy"), "{}", daemon.output());
    ldap.disarm();
    stage.sim.reset_counters();
    daemon.signal("USR1");
    daemon.wait_for("recovery", |s| s.failures == 0);
    assert_eq!(stage.sim.writes(), 0);
    assert!(stage.sim.users().iter().all(|u| u.is_active()));
    daemon.stop();
}

/// Active Directory always refers to parts that hold no people; whatever else is elsewhere may
/// hold somebody. Nobody is asked but the server that was named.
#[tokio::test]
async fn edge_09_a_reference_is_not_followed_and_hides_people_unless_it_cannot() {
    let mut scene = Scene::domain(6).await;
    let other = FaultServer::start(Script::new(BASE, Vec::new()))
        .await
        .unwrap();
    let mut engine = scene.engine(HASTY);
    scene.fill(&mut engine).await;
    scene.remove(5);
    let harmless = ["DC=ForestDnsZones", "DC=DomainDnsZones", "CN=Configuration"];
    let harmless = harmless.map(|part| format!("{}/{part},{BASE}", other.url()));
    let hiding = format!("{}/OU=Branch,{BASE}", other.url());
    scene.ldap.arm(Fault::References(vec![hiding.clone()]));
    let hidden = cycle(&scene.stage, &mut engine).await;
    assert_eq!(hidden.gaps(), [Gap::Referral(hiding.clone())]);
    let words = hidden.gaps()[0].to_string();
    assert!(
        words.contains(&hiding) && words.contains("Global Catalog"),
        "{words}"
    );
    assert_eq!(hidden.grave(), 0);
    scene.ldap.disarm();
    scene.ldap.arm(Fault::References(harmless.to_vec()));
    let whole = cycle(&scene.stage, &mut engine).await;
    assert_eq!(whole.gaps(), []);
    assert_eq!(whole.kinds(), [("deactivate", 1)]);
    assert_eq!(other.connections(), 0);
}

/// A cycle reads one server. What only one of them lacks must be lacking for the whole grace, in
/// three readings.
#[tokio::test]
async fn edge_10_a_replica_that_lags_makes_nobody_a_leaver_by_itself() {
    let mut scene = Scene::people(8).await;
    let lagging = (0..6).map(|n| person(n, &format!("p{n:04}"))).collect();
    let lagging = FaultServer::start(Script::new(BASE, lagging))
        .await
        .unwrap();
    let urls = [scene.ldap.url(), lagging.url()];
    let mut engine = scene.engine_at(
        &urls,
        "",
        "[policy]\ngrace = \"24h\"\n[guard]\nmissing = \"off\"\n",
    );
    scene.fill(&mut engine).await;

    scene.ldap.stop().await;
    for _ in 0..2 {
        let lag = cycle(&scene.stage, &mut engine).await;
        let read = lag.summary.facts.plan.directories.values().next();
        let source = read.unwrap().source.clone();
        assert_eq!((source, lag.accounts()), (lagging.url(), 6));
        assert_eq!(lag.left(|l| matches!(l.why, Why::Grace { .. })), 2);
        scene.stage.clock.advance(HOUR * 30);
    }
    scene.ldap.start_again().await.unwrap();
    let whole = cycle(&scene.stage, &mut engine).await;
    scene.stage.assert_rests(&whole);
    assert!(
        scene
            .memory()
            .await
            .accounts
            .values()
            .all(|m| m.absence.is_none())
    );

    scene.ldap.stop().await;
    for _ in 0..2 {
        cycle(&scene.stage, &mut engine).await;
        scene.stage.clock.advance(HOUR * 30);
    }
    assert_eq!(scene.stage.active(), 8);
    cycle(&scene.stage, &mut engine).await;
    assert_eq!(scene.stage.active(), 6);
}

/// The groups cannot be read: what is known of the people goes on.
#[tokio::test]
async fn edge_12_a_failure_with_the_groups_leaves_the_people_as_they_are() {
    let mut scene = Scene::people(6).await;
    let mut engine = scene.engine(HASTY);
    scene.fill(&mut engine).await;
    for code in [4, 51] {
        let n = code;
        scene.edit(0, |e| e.set("sn", format!("Name{n}")));
        scene.remove(n % 7);
        let (at, cookie) = (At::START, false);
        let fault = Armed::from(Fault::End { at, code, cookie });
        scene.ldap.arm(fault.when_filter_has("posixgroup"));
        let done = cycle(&scene.stage, &mut engine).await;
        assert_eq!(done.kinds(), [("deactivate", 1), ("update", 1)], "{code}");
        let report = done.summary.facts.plan.directories;
        let report = report.values().next().unwrap();
        assert_eq!(
            (report.gaps.len(), report.group_gaps.is_empty()),
            (0, false)
        );
        scene.ldap.disarm();
    }
}

/// What Active Directory keeps of the deleted is nobody: no user for it, and no life of its own
/// for the leaver.
#[tokio::test]
async fn edge_20_a_tombstone_is_neither_an_account_nor_somebody_found_elsewhere() {
    let mut scene = Scene::domain(6).await;
    let mut engine = scene.engine(HASTY);
    scene.fill(&mut engine).await;
    let tombstone = |n: u32| {
        let entry = Entry::ad_person(
            &format!("p{n:04}"),
            &format!("CN=Deleted Objects,{BASE}"),
            n,
        );
        entry.with("isDeleted", "TRUE")
    };
    scene.put(5, tombstone(5));
    scene.put(9, tombstone(9));
    let done = cycle(&scene.stage, &mut engine).await;
    assert_eq!((done.accounts(), done.gaps()), (5, vec![]));
    assert_eq!(done.kinds(), [("deactivate", 1)]);
    assert!(!scene.stage.is_active("p0005"));
    assert!(scene.stage.sim.user_named("p0009").is_none());
    let rest = cycle(&scene.stage, &mut engine).await;
    scene.stage.assert_rests(&rest);
    // The same person, taken out of the bin again.
    scene.put(5, ad_person(5));
    cycle(&scene.stage, &mut engine).await;
    cycle(&scene.stage, &mut engine).await;
    assert!(scene.stage.is_active("p0005"));
}
