//! Going in all its forms, with a real slapd: out of the base, locked and out of it, by date, by
//! somebody else's hand, and for ever.

use std::collections::BTreeMap;
use std::time::Duration;

use mattermost_sim::Version;
use mattersync::cycle::Engine;
use mattersync::model::{AccountChange, HoldKey, Reason, Remember, Step, Why};
use servers::{Slapd, SlapdOptions};

use crate::flow::openldap::{BASE, LOCK, LOCKED, PEOPLE, dn, people, provider, start, unlimited};
use testkit::desk;
use testkit::stage::{Cycle, HOUR, Stage, cycle};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// 2026-01-01, where the clock begins, in days since 1970.
const FIRST_DAY: u64 = 20_454;

struct Scene {
    stage: Stage,
    slapd: Slapd,
    engine: Engine,
}

impl Scene {
    /// Forty people, all on Mattermost.
    async fn new(policy: &str) -> Self {
        let stage = Stage::new(Version::V11);
        let options = SlapdOptions {
            units: vec!["Leavers".into()],
            ..unlimited()
        };
        let slapd = start(&people(40), options);
        let engine = engine(&stage, &slapd, policy);
        let mut scene = Self {
            stage,
            slapd,
            engine,
        };
        let filled = scene.cycle().await;
        assert_eq!(filled.kinds()[0], ("create", 40), "{:?}", filled.kinds());
        scene.rests().await;
        scene
    }

    async fn cycle(&mut self) -> Cycle {
        cycle(&self.stage, &mut self.engine).await
    }

    async fn rests(&mut self) {
        let cycle = self.cycle().await;
        self.stage.assert_rests(&cycle);
    }

    fn leavers(&self, uid: &str) -> String {
        format!("uid={uid},ou=Leavers,{BASE}")
    }

    fn move_out(&self, uid: &str) {
        let leavers = format!("ou=Leavers,{BASE}");
        let rdn = format!("uid={uid}");
        self.slapd.rename(&dn(uid), &rdn, Some(&leavers)).unwrap();
    }

    fn move_back(&self, uid: &str) {
        let rdn = format!("uid={uid}");
        self.slapd
            .rename(&self.leavers(uid), &rdn, Some(PEOPLE))
            .unwrap();
    }

    fn expire(&self, uid: &str, day: u64) {
        self.slapd
            .set(&dn(uid), "shadowExpire", &[&day.to_string()])
            .unwrap();
    }
}

fn engine(stage: &Stage, slapd: &Slapd, policy: &str) -> Engine {
    let provider = provider(stage, slapd, &slapd.ldaps_url(), PEOPLE);
    stage.engine(&provider, policy)
}

#[track_caller]
fn only<'a>(cycle: &'a Cycle, uid: &str) -> &'a Step {
    match cycle.steps(uid)[..] {
        [step] => step,
        ref other => panic!("{other:?}"),
    }
}

fn why<'a>(cycle: &'a Cycle, uid: &str) -> Vec<&'a Why> {
    let left = cycle.plan().left_alone.iter();
    left.filter(|l| l.subject.name == uid)
        .map(|l| &l.why)
        .collect()
}

#[tokio::test]
async fn who_is_found_elsewhere_is_judged_by_what_is_found() {
    let mut scene = Scene::new("[policy]\ngrace = \"24h\"\n").await;
    // Locked and moved on the same day, as leavers often are; moved only.
    scene.slapd.set(&dn("p0001"), LOCK, &[LOCKED]).unwrap();
    scene.move_out("p0001");
    scene.move_out("p0002");
    let first = scene.cycle().await;
    assert_eq!(
        first.kinds(),
        [("deactivate", 1)],
        "at once, not after the grace"
    );
    let step = only(&first, "p0001");
    assert!(
        matches!(&step.reason, Reason::Locked { attribute, value }
            if attribute == LOCK && value == LOCKED),
        "{:?}",
        step.reason
    );
    assert_eq!(step.subject.dn.as_deref(), Some(&*scene.leavers("p0001")));
    assert!(matches!(
        why(&first, "p0002")[..],
        [Why::Grace { readings: 1, .. }]
    ));

    // Back within the grace: nothing is written at all.
    scene.stage.clock.advance(2 * HOUR);
    scene.move_back("p0002");
    scene.rests().await;

    // Locked out there within the grace: now.
    scene.move_out("p0002");
    assert_eq!(scene.cycle().await.kinds(), []);
    let leavers = scene.leavers("p0002");
    scene.slapd.set(&leavers, LOCK, &[LOCKED]).unwrap();
    let locked = scene.cycle().await;
    assert_eq!(locked.kinds(), [("deactivate", 1)]);
    assert!(matches!(
        only(&locked, "p0002").reason,
        Reason::Locked { .. }
    ));
    scene.rests().await;

    // The reason can be read for as long as the user is out.
    let memory = scene.stage.memory().await;
    let reasons: BTreeMap<&str, &str> = memory
        .links()
        .map(|(_, link)| link)
        .filter_map(|link| Some((&*link.last_username, &*link.deactivated.as_ref()?.why)))
        .collect();
    assert!(reasons["p0001"].contains(LOCK), "{reasons:?}");
    assert!(reasons["p0002"].contains(LOCK), "{reasons:?}");
}

