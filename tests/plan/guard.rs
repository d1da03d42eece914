//! No mass change without a person: limits, approvals, and readings that cannot be right.

use mattersync::model::{Action, Class, Gap, HoldCause, HoldKey, ProfileField, ProviderName, Why};
use mattersync::plan::{Limit, Sentence};

use testkit::company::{company, holds, people};
use testkit::world::{DAY, HOUR, MiniWorld, account, emails, id, key, kinds, provider};

#[test]
fn above_its_limit_a_class_is_held_whole_and_the_rest_goes_on() {
    let mut world = company(16);
    for who in people(0..2) {
        world.lock(&who);
    }
    assert_eq!(holds(&world.plan()), [], "two of sixteen may go at once");
    world.lock("02");
    world.account("09").username = "renamed".into();
    let plan = world.cycle().0;
    assert_eq!(holds(&plan), [HoldKey::Class(Class::Locked)]);
    assert_eq!(plan.holds[0].steps.len(), 3);
    assert_eq!(
        plan.holds[0].cause,
        HoldCause::Limit {
            limit: 2,
            wanted: 3
        }
    );
    assert_eq!(world.server.active(), 17);
    assert_eq!(world.user("09").username, "renamed");
}

#[test]
fn an_approval_releases_what_was_shown_and_nothing_else() {
    let mut world = company(16);
    for who in people(0..3) {
        world.lock(&who);
    }
    let shown = world.plan();
    world.approve(&shown, &HoldKey::Class(Class::Locked));
    for who in people(3..6) {
        world.lock(&who);
    }
    world.unlock("00");
    let plan = world.cycle().0;
    let of = |who: &str| kinds(&plan, who);
    assert_eq!(of("00"), [""; 0], "fewer than were shown is well");
    assert_eq!(of("01"), ["deactivate"]);
    assert_eq!(
        of("03"),
        ["(deactivate)"],
        "three more are above the limit again"
    );
    assert_eq!(
        plan.holds[0].cause,
        HoldCause::Limit {
            limit: 2,
            wanted: 3
        }
    );
}

#[test]
fn an_approval_ends_after_its_time() {
    let mut world = company(16);
    for who in people(0..3) {
        world.lock(&who);
    }
    let shown = world.plan();
    world.approve(&shown, &HoldKey::Class(Class::Locked));
    world.tick(3 * DAY);
    let plan = world.cycle().0;
    assert_eq!(holds(&plan), [HoldKey::Class(Class::Locked)]);
    assert!(
        world.memory.holds.values().all(|m| m.approval.is_none()),
        "and is forgotten"
    );
}

/// A machine is a month ahead, somebody approves, and the clock is set right: the approval would be
/// good for that month.
#[test]
fn an_approval_that_was_given_by_a_clock_ahead_ends_when_it_is_set_right() {
    for (back, good) in [(HOUR / 2, true), (30 * DAY, false)] {
        let mut world = company(16);
        people(0..3).for_each(|who| world.lock(&who));
        let shown = world.plan();
        world.approve(&shown, &HoldKey::Class(Class::Locked));
        world.now.wall.0 -= i64::try_from(back.as_millis()).unwrap();
        assert_eq!(world.cycle().0.holds.is_empty(), good, "{back:?}");
        assert!(
            world.memory.holds.values().all(|m| m.approval.is_none()),
            "used up, or forgotten"
        );
    }
}

#[test]
fn an_approval_is_used_up_by_what_it_released() {
    let mut world = company(16);
    let all = || people(0..10);
    let locked = HoldKey::Class(Class::Locked);
    all().for_each(|who| world.lock(&who));
    let shown = world.plan();
    world.approve(&shown, &locked);
    world.refuse.insert(world.server.writes + 9);
    world.cycle();
    assert_eq!(
        world
            .memory
            .hold(&locked)
            .approval
            .as_ref()
            .unwrap()
            .steps
            .len(),
        1
    );
    assert!(world.user("09").is_active(), "refused, and still approved");
    world.cycle();
    assert!(!world.user("09").is_active());
    assert!(world.memory.hold(&locked).approval.is_none());
    // Back to work; days later they are locked again, and nobody has looked.
    world.policy.guard.insert(Class::Reactivate, Limit::Off);
    all().for_each(|who| world.unlock(&who));
    world.cycle();
    world.cycle();
    world.tick(2 * DAY);
    all().for_each(|who| world.lock(&who));
    assert_eq!(holds(&world.cycle().0), [locked]);
    assert_eq!(world.server.active(), 17);
}

