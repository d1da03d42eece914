//! A Mattermost that fails whatever it is asked is left in peace; one bad person stops nobody.

use std::collections::BTreeSet;

use mattermost_sim::{Effect, Fault, UserLimit, Version};
use mattersync::cycle::CycleError;
use mattersync::mattermost::CallError;
use serde_json::json;

use testkit::file::File;
use testkit::stage::{Stage, cycle, try_cycle};

/// Far less than the 300 people who wait.
const FEW: usize = 60;
/// A few, and as many as are under way when that is noticed.
const CALLS: usize = 5 + 7;

/// The creations of this person fail so, for ever.
fn bad(n: u32, effect: Effect) -> Fault {
    let fault = Fault::new(effect).method("POST").path("/api/v4/users");
    fault.about(&format!("user{n:03}@"))
}

fn failed() -> Effect {
    Effect::refusal(500, "app.user.save.app_error")
}

/// Who is in the team, without whom made it.
fn members(stage: &Stage) -> BTreeSet<String> {
    let members = stage.sim.team_members().into_iter();
    let members = members.filter(|m| m.delete_at == 0);
    let names = members.filter_map(|m| Some(stage.sim.user(&m.user_id)?.username));
    names.filter(|name| name != "root.admin").collect()
}

fn names(who: std::ops::Range<u32>) -> BTreeSet<String> {
    who.map(|n| format!("user{n:03}")).collect()
}

#[tokio::test]
async fn a_server_that_fails_is_not_asked_for_each_person() {
    let stage = Stage::new(Version::V11);
    let file = File::new(300);
    let mut engine = file.engine(&stage, "");
    stage
        .sim
        .add_fault(Fault::new(Effect::status(502)).writes());
    for _ in 0..3 {
        let before = stage.sim.seen().len();
        let done = try_cycle(&stage, &mut engine).await.unwrap();
        assert!(stage.sim.seen().len() - before < FEW);
        let stopped = done.summary.facts.stopped.unwrap();
        assert!(stopped.contains("502"), "{stopped}");
    }
    stage.sim.clear_faults();
    cycle(&stage, &mut engine).await;
    assert_eq!(stage.active(), 300);
}

/// A firewall, a portal, another server: what answers is not Mattermost.
#[tokio::test]
async fn foreign_answers_of_any_status_end_the_run_soon() {
    for status in [200, 201, 302, 401, 403, 404, 418, 500, 503] {
        let stage = Stage::new(Version::V11);
        let file = File::new(130);
        let mut engine = file.engine(&stage, "");
        stage
            .sim
            .add_fault(Fault::new(Effect::page(status)).writes());
        // After 503 requests are slow for minutes.
        let cycles = if status == 503 { 1 } else { 2 };
        for _ in 0..cycles {
            let done = try_cycle(&stage, &mut engine).await.unwrap();
            let report = &done.summary.facts;
            assert!(report.stopped.is_some(), "{status}");
            let perhaps = report.unknown.len();
            assert!((1..=CALLS).contains(&perhaps), "{status}: {perhaps}");
            assert!(done.writes <= CALLS as u64, "{status}: {}", done.writes);
            assert_eq!(report.done_steps, [], "{status}");
        }
        stage.sim.clear_faults();
        cycle(&stage, &mut file.engine(&stage, "")).await;
        assert_eq!(stage.active(), 130, "{status}");
    }
}

/// A page for every third write: what works in between shows that the way is open.
#[tokio::test]
async fn failures_now_and_then_do_not_end_the_run() {
    let stage = Stage::new(Version::V11);
    let file = File::new(60);
    let mut engine = file.engine(&stage, "");
    stage
        .sim
        .add_fault(Fault::new(Effect::page(502)).writes().every(3));
    let done = try_cycle(&stage, &mut engine).await.unwrap();
    assert_eq!(done.summary.facts.stopped, None);
    assert!(stage.active() >= 35, "{}", stage.active());
    for _ in 0..8 {
        try_cycle(&stage, &mut engine).await.unwrap();
    }
    assert_eq!(stage.active(), 60);
}

