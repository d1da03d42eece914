//! E-mail addresses: missing, malformed, shared, refused; and the e-mails that changes cause.

use std::process::Command;
use std::time::Duration;

use ldap_fault::Entry;
use mattermost_sim::{Answer, Commit, Effect, Fault, MailKind, Options, Version};
use mattersync::model::{Action, Why};
use mattersync::observe::Mails;
use serde_json::json;

use crate::edge::scene::{HASTY, PEOPLE, Scene, Set as _, id, person};
use testkit::desk;
use testkit::place::Place;
use testkit::service;
use testkit::stage::{Cycle, Stage, cycle, try_cycle};

const MONTH: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// How many attempts the server saw to create somebody.
fn creations(stage: &Stage) -> usize {
    let seen = stage.sim.seen();
    seen.iter()
        .filter(|s| s.method == "POST" && s.target == "/api/v4/users")
        .count()
}

#[tokio::test]
async fn edge_41_without_an_address_nobody_is_made_and_nobody_is_out() {
    let mut scene = Scene::of(&["anna", "ben"]).await;
    scene.put(5, person(5, "nomail").without("mail"));
    let mut engine = scene.engine(HASTY);
    let done = cycle(&scene.stage, &mut engine).await;
    assert!(matches!(done.whys(&id(5))[..], [Why::NoEmail(why)] if why.contains("mail")));
    scene.edit(0, |e| e.without("mail"));
    for _ in 0..3 {
        let done = cycle(&scene.stage, &mut engine).await;
        assert_eq!((done.grave(), done.writes), (0, 0));
        assert!(matches!(done.whys(&id(0))[..], [Why::NoEmail(_)]));
    }
    assert!(scene.stage.is_active("anna"));
    assert_eq!(scene.stage.user("anna").email, "anna@example.org");
    assert!(scene.stage.sim.user_named("nomail").is_none());
    let accounts = "[accounts]\nemail = [\"mail\", \"{uid}@made.example.org\"]\n\
                    lock = [\"shadowExpire\"]\n";
    let mut engine = scene.engine(&format!("{accounts}{HASTY}"));
    cycle(&scene.stage, &mut engine).await;
    assert_eq!(scene.stage.user("nomail").email, "nomail@made.example.org");
    assert_eq!(scene.stage.user("ben").email, "ben@example.org");
}

/// What a dry run accepts the server accepts, and what it does not is not tried.
#[tokio::test]
async fn edge_43_an_address_is_judged_in_the_plan_as_the_server_judges_it() {
    let odd = [
        " space@example.org ",
        "Upper@Example.ORG",
        "o'hara@example.org",
        "plus+tag@example.org",
        "under_score@example.org",
        "a@localhost",
        "<angle@example.org>",
        "angle <angle@example.org>",
        "two@at@example.org",
        "no-at.example.org",
        "@example.org",
        "nobody@",
        "in ner@example.org",
        "a..b@example.org",
        ".a@example.org",
        "a@-x.org",
        "a,b@example.org",
        "müller@example.org",
        "\"quoted\"@example.org",
    ];
    let mut scene = Scene::of(&["anna"]).await;
    for (n, mail) in (10..).zip(odd) {
        scene.put(n, person(n, &format!("odd{n}")).set("mail", mail));
    }
    let too_long = format!("{}@example.org", "x".repeat(130));
    scene.put(9, person(9, "long").set("mail", too_long));
    let mut engine = scene.engine(HASTY);
    let dry = engine.look(&|_| {}).await.unwrap();
    let planned: Vec<_> = dry.plan.steps.iter().map(|s| s.action.clone()).collect();
    let done = cycle(&scene.stage, &mut engine).await;
    let real: Vec<_> = done.plan().steps.iter().map(|s| s.action.clone()).collect();
    assert_eq!(planned, real, "the dry run is the real one");
    let is_create = |a: &&Action| matches!(a, Action::CreateUser { .. });
    let created = real.iter().filter(is_create).count();
    assert_eq!((creations(&scene.stage), created), (created, 8));
    let refused = done.left(|l| matches!(l.why, Why::NoEmail(_)));
    assert_eq!(refused, odd.len() + 2 - created);
    assert_eq!(scene.stage.user("odd10").email, "space@example.org");
    assert_eq!(scene.stage.user("odd11").email, "upper@example.org");
    let rest = cycle(&scene.stage, &mut engine).await;
    scene.stage.assert_rests(&rest);
}

