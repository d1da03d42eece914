//! Two entries with one id, in readings that show both, or only one of them.

use mattersync::model::{Gap, Rejected, Why};

use testkit::world::{MiniWorld, id, kinds, left, locked};

fn cut() -> Gap {
    Gap::ResultCode {
        code: 4,
        message: String::new(),
    }
}

/// Both entries are read, and both are rejected.
fn both(world: &mut MiniWorld) {
    world.leave("1");
    for name in ["cn=one,dc=example", "cn=other,dc=example"] {
        world.rejected.push(Rejected {
            key: Some(id("1")),
            name: name.into(),
            why: "its id is also that of another entry".into(),
        });
    }
}

/// The other one is read alone: it has another name, and is locked.
fn other(world: &mut MiniWorld) {
    world.rejected.clear();
    world.join("1", "other");
    let account = world.account("1");
    account.dn = "cn=other,dc=example".into();
    account.state = locked();
}

fn is_told(world: &MiniWorld) -> bool {
    let plan = world.plan();
    let told = left(&plan, "1");
    told.iter().any(|l| matches!(l.why, Why::BadEntry(_)))
}

#[test]
fn who_was_seen_twice_is_left_alone_until_a_whole_reading() {
    let mut world = MiniWorld::with(&["1", "2"]);
    both(&mut world);
    world.cycle();
    other(&mut world);
    world.gaps = vec![cut()];
    for _ in 0..3 {
        assert!(is_told(&world));
        assert_eq!(world.cycle().1.done, []);
    }
    assert!(world.user("1").is_active());
    // An entry that nobody can read hides none that is shown.
    world.gaps = vec![Gap::Rejected("one entry has no id".into())];
    assert_eq!(kinds(&world.plan(), "1"), ["deactivate"]);
    world.cycle();
    assert!(!world.user("1").is_active());
    assert!(
        world
            .memory
            .accounts
            .values()
            .all(|m| m.duplicate.is_none())
    );
}

#[test]
fn a_reading_without_anybody_does_not_settle_it() {
    let mut world = MiniWorld::with(&["1"]);
    both(&mut world);
    world.cycle();
    world.rejected.clear();
    world.gaps = vec![Gap::Empty];
    world.cycle();
    other(&mut world);
    world.gaps = vec![cut()];
    assert_eq!(world.cycle().1.done, []);
    assert!(is_told(&world));
}

#[test]
fn nobody_is_made_of_one_of_two() {
    let mut world = MiniWorld::new();
    world.join("1", "one");
    both(&mut world);
    world.cycle();
    world.rejected.clear();
    world.join("1", "one");
    world.gaps = vec![cut()];
    assert!(is_told(&world));
    assert!(kinds(&world.plan(), "1").is_empty());
    world.gaps.clear();
    assert_eq!(kinds(&world.plan(), "1"), ["create", "join-team"]);
}

#[test]
fn who_is_elsewhere_in_a_cut_reading_waits_for_the_next_one() {
    let mut world = MiniWorld::with(&["1"]);
    other(&mut world);
    world.gaps = vec![cut()];
    assert!(is_told(&world));
    assert_eq!(world.cycle().1.done, []);
    assert_eq!(
        kinds(&world.plan(), "1"),
        ["deactivate"],
        "found there again"
    );
    // A whole reading shows all there are.
    let mut world = MiniWorld::with(&["1"]);
    other(&mut world);
    assert_eq!(kinds(&world.plan(), "1"), ["deactivate"]);
}