#[tokio::test]
async fn without_rights_nobody_is_tried() {
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
    let error = try_cycle(&stage, &mut engine).await.err().unwrap();
    let no_rights = CallError::NoRights {
        owner: "root.admin".into(),
    };
    assert!(matches!(error, CycleError::Mattermost(e) if e == no_rights));
    assert!(stage.sim.seen().len() - before <= 3);
    assert_eq!(stage.sim.writes(), 0);
}

/// The rights are lost after both sides were read.
#[tokio::test]
async fn rights_that_are_lost_in_a_run_end_it() {
    let stage = Stage::new(Version::V11);
    let file = File::new(300);
    let mut engine = file.engine(&stage, "");
    let forbidden = Effect::refusal(403, "api.context.permissions.app_error");
    stage.sim.add_fault(Fault::new(forbidden).writes());
    let done = try_cycle(&stage, &mut engine).await.unwrap();
    let stopped = done.summary.facts.stopped.unwrap();
    assert!(stopped.contains("system administrator"), "{stopped}");
    assert!(done.writes <= CALLS as u64, "{}", done.writes);
}

/// Refusals that are about one person each end nothing.
#[tokio::test]
async fn refusals_about_single_people_do_not_end_the_run() {
    let stage = Stage::new(Version::V11);
    let file = File::new(20);
    let mut engine = file.engine(&stage, "");
    let refused = Effect::refusal(400, "model.user.is_valid.first_name.app_error");
    for n in 0..10 {
        stage.sim.add_fault(bad(n, refused.clone()));
    }
    let done = try_cycle(&stage, &mut engine).await.unwrap();
    assert_eq!(done.summary.facts.stopped, None);
    assert_eq!(stage.active(), 10);
}

/// Letters that the server's database does not take, for example.
#[tokio::test]
async fn people_at_whom_the_server_fails_keep_nobody_out_of_the_team() {
    let stage = Stage::new(Version::V11);
    let mut file = File::new(20);
    let mut engine = file.engine(&stage, "");
    for n in 0..8 {
        stage.sim.add_fault(bad(n, failed()));
    }
    let done = try_cycle(&stage, &mut engine).await.unwrap();
    let report = &done.summary.facts;
    assert_eq!((report.stopped.clone(), report.unknown.len()), (None, 8));
    assert_eq!(members(&stage), names(8..20));
    try_cycle(&stage, &mut engine).await.unwrap();
    // Who failed twice comes after everybody else's memberships.
    file.add(20..23);
    let before = stage.sim.seen().len();
    try_cycle(&stage, &mut engine).await.unwrap();
    assert_eq!(members(&stage), names(8..23));
    let seen = stage.sim.seen();
    let writes: Vec<_> = seen[before..].iter().filter(|s| s.write).collect();
    let is_join = |s: &&mattermost_sim::Seen| s.target.contains("/members");
    let joined = writes.iter().position(is_join).unwrap();
    assert_eq!((joined, writes.len()), (3, 3 + 1 + 8));
    stage.sim.clear_faults();
    cycle(&stage, &mut engine).await;
    assert_eq!(members(&stage), names(0..23));
}

/// Where seats are short, whoever has one kept for them and is refused goes behind those who wait.
#[tokio::test]
async fn people_at_whom_the_server_fails_keep_no_seat_from_others() {
    for effect in [
        failed(),
        Effect::refusal(400, "model.user.is_valid.first_name.app_error"),
    ] {
        let stage = Stage::new(Version::V11);
        stage
            .sim
            .set_user_limit(Some(UserLimit { warn: 3, hard: 3 }));
        let mut file = File::new(4);
        let mut engine = file.engine(&stage, "");
        for n in 0..2 {
            stage.sim.add_fault(bad(n, effect.clone()));
        }
        for _ in 0..2 {
            try_cycle(&stage, &mut engine).await.unwrap();
        }
        // Our own administrator has the third seat.
        assert_eq!(members(&stage), names(2..4));
        // They wait for longer than whoever is new, and each of them has one turn.
        stage
            .sim
            .set_user_limit(Some(UserLimit { warn: 4, hard: 4 }));
        file.add(4..6);
        for _ in 0..3 {
            try_cycle(&stage, &mut engine).await.unwrap();
        }
        assert_eq!(members(&stage), names(2..5));
    }
}