/// The older link has it, then the one whose id comes first; the other is told who that is, and
/// they do not take it in turns.
#[tokio::test]
async fn edge_44_of_two_with_one_address_the_same_one_has_it_for_ever() {
    let mut scene = Scene::of(&[]).await;
    let shared = |n: u32, uid: &str| person(n, uid).set("mail", "shared@example.org");
    scene.put(2, shared(2, "anna"));
    scene.put(1, shared(1, "anna.admin"));
    let mut engine = scene.engine(HASTY);
    cycle(&scene.stage, &mut engine).await;
    let loser = |done: &Cycle, n: u32, other: &str| {
        let told = match done.whys(&id(n))[..] {
            [why @ Why::Duplicate { dn, .. }] => format!("{why}; {dn}"),
            ref other => panic!("{other:?}"),
        };
        assert!(
            told.contains("shared@example.org") && told.contains(other),
            "{told}"
        );
        let left = done
            .left_alone()
            .iter()
            .find(|l| matches!(l.why, Why::Duplicate { .. }));
        assert!(left.unwrap().subject.dn.is_some());
    };
    for n in 0..4 {
        if n == 2 {
            // Also when the server lists them the other way round.
            let mut turned = vec![shared(2, "anna"), shared(1, "anna.admin")];
            turned.rotate_left(n % 2);
            scene.ldap.set_entries(turned);
        }
        let done = cycle(&scene.stage, &mut engine).await;
        assert_eq!((done.kinds(), done.writes), (vec![], 0));
        loser(&done, 2, &format!("uid=anna.admin,{PEOPLE}"));
    }
    // Somebody of long ago goes before somebody new, whoever has the smaller id.
    scene.put(0, shared(0, "aaa"));
    let done = cycle(&scene.stage, &mut engine).await;
    loser(&done, 0, &format!("uid=anna.admin,{PEOPLE}"));
    assert!(scene.stage.sim.mails().is_empty());
}

#[tokio::test]
async fn edge_46_a_deactivated_user_still_has_name_and_address() {
    let mut scene = Scene::of(&["anna", "ben"]).await;
    let mut engine = scene.engine(HASTY);
    scene.fill(&mut engine).await;
    let sleeper = json!({"username": "carl", "email": "carl@example.org"});
    let sleeper = scene.stage.sim.add_user(&sleeper).unwrap();
    scene.stage.sim.set_active(&sleeper, false);
    scene.remove(1);
    cycle(&scene.stage, &mut engine).await;
    assert!(!scene.stage.is_active("ben"));
    // A new person called as the leaver, and one called as the stranger.
    scene.put(11, person(11, "ben").set("mail", "new.ben@example.org"));
    scene.put(12, person(12, "carl").set("mail", "new.carl@example.org"));
    scene.put(13, person(13, "dora").set("mail", "ben@example.org"));
    // Somebody new, or the leaver with another id? For a while that is for a person to say.
    let done = cycle(&scene.stage, &mut engine).await;
    assert_eq!((done.kinds(), done.writes), (vec![], 0));
    let told = done.whys(&id(11))[0].to_string();
    assert!(
        told.contains("looks like the same person") && told.contains("the user ben"),
        "{told}"
    );
    scene.stage.clock.advance(12 * MONTH);
    let before = creations(&scene.stage);
    let done = cycle(&scene.stage, &mut engine).await;
    assert_eq!(
        creations(&scene.stage) - before,
        1,
        "nothing is tried in vain"
    );
    assert_eq!(scene.stage.user("ben2").email, "new.ben@example.org");
    assert!(!scene.stage.is_active("ben") && !scene.stage.is_active("carl"));
    let told = done.whys(&id(12))[0].to_string();
    assert!(told.contains("carl") && told.contains(&sleeper), "{told}");
    let told = done.whys(&id(13))[0].to_string();
    assert!(
        told.contains("ben@example.org") && told.contains("the user ben"),
        "{told}"
    );
    let rest = cycle(&scene.stage, &mut engine).await;
    scene.stage.assert_rests(&rest);
}

