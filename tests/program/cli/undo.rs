//! `mattersync undo` and `redo`: what is taken back stays so.

use testkit::place::Place;

fn company() -> Place {
    let mut place = Place::new(crate::BINARY);
    place.more = "[policy]\ngrace = \"0s\"\n".into();
    for uid in ["alice", "bob", "carol", "dora"] {
        place.add(uid, uid, "Able");
    }
    place.run(&["sync"]).exits(0);
    place
}

#[test]
fn an_undone_rename_stays_until_the_directory_says_something_else() {
    let mut place = company();
    place.edit("bob", |p| p.uid = "robert".into());
    place.run(&["sync"]).exits(0).says("Renamed 1 user");
    let run = place.last_run();
    place
        .run(&["undo", &run])
        .exits(0)
        .says("Rename 1 user")
        .says("Nothing was changed")
        .says(&format!("mattersync undo {run} --yes"));
    assert!(place.sim.user_named("robert").is_some(), "only shown");
    place
        .run(&["undo", &run, "--yes"])
        .exits(0)
        .says("Renamed 1 user")
        .says("mattersync undo --redo");
    assert!(place.sim.user_named("bob").is_some());
    place.rests();
    place
        .run(&["plan"])
        .exits(0)
        .says("took back the username")
        .says("`mattersync undo --redo bob`");
    assert!(place.sim.user_named("bob").is_some(), "not done again");
    place
        .run(&["undo", &run, "--yes"])
        .exits(0)
        .says("Nothing was changed");
    place.edit("robert", |p| p.uid = "rob".into());
    place.run(&["sync"]).exits(0).says("Renamed 1 user");
    assert!(place.sim.user_named("rob").is_some());
    place.rests();
}

#[test]
fn redo_lets_the_directory_decide_again() {
    let mut place = company();
    place.edit("bob", |p| p.uid = "robert".into());
    place.edit("alice", |p| p.name.1 = "Married".into());
    place.run(&["sync"]).exits(0);
    let run = place.last_run();
    place
        .run(&["undo", &run, "--person", "alice", "--yes"])
        .exits(0)
        .says("Updated 1 user")
        .says("\n    mattersync undo --redo alice\n")
        .says_not("robert");
    assert_eq!(place.sim.user_named("alice").unwrap().last_name, "Able");
    place.rests();
    place
        .run(&["undo", "--redo", "robert"])
        .exits(1)
        .says("nothing of \"robert\"");
    place
        .run(&["undo", "--redo", "alice"])
        .exits(0)
        .says("the last name \"Able\" instead of \"Married\"");
    place.run(&["sync"]).exits(0).says("Updated 1 user");
    assert_eq!(place.sim.user_named("alice").unwrap().last_name, "Married");
    place.rests();
}

#[test]
fn an_undone_deactivation_is_respected_until_the_account_is_back() {
    let mut place = company();
    place.edit("bob", |p| p.expires = 1);
    place.run(&["sync"]).exits(0).says("Deactivated 1 user");
    let run = place.last_run();
    place
        .run(&["undo", &run, "--yes"])
        .exits(0)
        .says("Reactivated 1 user")
        .says("bob had no bot, token, webhook, command or app that works again.");
    assert!(place.is_active("bob"));
    place.rests();
    place
        .run(&["plan"])
        .exits(0)
        .says(&format!("took the deactivation of run {run} back"))
        .says("reactivated the user although")
        .says_not("administrator");
    assert!(place.is_active("bob"), "not deactivated again");
    // The account is back and locked anew: that is another decision.
    place.edit("bob", |p| p.expires = 99_999);
    place.rests();
    place.edit("bob", |p| p.expires = 1);
    place.run(&["sync"]).exits(0).says("Deactivated 1 user");
    assert!(!place.is_active("bob"));
}

#[test]
fn redo_ends_what_an_undone_deactivation_left() {
    let mut place = company();
    place.people.retain(|p| p.uid != "dora");
    place.write();
    place.run(&["sync"]).exits(0).says("Deactivated 1 user");
    let run = place.last_run();
    place.run(&["undo", &run, "--yes"]).exits(0);
    place.rests();
    assert!(place.is_active("dora"));
    place.run(&["undo", "--redo", "dora"]).exits(0);
    place.run(&["sync"]).exits(0).says("Deactivated 1 user");
    assert!(!place.is_active("dora"));
    place.rests();
}