/// A firewall that does not like the names of some.
#[tokio::test]
async fn people_whom_a_firewall_stops_keep_nobody_out_for_ever() {
    let stage = Stage::new(Version::V11);
    let file = File::new(30);
    let mut engine = file.engine(&stage, "");
    for n in 0..15 {
        stage.sim.add_fault(bad(n, Effect::page(403)));
    }
    for _ in 0..6 {
        try_cycle(&stage, &mut engine).await.unwrap();
    }
    assert_eq!(members(&stage), names(15..30));
}

/// Its database is gone, say: whatever is written fails, and it says so itself.
#[tokio::test]
async fn a_server_that_fails_at_all_creations_is_not_asked_for_each_person() {
    let stage = Stage::new(Version::V11);
    let mut file = File::new(1);
    let mut engine = file.engine(&stage, "");
    cycle(&stage, &mut engine).await;
    file.add(1..200);
    file.edit(0, |person| person.sn = "New".into());
    let creations = Fault::new(failed()).method("POST").path("/api/v4/users");
    stage.sim.add_fault(creations);
    let done = try_cycle(&stage, &mut engine).await.unwrap();
    let stopped = done.summary.facts.stopped.unwrap();
    assert!(stopped.contains("`create`"), "{stopped}");
    assert!(done.writes < FEW as u64, "{}", done.writes);
    // What is of another kind went on.
    assert_eq!(stage.user("user000").last_name, "New");
    stage.sim.clear_faults();
    cycle(&stage, &mut engine).await;
    assert_eq!(stage.active(), 200);
}

#[tokio::test]
async fn one_refused_password_is_enough() {
    let stage = Stage::new(Version::V11);
    let file = File::new(100);
    let initial = stage.secret("initial", "Initial-Passw0rd!");
    let mut engine = file.engine(&stage, &format!("initial-password = {initial}"));
    // The policy is made stricter after it was read.
    let refused = Effect::refusal(400, "model.user.is_valid.pwd_min_length.app_error");
    let creations = Fault::new(refused).method("POST").path("/api/v4/users");
    stage.sim.add_fault(creations);
    let done = try_cycle(&stage, &mut engine).await.unwrap();
    let stopped = done.summary.facts.stopped.unwrap();
    assert!(stopped.contains("mattermost.initial-password"), "{stopped}");
    // As many as were under way, and their memberships.
    assert!(done.summary.facts.not_done.len() <= 16);
    let creations = |s: &mattermost_sim::Seen| s.method == "POST" && s.target == "/api/v4/users";
    let sent = stage.sim.seen().iter().filter(|s| creations(s)).count();
    assert!((1..=8).contains(&sent), "{sent}");
    stage.sim.clear_faults();
    cycle(&stage, &mut engine).await;
    assert_eq!(stage.active(), 100);
}

#[tokio::test]
async fn a_password_is_as_long_as_the_server_asks() {
    for (version, shortest) in [(Version::V5_38, 40), (Version::V11, 70)] {
        let stage = Stage::new(version);
        let policy = json!({"PasswordSettings": {"MinimumLength": shortest, "Symbol": true}});
        stage.sim.set_config(&policy);
        let file = File::new(3);
        cycle(&stage, &mut file.engine(&stage, "")).await;
        assert_eq!(stage.active(), 3);
    }
}
