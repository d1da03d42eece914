//! Who goes and comes back too often, who is let in by somebody else, who is not a person, and who
//! is deleted for ever.

use std::time::Duration;

use mattersync::model::{AccountState, Class, HoldCause, HoldKey, LinkOrigin, Lookup, Reason, Why};
use mattersync::plan::{ByHand, Limit, purge_due};

use testkit::world::{DAY, HOUR, MiniWorld, id, key, kinds, left, locked, provider};

fn why(world: &MiniWorld, who: &str) -> Vec<Why> {
    let plan = world.plan();
    let left = left(&plan, who).into_iter();
    left.map(|l| l.why.clone()).collect()
}

/// Locked and unlocked again, with the cycles that this needs.
fn flap(world: &mut MiniWorld, who: &str) {
    world.lock(who);
    world.cycle();
    assert!(!world.user(who).is_active(), "going is never delayed");
    world.unlock(who);
    world.cycle();
    world.cycle();
}

#[test]
fn who_flaps_is_not_let_in_again_without_a_word() {
    let mut world = MiniWorld::with(&["anna", "ben"]);
    world
        .policy
        .guard
        .insert(Class::Reactivate, Limit::Number(1));
    for _ in 0..2 {
        flap(&mut world, "anna");
        assert!(world.user("anna").is_active());
        world.tick(HOUR);
    }
    let times = world.memory.account(&key("anna")).flips.clone();
    assert_eq!(times.len(), 4);
    world.memory.done.clear();
    flap(&mut world, "anna");
    assert!(!world.user("anna").is_active(), "the third return");
    let plan = world.plan();
    let [hold] = &plan.holds[..] else {
        panic!("{:?}", plan.holds)
    };
    assert_eq!(hold.key, HoldKey::Flapping);
    let HoldCause::Flapping { changes, limit, .. } = &hold.cause else {
        panic!("{:?}", hold.cause)
    };
    assert_eq!((changes["anna"].len(), *limit), (5, 5));
    let text = hold.cause.to_string();
    assert!(text.contains(&times[0].at.to_string()), "{text}");
    assert!(text.contains("mattersync approve USERNAME"), "{text}");

    // Others come back, and she is no part of their limit.
    flap(&mut world, "ben");
    assert!(world.user("ben").is_active());

    let plan = world.plan();
    world.approve(&plan, &HoldKey::Flapping);
    assert_eq!(kinds(&world.cycle().0, "anna"), ["reactivate"]);
    assert!(world.user("anna").is_active());
    assert!(
        world.memory.holds.values().all(|m| m.approval.is_none()),
        "for this once"
    );
    flap(&mut world, "anna");
    assert!(!world.user("anna").is_active(), "and not for the next time");
}

#[test]
fn what_was_long_ago_does_not_count() {
    let mut world = MiniWorld::with(&["anna"]);
    for _ in 0..6 {
        flap(&mut world, "anna");
        assert!(world.user("anna").is_active());
        world.tick(4 * DAY);
    }
    assert!(world.memory.account(&key("anna")).flips.len() <= 4);
    world.tick(8 * DAY);
    world.cycle();
    assert!(
        world.memory.accounts.values().all(|m| m.flips.is_empty()),
        "pruned"
    );
    world.policy.lifecycle.flap_limit = None;
    for _ in 0..6 {
        flap(&mut world, "anna");
        assert!(world.user("anna").is_active(), "no limit");
    }
}

#[test]
fn a_persons_orders_are_no_flips() {
    let mut world = MiniWorld::with(&["anna"]);
    world.order("anna");
    world.cycle();
    assert!(!world.user("anna").is_active());
    assert!(world.memory.accounts.values().all(|m| m.flips.is_empty()));
}

#[test]
fn who_was_reactivated_by_hand_goes_again_where_the_directory_decides() {
    for gone in [false, true] {
        let mut world = MiniWorld::with(&["anna"]);
        world.policy.grace = Duration::ZERO;
        world.policy.lifecycle.reactivated_by_hand = ByHand::Enforce;
        world.policy.guard.insert(Class::Locked, Limit::Number(0));
        let user = world.user_id("anna");
        match gone {
            true => drop(world.leave("anna")),
            false => world.lock("anna"),
        }
        let (plan, _) = world.cycle();
        if !gone {
            assert_eq!(plan.holds[0].key, HoldKey::Class(Class::Locked));
            world.approve(&plan, &HoldKey::Class(Class::Locked));
            world.cycle();
        }
        assert!(!world.user("anna").is_active());
        world.cycle();
        world.server.set_active(&user, true);
        // Who left is asked for by id only once they are counted as missing again.
        world.lookups.insert(id("anna"), None);
        let (plan, run) = world.cycle();
        if gone {
            assert_eq!(run.done, []);
            assert_eq!(
                world
                    .memory
                    .account(&key("anna"))
                    .absence
                    .as_ref()
                    .unwrap()
                    .readings,
                0
            );
            world.lookups.remove(&id("anna"));
            let (plan, _) = world.cycle();
            assert_eq!(kinds(&plan, "anna"), ["deactivate"]);
            assert!(matches!(plan.steps[0].reason, Reason::Again { .. }));
            assert!(!world.user("anna").is_active());
        } else {
            assert_eq!(run.done, [], "counted in its class");
            assert_eq!(kinds(&plan, "anna"), ["(deactivate)"]);
            let why = plan.steps[0].reason.to_string();
            assert!(
                why.contains("loginshell") && why.contains("enforce"),
                "{why}"
            );
        }
    }
}