#[test]
fn an_undone_creation_and_reactivation_deactivate_for_good() {
    let mut place = company();
    place.add("erik", "Erik", "Eager");
    place.run(&["sync"]).exits(0).says("Created 1 user");
    let run = place.last_run();
    place
        .run(&["undo", &run])
        .exits(0)
        .says("Deactivate 1 user")
        .says("takes nobody out of a team");
    place
        .run(&["undo", &run, "--yes"])
        .exits(0)
        .says("Deactivated 1 user")
        .says("nobody is deleted");
    assert!(!place.is_active("erik"));
    place.rests();
    place.rests();
    assert!(!place.is_active("erik"), "not reactivated by itself");
    place.edit("bob", |p| p.expires = 1);
    place.run(&["sync"]).exits(0);
    place.edit("bob", |p| p.expires = 99_999);
    place.run(&["sync"]).exits(0);
    place.run(&["sync"]).exits(0).says("Reactivated 1 user");
    let back = place.last_run();
    place.run(&["undo", &back, "--yes"]).exits(0);
    assert!(!place.is_active("bob"));
    place.rests();
    place.rests();
    assert!(!place.is_active("bob"));
}

#[test]
fn what_somebody_changed_since_is_left_alone() {
    let mut place = company();
    place.edit("bob", |p| p.uid = "robert".into());
    place.edit("carol", |p| p.expires = 1);
    place.run(&["sync"]).exits(0);
    let run = place.last_run();
    let bob = place.sim.user_named("robert").unwrap().id;
    assert!(
        place
            .sim
            .edit_user(&bob, |user| user.username = "bobby".into())
    );
    let carol = place.sim.user_named("carol").unwrap().id;
    place.sim.set_active(&carol, true);
    place.sim.advance(std::time::Duration::from_secs(1));
    place.sim.set_active(&carol, false);
    place
        .run(&["undo", &run, "--yes"])
        .exits(0)
        .says("the username is \"bobby\" by now, and the run had made it \"robert\"")
        .says("the user is deactivated anew, since");
    assert!(place.sim.user_named("bobby").is_some());
    assert!(!place.is_active("carol"));
    // It is not remembered as a wish either.
    assert!(
        place
            .sim
            .edit_user(&bob, |user| user.username = "robert".into())
    );
    place.rests();
}

#[test]
fn an_undo_is_undone() {
    let mut place = company();
    place.edit("bob", |p| p.uid = "robert".into());
    place.edit("carol", |p| p.expires = 1);
    place.run(&["sync"]).exits(0);
    let run = place.last_run();
    place.run(&["undo", &run, "--yes"]).exits(0);
    assert!(place.is_active("carol") && place.sim.user_named("bob").is_some());
    let undo = place.last_run();
    assert_ne!(undo, run);
    place
        .run(&["undo", &undo, "--yes"])
        .exits(0)
        .says("Renamed 1 user")
        .says("Deactivated 1 user");
    assert!(!place.is_active("carol") && place.sim.user_named("robert").is_some());
    place.rests();
    place.run(&["plan"]).exits(0).says_not("took back");
    // The directory decides again, as before all this.
    place.edit("carol", |p| p.expires = 99_999);
    place.run(&["sync"]).exits(0);
    place.run(&["sync"]).exits(0).says("Reactivated 1 user");
}

/// The limit counts everybody whom the plan wants, and an undo shows its own.
#[test]
fn of_a_hold_that_is_shown_in_part_the_numbers_are_explained() {
    let mut place = company();
    place.more = "[guard]\nlocked = 9\nreactivate = 0\n".into();
    place.edit("carol", |p| p.expires = 1);
    place.run(&["sync"]).exits(0);
    place.run(&["undo", &place.last_run(), "--yes"]).exits(3);
    for uid in ["alice", "bob"] {
        place.edit(uid, |p| p.expires = 1);
    }
    place.run(&["sync"]).says("Deactivated 2 users");
    place.run(&["undo", &place.last_run()]).exits(0).says(
        "HELD: reactivate: 3 wanted, one cycle may do 0 (of the 3, 1 not shown here). None of \
         these 2 steps is done",
    );
}

