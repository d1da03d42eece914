//! Who goes, who comes back, who finds a seat: one test a rule of the design.

use std::time::Duration;

use mattersync::model::{AccountState, Gap, Lookup, Rejected, Why};

use testkit::world::{DAY, HOUR, MiniWorld, id, key, kinds, left, locked};

fn why(world: &MiniWorld, who: &str) -> Vec<Why> {
    left(&world.plan(), who)
        .into_iter()
        .map(|l| l.why.clone())
        .collect()
}

fn active(world: &MiniWorld, who: &str) -> bool {
    world.user(who).is_active()
}

#[test]
fn the_locked_are_deactivated_now() {
    let mut world = MiniWorld::with(&["anna", "ben"]);
    world.lock("anna");
    world.gaps.push(Gap::Empty); // seen is seen, also in a reading that was cut
    assert_eq!(kinds(&world.cycle().0, "anna"), ["deactivate"]);
    assert!(!active(&world, "anna") && active(&world, "ben"));
}

#[test]
fn the_missing_wait_for_the_grace_and_three_readings() {
    let mut world = MiniWorld::with(&["anna"]);
    world.leave("anna");
    world.cycle();
    world.tick(2 * DAY);
    let readings = match &why(&world, "anna")[..] {
        [Why::Grace { readings, .. }] => *readings,
        other => panic!("{other:?}"),
    };
    assert_eq!(readings, 2, "long enough, not often enough");
    world.cycle();
    assert_eq!(kinds(&world.cycle().0, "anna"), ["deactivate"]);
    let mut often = MiniWorld::with(&["anna"]);
    often.leave("anna");
    for _ in 0..10 {
        often.tick(HOUR);
        often.cycle();
    }
    assert!(active(&often, "anna"), "often enough, not long enough");
}

#[test]
fn without_grace_the_first_proven_reading_decides() {
    let mut world = MiniWorld::with(&["anna"]);
    world.policy.grace = Duration::ZERO;
    world.leave("anna");
    world.gaps.push(Gap::Empty);
    assert!(matches!(why(&world, "anna")[..], [Why::Unproven(_)]));
    world.gaps.clear();
    assert_eq!(kinds(&world.cycle().0, "anna"), ["deactivate"]);
}

#[test]
fn grace_is_the_smaller_of_what_two_clocks_say() {
    let mut world = MiniWorld::with(&["anna"]);
    world.leave("anna");
    for _ in 0..5 {
        world.cycle();
        world.now.wall = world.now.wall.after(DAY);
    }
    assert!(active(&world, "anna"), "the wall clock jumped");
    for _ in 0..5 {
        world.cycle();
        world.now.boot += DAY;
    }
    assert!(active(&world, "anna"), "the wall clock stood");
    world.now.boot_id.push('2');
    world.now.boot = HOUR;
    world.now.wall = world.now.wall.after(DAY);
    world.cycle();
    assert!(
        active(&world, "anna"),
        "only the time since boot is certain"
    );
    world.tick(DAY);
    world.cycle();
    assert!(!active(&world, "anna"));
}

#[test]
fn only_complete_readings_count_and_a_return_ends_it() {
    let mut world = MiniWorld::with(&["anna"]);
    let anna = world.leave("anna");
    world.cycle();
    world.gaps.push(Gap::Empty);
    for _ in 0..5 {
        world.tick(DAY);
        world.cycle();
    }
    assert_eq!(
        world
            .memory
            .account(&key("anna"))
            .absence
            .as_ref()
            .unwrap()
            .readings,
        1
    );
    world.gaps.clear();
    world.accounts.insert(id("anna"), anna);
    let (_, run) = world.cycle();
    assert_eq!(
        run.done,
        [],
        "nothing is written for a return within the grace"
    );
    assert!(world.memory.accounts.values().all(|m| m.absence.is_none()));
}

#[test]
fn nobody_is_missing_who_was_not_asked_for_by_id() {
    let elsewhere = |state| {
        Some(Ok(Lookup::Elsewhere {
            dn: "uid=anna,ou=elsewhere".into(),
            state,
            new_id: None,
        }))
    };
    for (said, step, unproven) in [
        (None, false, true),
        (Some(Err(Gap::Lookup("busy".into()))), false, true),
        (elsewhere(locked()), true, false),
        (elsewhere(AccountState::Active), false, false),
        (Some(Ok(Lookup::Nowhere)), false, false),
    ] {
        let mut world = MiniWorld::with(&["anna"]);
        world.leave("anna");
        world.lookups.insert(id("anna"), said.clone());
        let plan = world.plan();
        assert_eq!(plan.steps.len(), usize::from(step), "{said:?}");
        let why = why(&world, "anna");
        let is_unproven = matches!(why[..], [Why::Unproven(_)]);
        assert_eq!(is_unproven, unproven, "{said:?}: {why:?}");
        let in_grace = matches!(why[..], [Why::Grace { .. }]);
        assert_eq!(in_grace, !step && !unproven, "{said:?}: {why:?}");
    }
}

