//! What happens to people in a directory is followed on Mattermost: one story, told of every
//! directory in the same words.

use mattersync::cycle::Engine;
use mattersync::model::{LeftAlone, Reason, Why};

use testkit::stage::{Cycle, HOUR, Stage, cycle};

/// 2026-01-01, where the clock begins, in days since 1970.
const FIRST_DAY: u64 = 20_454;

/// Where a person's entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Where everybody is at first.
    Home,
    /// In a unit of its own below the base.
    Inside,
    /// Outside of the base.
    Outside,
}

/// A directory as its administrator works with it. `p0000` upward are there, at home.
pub trait Office {
    fn lock(&self, name: &str);
    fn unlock(&self, name: &str);
    /// The account ends with this day, counted since 1970; `None` for never.
    fn expire(&self, name: &str, day: Option<u64>);
    fn rename(&self, from: &str, to: &str);
    fn move_to(&self, name: &str, from: Place, to: Place);
    fn delete(&self, name: &str);
    /// Somebody else of this name, with this address.
    fn add(&self, name: &str, mail: &str);
    fn set_mail(&self, name: &str, mail: &str);
    /// An engine below the base with these other sections.
    fn engine(&self, stage: &Stage, rest: &str) -> Engine;
}

/// Tells the whole story after the first fill.
pub async fn everything(stage: &Stage, office: &dyn Office) {
    let patient = &mut office.engine(stage, "[policy]\ngrace = \"24h\"\n");
    stage.assert_rests(&cycle(stage, patient).await);
    lock_and_unlock(stage, office, patient).await;
    expiry(stage, office, patient).await;
    new_name_and_place(stage, office, patient).await;
    missing(stage, office, patient).await;
    seldom_read(stage, office, patient).await;
    again_under_the_old_name(stage, office).await;
}

async fn lock_and_unlock(stage: &Stage, office: &dyn Office, engine: &mut Engine) {
    office.lock("p0001");
    office.lock("p0002");
    let locked = cycle(stage, engine).await;
    assert_eq!(locked.kinds(), [("deactivate", 2)]);
    assert!(matches!(reason(&locked, "p0001"), Reason::Locked { .. }));
    assert!(!stage.is_active("p0001") && !stage.is_active("p0002"));
    stage.assert_rests(&cycle(stage, engine).await);

    // One after the other: also the last who is locked comes back.
    for name in ["p0001", "p0002"] {
        office.unlock(name);
        comes_back(stage, engine, name).await;
    }
}

/// Back at the second reading, not at the first.
async fn comes_back(stage: &Stage, engine: &mut Engine, name: &str) {
    let once = cycle(stage, engine).await;
    assert_eq!((once.kinds(), once.writes), (vec![], 0));
    let waits = |l: &LeftAlone| l.why == Why::SeenBackOnce;
    assert_eq!(once.left(waits), 1, "{name}: {:?}", once.plan().left_alone);
    assert!(!stage.is_active(name));
    let twice = cycle(stage, engine).await;
    assert_eq!(twice.kinds(), [("reactivate", 1)]);
    assert!(stage.is_active(name));
    stage.assert_rests(&cycle(stage, engine).await);
}

async fn expiry(stage: &Stage, office: &dyn Office, engine: &mut Engine) {
    office.expire("p0011", Some(FIRST_DAY + 30));
    stage.assert_rests(&cycle(stage, engine).await);
    stage.clock.advance(31 * 24 * HOUR);
    let expired = cycle(stage, engine).await;
    assert_eq!(
        expired.kinds(),
        [("deactivate", 1)],
        "nothing but time has passed"
    );
    assert!(!stage.is_active("p0011"));
    office.expire("p0011", None);
    comes_back(stage, engine, "p0011").await;
}

async fn new_name_and_place(stage: &Stage, office: &dyn Office, engine: &mut Engine) {
    let before = stage.user("p0003");
    office.rename("p0003", "renamed");
    let renamed = cycle(stage, engine).await;
    assert_eq!(renamed.kinds(), [("rename", 1)]);
    let after = stage.user("renamed");
    assert_eq!((&after.id, &after.email), (&before.id, &before.email));
    assert_eq!(after.delete_at, 0);

    office.move_to("p0004", Place::Home, Place::Inside);
    stage.assert_rests(&cycle(stage, engine).await);
}