#[test]
fn a_large_undo_is_held_and_can_be_approved() {
    let mut place = company();
    place.more = "[policy]\ngrace = \"0s\"\n[guard]\nlocked = 9\nreactivate = 1\n".into();
    for uid in ["alice", "bob", "carol"] {
        place.edit(uid, |p| p.expires = 1);
    }
    place.run(&["sync"]).exits(0).says("Deactivated 3 users");
    let run = place.last_run();
    place
        .run(&["undo", &run])
        .exits(0)
        .says("HELD: reactivate: 3");
    place
        .run(&["undo", &run, "--yes"])
        .exits(3)
        .says("HELD: reactivate: 3");
    assert!(!place.is_active("alice"));
    place.run(&["sync"]).exits(3);
    place.run(&["approve", "reactivate"]).exits(0);
    place.run(&["sync"]).exits(0).says("Reactivated 3 users");
    for uid in ["alice", "bob", "carol"] {
        assert!(place.is_active(uid));
    }
    place.rests();
    let history = place.run(&["history", "--json", "--last", "1"]).json();
    let approval = &history["runs"][0]["approvals"][0];
    assert_eq!(approval["hold"], "reactivate");
    assert_eq!(approval["steps"].as_array().unwrap().len(), 3);
    assert!(!approval["by"].as_str().unwrap().is_empty());
}

#[test]
fn an_undone_adoption_is_not_made_again() {
    let mut place = Place::new(crate::BINARY);
    place.more = "[guard]\nadopt = \"off\"\n".into();
    let alice = serde_json::json!({"username": "alice", "email": "alice@example.org"});
    place.sim.add_user(&alice).unwrap();
    place.add("alice", "Alice", "Able");
    place.run(&["sync"]).exits(0).says("Adopted 1 user");
    let run = place.last_run();
    place.run(&["undo", &run, "--yes"]).exits(0);
    assert!(place.is_active("alice"));
    place.rests();
    place.run(&["status"]).says("0 links");
    let undo = place.last_run();
    place
        .run(&["undo", &undo, "--yes"])
        .exits(0)
        .says("Adopted 1 user");
    place.run(&["status"]).says("1 link");
}

#[test]
fn what_nobody_knows_is_not_undone() {
    use mattermost_sim::{Commit, Effect, Fault};
    let mut place = company();
    place.edit("bob", |p| p.uid = "robert".into());
    let cut = Fault::new(Effect::Cut(Commit::After)).writes();
    place.sim.add_fault(cut.path("/api/v4/users/*/patch"));
    place.run(&["sync"]).exits(1).says("PERHAPS DONE");
    place.sim.clear_faults();
    let run = place.last_run();
    place
        .run(&["undo", &run, "--yes"])
        .exits(0)
        .says("it is not known yet whether it was done");
    place.run(&["sync"]).exits(0);
    assert!(place.sim.user_named("robert").is_some());
    place
        .run(&["undo", &run, "--yes"])
        .exits(0)
        .says("Renamed 1 user");
    place.rests();
    place
        .run(&["undo", "4711"])
        .exits(1)
        .says("there is no run 4711");
}