#[test]
fn a_day_sees_no_more_than_three_cycles_may_do() {
    let mut world = company(16);
    for n in 0..3 {
        for who in people(2 * n..2 * n + 2) {
            world.lock(&who);
        }
        assert_eq!(holds(&world.cycle().0), []);
        world.tick(HOUR);
        // As many come as go, so that the limit stays.
        for who in people(20 + 2 * n..22 + 2 * n) {
            world.join(&who, &format!("user{who}"));
        }
        world.cycle();
    }
    world.lock("06");
    let plan = world.cycle().0;
    let cause = HoldCause::Day {
        limit: 6,
        done: 6,
        wanted: 1,
    };
    assert_eq!(plan.holds[0].cause, cause);
    world.tick(22 * HOUR);
    assert_eq!(holds(&world.cycle().0), []);
}

/// A clock that is set forward makes no room, and one that is set back takes none away for long.
/// A day counts people: somebody who goes twice counts once, and from the last time.
#[test]
fn who_goes_again_counts_from_the_last_time() {
    let mut world = MiniWorld::with(&["a", "b", "c", "d"]);
    world.policy.guard.insert(Class::Locked, Limit::Number(1));
    let go = |world: &mut MiniWorld, who: &str| {
        world.lock(who);
        kinds(&world.cycle().0, who)
    };
    assert_eq!(go(&mut world, "a"), ["deactivate"]);
    world.unlock("a");
    world.cycle();
    world.cycle();
    world.tick(20 * HOUR);
    assert_eq!(go(&mut world, "a"), ["deactivate"]);
    world.tick(5 * HOUR);
    assert_eq!(go(&mut world, "b"), ["deactivate"]);
    assert_eq!(go(&mut world, "c"), ["deactivate"]);
    assert_eq!(go(&mut world, "d"), ["(deactivate)"], "three within a day");
    world.tick(20 * HOUR);
    assert_eq!(kinds(&world.cycle().0, "d"), ["deactivate"]);
}

#[test]
fn a_day_is_not_over_because_the_clock_was_set() {
    const WEEK: i64 = 7 * 24 * 60 * 60 * 1_000;
    let mut world = company(12);
    world.policy.guard.insert(Class::Locked, Limit::Number(1));
    let mut leavers = people(0..12);
    let mut lock = |world: &mut MiniWorld| world.lock(&leavers.next().unwrap());
    for _ in 0..3 {
        lock(&mut world);
        world.cycle();
        world.tick(HOUR);
    }
    lock(&mut world);
    for set_by in [WEEK, -2 * WEEK, WEEK] {
        world.now.wall.0 += set_by;
        let plan = world.cycle().0;
        assert_eq!(holds(&plan), [HoldKey::Class(Class::Locked)], "{set_by}");
        world.tick(HOUR);
        assert_eq!(world.cycle().0.holds.len(), 1, "{set_by}, remembered");
    }
    // An administrator's look is not needed once a day has passed.
    world.now.wall.0 -= WEEK;
    world.cycle();
    for _ in 0..24 {
        world.tick(HOUR);
        world.cycle();
    }
    assert_eq!(holds(&world.plan()), []);
    assert_eq!(world.server.active(), 12 + 1 - 4);
}

#[test]
fn what_was_approved_does_not_count_for_the_day() {
    let mut world = company(16);
    for who in people(0..8) {
        world.lock(&who);
    }
    let shown = world.plan();
    world.approve(&shown, &HoldKey::Class(Class::Locked));
    world.cycle();
    world.lock("08");
    assert_eq!(holds(&world.plan()), []);
}

#[test]
fn a_first_fill_is_not_limited_and_is_no_measure_for_the_day() {
    let mut world = company(70); // all within one cycle
    assert!(world.memory.provider(&provider()).filled);
    for who in people(70..90) {
        world.join(&who, &format!("user{who}"));
    }
    assert_eq!(holds(&world.cycle().0), []);
    for n in 100..121 {
        world.join(&n.to_string(), &format!("user{n}"));
    }
    assert_eq!(holds(&world.plan()), [HoldKey::Class(Class::Create)]);
}