#[tokio::test]
async fn a_date_is_announced_and_takes_effect_though_nothing_changes() {
    let mut scene = Scene::new("[guard]\nlocked = 1\n").await;
    for uid in ["p0001", "p0002", "p0003"] {
        scene.expire(uid, FIRST_DAY + 10);
    }
    scene.rests().await;
    scene.stage.clock.advance(4 * DAY);
    let announced = scene.cycle().await;
    scene.stage.assert_rests(&announced);
    assert_eq!(announced.summary.facts.plan.announced().len(), 3);
    assert!(
        matches!(
            why(&announced, "p0001")[..],
            [Why::ExpiresSoon { days: 6, .. }]
        ),
        "{:?}",
        why(&announced, "p0001")
    );
    let again = scene.cycle().await;
    assert_eq!(again.summary.facts.plan.announced().len(), 0, "once");
    assert_eq!(again.left(|l| matches!(l.why, Why::ExpiresSoon { .. })), 3);

    // One is kept for longer after all: announced anew when it is time.
    scene.expire("p0003", FIRST_DAY + 100);
    scene.stage.clock.advance(6 * DAY - HOUR);
    scene.rests().await;
    let now = |scene: &Scene| mattersync::clock::Clock::now(&*scene.stage.clock).wall;
    let next = again.summary.facts.plan.next_expiry.unwrap();
    assert_eq!(next.since(now(&scene)), HOUR, "what the daemon wakes for");
    scene.stage.clock.advance(HOUR);
    let expired = scene.cycle().await;
    assert_eq!(
        expired.kinds(),
        [("deactivate", 2)],
        "above the limit, and expected"
    );
    assert!(matches!(
        only(&expired, "p0001").reason,
        Reason::Expired {
            announced: Some(_),
            ..
        }
    ));
    scene.rests().await;

    // A date in the past that nobody announced is a lock like any other.
    for uid in ["p0004", "p0005"] {
        scene.expire(uid, FIRST_DAY);
    }
    let surprise = scene.cycle().await;
    assert_eq!(surprise.kinds(), []);
    assert_eq!(surprise.summary.facts.held(), 2);
    assert!(scene.stage.is_active("p0004"));
}

#[tokio::test]
async fn what_somebody_else_reactivates_goes_again_where_the_directory_decides() {
    let policy = "[policy]\ngrace = \"0s\"\nreactivated-by-hand = \"enforce\"\n";
    let mut scene = Scene::new(policy).await;
    scene.slapd.set(&dn("p0001"), LOCK, &[LOCKED]).unwrap();
    scene.slapd.delete(&dn("p0002")).unwrap();
    assert_eq!(scene.cycle().await.kinds(), [("deactivate", 2)]);
    scene.rests().await;
    for uid in ["p0001", "p0002"] {
        scene.stage.reactivate(uid);
    }
    // Who is locked is seen; who is missing is asked for by id once more.
    let first = scene.cycle().await;
    assert_eq!(first.kinds(), [("deactivate", 1)]);
    assert!(matches!(only(&first, "p0001").reason, Reason::Again { .. }));
    let second = scene.cycle().await;
    assert_eq!(second.kinds(), [("deactivate", 1)]);
    let reason = only(&second, "p0002").reason.to_string();
    assert!(
        reason.contains("gone from the directory") && reason.contains("enforce"),
        "{reason}"
    );
    scene.rests().await;

    // Respected: it stays, and is listed.
    let mut respect = engine(&scene.stage, &scene.slapd, "[policy]\ngrace = \"0s\"\n");
    for uid in ["p0001", "p0002"] {
        scene.stage.reactivate(uid);
    }
    for _ in 0..3 {
        let stays = cycle(&scene.stage, &mut respect).await;
        scene.stage.assert_rests(&stays);
        assert_eq!(stays.left(|l| l.why == Why::ReactivatedByHand), 2);
    }
}

#[tokio::test]
async fn who_was_gone_long_enough_is_deleted_with_a_word_and_only_then() {
    let policy = "[policy]\ngrace = \"0s\"\npurge-after = \"30d\"\n";
    let mut scene = Scene::new(policy).await;
    scene.slapd.delete(&dn("p0001")).unwrap();
    scene.slapd.set(&dn("p0002"), LOCK, &[LOCKED]).unwrap();
    assert_eq!(scene.cycle().await.kinds(), [("deactivate", 2)]);
    scene.rests().await;
    scene.stage.clock.advance(31 * DAY);

    // The server's switch is off.
    let off = scene.cycle().await;
    scene.stage.assert_rests(&off);
    assert!(
        matches!(why(&off, "p0001")[..], [Why::NotPurged { .. }]),
        "{:?}",
        why(&off, "p0001")
    );
    scene.stage.allow_deletion();
    let held = scene.cycle().await;
    assert_eq!((held.kinds(), held.writes), (vec![], 0));
    let class = HoldKey::Class(mattersync::model::Class::Purge);
    assert_eq!(held.holds(), [&class]);
    assert_eq!(
        held.plan().steps.len(),
        1,
        "who is only locked stays for ever"
    );
    desk::show_holds(&mut scene.engine).await.unwrap();
    desk::approve(&mut scene.engine, "purge", "alice")
        .await
        .unwrap();
    let done = scene.cycle().await;
    assert_eq!(done.kinds(), [("purge", 1)]);
    assert!(scene.stage.sim.user_named("p0001").is_none());
    assert!(
        !done
            .plan()
            .learned
            .iter()
            .any(|l| matches!(l, Remember::Account(_, AccountChange::Link(None))))
    );
    let memory = scene.stage.memory().await;
    assert!(
        memory
            .links()
            .map(|(_, link)| link)
            .all(|l| l.last_username != "p0001"),
        "forgotten"
    );
    scene.rests().await;
}
