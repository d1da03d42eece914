//! What is read from Mattermost is true, whole and new, or nothing follows from it.

use std::time::Duration;

use mattermost_sim::{Effect, Fault, Mattermost, Version};
use mattersync::cycle::Engine;
use mattersync::model::{Evidence, Gap, Part, UserId, Why};
use serde_json::json;

use testkit::file::{File, NO_GRACE};
use testkit::stage::{Cycle, HOUR, Stage, cycle, try_cycle};

const LIST: &str = "/api/v4/users";

/// Ten people who have users, and nothing more to do.
async fn filled() -> (Stage, File, Engine) {
    let stage = Stage::new(Version::V11);
    let file = File::new(10);
    let mut engine = file.engine(&stage, NO_GRACE);
    cycle(&stage, &mut engine).await;
    let rest = cycle(&stage, &mut engine).await;
    stage.assert_rests(&rest);
    assert_eq!(rest.summary.view.unread(), []);
    (stage, file, engine)
}

fn old(copy: &Mattermost) -> Fault {
    Fault::new(Effect::Earlier(copy.clone()))
}

fn parts(cycle: &Cycle) -> Vec<Part> {
    let unread = cycle.summary.view.unread().into_iter();
    unread.map(|unread| unread.part).collect()
}

#[tokio::test]
async fn a_list_from_before_our_deactivation_forgets_nothing() {
    let (stage, mut file, mut engine) = filled().await;
    let copy = stage.sim.replica();
    file.lock(3..4);
    cycle(&stage, &mut engine).await;
    assert!(!stage.is_active("user003"));
    file.edit(3, |person| person.locked = false);
    stage.sim.add_fault(old(&copy).path(LIST).times(1));
    let done = cycle(&stage, &mut engine).await;
    let view = &done.summary.view;
    assert!(
        matches!(view.users.gaps(), [Gap::Older(who)] if who == "user003"),
        "{:?}",
        view.users.gaps()
    );
    assert_eq!(parts(&done), [Part::Users]);
    // The row that was read again by id is as good as any.
    assert_eq!(done.left(|l| l.why == Why::SeenBackOnce), 1);
    cycle(&stage, &mut engine).await;
    assert!(stage.is_active("user003"));
    let rest = cycle(&stage, &mut engine).await;
    stage.assert_rests(&rest);
    assert_eq!(parts(&rest), []);
}

#[tokio::test]
async fn values_from_before_our_change_are_not_changed_again() {
    let (stage, mut file, mut engine) = filled().await;
    let copy = stage.sim.replica();
    file.edit(4, |person| person.sn = "Other".into());
    assert_eq!(cycle(&stage, &mut engine).await.writes, 1);
    stage.sim.add_fault(old(&copy).path(LIST));
    for _ in 0..3 {
        let done = cycle(&stage, &mut engine).await;
        assert_eq!((done.writes, done.kinds()), (0, Vec::new()));
        assert_eq!(parts(&done), [Part::Users]);
    }
}

/// One row of a list that is older than what the server answered, and the same by id, is left aside;
/// from it nothing is learned, and nobody else waits.
#[tokio::test]
async fn an_old_row_that_is_the_same_by_id_stops_nobody_else() {
    let (stage, mut file, mut engine) = filled().await;
    let id = stage.user("user004").id;
    file.edit(4, |person| person.sn = "Other".into());
    cycle(&stage, &mut engine).await;
    // A replica lags behind with this row alone.
    let newest = stage.user("user004").update_at;
    stage.sim.set_now(newest - 1_000);
    let old = |user: &mut mattermost_sim::User| user.last_name = "Sur4".into();
    assert!(stage.sim.edit_user(&id, old));
    stage.sim.set_now(newest + 1_000);
    file.lock(4..6);
    file.add(10..11);
    let done = cycle(&stage, &mut engine).await;
    assert_eq!(parts(&done), [Part::User(format!("user004 ({id})"))]);
    assert!(stage.is_active("user004") && stage.is_active("user010"));
    assert!(!stage.is_active("user005"));
    assert_eq!(
        stage
            .memory()
            .await
            .user(&UserId::new(id.clone()))
            .newest
            .as_ref()
            .unwrap()
            .at
            .0,
        newest
    );
    // Where a row by id cannot be had, nobody knows whether the list is old as a whole.
    let refusal = Effect::refusal(403, "api.context.permissions.app_error");
    stage
        .sim
        .add_fault(Fault::new(refusal).path("/api/v4/users/ids"));
    file.add(11..12);
    let done = cycle(&stage, &mut engine).await;
    assert_eq!(
        parts(&done),
        [Part::Users, Part::User(format!("user004 ({id})"))]
    );
    assert_eq!(done.left(|l| matches!(l.why, Why::UsersUnread(_))), 1);
}