/// Out of scope and deleted alike: three readings in two minutes are not enough, a day is.
async fn missing(stage: &Stage, office: &dyn Office, engine: &mut Engine) {
    office.move_to("p0005", Place::Home, Place::Outside);
    office.delete("p0006");
    for readings in 1..=3 {
        let waits = cycle(stage, engine).await;
        assert_eq!((waits.kinds(), waits.writes), (vec![], 0));
        let grace = |why: &Why| matches!(why, Why::Grace { readings: r, .. } if *r == readings);
        assert_eq!(waits.left(|l| grace(&l.why)), 2);
        stage.clock.advance(HOUR / 60);
    }
    stage.clock.advance(24 * HOUR);
    let due = cycle(stage, engine).await;
    assert_eq!(due.kinds(), [("deactivate", 2)]);
    assert!(!stage.is_active("p0005") && !stage.is_active("p0006"));
    let Reason::Missing {
        now_at: Some(at), ..
    } = reason(&due, "p0005")
    else {
        panic!("{:?}", due.steps("p0005"));
    };
    assert!(at.contains("Leavers"), "{at}");
    assert!(matches!(
        reason(&due, "p0006"),
        Reason::Missing { now_at: None, .. }
    ));
    stage.assert_rests(&cycle(stage, engine).await);

    office.move_to("p0005", Place::Outside, Place::Home);
    comes_back(stage, engine, "p0005").await;
}

/// However long it takes: two readings are not enough.
async fn seldom_read(stage: &Stage, office: &dyn Office, engine: &mut Engine) {
    office.delete("p0009");
    for _ in 0..2 {
        let waits = cycle(stage, engine).await;
        assert_eq!((waits.kinds(), waits.writes), (vec![], 0));
        stage.clock.advance(100 * HOUR);
    }
    assert!(stage.is_active("p0009"));
    assert_eq!(cycle(stage, engine).await.kinds(), [("deactivate", 1)]);
    assert!(!stage.is_active("p0009"));
}

/// Without grace the first proven reading decides. A new person of the old name is nobody's heir.
async fn again_under_the_old_name(stage: &Stage, office: &dyn Office) {
    let hasty = &mut office.engine(stage, "[policy]\ngrace = \"0s\"\n");
    stage.assert_rests(&cycle(stage, hasty).await);
    let old = stage.user("p0010");
    office.delete("p0010");
    assert_eq!(cycle(stage, hasty).await.kinds(), [("deactivate", 1)]);
    let left = stage.user("p0010");
    assert_ne!(left.delete_at, 0);

    // The leaver with another id, or somebody new of the same name? A person must say.
    office.add("p0010", &old.email);
    let conflict = cycle(stage, hasty).await;
    assert_eq!((conflict.kinds(), conflict.writes), (vec![], 0));
    let like = |why: &Why| matches!(why, Why::LooksLike { value, .. } if value == "p0010");
    assert_eq!(conflict.left(|l| like(&l.why)), 1);

    // With an address of their own, and much later, it is somebody new.
    office.set_mail("p0010", "another.person@example.org");
    stage.clock.advance(400 * 24 * HOUR);
    let made = cycle(stage, hasty).await;
    let left_alone = made.plan().left_alone.iter();
    let left_alone: Vec<_> = left_alone.filter(|l| l.subject.name == "p0010").collect();
    let all = [("create", 1), ("join-team", 1)];
    assert_eq!(made.kinds(), all, "{left_alone:?} {:?}", made.holds());
    assert_eq!(stage.user("p0010"), left, "the old user is as before");
    let new = stage.user("p00102");
    assert_ne!(new.id, old.id);
    assert_eq!(new.email, "another.person@example.org");
    stage.assert_rests(&cycle(stage, hasty).await);
}

#[track_caller]
fn reason<'a>(cycle: &'a Cycle, name: &str) -> &'a Reason {
    let steps = cycle.steps(name);
    let step = steps
        .first()
        .unwrap_or_else(|| panic!("no step about {name}"));
    &step.reason
}