#[test]
fn a_provider_under_a_new_name_makes_nobody_twice_without_a_look() {
    let renamed = |world: &MiniWorld| {
        let directories = world.directories().into_values();
        let renamed = directories.map(|d| (ProviderName::new("renamed"), d));
        world.plan_of(&renamed.collect())
    };
    let mut world = company(30);
    let plan = renamed(&world);
    assert_eq!(plan.steps, []);
    let alike = plan
        .left_alone
        .iter()
        .filter(|l| matches!(l.why, Why::LooksLike { .. }));
    assert_eq!(alike.count(), 30);
    // Also where nothing tells that they are the same people.
    for who in people(0..30) {
        world.account(&who).username = format!("other{who}");
        world.account(&who).emails = emails(&[&format!("other{who}@example.org")]);
    }
    let plan = renamed(&world);
    let cause = HoldCause::Limit {
        limit: 20,
        wanted: 30,
    };
    let hold = plan.holds.iter().find(|h| h.cause == cause);
    assert_eq!(hold.map(|h| &h.key), Some(&HoldKey::Class(Class::Create)));
    assert_eq!(plan.released().count(), 0);
}

#[test]
fn a_creation_that_fails_each_time_does_not_keep_the_first_fill_open() {
    let mut world = MiniWorld::new();
    world.policy.guard.clear();
    world.join("1", "anna");
    world.join("2", "ben");
    world.refuse.insert(world.server.writes + 2);
    world.cycle();
    world.refuse.insert(world.server.writes);
    world.cycle();
    assert_eq!(world.memory.links().count(), 1);
    assert!(world.memory.provider(&provider()).filled);
}

#[test]
fn an_entry_that_nobody_can_read_does_not_keep_the_first_fill_open() {
    let mut world = MiniWorld::new();
    world.policy.guard.clear();
    world.join("1", "anna");
    world.gaps = vec![Gap::Empty];
    world.cycle();
    assert!(!world.memory.provider(&provider()).filled, "it was cut");
    world.gaps = vec![Gap::Rejected("one entry has no id".into())];
    world.cycle();
    for n in 100..121 {
        world.join(&n.to_string(), &format!("user{n}"));
    }
    assert_eq!(holds(&world.plan()), [HoldKey::Class(Class::Create)]);
}

#[test]
fn limits_are_a_number_a_share_or_off() {
    let mut world = company(50);
    for who in people(0..3) {
        world.lock(&who);
    }
    for (limit, held) in [
        (Limit::Number(2), true),
        (Limit::Number(3), false),
        (Limit::BasisPoints(400), true),
        (Limit::BasisPoints(401), false),
        (Limit::Off, false),
    ] {
        world.policy.guard.insert(Class::Locked, limit);
        assert_eq!(!world.plan().holds.is_empty(), held, "{limit:?}");
    }
}

#[test]
fn a_hold_holds_what_waits_for_it() {
    let mut world = company(4);
    for who in people(0..3) {
        world.account(&who).username = format!("renamed{who}");
    }
    let mut new = account("new", "user00");
    new.emails = emails(&["new@example.org"]);
    world.accounts.insert(id("new"), new);
    let plan = world.cycle().0;
    assert_eq!(kinds(&plan, "new"), ["(create)", "(join-team)"]);
    assert_eq!(holds(&plan), [HoldKey::Class(Class::Rename)]);
    assert!(!world.memory.is_linked(&key("new")));
}

#[test]
fn every_step_and_hold_says_what_and_why() {
    let mut world = company(16);
    world.lock("00");
    world.account("01").username = "renamed".into();
    world.account("02").emails = emails(&["second@example.org"]);
    world
        .account("03")
        .profile
        .insert(ProfileField::LastName, "Rossi".into());
    world.leave("04");
    world.join("new", "new");
    let plan = world.plan();
    let text: Vec<_> = plan.steps.iter().map(|s| Sentence(s).to_string()).collect();
    let all = text.join("\n");
    for part in [
        "deactivate user00 (USER00, user00@example.org): the account is \
         locked (loginshell is /sbin/nologin)",
        "rename user01 (USER01, user01@example.org) from user01 to renamed",
        "user02@example.org becomes second@example.org",
        "last name \"\" becomes \"Rossi\"",
        "the account is gone from the directory, for 0 s",
        "create new (NEW, new@example.org)",
        "add new (NEW, new@example.org)",
    ] {
        assert!(all.contains(part), "{part}\nis not in\n{all}");
    }
    let mails: u32 = plan.steps.iter().map(|s| u32::from(s.mails)).sum();
    assert_eq!(mails, 2, "a new name and a new address are told by mail");
    assert!(
        plan.steps
            .iter()
            .all(|s| !matches!(s.action, Action::Adopt { .. }))
    );
}

