//! What a person is told and says: about one bad entry, a dry run, what is held, a second daemon.

use mattermost_sim::{Answer, Commit, Effect, Fault, Options, Version};
use mattersync::model::{Class, HoldKey};
use serde_json::json;

use crate::edge::scene::{HASTY, PEOPLE, Scene, Set as _, id, person};
use testkit::desk;
use testkit::place::Place;
use testkit::service;
use testkit::stage::{HOUR, cycle, try_cycle};

/// Everything that can be wrong with one person, and everybody else as if nothing were.
#[tokio::test]
async fn edge_85_one_bad_person_stops_nobody_else() {
    let mut scene = Scene::people(10).await;
    let mut engine = scene.engine(HASTY);
    cycle(&scene.stage, &mut engine).await;
    let twin = |n, uid: &str| person(n, uid).set("entryUUID", id(77).to_string());
    let bad = [
        person(20, "noname").without("uid"),
        person(21, "noid").set("entryUUID", "nonsense"),
        twin(22, "twin1"),
        twin(23, "twin2"),
        person(24, "nomail").without("mail"),
        person(25, "badmail").set("mail", "<x>"),
        person(26, "!!!").set("mail", "n26@example.org"),
        person(27, "latin1").set("uid", [0xff, 0xfe]),
        person(28, "shared").set("mail", "p0001@example.org"),
        person(29, "long").set("givenName", "x".repeat(100_000)),
    ];
    for (n, entry) in (20..).zip(bad) {
        scene.put(n, entry);
    }
    for n in 0..9 {
        scene.edit(n, |e| e.set("sn", "Married"));
    }
    scene.edit(9, |e| e.set("shadowExpire", "1"));
    for n in 40..45 {
        scene.put(n, person(n, &format!("new{n}")));
    }
    let refusal = Answer {
        status: 400,
        headers: vec![("content-type".into(), "application/json".into())],
        body: json!({"id": "model.user.is_valid.position.app_error", "message": "no"})
            .to_string()
            .into_bytes(),
    };
    let refuse = Fault::new(Effect::Answer(refusal, Commit::Before)).method("PUT");
    scene
        .stage
        .sim
        .add_fault(refuse.path("/api/v4/users/*/patch").nth(3));
    let done = try_cycle(&scene.stage, &mut engine).await.unwrap();
    let report = &done.summary.facts;
    assert_eq!(
        (report.not_done.len(), report.stopped.as_ref()),
        (1, None),
        "{report:?}"
    );
    let married = |n: u32| scene.stage.user(&format!("p{n:04}")).last_name == "Married";
    assert_eq!((0..9).filter(|n| married(*n)).count(), 8);
    assert!(!scene.stage.is_active("p0009"));
    assert!((40..45).all(|n| scene.stage.is_active(&format!("new{n}"))));
    // Each is named; the name that is too long is cut.
    assert_eq!(scene.stage.user("long").first_name.len(), 64);
    let named = done
        .left_alone()
        .iter()
        .map(|l| l.subject.dn.clone().unwrap_or_default());
    let named: Vec<String> = named.collect();
    for who in [
        "noname", "noid", "twin1", "twin2", "nomail", "badmail", "!!!", "latin1", "shared",
    ] {
        let dn = format!("uid={who},{PEOPLE}");
        assert!(named.contains(&dn), "{who}: {named:?}");
    }
    cycle(&scene.stage, &mut engine).await;
    assert!((0..9).all(married));
}

/// What `plan` shows is what `sync` does, and it writes nothing anywhere.
#[test]
fn edge_86_a_dry_run_writes_nothing_and_tells_the_truth() {
    let mut place = Place::new(crate::BINARY);
    for name in ["adam", "bea", "carl", "dora", "emil"] {
        place.add(name, name, "Able");
    }
    place.run(&["sync"]).exits(0);
    place.edit("adam", |p| p.expires = 1);
    place.edit("bea", |p| p.name.1 = "Brave".into());
    place.edit("carl", |p| p.mail = Some("carl@example.com".into()));
    place.edit("dora", |p| p.uid = "dorothea".into());
    place.edit("emil", |p| p.mail = Some("<emil>".into()));
    place.add("all", "New", "Comer");
    place.add("finn", "Finn", "Fine");
    let stranger = json!({"username": "finn", "email": "else@example.org"});
    place.sim.add_user(&stranger).unwrap();
    place.sim.reset_counters();
    let (users, state) = (place.sim.users(), place.files("state"));
    let plan = place.run(&["plan", "--json"]).exits(0).json();
    for (words, exit) in [
        (&["plan"][..], 0),
        (&["plan", "--all"], 0),
        (&["check"], 0),
        // No service runs.
        (&["status"], 1),
    ] {
        place.run(words).exits(exit);
    }
    assert_eq!((place.sim.writes(), place.sim.users()), (0, users));
    assert_eq!(place.files("state"), state);
    let sync = place.run(&["sync", "--json"]).exits(0).json();
    assert_eq!(sync["plan"]["plan"]["steps"], plan["plan"]["steps"]);
    let done: u64 = sync["done"]
        .as_object()
        .unwrap()
        .values()
        .map(|n| n.as_u64().unwrap())
        .sum();
    let planned = plan["plan"]["steps"].as_array().unwrap().len();
    assert_eq!((done, planned), (6, 6), "{sync}");
    place
        .run(&["plan"])
        .exits(0)
        .says("Nothing would be changed.");
}

