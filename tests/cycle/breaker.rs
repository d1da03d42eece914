//! A Mattermost that fails whatever it is asked is left in peace.

use mattermost_sim::{Answer, Commit, Effect, Fault, Version};
use serde_json::json;

use crate::file::File;
use crate::stage::{Stage, cycle, try_cycle};

/// Far less than the 300 people who wait.
const FEW: usize = 60;

#[tokio::test]
async fn a_server_that_fails_is_not_asked_for_each_person() {
    let stage = Stage::new(Version::V11);
    let file = File::new(300);
    let mut engine = file.engine(&stage, "");
    stage
        .sim
        .add_fault(Fault::new(Effect::status(503)).writes());
    for _ in 0..3 {
        let before = stage.sim.seen().len();
        let done = try_cycle(&stage, &mut engine).await.unwrap();
        assert!(stage.sim.seen().len() - before < FEW);
        let stopped = done.summary.report.stopped.unwrap();
        assert!(stopped.contains("503"), "{stopped}");
    }
    stage.sim.clear_faults();
    cycle(&stage, &mut engine).await;
    assert_eq!(stage.active(), 300);
}

#[tokio::test]
async fn an_account_without_rights_does_not_try_each_person() {
    let stage = Stage::new(Version::V11);
    let file = File::new(300);
    let mut engine = file.engine(&stage, "");
    let admin = stage.user("root.admin");
    let other = json!({
        "username": "second", "email": "second@example.org", "password": "Pa$$word11",
    });
    let other = stage.sim.add_user(&other).unwrap();
    let roles = |id: &str, roles: &str| {
        assert!(stage.sim.edit_user(id, |user| user.roles = roles.into()));
    };
    roles(&other, "system_user system_admin");
    roles(&admin.id, "system_user");
    let before = stage.sim.seen().len();
    let done = try_cycle(&stage, &mut engine).await;
    assert!(stage.sim.seen().len() - before < FEW);
    assert!(done.is_err() || done.is_ok_and(|d| d.summary.report.stopped.is_some()));
}

/// Refusals that are about one person each end nothing.
#[tokio::test]
async fn refusals_about_single_people_do_not_end_the_run() {
    let stage = Stage::new(Version::V11);
    let file = File::new(20);
    let mut engine = file.engine(&stage, "");
    let refused = Answer {
        body: json!({
            "id": "model.user.is_valid.first_name.app_error",
            "message": "the first name is too long",
            "status_code": 400,
        })
        .to_string()
        .into_bytes(),
        status: 400,
        headers: vec![("content-type".into(), "application/json".into())],
    };
    let refused = Effect::Answer(refused, Commit::Before);
    for n in 1..=10 {
        let fault = Fault::new(refused.clone())
            .method("POST")
            .path("/api/v4/users");
        stage.sim.add_fault(fault.nth(n));
    }
    let done = try_cycle(&stage, &mut engine).await.unwrap();
    assert_eq!(done.summary.report.stopped, None);
    assert_eq!(stage.active(), 10);
}