/// People `00` to `NN` get each other's names, or addresses, in a ring.
fn turn(world: &mut MiniWorld, numbers: std::ops::Range<usize>, class: Class) {
    let who: Vec<String> = people(numbers).collect();
    let said = |world: &mut MiniWorld, who: &str| {
        let account = world.account(who);
        (account.username.clone(), account.emails.clone())
    };
    let first = said(world, &who[0]);
    for at in 0..who.len() {
        let (name, mails) = match who.get(at + 1) {
            Some(next) => said(world, next),
            None => first.clone(),
        };
        let account = world.account(&who[at]);
        match class {
            Class::Rename => account.username = name,
            _ => account.emails = mails,
        }
    }
}

#[test]
fn a_ring_counts_its_people_and_not_its_steps() {
    for class in [Class::Rename, Class::Email] {
        let mut world = company(7);
        for round in 0..6 {
            // Once more on the same day they are the same people.
            let first = round % 3 * 2;
            turn(&mut world, first..first + 2, class);
            let (plan, run) = world.cycle();
            assert_eq!(holds(&plan), [], "two of seven may change, {class} {round}");
            assert_eq!(run.done.len(), 3, "three steps, {class} {round}");
        }
        // Six people in a day, and no more.
        world.account("06").username = "renamed".into();
        world.account("06").emails = emails(&["renamed@example.org"]);
        let plan = world.cycle().0;
        assert_eq!(holds(&plan), [HoldKey::Class(class)]);
        let cause = HoldCause::Day {
            limit: 6,
            done: 6,
            wanted: 1,
        };
        assert_eq!(plan.holds[0].cause, cause);
        world.tick(2 * DAY);
        assert_eq!(holds(&world.cycle().0), []);
    }
}

#[test]
fn a_ring_of_more_people_than_may_change_is_held_whole() {
    for class in [Class::Rename, Class::Email] {
        let mut world = company(4);
        turn(&mut world, 0..3, class);
        let plan = world.cycle().0;
        let cause = HoldCause::Limit {
            limit: 2,
            wanted: 3,
        };
        assert_eq!(plan.holds[0].cause, cause);
        assert_eq!(plan.holds[0].steps.len(), 4);
        assert_eq!(plan.released().count(), 0);
    }
}

/// Cut in the middle, what was begun and what is ended are one change, and still a change.
#[test]
fn a_ring_that_was_cut_counts_its_people_once() {
    for cut in 0..3 {
        let mut world = company(4);
        turn(&mut world, 0..2, Class::Rename);
        world.die_after = Some(world.server.writes + cut);
        world.cycle();
        world.die_after = None;
        assert_eq!(holds(&world.cycle().0), []);
        world.cycle();
        let renames = world.memory.done.iter();
        let renames = renames.filter(|d| d.class == Class::Rename).count();
        assert_eq!(renames, 2, "cut at {cut}");
    }
}

/// Who is released alone is not left between two names while the others are held.
#[test]
fn nobody_gets_a_temporary_name_who_cannot_get_out_of_it() {
    for class in [Class::Rename, Class::Email] {
        let mut world = company(6);
        turn(&mut world, 0..4, class);
        let plan = world.cycle().0;
        let opening = &plan.steps[0];
        assert!(opening.action.opens_ring(), "{opening:?}");
        let opener = opening.action.account().cloned();
        let of_opener = plan
            .steps
            .iter()
            .filter(|s| s.action.account() == opener.as_ref());
        let of_opener = of_opener.map(|s| s.action.fingerprint()).collect();
        let hold = HoldKey::Class(class);
        world.approve(&plan, &hold);
        if let Some(approval) = world
            .memory
            .holds
            .get_mut(&hold)
            .and_then(|m| m.approval.as_mut())
        {
            approval.steps = of_opener;
        }
        let (plan, run) = world.cycle();
        assert_eq!(plan.holds[0].steps.len(), 3, "three more than may change");
        assert_eq!(run.done, [], "{class}");
        world
            .memory
            .holds
            .values_mut()
            .for_each(|m| m.approval = None);
        let plan = world.plan();
        world.approve(&plan, &hold);
        assert_eq!(world.cycle().1.done.len(), 5);
        assert_eq!(world.plan().steps, []);
    }
}