#[tokio::test]
async fn edge_47_a_domain_that_the_server_refuses_is_foreseen_for_each() {
    let scene = Scene::of(&["anna", "ben", "carl"]).await;
    let domains =
        json!({"TeamSettings": {"RestrictCreationToDomains": "example.net, @example.com"}});
    scene.stage.sim.set_config(&domains);
    let mut engine = scene.engine(HASTY);
    for _ in 0..2 {
        let done = cycle(&scene.stage, &mut engine).await;
        for n in 0..3 {
            let told = done.whys(&id(n))[0].to_string();
            assert!(
                told.contains("example.net") && told.contains("example.com"),
                "{told}"
            );
            assert!(told.contains("RestrictCreationToDomains"), "{told}");
            assert!(told.contains("@example.org"), "{told}");
        }
        assert_eq!(creations(&scene.stage), 0, "nobody is tried");
    }
    let domains = json!({"TeamSettings": {"RestrictCreationToDomains": "example.org"}});
    scene.stage.sim.set_config(&domains);
    scene.fill(&mut engine).await;
}

/// In the plan and after a refusal alike: DN, id, name, address, and who is in the way.
#[test]
fn edge_48_what_goes_wrong_names_both_sides() {
    let mut place = Place::new(crate::BINARY);
    place.add("anna", "Anna", "Able");
    place.add("ben", "Ben", "Bold");
    place.run(&["sync"]).exits(0);
    let stranger = |name: &str, email: &str| {
        let user = json!({"username": name, "email": email});
        place.sim.add_user(&user).unwrap()
    };
    let carl = stranger("carl", "else@example.org");
    let hidden = stranger("hidden", "hidden@example.net");
    place.add("carl", "Carl", "Cool");
    let parties = |said: testkit::place::Said, n: u32, uid: &str, other: &str| {
        let words = [
            format!("uid={uid},ou=People,dc=directory,dc=nh"),
            format!("00000000-0000-4000-8000-{n:012}"),
            format!("{uid}@example.org"),
            uid.to_owned(),
            other.to_owned(),
        ];
        words.iter().fold(said, |said, words| said.says(words))
    };
    let said = place.run(&["plan", "--all"]).exits(0);
    parties(said, 2, "carl", &carl);
    // Somebody takes the address between the reading and the call.
    place.add("dora", "Dora", "Dunn");
    let refusal = |id: &str| Answer {
        status: 400,
        headers: vec![("content-type".into(), "application/json".into())],
        body: json!({"id": id, "message": "An account with that email already exists."})
            .to_string()
            .into_bytes(),
    };
    let taken = refusal("app.user.save.email_exists.app_error");
    let fault = Fault::new(Effect::Answer(taken, Commit::Before)).method("POST");
    place.sim.add_fault(fault.path("/api/v4/users"));
    let holder = json!({"id": hidden, "username": "hidden", "email": "dora@example.org"});
    let found = Answer {
        status: 200,
        headers: vec![("content-type".into(), "application/json".into())],
        body: holder.to_string().into_bytes(),
    };
    let fault = Fault::new(Effect::Answer(found, Commit::Before));
    place.sim.add_fault(fault.path("/api/v4/users/email/*"));
    let said = place.run(&["sync"]).exits(1).says("NOT DONE");
    let said = parties(said, 3, "dora", &hidden);
    said.says("belongs to hidden <dora@example.org>");
}