#[test]
fn two_machines_do_not_fight_for_ever() {
    let mut world = MiniWorld::with(&["anna"]);
    world.policy.lifecycle.reactivated_by_hand = ByHand::Enforce;
    let user = world.user_id("anna");
    world.lock("anna");
    let mut rounds = 0;
    while world.cycle().1.done.len() == 1 {
        rounds += 1;
        assert!(rounds < 20, "for ever");
        world.server.set_active(&user, true);
        world.tick(HOUR);
    }
    assert_eq!(rounds, 5);
    let plan = world.plan();
    assert_eq!(plan.holds[0].key, HoldKey::Flapping);
    world.approve(&plan, &HoldKey::Flapping);
    assert_eq!(world.cycle().1.done.len(), 1);
}

fn not_a_person(world: &mut MiniWorld, who: &str, state: AccountState) {
    world.account(who).state = AccountState::NotAPerson {
        rule: "the username is like \"svc-*\"".into(),
        state: Box::new(state),
    };
}

#[test]
fn no_user_is_made_for_what_is_not_a_person() {
    let mut world = MiniWorld::with(&["anna"]);
    // Somebody by hand has the name and the address: that is no adoption either.
    world.server.stranger("info", "info@example.org");
    for who in ["svc-backup", "info", "room"] {
        world.join(who, who);
    }
    not_a_person(&mut world, "svc-backup", AccountState::Active);
    not_a_person(&mut world, "info", locked());
    not_a_person(
        &mut world,
        "room",
        AccountState::Unknown { why: "?".into() },
    );
    let plan = world.plan();
    assert_eq!((plan.steps.len(), plan.holds.len()), (0, 0));
    for who in ["svc-backup", "info", "room"] {
        let why = why(&world, who);
        assert!(
            matches!(&why[..], [Why::NotAPerson { rule, linked: false }] if rule.contains("svc-")),
            "{who}: {why:?}"
        );
    }
}

#[test]
fn who_became_no_person_stays_until_he_is_locked() {
    let mut world = MiniWorld::with(&["anna"]);
    world.policy.grace = Duration::ZERO;
    not_a_person(&mut world, "anna", AccountState::Active);
    world.account("anna").username = "other".into();
    for _ in 0..4 {
        assert_eq!(world.cycle().1.done, [], "neither missing nor renamed");
        world.tick(DAY);
    }
    assert!(matches!(
        why(&world, "anna")[..],
        [Why::NotAPerson { linked: true, .. }]
    ));
    // The mailbox of somebody who left is shared now, and the account disabled.
    not_a_person(&mut world, "anna", locked());
    assert_eq!(kinds(&world.cycle().0, "anna"), ["deactivate"]);
    not_a_person(&mut world, "anna", AccountState::Active);
    for _ in 0..3 {
        assert_eq!(world.cycle().1.done, [], "and is not let in again");
    }
    // A person's word counts.
    let mut world = MiniWorld::with(&["anna"]);
    not_a_person(&mut world, "anna", AccountState::Active);
    world.order("anna");
    assert_eq!(kinds(&world.cycle().0, "anna"), ["deactivate"]);
}

const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);

/// Somebody whom we created, who left, and whose account is gone.
fn leaver() -> MiniWorld {
    let mut world = MiniWorld::with(&["anna", "ben"]);
    world.policy.grace = Duration::ZERO;
    world.policy.lifecycle.purge_after = Some(YEAR);
    world.leave("anna");
    world.cycle();
    assert!(!world.user("anna").is_active());
    world.cycle();
    world
}

