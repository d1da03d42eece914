//! An approval releases what a person saw, and no more.

use mattermost_sim::Version;
use mattersync::cycle::Engine;

use mattersync::desk::{Approve, note_shown};
use mattersync::model::ActionKind;
use testkit::desk;
use testkit::file::{File, NO_GRACE};
use testkit::stage::{HOUR, Stage, cycle};

async fn filled(stage: &Stage, file: &File) -> Engine {
    let mut engine = file.engine(stage, NO_GRACE);
    cycle(stage, &mut engine).await;
    cycle(stage, &mut engine).await;
    engine
}

#[tokio::test]
async fn what_a_cycle_of_the_service_found_in_between_stays_held() {
    let stage = Stage::new(Version::V11);
    let mut file = File::new(40);
    let mut engine = filled(&stage, &file).await;
    file.remove(0..3);
    let shown = desk::show_holds(&mut engine).await.unwrap();
    assert_eq!(shown.plan.holds[0].steps.len(), 3);
    // Nobody looks at what the service finds.
    file.remove(3..6);
    cycle(&stage, &mut engine).await;
    let approved = desk::approve(&mut engine, "missing", "alice")
        .await
        .unwrap();
    assert_eq!((approved.released.len(), approved.unseen.len()), (3, 3));
    cycle(&stage, &mut engine).await;
    assert!(!stage.is_active("user002"));
    assert!(stage.is_active("user005"));
    // Now they were shown.
    let approved = desk::approve(&mut engine, "missing", "alice")
        .await
        .unwrap();
    assert_eq!((approved.released.len(), approved.unseen.len()), (3, 0));
    cycle(&stage, &mut engine).await;
    assert!(!stage.is_active("user005"));
}

/// Also where nothing was ever shown: what the service found while nobody looked is not released
/// by a word that somebody types from memory.
#[tokio::test]
async fn what_nobody_has_seen_is_shown_before_it_is_released() {
    for word in ["missing", "user000"] {
        let stage = Stage::new(Version::V11);
        let mut file = File::new(40);
        let mut engine = filled(&stage, &file).await;
        file.remove(0..3);
        cycle(&stage, &mut engine).await;
        let meant = if word == "missing" { 3 } else { 1 };
        let approved = desk::approve(&mut engine, word, "alice").await.unwrap();
        assert_eq!((approved.released.len(), approved.unseen.len()), (0, meant));
        cycle(&stage, &mut engine).await;
        assert!(stage.is_active("user000"));
        let approved = desk::approve(&mut engine, word, "alice").await.unwrap();
        assert_eq!((approved.released.len(), approved.unseen.len()), (meant, 0));
        cycle(&stage, &mut engine).await;
        assert!(!stage.is_active("user000"));
    }
}

#[tokio::test]
async fn who_was_shown_a_cycle_saw_what_it_held() {
    let stage = Stage::new(Version::V11);
    let mut file = File::new(40);
    let mut engine = filled(&stage, &file).await;
    file.remove(0..3);
    desk::show_holds(&mut engine).await.unwrap();
    file.remove(3..6);
    let done = cycle(&stage, &mut engine).await;
    note_shown(&engine, &done.summary.view).await.unwrap();
    let approved = desk::approve(&mut engine, "missing", "alice")
        .await
        .unwrap();
    assert_eq!((approved.released.len(), approved.unseen.len()), (6, 0));
}

#[tokio::test]
async fn a_later_approval_does_not_prolong_an_earlier_one() {
    let stage = Stage::new(Version::V11);
    let mut file = File::new(40);
    let mut engine = filled(&stage, &file).await;
    file.remove(0..3);
    desk::show_holds(&mut engine).await.unwrap();
    desk::approve(&mut engine, "missing", "alice")
        .await
        .unwrap();
    // They are back before anything was done.
    file.add(0..3);
    cycle(&stage, &mut engine).await;
    stage.clock.advance(HOUR * 71);
    file.remove(10..13);
    desk::show_holds(&mut engine).await.unwrap();
    desk::approve(&mut engine, "missing", "bob").await.unwrap();
    cycle(&stage, &mut engine).await;
    assert!(!stage.is_active("user010"));
    stage.clock.advance(HOUR * 2);
    file.remove(0..3);
    cycle(&stage, &mut engine).await;
    assert!(stage.is_active("user000"));
}

