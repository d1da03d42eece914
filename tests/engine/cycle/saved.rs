//! A saved plan is carried out as any other cycle is, and only with the Mattermost and the directory
//! that it was made of.

use std::time::Duration;

use mattermost_sim::{Commit, Effect, Fault, Version};
use mattersync::cycle::Engine;
use mattersync::desk::{DeskError, SavePlan, SavedPlan, SyncSaved, SyncedSaved};
use mattersync::model::{ActionKind, Noted, SourceIdentity, Why};
use serde_json::json;
use tokio::sync::watch;

use testkit::desk;
use testkit::file::{File, NO_GRACE};
use testkit::maker::make_all;
use testkit::stage::{Stage, cycle};

#[tokio::test]
async fn one_user_who_is_gone_makes_no_other_server_of_it() {
    let stage = Stage::new(Version::V11);
    let mut file = File::new(4);
    let mut engine = file.engine(&stage, NO_GRACE);
    cycle(&stage, &mut engine).await;
    for name in ["user001", "user002", "user003"] {
        stage.sim.delete_for_good(&stage.user(name).id);
    }
    file.add(4..5);
    let next = cycle(&stage, &mut engine).await;
    assert_eq!(next.kinds()[0], ("create", 1));
    assert_eq!(next.left(|l| l.why == Why::UserGone), 3);
}

/// What was read of the only provider.
fn first(saved: &mut SavedPlan) -> &mut SourceIdentity {
    saved.directories.values_mut().next().unwrap()
}

/// A configuration may lead to another directory without a letter of it changing.
#[tokio::test]
async fn a_plan_that_was_made_of_another_directory_is_not_carried_out() {
    let stage = Stage::new(Version::V11);
    let file = File::new(3);
    let mut engine = file.engine(&stage, NO_GRACE);
    let made = desk::ask(&mut engine, "alice", SavePlan {})
        .await
        .unwrap()
        .saved;
    let mut other_base = made.clone();
    first(&mut other_base).context = "dc=other".into();
    let mut other_server = made.clone();
    first(&mut other_server).server = Some("another".into());
    for saved in [other_base, other_server] {
        let refused = desk::ask(&mut engine, "alice", SyncSaved { saved }).await;
        let Err(DeskError::Refused(why)) = refused else {
            panic!("{refused:?}");
        };
        assert!(why.contains("made of another directory"), "{why}");
        assert_eq!(stage.sim.writes(), 0);
    }
    // Where it was found may be another replica of the same.
    let mut replica = made;
    first(&mut replica).name = "another address".into();
    let done = desk::ask(&mut engine, "alice", SyncSaved { saved: replica }).await;
    assert_eq!(done.unwrap().report.done[&ActionKind::Create], 3);
}

/// Saves a plan and carries it out.
async fn saved_and_carried_out(engine: &mut Engine) -> SyncedSaved {
    let made = desk::ask(engine, "alice", SavePlan {}).await.unwrap();
    let sync = SyncSaved { saved: made.saved };
    desk::ask(engine, "alice", sync).await.unwrap()
}

#[tokio::test]
async fn a_saved_plan_counts_the_users_without_an_account() {
    let stage = Stage::new(Version::V11);
    let file = File::new(3);
    let visitor = json!({"username": "visitor", "email": "visitor@example.com"});
    stage.sim.add_user(&visitor).unwrap();
    let done = saved_and_carried_out(&mut file.engine(&stage, NO_GRACE)).await;
    assert_eq!(done.report.done[&ActionKind::Create], 3);
    assert_eq!(done.report.plan.orphans, 1);
}

/// What a leaver leaves alive is asked by the next cycle if the process that deactivated them had no
/// time to ask: also if that next cycle carries out a saved plan, and then once.
#[tokio::test]
async fn a_saved_plan_asks_what_an_earlier_process_had_no_time_to_ask() {
    let stage = Stage::new(Version::V11);
    let mut file = File::new(10);
    let mut engine = file.engine(&stage, NO_GRACE);
    cycle(&stage, &mut engine).await;
    make_all(&stage.sim, "user003");
    file.lock(3..4);
    stage.sim.reset_counters();
    let hang = Fault::new(Effect::Hang(Commit::Before));
    stage.sim.add_fault(hang.path("/api/v4/bots"));
    let (stop, stopped) = watch::channel(false);
    let asking = async {
        let seen = || stage.sim.seen();
        while !seen().iter().any(|seen| seen.target.contains("/bots")) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        stop.send_replace(true);
    };
    let (summary, ()) = tokio::join!(engine.run(stopped, &|_| {}, &|_| {}), asking);
    let run = summary.unwrap().facts.run.unwrap();
    stage.sim.clear_faults();

    let mut engine = file.engine(&stage, NO_GRACE);
    let done = saved_and_carried_out(&mut engine).await;
    let told: Vec<&str> = done.report.aftermath.iter().map(|a| &*a.name).collect();
    assert_eq!(told, ["user003"]);
    let notes = stage.store.notes(run).await.unwrap();
    let noted = notes
        .iter()
        .filter(|note| matches!(note.what, Noted::Aftermath(_)));
    assert_eq!(noted.count(), 1);
    assert!(
        cycle(&stage, &mut engine)
            .await
            .summary
            .facts
            .aftermath
            .is_empty()
    );
}