#[test]
fn found_active_outside_the_base_is_out_after_the_grace() {
    let mut world = MiniWorld::with(&["anna"]);
    world.leave("anna");
    let said = Lookup::Elsewhere {
        dn: "uid=anna,ou=elsewhere".into(),
        state: AccountState::Active,
        new_id: None,
    };
    world.lookups.insert(id("anna"), Some(Ok(said)));
    for _ in 0..3 {
        world.cycle();
        world.tick(DAY);
    }
    assert!(!active(&world, "anna"));
    assert!(
        world
            .link("anna")
            .deactivated
            .as_ref()
            .unwrap()
            .why
            .contains("ou=elsewhere")
    );
}

#[test]
fn an_entry_that_cannot_be_used_is_not_missing() {
    let mut world = MiniWorld::with(&["anna"]);
    world.policy.grace = Duration::ZERO;
    world.leave("anna");
    world.rejected.push(Rejected {
        key: Some(id("anna")),
        name: "uid=anna".into(),
        why: "two usernames".into(),
    });
    assert_eq!(world.plan().steps, []);
}

/// Also where nobody can see whether the account is locked.
#[test]
fn who_was_deactivated_by_hand_is_told_whatever_the_lock() {
    let mut world = MiniWorld::with(&["anna"]);
    let user = world.user_id("anna");
    world.server.set_active(&user, false);
    assert_eq!(why(&world, "anna"), [Why::DeactivatedByHand]);
    world.account("anna").state = AccountState::Unknown { why: "?".into() };
    assert_eq!(why(&world, "anna"), [Why::DeactivatedByHand]);
}

#[test]
fn who_returns_comes_back_after_two_readings_that_agree() {
    let mut world = MiniWorld::with(&["anna"]);
    world.lock("anna");
    world.cycle();
    world.unlock("anna");
    assert_eq!(why(&world, "anna"), [Why::SeenBackOnce]);
    world.cycle();
    world.account("anna").state = AccountState::Unknown { why: "?".into() };
    assert!(matches!(why(&world, "anna")[..], [Why::StateUnknown(_)]));
    world.cycle();
    world.unlock("anna");
    world.cycle();
    assert!(
        !active(&world, "anna"),
        "two that agree, one after the other"
    );
    assert_eq!(kinds(&world.cycle().0, "anna"), ["reactivate"]);
    assert!(active(&world, "anna"));
    assert_eq!(world.link("anna").deactivated, None);
    assert!(
        world
            .memory
            .accounts
            .values()
            .all(|m| m.returning.is_none())
    );
}

#[test]
fn an_unproven_reading_brings_nobody_back() {
    let mut world = MiniWorld::with(&["anna"]);
    world.lock("anna");
    world.cycle();
    world.unlock("anna");
    world.gaps.push(Gap::Empty);
    for _ in 0..4 {
        assert_eq!(world.cycle().1.done, []);
    }
}

#[test]
fn who_left_comes_back_as_the_same_user() {
    let mut world = MiniWorld::with(&["anna"]);
    world.policy.grace = Duration::ZERO;
    let user = world.user_id("anna");
    let anna = world.leave("anna");
    world.cycle();
    assert!(!active(&world, "anna"));
    world.accounts.insert(id("anna"), anna);
    world.cycle();
    world.cycle();
    assert_eq!(world.user_id("anna"), user);
    assert!(active(&world, "anna"));
}

#[test]
fn who_was_deactivated_by_hand_stays_so() {
    let mut world = MiniWorld::with(&["anna", "ben"]);
    for who in ["anna", "ben"] {
        let user = world.user_id(who);
        if who == "ben" {
            // Ours first; then an administrator's, which moves the server's delete_at.
            world.lock("ben");
            world.cycle();
            world.unlock("ben");
        }
        world.server.set_active(&user, false);
        for _ in 0..4 {
            world.cycle();
        }
        assert!(!active(&world, who));
        assert_eq!(why(&world, who), [Why::DeactivatedByHand]);
    }
}

