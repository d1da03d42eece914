//! The Mattermost side: its limits, its failures, and what is done there.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use mattermost_sim::{Commit, Effect, Fault, Options, Sim, UserLimit, Version};
use mattersync::cycle::Stage as Doing;
use mattersync::model::{Seats, Why};
use serde_json::json;
use tokio::sync::watch;

use crate::edge::scene::{HASTY, Scene, Set as _, id, person};
use testkit::place::Place;
use testkit::service;
use testkit::stage::{cycle, try_cycle};

const NAMES: [&str; 3] = ["anna", "ben", "carl"];

/// A server that nobody administers makes its first user the administrator.
#[test]
fn edge_80_an_empty_server_gets_nobody_unless_the_first_one_is_named() {
    let sim = Sim::start(&Options::new(Version::V11)).unwrap();
    let mut place = Place::new(crate::BINARY);
    for name in NAMES {
        place.add(name, name, "Able");
    }
    let config = fs::read_to_string(place.path("config.toml")).unwrap();
    let keep = |line: &&str| !line.starts_with("url =") && !line.starts_with("token =");
    let lines: Vec<&str> = config.lines().filter(keep).collect();
    let socket = format!(
        "[mattermost]\nsocket = {:?}",
        sim.socket().display().to_string()
    );
    let config = lines.join("\n").replace("[mattermost]", &socket);
    let write = |more: &str| fs::write(place.path("config.toml"), config.clone() + more).unwrap();
    write("\n");
    for words in [["plan"], ["sync"]] {
        let said = place.run(&words).exits(0);
        said.says("no active human administrator")
            .says("policy.first-admin");
    }
    assert_eq!(sim.users().len(), 0);
    place.run(&["check"]).exits(1).says("policy.first-admin");
    write("\n[policy]\nfirst-admin = \"ben\"\n");
    place.run(&["sync"]).exits(0);
    let admins: Vec<String> = sim
        .users()
        .into_iter()
        .filter(|u| u.is_admin())
        .map(|u| u.username)
        .collect();
    assert_eq!((admins, sim.users().len()), (vec!["ben".to_owned()], 3));
}

