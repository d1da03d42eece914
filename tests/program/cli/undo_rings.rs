//! `mattersync undo` of names and addresses that several people passed on or exchanged.

use mattermost_sim::{Commit, Effect, Fault};

use testkit::place::Place;

/// Three people, and no limits that would hold a ring of them.
fn company() -> Place {
    let mut place = Place::new(crate::BINARY);
    place.more = "[guard]\nrename = 3\nemail = 3\n".into();
    for uid in ["alice", "bob", "carol"] {
        place.add(uid, uid, "Able");
    }
    place.run(&["sync"]).exits(0);
    place
}

#[test]
fn a_ring_and_a_chain_of_names_are_taken_back_in_one_go() {
    for turned in [
        ["bob", "alice", "carol"],
        ["bob", "carol", "alice"],
        ["bob", "carol", "zoe"],
    ] {
        let mut place = company();
        let people = place.having(["alice", "bob", "carol"]);
        place.turn(turned, false);
        place.run(&["sync"]).exits(0);
        assert_eq!(place.having(turned), people);
        let run = place.last_run();
        place
            .run(&["undo", &run])
            .exits(0)
            .says(&format!("mattersync undo {run} --yes"))
            .says_not("Not taken back");
        assert_eq!(place.having(turned), people, "only shown");
        place
            .run(&["undo", &run, "--yes"])
            .exits(0)
            .says_not("Not taken back");
        assert_eq!(place.having(["alice", "bob", "carol"]), people);
        place.rests();
        // And the undo itself.
        let undo = place.last_run();
        place.run(&["undo", &undo, "--yes"]).exits(0);
        assert_eq!(place.having(turned), people);
        place.rests();
    }
}

/// The guard counts the three of a ring, and shows them before anything is done.
#[test]
fn an_undo_of_a_ring_is_held_above_the_limit_and_done_once_approved() {
    let mut place = company();
    let people = place.having(["alice", "bob", "carol"]);
    place.turn(["bob", "carol", "alice"], false);
    place.run(&["sync"]).exits(0).says("Renamed 3 users");
    let run = place.last_run();
    place.more = "[guard]\nrename = 2\n".into();
    place.write();
    let held = "HELD: rename: 3 wanted, one cycle may do 2";
    place.run(&["undo", &run]).exits(0).says(held);
    place.run(&["undo", &run, "--yes"]).exits(3).says(held);
    assert_eq!(place.having(["bob", "carol", "alice"]), people);
    place.run(&["approve", "rename"]).exits(0);
    place.run(&["sync"]).exits(0).says("Renamed 3 users");
    assert_eq!(place.having(["alice", "bob", "carol"]), people);
    place.rests();
}

#[test]
fn exchanged_addresses_are_taken_back_in_one_go() {
    let mut place = company();
    place.turn(["bob", "carol", "alice"], true);
    place.run(&["sync"]).exits(0);
    let mail = |place: &Place, name: &str| place.sim.user_named(name).unwrap().email;
    assert_eq!(mail(&place, "alice"), "bob@example.org");
    let run = place.last_run();
    place
        .run(&["undo", &run, "--yes"])
        .exits(0)
        .says_not("Not taken back");
    for name in ["alice", "bob", "carol"] {
        assert_eq!(mail(&place, name), format!("{name}@example.org"));
    }
    place.rests();
}

#[test]
fn one_person_of_a_ring_is_told_to_take_back_the_whole_run() {
    let mut place = company();
    place.turn(["bob", "carol", "alice"], false);
    place.run(&["sync"]).exits(0);
    let run = place.last_run();
    place
        .run(&["undo", &run, "--person", &place.id(0), "--yes"])
        .exits(0)
        .says("Not taken back: 1")
        .says("take the whole run back");
    place.rests();
}

#[test]
fn an_undo_of_a_ring_that_was_cut_is_finished_by_the_next_cycle() {
    for after in 1..=4 {
        let mut place = company();
        let people = place.having(["alice", "bob", "carol"]);
        place.turn(["bob", "carol", "alice"], false);
        place.run(&["sync"]).exits(0);
        let run = place.last_run();
        let cut = Fault::new(Effect::Cut(Commit::After)).writes().from(after);
        place.sim.add_fault(cut.path("/api/v4/users/*/patch"));
        place.run(&["undo", &run, "--yes"]).exits(1);
        place.sim.clear_faults();
        place.run(&["sync"]).exits(0);
        assert_eq!(place.having(["alice", "bob", "carol"]), people, "{after}");
        place.rests();
    }
}