/// What was approved is not done on the word of a reading that is in doubt: who is not shown may
/// have come back.
#[test]
fn nobody_is_deleted_while_the_reading_is_in_doubt() {
    let mut world = leaver();
    world.policy.guard.insert(Class::Purge, Limit::Off);
    for n in 0..8 {
        world.join(&format!("x{n}"), &format!("x{n}"));
    }
    world.cycle();
    world.tick(YEAR);
    let plan = world.cycle().0;
    world.approve(&plan, &HoldKey::Class(Class::Purge));
    world.policy.grace = YEAR;
    for n in 0..4 {
        world.hidden.insert(id(&format!("x{n}")));
    }
    let (plan, run) = world.cycle();
    assert_eq!(run.done, []);
    assert_eq!(kinds(&plan, "anna"), ["(purge)"]);
    let keys: Vec<_> = plan.holds.iter().map(|hold| hold.key.clone()).collect();
    assert_eq!(keys, [HoldKey::Shrank(provider())]);
    world.hidden.clear();
    assert_eq!(world.cycle().1.done.len(), 1);
}

/// The same person under another id, known by the second anchor; or perhaps the same one.
#[test]
fn who_came_back_under_another_id_is_not_deleted() {
    let mut world = MiniWorld::with(&["anna", "ben"]);
    world.policy.grace = Duration::ZERO;
    world.policy.lifecycle.purge_after = Some(YEAR);
    world.account("anna").anchor = Some("employeenumber=7".into());
    world.cycle();
    world.leave("anna");
    world.cycle();
    world.cycle();
    world.tick(YEAR);
    assert_eq!(kinds(&world.plan(), "anna"), ["(purge)"]);
    world.join("new", "anna");
    let plan = world.plan();
    assert_eq!(kinds(&plan, "anna"), [""; 0]);
    let [alone] = &left(&plan, "anna")[..] else {
        panic!("{:?}", plan.left_alone);
    };
    let said = alone.why.to_string();
    assert!(said.contains("may be the same person"), "{said}");
    world.account("new").anchor = Some("employeenumber=7".into());
    let plan = world.plan();
    assert_eq!(kinds(&plan, "anna"), [""; 0]);
    assert!(left(&plan, "anna").is_empty());
    assert_eq!(kinds(&plan, "new")[0], "move");
}

#[test]
fn who_was_gone_for_a_year_is_deleted_only_when_a_person_says_so() {
    let mut world = leaver();
    // No configuration raises the limit.
    world.policy.guard.insert(Class::Purge, Limit::Off);
    let since = world.memory.account(&key("anna")).gone.unwrap();
    world.tick(YEAR - HOUR);
    assert_eq!(world.cycle().0.steps, []);
    assert!(purge_due(&world.memory, &world.policy, &provider(), &world.now).is_empty());
    world.tick(HOUR);
    let due = purge_due(&world.memory, &world.policy, &provider(), &world.now);
    assert_eq!(due.into_iter().collect::<Vec<_>>(), [id("anna")]);
    let (plan, run) = world.cycle();
    assert_eq!(run.done, []);
    assert_eq!(kinds(&plan, "anna"), ["(purge)"]);
    let Reason::GoneFor { since: said, .. } = &plan.steps[0].reason else {
        panic!("{:?}", plan.steps[0].reason)
    };
    assert_eq!(*said, since);
    let text = plan.steps[0].reason.to_string();
    assert!(text.contains("cannot be undone"), "{text}");
    let hold = HoldKey::Class(Class::Purge);
    world.approve(&plan, &hold);
    let user = world.user_id("anna");
    assert_eq!(world.cycle().1.done.len(), 1);
    assert!(!world.server.users.contains_key(&user));
    assert!(!world.memory.is_linked(&key("anna")), "forgotten");
    assert!(
        world.memory.accounts.values().all(|m| m.gone.is_none())
            && world.memory.holds.values().all(|m| m.approval.is_none())
    );
    // Should the account come back, it is a new user's.
    world.join("anna", "anna");
    world.cycle();
    assert!(world.user("anna").is_active());
}

#[test]
fn a_deletion_whose_answer_was_lost_is_settled_by_looking() {
    let mut world = leaver();
    world.tick(YEAR);
    let plan = world.plan();
    world.approve(&plan, &HoldKey::Class(Class::Purge));
    world.die_after = Some(world.server.writes);
    world.cycle();
    assert!(world.memory.is_linked(&key("anna")));
    world.cycle();
    assert!(!world.memory.is_linked(&key("anna")));
}