/// One GET as somebody else behind the same proxy makes it: the status.
fn colleague(sim: &Sim, token: &str) -> u16 {
    let mut stream = TcpStream::connect(("127.0.0.1", sim.port())).unwrap();
    write!(
        stream,
        "GET /api/v4/users/me HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
         Authorization: Bearer {token}\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer[9..12].parse().unwrap()
}

/// The server's headers are obeyed, also the second time, and people keep their share of a bucket
/// that they share with us.
#[test]
fn edge_81_a_rate_limit_is_obeyed_and_shared() {
    let limits = json!({"Enable": true, "PerSec": 10, "MaxBurst": 20, "VaryByRemoteAddr": true,
                        "VaryByUser": false});
    let options = Options {
        config: json!({ "RateLimitSettings": limits }),
        ..Options::new(Version::V11)
    };
    let config = service::Config {
        mattermost: "requests-per-second = 50\nburst = 100\n".into(),
        ..service::Config::default()
    };
    let stage = service::Stage::new(crate::BINARY, &options, &config);
    let names: Vec<String> = (0..40).map(|n| format!("p{n:02}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    stage.write_people(&service::people(&names));
    let over = AtomicBool::new(false);
    let statuses = std::thread::scope(|scope| {
        let asking = scope.spawn(|| {
            let mut statuses = Vec::new();
            while !over.load(Ordering::SeqCst) {
                statuses.push(colleague(&stage.sim, &stage.token));
                std::thread::sleep(Duration::from_millis(250));
            }
            statuses
        });
        let daemon = stage.start_and_wait();
        over.store(true, Ordering::SeqCst);
        daemon.stop();
        asking.join().unwrap()
    });
    let ours = stage
        .sim
        .seen()
        .iter()
        .filter(|s| s.status == Some(429))
        .count();
    assert!(
        statuses.len() > 4 && statuses.iter().all(|s| *s == 200),
        "{statuses:?}"
    );
    assert_eq!(
        ours, 0,
        "what is left in the bucket is told with each answer"
    );
    assert_eq!(stage.sim.users().len(), 41);

    // And refused twice in a row, as another client would have exhausted the bucket.
    let stage = service::Stage::new(
        crate::BINARY,
        &Options::new(Version::V11),
        &service::Config::default(),
    );
    stage.write_people(&service::people(&["anna"]));
    let refuse = Fault::new(Effect::TooMany { seconds: 2 });
    stage
        .sim
        .add_fault(refuse.method("POST").path("/api/v4/users").times(2));
    let since = Instant::now();
    let daemon = stage.start_and_wait();
    assert!(
        since.elapsed() >= Duration::from_secs(4),
        "{:?}",
        since.elapsed()
    );
    let seen = stage.sim.seen();
    let creations: Vec<_> = seen
        .iter()
        .filter(|s| s.target == "/api/v4/users")
        .collect();
    let statuses: Vec<_> = creations.iter().map(|s| s.status.unwrap()).collect();
    assert_eq!(statuses, [429, 429, 201]);
    daemon.stop();
}

/// A server that goes away in the middle of a run is left in peace, and found again as it is.
#[tokio::test]
async fn edge_82_a_server_that_restarts_in_the_middle_gets_everybody_once() {
    let scene = Scene::people(40).await;
    let mut engine = scene.engine(HASTY);
    let sim = &scene.stage.sim;
    let lost = Fault::new(Effect::Cut(Commit::After))
        .method("POST")
        .path("/api/v4/users");
    sim.add_fault(lost.from(10).times(3));
    sim.add_fault(Fault::new(Effect::status(503)).writes().from(14));
    let done = try_cycle(&scene.stage, &mut engine).await.unwrap();
    assert!(done.summary.facts.stopped.is_some());
    assert!(sim.seen().len() < 60, "{}", sim.seen().len());
    sim.clear_faults();
    sim.add_fault(Fault::new(Effect::status(502)));
    let before = sim.seen().len();
    let error = try_cycle(&scene.stage, &mut engine).await.err().unwrap();
    assert_eq!(error.exit_code(), 69);
    assert!(sim.seen().len() - before < 15, "a budget for retries");
    sim.clear_faults();
    let done = cycle(&scene.stage, &mut engine).await;
    assert!(done.summary.facts.unknown.is_empty());
    scene.fill(&mut engine).await;
    assert_eq!(sim.users().len(), 41);
    let team = sim.team_members();
    assert_eq!(team.iter().filter(|m| m.delete_at == 0).count(), 41);
    assert!(sim.mails().is_empty());
}

/// A first fill greets nobody; the plan says how many are made and join, and that no mail goes out.
#[test]
fn edge_97_a_first_fill_notifies_nobody() {
    let mut place = Place::new(crate::BINARY);
    for n in 0..30 {
        place.add(&format!("user{n:02}"), "Some", "Body");
    }
    let said = place.run(&["plan"]).exits(0);
    said.says("no e-mail would be sent")
        .says("Create 30 users")
        .says("Add to teams: 30 members");
    place.run(&["sync"]).exits(0).says_not("e-mail");
    assert_eq!(place.sim.users().len(), 31);
    assert!(place.sim.mails().is_empty(), "{:?}", place.sim.mails());
}

/// Zero may mean "no limit" or "none of your business".
#[tokio::test]
async fn edge_103_a_limit_of_zero_is_believed_only_of_who_may_know_it() {
    let scene = Scene::people(3).await;
    let sim = &scene.stage.sim;
    let limit = |hard| UserLimit { warn: hard, hard };
    let member = json!({"username": "member", "email": "member@example.net"});
    let member = sim.token_for(&sim.add_user(&member).unwrap());
    let admin = sim.token_for(&scene.stage.user("root.admin").id);
    for (token, real, seats) in [
        (&admin, None, Seats::Unlimited),
        (
            &admin,
            Some(limit(9)),
            Seats::Limited {
                limit: 9,
                active: 2,
            },
        ),
        (&member, Some(limit(9)), Seats::Unknown),
        (&member, None, Seats::Unknown),
    ] {
        sim.set_user_limit(real);
        scene.stage.secret("token", token);
        let engine = scene.engine(HASTY);
        let client =
            mattersync::mattermost::Client::connect(&engine.settings().mattermost).unwrap();
        assert_eq!(client.reader().facts().await.unwrap().seats, seats);
    }
    // Nobody acts upon what is not known: the cycle ends before anything is read.
    let error = try_cycle(&scene.stage, &mut scene.engine(HASTY))
        .await
        .err()
        .unwrap();
    assert_eq!(error.exit_code(), 77);
    // Nor is a full server stormed.
    scene.stage.secret("token", &admin);
    sim.set_user_limit(Some(limit(3)));
    let done = cycle(&scene.stage, &mut scene.engine(HASTY)).await;
    assert_eq!(done.left(|l| matches!(l.why, Why::NoSeat { limit: 3 })), 2);
}

/// Between the plan and the call an administrator was faster: a second deactivation would move
/// `delete_at`, and notify whoever listens.
#[tokio::test]
async fn edge_104_who_is_inactive_already_is_not_deactivated_again() {
    let mut scene = Scene::of(&NAMES).await;
    let mut engine = scene.engine(HASTY);
    scene.fill(&mut engine).await;
    let anna = scene.stage.user("anna").id;
    scene.edit(0, |e| e.set("shadowExpire", "1"));
    let sim = &scene.stage.sim;
    let stages = |doing| {
        if matches!(doing, Doing::Applying { settled: 0, .. }) {
            sim.set_active(&anna, false);
        }
    };
    sim.reset_counters();
    let never = watch::channel(false).1;
    let done = engine.run(never, &stages, &|_| {}).await.unwrap();
    let at = scene.stage.user("anna").delete_at;
    assert!(done.facts.done.is_empty());
    assert!(
        done.facts.not_done[0].1.contains("inactive"),
        "{:?}",
        done.facts
    );
    assert_eq!(sim.writes(), 0);
    for _ in 0..3 {
        cycle(&scene.stage, &mut engine).await;
    }
    assert_eq!((sim.writes(), scene.stage.user("anna").delete_at), (0, at));
    // And it is the administrator's: unlocking the account does not undo it.
    scene.edit(0, |e| e.set("shadowExpire", "99999"));
    for _ in 0..3 {
        cycle(&scene.stage, &mut engine).await;
    }
    assert!(!scene.stage.is_active("anna"));
}

/// None of those whom the state knows is there: another server, or an empty one. Nothing is made
/// on it before a person has looked.
#[test]
fn an_exchanged_mattermost_is_recognised_and_left_as_it_is() {
    let mut place = Place::new(crate::BINARY);
    for name in NAMES {
        place.add(name, name, "Able");
    }
    place.run(&["sync"]).exits(0);
    place.add("newcomer", "New", "Comer");
    place.sim = Sim::start(&Options {
        seed: 99,
        ..Options::new(Version::V11)
    })
    .unwrap();
    place.token = place.sim.seed_admin("root.admin");
    place.secret("token", &place.token);
    place.write();
    let there = json!({"username": "anna", "email": "anna@example.org"});
    place.sim.add_user(&there).unwrap();
    let (users, teams) = (place.sim.users(), place.sim.teams());
    for words in [
        &["plan"][..],
        &["sync"],
        &["approve"],
        &["deactivate", "anna"],
    ] {
        place
            .run(words)
            .exits(69)
            .says("another Mattermost than the one that the state knows")
            .says("none of its 3 linked users exists")
            .says(&place.sim.url())
            .says("state.sqlite");
    }
    assert_eq!((place.sim.users(), place.sim.teams()), (users, teams));
    assert_eq!(place.sim.writes(), 0);
    // As the message says.
    fs::rename(place.path("state"), place.path("old-state")).unwrap();
    place
        .run(&["sync"])
        .exits(3)
        .says("Created 3 users")
        .says("HELD: adopt");
    // One who was deleted for good makes no other server.
    place.run(&["approve", "adopt"]).exits(0);
    place.run(&["sync"]).exits(0);
    place
        .run(&["plan"])
        .exits(0)
        .says("Nothing would be changed.");
}

/// The answer to a creation is lost, and before it is found the user is linked to another account.
/// That stops no cycle, and is a thing that a person can put right.
#[tokio::test]
async fn a_lost_creation_whose_user_is_linked_elsewhere_is_a_conflict_and_no_dead_end() {
    let mut scene = Scene::of(&["anna"]).await;
    let keep = "[policy.attributes]\nusername = \"initial\"\nemail = \"initial\"\n";
    let mut engine = scene.engine(&format!("{HASTY}{keep}"));
    scene.fill(&mut engine).await;
    scene.put(1, person(1, "ben"));
    let lost = Fault::new(Effect::Cut(Commit::After))
        .method("POST")
        .path("/api/v4/users");
    scene.stage.sim.add_fault(lost.nth(1));
    try_cycle(&scene.stage, &mut engine).await.unwrap();
    scene.stage.sim.clear_faults();
    assert_eq!(scene.stage.store.unsettled().await.unwrap().len(), 1);
    let memory = scene.memory().await;
    let (key, link) = memory.links().next().unwrap();
    let (key, mut link) = (key.clone(), link.clone());
    link.user = mattersync::model::UserId::new(scene.stage.user("ben").id);
    let other = mattersync::model::AccountKey { id: id(9), ..key };
    scene.put(9, person(9, "benedict"));
    let note = vec![mattersync::model::Remember::Account(
        other,
        mattersync::model::AccountChange::Link(Some(link)),
    )];
    scene.stage.store.observe(note).await.unwrap();
    let mut told = String::new();
    for _ in 0..3 {
        let done = try_cycle(&scene.stage, &mut engine).await.unwrap();
        told = done.whys(&id(1)).iter().map(ToString::to_string).collect();
    }
    assert_eq!(scene.stage.store.unsettled().await.unwrap().len(), 0);
    assert!(
        told.contains("ben@example.org") && told.contains("another account, benedict ("),
        "{told}"
    );
    let memory = scene.memory().await;
    let users: std::collections::BTreeSet<_> = memory.links().map(|(_, l)| &l.user).collect();
    assert_eq!(users.len(), memory.links().count());
}