/// Nobody is made while a list is old: who has the name or the address may not be in it.
#[tokio::test]
async fn newcomers_wait_while_the_list_is_old() {
    let (stage, mut file, mut engine) = filled().await;
    let copy = stage.sim.replica();
    file.edit(4, |person| person.sn = "Other".into());
    cycle(&stage, &mut engine).await;
    file.add(10..11);
    stage.sim.add_fault(old(&copy).path(LIST).times(1));
    let done = cycle(&stage, &mut engine).await;
    assert_eq!(done.left(|l| matches!(l.why, Why::UsersUnread(_))), 1);
    assert_eq!(done.writes, 0);
    cycle(&stage, &mut engine).await;
    assert!(stage.is_active("user010"));
}

/// A restored database looks like a replica that lags behind, but stays so.
#[tokio::test]
async fn what_stays_old_is_believed_after_an_hour_and_not_before() {
    let (stage, mut file, mut engine) = filled().await;
    let copy = stage.sim.replica();
    file.lock(3..5);
    cycle(&stage, &mut engine).await;
    file.edit(4, |person| person.locked = false);
    for path in [LIST, "/api/v4/users/*"] {
        stage.sim.add_fault(old(&copy).path(path));
    }
    for minutes in [0, 20, 20, 19] {
        stage.clock.advance(Duration::from_secs(60 * minutes));
        let done = cycle(&stage, &mut engine).await;
        assert_eq!((done.writes, done.kinds()), (0, Vec::new()), "{minutes}");
        for name in ["user003", "user004"] {
            let users = &done.summary.view.users;
            let id = mattersync::model::UserId::new(stage.user(name).id);
            let seen = users.look(&id);
            assert!(
                matches!(&seen, Evidence::Unknown(Gap::Rejected(why))
                if why.contains("cache")),
                "{seen:?}"
            );
        }
        let memory = stage.memory().await;
        let ours = memory.links().filter(|(_, l)| l.deactivated.is_some());
        assert_eq!(ours.count(), 2);
    }
    stage.clock.advance(Duration::from_secs(60 * 2));
    // Who is locked is deactivated once more, as nobody let them in; the other one is in use.
    let done = try_cycle(&stage, &mut engine).await.unwrap();
    assert_eq!(done.steps("user003").len(), 1);
    assert!(done.steps("user004").is_empty());
    let memory = stage.memory().await;
    let link = memory.links().find(|(_, l)| l.last_username == "user004");
    assert!(link.unwrap().1.deactivated.is_none());
}

#[tokio::test]
async fn a_server_clock_that_was_set_back_freezes_nobody() {
    let (stage, mut file, mut engine) = filled().await;
    stage.sim.set_now(stage.sim.now() - 1_000 * 24 * 3_600_000);
    file.lock(3..4);
    file.edit(4, |person| person.sn = "Other".into());
    cycle(&stage, &mut engine).await;
    let rest = cycle(&stage, &mut engine).await;
    stage.assert_rests(&rest);
    assert_eq!(parts(&rest), []);
    // Whom somebody else changed is seen as old, and believed in time.
    let id = stage.user("user005").id;
    assert!(
        stage
            .sim
            .edit_user(&id, |user| user.last_name = "By.Hand".into())
    );
    // Nobody else waits for that: the list and the row by id agree.
    file.add(10..11);
    for _ in 0..2 {
        let done = cycle(&stage, &mut engine).await;
        assert_eq!(parts(&done), [Part::User(format!("user005 ({id})"))]);
        assert_eq!(done.summary.view.users.gaps(), []);
        assert_eq!(done.summary.view.users.rejected().len(), 1);
        assert!(stage.is_active("user010"));
        stage.clock.advance(HOUR);
    }
    cycle(&stage, &mut engine).await;
    let rest = cycle(&stage, &mut engine).await;
    stage.assert_rests(&rest);
    assert_eq!(parts(&rest), []);
    assert_eq!(stage.user("user005").last_name, "Sur5");
}

#[tokio::test]
async fn pages_that_repeat_end_at_once_and_prove_nothing() {
    let (stage, mut file, mut engine) = filled().await;
    for n in 0..250 {
        let name = format!("other{n:03}");
        let fields = json!({"username": name, "email": format!("{name}@example.org")});
        stage.sim.add_user(&fields).unwrap();
    }
    file.add(10..11);
    stage.sim.add_fault(Fault::new(Effect::FirstPage));
    let before = stage.sim.requests();
    let done = cycle(&stage, &mut engine).await;
    assert!(stage.sim.requests() - before < 30);
    let view = &done.summary.view;
    let says = |gap: &Gap| gap.to_string().contains("query string is lost");
    assert!(
        view.users.gaps().iter().any(says),
        "{:?}",
        view.users.gaps()
    );
    assert_eq!(done.left(|l| matches!(l.why, Why::UsersUnread(_))), 1);
    assert_eq!(done.writes, 0);
}

