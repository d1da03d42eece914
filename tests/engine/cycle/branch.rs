//! The bot that mattersync works as outlives the job of the person who made it.

use mattermost_sim::{Commit, Effect, Fault, Version};
use mattersync::cycle::Engine;
use serde_json::json;

use testkit::desk;
use testkit::file::{File, NO_GRACE};
use testkit::stage::{Stage, cycle, try_cycle};

/// A bot with rights and a token, made by `user000`, who is an administrator; the engine works as it.
async fn bot_of_a_person(stage: &Stage, file: &File) -> (Engine, String) {
    let mut engine = file.engine(stage, NO_GRACE);
    cycle(stage, &mut engine).await;
    let admin = "system_user system_admin";
    let person = stage.user("user000").id;
    assert!(stage.sim.edit_user(&person, |u| u.roles = admin.into()));
    let fields = json!({"username": "syncbot", "email": "syncbot@example.org"});
    let bot = stage.sim.add_user(&fields).unwrap();
    assert!(stage.sim.edit_user(&bot, |u| u.roles = admin.into()));
    let token = stage.sim.make_bot(&bot);
    stage.sim.set_bot_owner(&bot, &person);
    stage.secret("token", &token);
    (file.engine(stage, NO_GRACE), bot)
}

#[tokio::test]
async fn the_bot_is_handed_over_before_its_owner_is_deactivated() {
    for version in [Version::V5_38, Version::V11] {
        for by_order in [false, true] {
            let stage = Stage::new(version);
            let mut file = File::new(10);
            let (mut engine, bot) = bot_of_a_person(&stage, &file).await;
            if by_order {
                let done = desk::deactivate(&mut engine, "user000", "alice").await;
                assert!(done.unwrap().is_clean());
            } else {
                file.lock(0..2);
                let done = cycle(&stage, &mut engine).await;
                assert_eq!(done.kinds(), [("assign-bot", 1), ("deactivate", 2)]);
            }
            let root = stage.user("root.admin").id;
            assert_eq!(stage.sim.bot_owner(&bot), Some(root), "{version:?}");
            assert!(!stage.is_active("user000") && stage.is_active("syncbot"));
            let rest = cycle(&stage, &mut engine).await;
            stage.assert_rests(&rest);
        }
    }
}

/// A bot that another bot owns goes with that one's owner.
#[tokio::test]
async fn a_bot_of_a_bot_is_handed_over_as_well() {
    let stage = Stage::new(Version::V11);
    let mut file = File::new(10);
    let (mut engine, bot) = bot_of_a_person(&stage, &file).await;
    let fields = json!({"username": "middle", "email": "middle@example.org"});
    let middle = stage.sim.add_user(&fields).unwrap();
    let _ = stage.sim.make_bot(&middle);
    stage.sim.set_bot_owner(&middle, &stage.user("user000").id);
    stage.sim.set_bot_owner(&bot, &middle);
    file.lock(0..1);
    cycle(&stage, &mut engine).await;
    assert!(!stage.is_active("user000") && !stage.is_active("middle"));
    assert!(stage.is_active("syncbot"));
    let rest = cycle(&stage, &mut engine).await;
    stage.assert_rests(&rest);
}

/// A converted account owns itself.
#[tokio::test]
async fn a_bot_that_owns_itself_needs_nobody() {
    let stage = Stage::new(Version::V11);
    let mut file = File::new(10);
    let (mut engine, bot) = bot_of_a_person(&stage, &file).await;
    stage.sim.set_bot_owner(&bot, &bot);
    file.lock(0..1);
    let done = cycle(&stage, &mut engine).await;
    assert_eq!(done.kinds(), [("deactivate", 1)]);
}

#[tokio::test]
async fn without_the_hand_over_the_owner_stays() {
    let stage = Stage::new(Version::V11);
    let mut file = File::new(10);
    let (mut engine, bot) = bot_of_a_person(&stage, &file).await;
    file.lock(0..2);
    let refused = Fault::new(Effect::status(500)).path("/api/v4/bots/*/assign/*");
    stage.sim.add_fault(refused);
    let done = try_cycle(&stage, &mut engine).await.unwrap();
    assert!(stage.is_active("user000") && !stage.is_active("user001"));
    let not_done = &done.summary.facts.not_done;
    assert_eq!(not_done.len(), 1, "{not_done:?}");
    stage.sim.clear_faults();
    // The answer is lost: the next cycle sees that it was done.
    let lost = Fault::new(Effect::Cut(Commit::After)).path("/api/v4/bots/*/assign/*");
    stage.sim.add_fault(lost);
    try_cycle(&stage, &mut engine).await.unwrap();
    assert!(stage.is_active("user000"));
    stage.sim.clear_faults();
    let done = cycle(&stage, &mut engine).await;
    assert_eq!(done.kinds(), [("deactivate", 1)]);
    assert_ne!(stage.sim.bot_owner(&bot), Some(stage.user("user000").id));
    assert!(stage.is_active("syncbot"));
}

/// Somebody else gave the bot to another person, or the heir left, since both sides were read.
#[tokio::test]
async fn an_heir_who_left_meanwhile_gets_nothing() {
    let stage = Stage::new(Version::V11);
    let mut file = File::new(10);
    let (mut engine, bot) = bot_of_a_person(&stage, &file).await;
    file.lock(0..1);
    let root = stage.user("root.admin").id;
    let demoted = Fault::new(Effect::status(404))
        .method("GET")
        .path(&format!("/api/v4/users/{root}"));
    stage.sim.add_fault(demoted);
    let done = try_cycle(&stage, &mut engine).await.unwrap();
    assert_eq!(done.summary.facts.not_done.len(), 2);
    assert!(stage.is_active("user000"));
    assert_eq!(stage.sim.bot_owner(&bot), Some(stage.user("user000").id));
}