#[test]
fn nobody_else_is_ever_deleted() {
    type Change = fn(&mut MiniWorld);
    let reasons: [(&str, Change, bool); 9] = [
        (
            "adopted",
            |w| {
                w.memory
                    .accounts
                    .get_mut(&key("anna"))
                    .and_then(|m| m.link.as_mut())
                    .unwrap()
                    .origin = LinkOrigin::Adopted
            },
            false,
        ),
        (
            "an administrator",
            |w| {
                let user = w.user_id("anna");
                w.server.user(&user).roles.insert("system_admin".into());
            },
            true,
        ),
        (
            "protected",
            |w| assert!(w.policy.protect.insert("anna".into())),
            true,
        ),
        (
            "a bot",
            |w| {
                let user = w.user_id("anna");
                w.server.user(&user).is_bot = true;
            },
            true,
        ),
        (
            "deactivated again by hand",
            |w| {
                let user = w.user_id("anna");
                w.server.set_active(&user, false);
            },
            false,
        ),
        (
            "the server's switch is off",
            |w| w.server.may_delete_users = Some(false),
            true,
        ),
        (
            "the switch could not be asked",
            |w| w.server.may_delete_users = None,
            true,
        ),
        (
            "somewhere else",
            |w| {
                let said = Lookup::Elsewhere {
                    dn: "uid=anna,ou=old".into(),
                    state: locked(),
                    new_id: None,
                };
                w.lookups.insert(id("anna"), Some(Ok(said)));
            },
            false,
        ),
        (
            "not asked for by id",
            |w| drop(w.lookups.insert(id("anna"), None)),
            false,
        ),
    ];
    for (name, change, listed) in reasons {
        let mut world = leaver();
        world.tick(YEAR);
        assert_eq!(kinds(&world.plan(), "anna"), ["(purge)"]);
        change(&mut world);
        let plan = world.plan();
        assert_eq!(plan.steps, [], "{name}");
        let said = matches!(why(&world, "anna")[..], [Why::NotPurged { .. }]);
        assert_eq!(said, listed, "{name}: {:?}", why(&world, "anna"));
    }
}

#[test]
fn who_is_only_locked_or_was_back_in_between_is_not_gone() {
    let mut world = leaver();
    world.tick(YEAR / 2);
    let anna = testkit::world::account("anna", "anna");
    world.accounts.insert(id("anna"), anna);
    world.lock("anna");
    world.cycle();
    assert!(world.memory.accounts.values().all(|m| m.gone.is_none()));
    world.tick(2 * YEAR);
    assert_eq!(world.cycle().0.steps, []);
    world.leave("anna");
    world.cycle();
    assert_eq!(
        world.memory.account(&key("anna")).gone.unwrap(),
        world.now.wall,
        "from now on"
    );

    let mut world = leaver();
    world.gaps.push(mattersync::model::Gap::Empty);
    world.tick(YEAR);
    assert_eq!(world.plan().steps, [], "an unproven reading says nothing");
}

#[test]
fn switched_off_it_is_forgotten() {
    let mut world = leaver();
    world.policy.lifecycle.purge_after = None;
    world.cycle();
    assert!(world.memory.accounts.values().all(|m| m.gone.is_none()));
}

/// However often it jumps, and however many cycles are made by it: who is gone for half a year is
/// gone for half a year.
#[test]
fn nobody_is_gone_for_longer_because_the_clock_was_set() {
    let mut world = leaver();
    let since = world.memory.account(&key("anna")).gone.unwrap();
    let set = |world: &mut MiniWorld, by: i64| world.now.wall.0 += by * 86_400_000;
    world.tick(YEAR / 2);
    world.cycle();
    set(&mut world, 2 * 365);
    for _ in 0..3 {
        assert!(world.plan().steps.is_empty());
        assert!(purge_due(&world.memory, &world.policy, &provider(), &world.now).is_empty());
        world.cycle();
        world.tick(HOUR);
    }
    world.tick(YEAR / 2 - HOUR * 3);
    assert_eq!(
        kinds(&world.cycle().0, "anna"),
        ["(purge)"],
        "by that clock too"
    );
    set(&mut world, -2 * 365);
    world.cycle();
    assert_eq!(
        world.memory.account(&key("anna")).gone.unwrap(),
        since,
        "it was set right"
    );
    assert_eq!(kinds(&world.plan(), "anna"), ["(purge)"]);
    set(&mut world, -2 * 365);
    world.cycle();
    assert_eq!(
        kinds(&world.plan(), "anna"),
        ["(purge)"],
        "back, and as old"
    );
}

/// Where a jump is remembered because something rests on dates, nobody is deleted either.
#[test]
fn a_clock_that_is_not_believed_deletes_nobody() {
    let mut world = leaver();
    let at = world.now.wall.after(2 * YEAR);
    world.account("ben").expires = Some(at);
    world.cycle();
    world.tick(YEAR);
    assert_eq!(kinds(&world.plan(), "anna"), ["(purge)"]);
    world.now.wall = at;
    world.account("ben").state = AccountState::Locked {
        attribute: "accountExpires".into(),
        value: at.to_string(),
        expired: Some(at),
    };
    for _ in 0..3 {
        let (plan, _) = world.cycle();
        assert_eq!(kinds(&plan, "anna"), Vec::<String>::new());
        assert!(matches!(why(&world, "anna")[..], [Why::NotPurged { .. }]));
        world.tick(HOUR);
    }
}