#[test]
fn who_was_reactivated_by_hand_is_respected_until_the_account_is_in_use() {
    for (gone, asked) in [(false, true), (true, true), (true, false)] {
        let mut world = MiniWorld::with(&["anna"]);
        world.policy.grace = Duration::ZERO;
        let out = |world: &mut MiniWorld| match gone {
            true => drop(world.leave("anna")),
            false => world.lock("anna"),
        };
        let user = world.user_id("anna");
        out(&mut world);
        world.cycle();
        world.server.set_active(&user, true);
        if !asked {
            world.lookups.insert(id("anna"), None);
        }
        assert_eq!(world.cycle().1.done, []);
        assert_eq!(why(&world, "anna"), [Why::ReactivatedByHand]);
        world.lookups.clear();
        world.join("anna", "anna");
        world.cycle();
        out(&mut world);
        assert_eq!(
            kinds(&world.cycle().0, "anna"),
            ["deactivate"],
            "a new leave"
        );
    }
}

#[test]
fn who_was_reactivated_by_hand_is_in_no_grace() {
    let mut world = MiniWorld::with(&["anna"]);
    let user = world.user_id("anna");
    world.lock("anna");
    world.cycle();
    world.server.set_active(&user, true);
    world.leave("anna");
    assert_eq!(why(&world, "anna"), [Why::ReactivatedByHand]);
    assert_eq!(world.plan().learned.len(), 1, "the new shape alone");
    world.order("anna");
    assert_eq!(world.cycle().1.done.len(), 1, "but an order is followed");
}

#[test]
fn a_deactivation_by_hand_of_somebody_missing_begins_the_count_anew() {
    let mut world = MiniWorld::with(&["anna"]);
    let user = world.user_id("anna");
    world.leave("anna");
    world.cycle();
    world.server.set_active(&user, false);
    for _ in 0..5 {
        world.tick(DAY);
        world.cycle();
    }
    assert_eq!(
        world.plan().learned,
        [],
        "nothing is written down for a leaver of old"
    );
    world.server.set_active(&user, true);
    world.tick(DAY);
    assert!(matches!(
        why(&world, "anna")[..],
        [Why::Grace { readings: 1, .. }]
    ));
}

#[test]
fn an_order_is_carried_out_and_never_undone_by_itself() {
    let mut world = MiniWorld::with(&["anna"]);
    world.policy.guard.clear();
    world.order("anna");
    let plan = world.cycle().0;
    assert_eq!(kinds(&plan, "anna"), ["deactivate"]);
    assert_eq!(
        plan.steps[0].class(),
        None,
        "a person's word passes the guard"
    );
    assert!(world.memory.users.values().all(|m| m.order.is_none()));
    for _ in 0..4 {
        world.cycle();
    }
    assert_eq!(
        why(&world, "anna"),
        [Why::DeactivatedByOrder { by: "alice".into() }]
    );
    let user = world.user_id("anna");
    world.server.set_active(&user, true);
    world.cycle();
    assert!(active(&world, "anna"), "a person on the server undoes it");
}

#[test]
fn an_order_for_somebody_who_is_out_already_keeps_him_out() {
    let mut world = MiniWorld::with(&["anna"]);
    world.lock("anna");
    world.cycle();
    world.order("anna");
    world.account("anna").dn = "uid=anna,ou=moved,dc=example".into();
    world.unlock("anna");
    for _ in 0..4 {
        world.cycle();
    }
    assert!(!active(&world, "anna"));
    assert!(world.memory.users.values().all(|m| m.order.is_none()));
    assert_eq!(
        why(&world, "anna"),
        [Why::DeactivatedByOrder { by: "alice".into() }]
    );
}

#[test]
fn an_order_reaches_somebody_whose_class_is_held() {
    let mut world = MiniWorld::with(&["anna", "ben", "cleo"]);
    world.policy.guard.clear();
    for who in ["anna", "ben"] {
        world.lock(who);
    }
    world.order("anna");
    let plan = world.cycle().0;
    assert_eq!(kinds(&plan, "anna"), ["deactivate"]);
    assert_eq!(
        kinds(&plan, "ben"),
        ["deactivate"],
        "one is within the limit"
    );
}

#[test]
fn our_own_deactivation_is_known_after_a_crash() {
    for died_before in [false, true] {
        let mut world = MiniWorld::with(&["anna"]);
        world.lock("anna");
        world.die_after = Some(world.server.writes);
        world.cycle();
        if died_before {
            world.unsettled.clear(); // even if the record is lost, the intent is remembered
        }
        world.unlock("anna");
        for _ in 0..3 {
            world.cycle();
        }
        assert!(active(&world, "anna"));
    }
}