/// The end of an approval stays what it was while a part of it is still wanted.
#[tokio::test]
async fn approvals_that_are_joined_end_with_the_earlier_one() {
    let stage = Stage::new(Version::V11);
    let mut file = File::new(40);
    let mut engine = filled(&stage, &file).await;
    file.remove(0..3);
    desk::show_holds(&mut engine).await.unwrap();
    let first = desk::approve(&mut engine, "missing", "alice")
        .await
        .unwrap();
    stage.clock.advance(HOUR * 71);
    file.remove(10..13);
    desk::show_holds(&mut engine).await.unwrap();
    let second = desk::approve(&mut engine, "missing", "bob").await.unwrap();
    assert_eq!(second.released.len(), 3);
    assert_eq!(second.until, first.until);
    cycle(&stage, &mut engine).await;
    assert!(!stage.is_active("user000") && !stage.is_active("user010"));
}

/// Two swap their names: one of them alone would keep a temporary name.
#[tokio::test]
async fn an_approval_for_one_of_a_ring_of_names_is_for_all_of_it() {
    // By the id: the names are those of either.
    for n in 0..2 {
        let approved = format!("10000000-0000-4000-8000-{n:012x}");
        let stage = Stage::new(Version::V11);
        let mut file = File::new(10);
        let mut engine = file.engine(&stage, "[policy]\ngrace = \"0s\"\n[guard]\nrename = 0\n");
        cycle(&stage, &mut engine).await;
        let first = stage.user("user000").id;
        file.edit(0, |person| person.uid = "user001".into());
        file.edit(1, |person| person.uid = "user000".into());
        cycle(&stage, &mut engine).await;
        assert_eq!(stage.user("user000").id, first);
        desk::show_holds(&mut engine).await.unwrap();
        let word = desk::approve(&mut engine, &approved, "alice")
            .await
            .unwrap();
        assert_eq!(word.released.len(), 3, "{approved}");
        cycle(&stage, &mut engine).await;
        assert_eq!(stage.user("user001").id, first, "{approved}");
        assert!(stage.sim.user_named("user000").is_some(), "{approved}");
    }
}

/// Whoever signed up in somebody's name knows the password and is logged in.
#[tokio::test]
async fn who_is_adopted_can_be_locked_out_of_it_first() {
    for new_password in [false, true] {
        let stage = Stage::new(Version::V11);
        let mut file = File::new(3);
        let mut engine = filled(&stage, &file).await;
        let fields = serde_json::json!({"username": "user003", "email": "user003@example.org"});
        let user = stage.sim.add_user(&fields).unwrap();
        let session = stage.sim.token_for(&user);
        let before = stage.user("user003").password;
        file.add(3..4);
        desk::show_holds(&mut engine).await.unwrap();
        let what = "adopt".to_owned();
        let word = desk::ask(&mut engine, "alice", Approve { what, new_password });
        assert_eq!(word.await.unwrap().released.len(), 1);
        let done = cycle(&stage, &mut engine).await;
        let resets = done.kinds().contains(&("reset-access", 1));
        assert_eq!(resets, new_password, "{:?}", done.kinds());
        let steps = done.steps("user003").into_iter();
        let reset = steps.filter(|step| step.action.kind() == ActionKind::ResetAccess);
        let reasons: Vec<String> = reset.map(|step| step.reason.to_string()).collect();
        let says = |why: &String| {
            why.starts_with("alice ordered it")
                && why.contains("`mattersync approve adopt --new-password`")
        };
        assert_eq!(reasons.len(), usize::from(new_password));
        assert!(reasons.iter().all(says), "{reasons:?}");
        assert!(done.kinds().contains(&("adopt", 1)));
        assert_eq!(stage.user("user003").password != before, new_password);
        assert_eq!(stage.sim.knows_session(&session), !new_password);
        let rest = cycle(&stage, &mut engine).await;
        stage.assert_rests(&rest);
    }
}