#[tokio::test]
async fn a_list_that_was_cut_is_not_whole() {
    let (stage, mut file, mut engine) = filled().await;
    // Only by its number, without our own user, and so that more follows.
    for rows in [10, 1] {
        stage
            .sim
            .add_fault(Fault::new(Effect::Shorten(rows)).path(LIST));
        file.add(10..11);
        let done = cycle(&stage, &mut engine).await;
        assert_eq!(parts(&done), [Part::Users], "{rows}");
        assert_eq!(done.left(|l| matches!(l.why, Why::UsersUnread(_))), 1);
        assert_eq!(done.writes, 0);
        // Who is linked is asked for by id.
        assert_eq!(done.left(|l| l.why == Why::UserGone), 0);
        stage.sim.clear_faults();
        file.remove(10..11);
    }
    file.lock(2..3);
    stage
        .sim
        .add_fault(Fault::new(Effect::Shorten(1)).path(LIST));
    cycle(&stage, &mut engine).await;
    assert!(!stage.is_active("user002"), "a leaver is out all the same");
}

#[tokio::test]
async fn a_proxys_page_in_place_of_a_refusal_is_a_gap() {
    for status in [404, 403] {
        let (stage, mut file, mut engine) = filled().await;
        let page = |path: &str| Fault::new(Effect::page(status)).path(path);
        for path in [
            "/api/v4/teams/name/*",
            "/api/v4/limits/server",
            "/api/v4/config",
            "/api/v4/users/stats/filtered",
        ] {
            stage.sim.add_fault(page(path));
        }
        file.lock(2..3);
        let done = cycle(&stage, &mut engine).await;
        let team = done.summary.view.places.unread.keys().next().unwrap();
        let all = [
            Part::Settings,
            Part::UserLimit,
            Part::UserCount,
            Part::Team(team.clone()),
        ];
        assert_eq!(parts(&done), all);
        assert!(!stage.is_active("user002"));
    }
}

#[tokio::test]
async fn other_servers_users_are_nobodys() {
    let (stage, mut file, mut engine) = filled().await;
    let fields = json!({"username": "user010", "email": "user010@example.org"});
    let id = stage.sim.add_user(&fields).unwrap();
    assert!(
        stage
            .sim
            .edit_user(&id, |user| user.remote_id = Some("r".repeat(26)))
    );
    file.add(10..11);
    let done = cycle(&stage, &mut engine).await;
    assert_eq!(done.summary.view.orphans, 0);
    let why = done
        .plan()
        .left_alone
        .iter()
        .find_map(|left| match &left.why {
            Why::Conflict { because, .. } => Some(because.to_string()),
            _ => None,
        });
    assert!(why.unwrap().contains("another server's user"));
    assert_eq!(done.writes, 0);
}

/// The server mails each time it is asked: a look that knew nothing of the lost answer would show
/// that it is asked again.
#[tokio::test]
async fn a_look_after_a_lost_answer_does_not_show_the_mail_again() {
    let (stage, mut file, mut engine) = filled().await;
    let verify = json!({"EmailSettings": {"RequireEmailVerification": true}});
    stage.sim.set_config(&verify);
    file.edit(4, |person| person.mail = "other@example.org".into());
    let lost = Effect::Cut(mattermost_sim::Commit::After);
    stage.sim.add_fault(Fault::new(lost).writes().times(1));
    let first = try_cycle(&stage, &mut engine).await.unwrap();
    assert_eq!(first.summary.facts.unknown.len(), 1);
    let shown = engine.look(&|_| {}).await.unwrap();
    assert_eq!(shown.plan.steps, []);
    let waits = |plan: &mattersync::model::Plan| {
        let left = plan.left_alone.iter();
        let waits = |why: &Why| matches!(why, Why::EmailWaiting { .. });
        left.filter(|left| waits(&left.why)).count()
    };
    assert_eq!(waits(&shown.plan), 1);
    let done = cycle(&stage, &mut engine).await;
    assert_eq!((done.writes, waits(done.plan())), (0, 1));
    assert_eq!(stage.sim.mails().len(), 1);
}

/// A plan that is only looked at shows what a run would do, also after a lost answer.
#[tokio::test]
async fn a_look_after_a_lost_answer_shows_what_a_run_does() {
    for commit in [
        mattermost_sim::Commit::Before,
        mattermost_sim::Commit::After,
    ] {
        let (stage, mut file, mut engine) = filled().await;
        file.lock(3..4);
        file.add(10..11);
        let lost = Fault::new(Effect::Cut(commit)).writes().times(2);
        stage.sim.add_fault(lost);
        try_cycle(&stage, &mut engine).await.unwrap();
        stage.sim.clear_faults();
        file.edit(3, |person| person.locked = false);
        let shown = engine.look(&|_| {}).await.unwrap();
        let done = try_cycle(&stage, &mut engine).await.unwrap();
        let steps = |plan: &mattersync::model::Plan| {
            let steps = plan.steps.iter();
            let steps = steps.map(|step| (step.subject.name.clone(), step.action.kind().name()));
            steps.collect::<Vec<_>>()
        };
        assert_eq!(steps(&shown.plan), steps(done.plan()), "{commit:?}");
        let left = |plan: &mattersync::model::Plan| {
            let left = plan.left_alone.iter();
            left.map(|l| (l.subject.name.clone(), l.why.to_string()))
                .collect::<Vec<_>>()
        };
        assert_eq!(left(&shown.plan), left(done.plan()), "{commit:?}");
    }
}