/// Permission for what was shown, once, and not for ever.
#[tokio::test]
async fn edge_87_an_approval_is_used_up_and_ends() {
    let mut scene = Scene::people(12).await;
    let rest = "[policy]\ngrace = \"0s\"\n[guard]\nmissing = 1\nlocked = 1\n";
    let mut engine = scene.engine(rest);
    scene.fill(&mut engine).await;
    let approve = async |engine: &mut mattersync::cycle::Engine| {
        desk::show_holds(engine).await.unwrap();
        desk::approve(engine, "locked", "alice").await.unwrap()
    };
    let lock = |scene: &mut Scene, who: std::ops::Range<u32>| {
        for n in who {
            scene.edit(n, |e| e.set("shadowExpire", "1"));
        }
    };
    lock(&mut scene, 0..3);
    cycle(&scene.stage, &mut engine).await;
    assert_eq!(approve(&mut engine).await.released.len(), 3);
    // More have come since: they were not shown.
    lock(&mut scene, 3..6);
    let done = cycle(&scene.stage, &mut engine).await;
    assert_eq!(done.kinds(), [("deactivate", 3)]);
    assert_eq!(done.holds(), [&HoldKey::Class(Class::Locked)]);
    assert_eq!(scene.stage.active(), 9);
    assert!((3..6).all(|n| scene.stage.is_active(&format!("p{n:04}"))));
    // What was approved and not done within three days is to be looked at again.
    let word = approve(&mut engine).await;
    assert_eq!(word.released.len(), 3);
    let mut holds = scene.memory().await.holds.into_values();
    let approval = holds.find_map(|hold| hold.approval).unwrap();
    assert_eq!(
        (approval.by.as_str(), approval.until.since(approval.at)),
        ("alice", HOUR * 72)
    );
    scene.stage.clock.advance(HOUR * 73);
    let done = cycle(&scene.stage, &mut engine).await;
    assert_eq!((done.kinds(), done.summary.facts.held()), (vec![], 3));
}

/// All of the class or nothing, everything else, and what to type.
#[test]
fn edge_88_a_hold_says_what_was_not_done_and_how_to_go_on() {
    let mut place = Place::new(crate::BINARY);
    let names = ["adam", "bea", "carl", "dora", "emil", "fred"];
    for name in names {
        place.add(name, name, "Able");
    }
    place.more = "[guard]\nlocked = 2\n".into();
    place.write();
    place.run(&["sync"]).exits(0);
    for name in &names[..4] {
        place.edit(name, |p| p.expires = 1);
    }
    place.edit("fred", |p| p.name.1 = "Free".into());
    let said = place.run(&["sync"]).exits(3);
    let said = said
        .says("HELD: locked: 4 wanted, one cycle may do 2. None of these 4 steps is done")
        .says("mattersync approve locked")
        .says("Updated 1 user");
    names[..4]
        .iter()
        .fold(said, |said, name| said.says(&format!("  {name} Able ")));
    let active = || {
        let active = |name: &&&str| place.sim.user_named(name).unwrap().is_active();
        names.iter().filter(active).count()
    };
    assert_eq!(active(), 6);
    assert_eq!(place.sim.user_named("fred").unwrap().last_name, "Free");
    place.run(&["approve"]).exits(0);
    place.run(&["approve", "locked"]).exits(0).says("4 steps");
    place.run(&["sync"]).exits(0).says("Deactivated 4 users");
    assert_eq!(active(), 2);
}

/// The second one harms nobody, says who is there, and does the work when the first has gone. The
/// service manager starts it again until then.
#[test]
fn edge_89_of_two_daemons_one_works_and_the_other_takes_over() {
    let stage = service::Stage::new(
        crate::BINARY,
        &Options::new(Version::V11),
        &service::Config::default(),
    );
    stage.write_people(&service::people(&["anna"]));
    let first = stage.start_and_wait();
    let before = stage.sim.requests();
    for _ in 0..2 {
        let (status, _, said) = stage.start().end();
        assert_eq!(status.code(), Some(75), "{said}");
        assert!(said.contains(&format!("pid {}", first.pid())), "{said}");
    }
    assert_eq!(stage.sim.requests(), before);
    stage.write_people(&service::people(&["anna", "ben"]));
    // However the first one ends.
    first.kill();
    let second = stage.start_and_wait();
    assert!(stage.sim.user_named("ben").is_some());
    assert_eq!(second.sync().writes, 0);
    second.stop();
    let unit = include_str!("../../../systemd/mattersync.service");
    assert!(unit.contains("Restart=on-failure"));
    let never = unit
        .lines()
        .find(|l| l.starts_with("RestartPreventExitStatus="));
    assert!(!never.unwrap().contains("75"));
}