/// Killed again and again in the middle of an undo: in the end everything is undone, once.
#[test]
fn an_undo_that_is_killed_is_finished_by_the_next_cycle() {
    use std::process::Stdio;
    use std::time::{Duration, Instant};
    let mut place = company();
    place.more = "[guard]\nrename = \"off\"\nlocked = \"off\"\nreactivate = \"off\"\n".into();
    for n in 0..12 {
        place.add(&format!("user{n:02}"), "User", "Usual");
    }
    place.run(&["sync"]).exits(0);
    for n in 0..12 {
        let old = format!("user{n:02}");
        if n % 2 == 0 {
            place.edit(&old, |p| p.uid = format!("new{n:02}"));
        } else {
            place.edit(&old, |p| p.expires = 1);
        }
    }
    place.run(&["sync"]).exits(0);
    let run = place.last_run();
    let mails = place.sim.mails().len();
    let renames_back = |place: &Place| {
        let names = (0..12).step_by(2).map(|n| format!("user{n:02}"));
        names
            .filter(|name| place.sim.user_named(name).is_some())
            .count()
    };
    place.sim.set_latency(Duration::from_millis(30));
    place.sim.reset_counters();
    let mut command = place.command(&["undo", &run, "--yes"]);
    let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let mut child = child.unwrap();
    let end = Instant::now() + Duration::from_secs(20);
    while place.sim.writes() < 5 {
        assert!(Instant::now() < end, "it never began");
        std::thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    place.sim.set_latency(Duration::ZERO);
    // Calls under way may still arrive.
    let late = Instant::now() + Duration::from_millis(200);
    while Instant::now() < late {
        std::thread::yield_now();
    }
    let active = (1..12).step_by(2);
    let active = active
        .filter(|n| place.is_active(&format!("user{n:02}")))
        .count();
    assert!(
        active + renames_back(&place) < 12,
        "it was killed in the middle"
    );
    place.run(&["sync"]).exits(0);
    place.run(&["sync"]).exits(0);
    assert_eq!(renames_back(&place), 6);
    for n in (1..12).step_by(2) {
        assert!(place.is_active(&format!("user{n:02}")));
    }
    assert_eq!(
        place.sim.mails().len() - mails,
        6,
        "one e-mail for each name"
    );
    place.rests();
}

#[test]
fn a_name_that_was_given_away_is_not_taken_back() {
    let mut place = company();
    place.edit("bob", |p| p.uid = "robert".into());
    place.run(&["sync"]).exits(0);
    let run = place.last_run();
    place.add("bob", "Bob", "Newcomer").mail = Some("newbob@example.org".into());
    place.write();
    place.run(&["sync"]).exits(0).says("Created 1 user");
    place
        .run(&["undo", &run, "--yes"])
        .exits(0)
        .says("the username \"bob\" belongs to bob (");
    place.rests();
    assert!(place.sim.user_named("robert").is_some());
}

#[test]
fn nobody_else_gets_a_name_that_is_given_back() {
    let mut place = company();
    place.edit("bob", |p| p.uid = "robert".into());
    place.run(&["sync"]).exits(0);
    let run = place.last_run();
    place.run(&["undo", &run, "--yes"]).exits(0);
    place.add("bob", "Bob", "Newcomer").mail = Some("newbob@example.org".into());
    place.write();
    place.run(&["sync"]).exits(0).says("Created 1 user");
    let owner = place.sim.user_named("bob").unwrap();
    assert_eq!(owner.email, "bob@example.org", "the old bob");
    place.rests();
}

/// A policy for what administrators do by hand is none for what was taken back.
#[test]
fn an_undone_deactivation_is_respected_where_others_are_not() {
    let mut place = company();
    place.more = "[policy]\ngrace = \"0s\"\nreactivated-by-hand = \"enforce\"\n".into();
    place.edit("bob", |p| p.expires = 1);
    place.people.retain(|p| p.uid != "dora");
    place.write();
    place.run(&["sync"]).exits(0).says("Deactivated 2 users");
    let run = place.last_run();
    place
        .run(&["undo", &run, "--yes"])
        .exits(0)
        .says("Reactivated 2 users");
    place.rests();
    assert!(place.is_active("bob") && place.is_active("dora"));
    place.run(&["undo", "--redo", "bob"]).exits(0);
    place.run(&["sync"]).exits(0).says("Deactivated 1 user");
    assert!(!place.is_active("bob") && place.is_active("dora"));
}

/// Nothing of mattersync's holds somebody without an account.
#[test]
fn the_way_back_of_a_user_without_an_account_is_told() {
    let place = company();
    place.stranger("renate.fremd", "renate");
    place
        .run(&["deactivate", "renate.fremd", "--yes"])
        .exits(0)
        .says("System Console, or:\n  mmctl user activate renate.fremd\n");
    let run = place.last_run();
    for words in [&["undo", "--redo", "renate.fremd"], &["undo", &run][..]] {
        place
            .run(words)
            .says("reactivates only users with an account")
            .says("nothing else holds them")
            .says("mmctl user activate renate.fremd");
    }
}

#[test]
fn who_types_a_person_for_a_run_is_told_what_to_type() {
    let place = company();
    place
        .run(&["undo", "bob"])
        .exits(2)
        .says("  mattersync history --person bob\n")
        .says("  mattersync undo RUN --person bob\n")
        .says("  mattersync undo --redo bob\n")
        .says_not("digit");
    place
        .run(&["history", "Anna Müller"])
        .exits(2)
        .says("  mattersync history --person 'Anna Müller'\n")
        .says_not("undo");
}