/// A server that verifies addresses keeps the old one and mails the new one: once for each wish.
#[tokio::test]
async fn edge_101_an_address_is_asked_for_once_and_then_waited_for() {
    let mut scene = Scene::of(&["anna", "ben"]).await;
    let verifies = json!({"EmailSettings": {"RequireEmailVerification": true}});
    scene.stage.sim.set_config(&verifies);
    let mut engine = scene.engine(HASTY);
    scene.fill(&mut engine).await;
    let asked = |mails: Mails| (mails.to_confirm, mails.sum());
    let mails = |scene: &Scene| -> Vec<String> {
        let mails = scene.stage.sim.mails().into_iter();
        let asking = mails.filter(|m| m.kind == MailKind::Verification);
        asking.map(|m| m.to).collect()
    };
    let set = |scene: &mut Scene, mail: &str| scene.edit(0, |e| e.set("mail", mail));
    assert!(
        scene.stage.sim.mails().is_empty(),
        "nobody is greeted at the first fill"
    );

    set(&mut scene, "b@example.org");
    let planned = desk::show_holds(&mut engine).await.unwrap();
    assert_eq!(asked(planned.mails_about), (1, 1));
    let done = cycle(&scene.stage, &mut engine).await;
    assert_eq!(asked(done.summary.facts.mails), (1, 1));
    assert_eq!(mails(&scene), ["b@example.org"]);
    assert_eq!(scene.stage.sim.mails()[0].kind, MailKind::Verification);
    // However long the person does not click, and whoever reads the state next.
    for _ in 0..6 {
        scene.stage.clock.advance(MONTH);
        let mut engine = scene.engine(HASTY);
        let done = cycle(&scene.stage, &mut engine).await;
        assert_eq!((done.kinds(), done.writes), (vec![], 0));
        let whys = done.whys(&id(0));
        assert!(matches!(whys[..], [Why::EmailWaiting { email }] if email == "b@example.org"));
        assert_eq!(done.summary.facts.plan.mails, 0);
        let counts = scene.stage.store.counts().await.unwrap();
        assert_eq!(counts["addresses-waiting"], 1);
    }
    // Nobody else gets the address meanwhile.
    scene.put(7, person(7, "thief").set("mail", "b@example.org"));
    let done = cycle(&scene.stage, &mut engine).await;
    assert!(matches!(done.whys(&id(7))[..], [Why::Duplicate { .. }]));
    scene.remove(7);
    // Another wish is another question; none is none.
    set(&mut scene, "c@example.org");
    cycle(&scene.stage, &mut engine).await;
    cycle(&scene.stage, &mut engine).await;
    assert_eq!(mails(&scene), ["b@example.org", "c@example.org"]);
    set(&mut scene, "anna@example.org");
    for _ in 0..3 {
        let done = cycle(&scene.stage, &mut engine).await;
        assert_eq!((done.writes, done.left_alone().len()), (0, 0));
    }
    assert_eq!(mails(&scene).len(), 2);
    set(&mut scene, "c@example.org");
    cycle(&scene.stage, &mut engine).await;
    let last = scene.stage.sim.mails().pop().unwrap();
    assert_eq!(mails(&scene).len(), 3);
    assert!(scene.stage.sim.click(&last));
    assert_eq!(scene.stage.user("anna").email, "c@example.org");
    let rest = cycle(&scene.stage, &mut engine).await;
    scene.stage.assert_rests(&rest);
    assert!(
        scene
            .memory()
            .await
            .links()
            .all(|(_, l)| l.email_waiting.is_none())
    );
    assert_eq!(mails(&scene).len(), 3);
}

fn say(stage: &service::Stage, words: &[&str]) -> String {
    let mut command = Command::new(crate::BINARY);
    command.arg("--config").arg(stage.config()).args(words);
    String::from_utf8(command.output().unwrap().stdout).unwrap()
}

/// Killed between the call and the record of its answer; and before the call arrived.
#[test]
fn edge_101_a_crash_asks_nobody_twice() {
    for commit in [Commit::After, Commit::Before] {
        let options = Options {
            config: json!({"EmailSettings": {"RequireEmailVerification": true}}),
            ..Options::new(Version::V11)
        };
        let stage = service::Stage::new(crate::BINARY, &options, &service::Config::default());
        let mut people = service::people(&["anna", "ben"]);
        stage.write_people(&people);
        stage.start_and_wait().stop();
        people[0].mail = "new@example.org".into();
        stage.write_people(&people);
        let asks = "/api/v4/users/*/patch";
        stage
            .sim
            .add_fault(Fault::new(Effect::Hang(commit)).method("PUT").path(asks));
        let daemon = stage.start();
        service::wait("the question", || {
            let seen = stage.sim.seen();
            seen.iter()
                .any(|s| s.target.ends_with("/patch") && s.status.is_none())
        });
        daemon.kill();
        stage.sim.clear_faults();
        let daemon = stage.start_and_wait();
        for _ in 0..3 {
            assert_eq!(daemon.sync().writes, 0);
        }
        let mails = stage.sim.mails().len();
        assert_eq!(mails, usize::from(commit == Commit::After), "{commit:?}");
        let counts = daemon.status().unwrap().counts;
        assert_eq!(counts["addresses-waiting"], 1);
        let said = say(&stage, &["status"]);
        let waits = "1 address waiting for the person's click";
        assert!(said.contains(waits), "{said}");
        let said = say(&stage, &["history", "2"]);
        let perhaps =
            "the e-mail to new@example.org that asks for a click may or may not have been sent";
        assert!(said.contains(perhaps), "{said}");
        assert!(said.contains("Not done        1 unknown"), "{said}");
        assert!(!said.contains("mattersync undo"), "{said}");
        let said = say(&stage, &["undo", "2"]);
        assert!(
            said.contains("does not change before the person clicks"),
            "{said}"
        );
        if commit == Commit::After {
            assert!(stage.sim.click(&stage.sim.mails()[0]));
            daemon.sync();
            let said = say(&stage, &["history", "2"]);
            assert!(said.contains("mattersync undo 2"), "{said}");
            say(&stage, &["undo", "2", "--yes"]);
            let last = stage.sim.mails().pop().unwrap();
            assert_eq!(last.to, "anna@example.org");
        }
        daemon.stop();
    }
}

