//! A request whose sender has given up arrives all the same.

use std::time::Duration;

use mattermost_sim::{Answer, Commit, Effect, Fault, Version};

use testkit::file::{File, NO_GRACE};
use testkit::stage::{Stage, cycle, try_cycle};

/// The first attempt overtaken by the second deactivates them once more, at another moment: that is
/// no administrator's work.
#[tokio::test]
async fn whom_both_attempts_deactivated_comes_back() {
    let stage = Stage::new(Version::V11);
    let mut file = File::new(10);
    let mut engine = file.engine(&stage, NO_GRACE);
    cycle(&stage, &mut engine).await;
    file.lock(3..4);
    let lost = Fault::new(Effect::Cut(Commit::Later)).method("PUT");
    stage
        .sim
        .add_fault(lost.path("/api/v4/users/*/active").nth(1));
    let done = try_cycle(&stage, &mut engine).await.unwrap();
    assert_eq!(done.summary.facts.unknown.len(), 1);
    stage.sim.clear_faults();
    cycle(&stage, &mut engine).await;
    let second = stage.user("user003").delete_at;
    assert_ne!(second, 0);
    stage.sim.advance(Duration::from_secs(5));
    assert_eq!(stage.sim.commit_late(), [200]);
    assert_ne!(stage.user("user003").delete_at, second);

    cycle(&stage, &mut engine).await;
    file.edit(3, |person| person.locked = false);
    for _ in 0..3 {
        cycle(&stage, &mut engine).await;
    }
    assert!(stage.is_active("user003"));
}

/// The second attempt was surely refused, and the first arrives afterwards: what was written down
/// for it is not taken back.
#[tokio::test]
async fn whom_only_the_first_attempt_deactivated_comes_back() {
    let stage = Stage::new(Version::V11);
    let mut file = File::new(10);
    let mut engine = file.engine(&stage, NO_GRACE);
    cycle(&stage, &mut engine).await;
    file.lock(3..4);
    let refusal = Answer {
        status: 403,
        headers: vec![("content-type".into(), "application/json".into())],
        body: br#"{"id": "api.context.permissions.app_error", "status_code": 403}"#.to_vec(),
    };
    let refusal = Effect::Answer(refusal, Commit::Before);
    let mut refused = 0;
    for effect in [Effect::Cut(Commit::Later), refusal] {
        let fault = Fault::new(effect).method("PUT");
        stage
            .sim
            .add_fault(fault.path("/api/v4/users/*/active").nth(1));
        let done = try_cycle(&stage, &mut engine).await.unwrap();
        let report = done.summary.facts;
        assert_eq!(report.unknown.len() + report.not_done.len(), 1);
        refused = report.not_done.len();
        assert!(stage.is_active("user003"));
        stage.sim.clear_faults();
    }
    assert_eq!(refused, 1, "of the second attempt it is certain");
    assert_eq!(stage.sim.commit_late(), [200]);
    assert!(!stage.is_active("user003"));

    file.edit(3, |person| person.locked = false);
    for _ in 0..3 {
        cycle(&stage, &mut engine).await;
    }
    assert!(stage.is_active("user003"));
}
