//! `mattersync deactivate`, and deactivations whose answer was lost.

use std::time::Duration;

use mattermost_sim::{Commit, Effect, Fault, Version};

use testkit::desk;
use testkit::file::{File, NO_GRACE};
use testkit::stage::{HOUR, Stage, cycle, try_cycle};

const MINUTE: Duration = Duration::from_secs(60);

/// What the command said had failed is not done by itself days later.
#[tokio::test]
async fn an_order_that_failed_is_not_carried_out_behind_anybodys_back() {
    let stage = Stage::new(Version::V11);
    let file = File::new(4);
    let mut engine = file.engine(&stage, NO_GRACE);
    cycle(&stage, &mut engine).await;
    // The first look goes well, the reading of the run itself does not.
    let own = Fault::new(Effect::status(500)).path("/api/v4/users/me");
    stage.sim.add_fault(own.from(2));
    let result = desk::deactivate(&mut engine, "user001", "alice").await;
    assert!(result.is_err());
    assert!(
        stage
            .store
            .load()
            .await
            .unwrap()
            .users
            .values()
            .all(|m| m.order.is_none())
    );
    stage.sim.clear_faults();
    stage.clock.advance(HOUR * 48);
    cycle(&stage, &mut engine).await;
    assert!(stage.is_active("user001"));
}

/// A deactivation that nobody answered may arrive late, but not for ever: what an administrator
/// does afterwards is the administrator's.
#[tokio::test]
async fn a_lost_deactivation_is_in_doubt_for_a_while_only() {
    let stage = Stage::new(Version::V11);
    let mut file = File::new(10);
    let mut engine = file.engine(&stage, NO_GRACE);
    cycle(&stage, &mut engine).await;
    file.lock(3..4);
    stage.sim.add_fault(
        Fault::new(Effect::Cut(Commit::Before))
            .writes()
            .path("/api/v4/users/*/active"),
    );
    stage.sim.add_fault(
        Fault::new(Effect::Cut(Commit::Before))
            .writes()
            .path("/api/v4/users/*"),
    );
    let done = try_cycle(&stage, &mut engine).await.unwrap();
    assert_eq!(done.summary.facts.unknown.len(), 1);
    stage.sim.clear_faults();
    let in_doubt = || async {
        let memory = stage.store.load().await.unwrap();
        memory
            .links()
            .map(|(_, link)| link)
            .filter(|l| l.is_in_doubt())
            .count()
    };
    // Held from now on, so that nothing is sent that would take its place.
    let mut engine = file.engine(&stage, "[policy]\ngrace = \"0s\"\n[guard]\nlocked = 0\n");
    stage.clock.advance(5 * MINUTE);
    // That the clock is set forward makes no answer late.
    for _ in 0..2 {
        stage.clock.set_wall(24 * 60 * 60 * 1_000);
        cycle(&stage, &mut engine).await;
    }
    assert_eq!(stage.store.unsettled().await.unwrap().len(), 1);
    assert_eq!(in_doubt().await, 1);
    stage.clock.advance(6 * MINUTE);
    cycle(&stage, &mut engine).await;
    assert_eq!(stage.store.unsettled().await.unwrap().len(), 0);
    assert_eq!(in_doubt().await, 0);
}