/// Where addresses are not verified a change counts at once, stays verified, and is told to the
/// old address; the plan says so before.
#[test]
fn edge_102_the_plan_counts_the_e_mails_and_the_address_stays_verified() {
    let mut place = Place::new(crate::BINARY);
    place.add("anna", "Anna", "Able");
    place.add("ben", "Ben", "Bold");
    let first = place.run(&["sync"]).exits(0);
    first
        .says_not("e-mail was sent")
        .says_not("e-mails were sent");
    assert!(place.sim.mails().is_empty());
    place.edit("anna", |p| p.mail = Some("new@example.org".into()));
    place.edit("ben", |p| p.uid = "benjamin".into());
    let mail = place.run(&["plan", "--json"]).exits(0).json();
    assert_eq!(mail["mails"], 2);
    let about = json!({"to-confirm": 0, "to-old-address": 1, "about-username": 1});
    assert_eq!(mail["mails_about"], about);
    place
        .run(&["plan"])
        .exits(0)
        .says("2 e-mails would be sent because of it: 1 to an address that changed; 1 about a changed username.");
    place
        .run(&["sync"])
        .exits(0)
        .says("2 e-mails were sent because of it: 1 to an address that changed; 1 about a changed username.");
    let kinds: Vec<MailKind> = place.sim.mails().into_iter().map(|m| m.kind).collect();
    let of = |kind| kinds.iter().filter(|k| **k == kind).count();
    assert_eq!(
        (
            of(MailKind::EmailChanged),
            of(MailKind::UsernameChanged),
            kinds.len()
        ),
        (1, 1, 2)
    );
    assert!(place.sim.user_named("anna").unwrap().email_verified);
    assert!(place.sim.user_named("benjamin").unwrap().email_verified);
    place.run(&["sync"]).exits(0).says("Nothing was changed.");
    assert_eq!(place.sim.mails().len(), 2);
    // What is held says it too.
    place.more = "[guard]\nemail = 0\n".into();
    place.edit("anna", |p| p.mail = Some("newer@example.org".into()));
    let held = place.run(&["sync"]).exits(3);
    held.says("HELD: email")
        .says("it would send e-mails: 1 to an address that changed");
    assert_eq!(place.sim.mails().len(), 2);
}

/// A mark that could not be set is set by the next cycle, without another e-mail.
#[tokio::test]
async fn edge_102_a_lost_verification_is_made_up_for_without_another_e_mail() {
    let mut scene = Scene::of(&["anna"]).await;
    let mut engine = scene.engine(HASTY);
    scene.fill(&mut engine).await;
    scene.edit(0, |e: Entry| e.set("mail", "new@example.org"));
    let verify = Fault::new(Effect::status(503)).path("/api/v4/users/*/email/verify/member");
    scene.stage.sim.add_fault(verify.nth(1));
    for _ in 0..3 {
        try_cycle(&scene.stage, &mut engine).await.unwrap();
    }
    let anna = scene.stage.user("anna");
    assert!(anna.email_verified && anna.email == "new@example.org");
    assert_eq!(scene.stage.sim.mails().len(), 1);
}
