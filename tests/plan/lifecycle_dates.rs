//! Accounts that expire by themselves: announced, not counted once they were, and believed only
//! while the clock is.

use std::time::Duration;

use mattersync::model::{AccountState, Class, HoldCause, HoldKey, Reason, Timestamp, Why};
use mattersync::plan::{Limit, next_expiry};

use testkit::world::{DAY, HOUR, MiniWorld, id, key, kinds, left};

/// The date, as a lock rule for dates judges it at the time of the world.
fn expire(world: &mut MiniWorld, who: &str, at: Timestamp) {
    let now = world.now.wall;
    let account = world.account(who);
    account.expires = Some(at);
    account.state = match at <= now {
        true => AccountState::Locked {
            attribute: "accountExpires".into(),
            value: at.to_string(),
            expired: Some(at),
        },
        false => AccountState::Active,
    };
}

/// Time passes, and with it the dates that lie in it.
fn pass(world: &mut MiniWorld, span: Duration) {
    world.tick(span);
    judge(world);
}

fn judge(world: &mut MiniWorld) {
    let dates = world.accounts.iter();
    let dates = dates.filter_map(|(id, a)| Some((id.as_str().to_owned(), a.expires?)));
    let dates: Vec<_> = dates.collect();
    for (who, at) in dates {
        expire(world, &who, at);
    }
}

fn soon(world: &MiniWorld, who: &str) -> Vec<(Timestamp, u64)> {
    let plan = world.plan();
    let said = left(&plan, who).into_iter();
    let said = said.filter_map(|l| match l.why {
        Why::ExpiresSoon { at, days } => Some((at, days)),
        _ => None,
    });
    said.collect()
}

fn learned(world: &MiniWorld) -> usize {
    let plan = world.plan();
    let said = plan.learned.iter();
    said.filter(|l| {
        matches!(
            l,
            mattersync::model::Remember::Account(
                _,
                mattersync::model::AccountChange::Announced(..)
            )
        )
    })
    .count()
}

#[test]
fn a_date_is_announced_seven_days_before_once_and_anew_when_it_changes() {
    let mut world = MiniWorld::with(&["anna"]);
    let at = world.now.wall.after(8 * DAY);
    expire(&mut world, "anna", at);
    assert_eq!((soon(&world, "anna"), learned(&world)), (vec![], 0));
    pass(&mut world, DAY + HOUR);
    assert_eq!((soon(&world, "anna"), learned(&world)), (vec![(at, 6)], 1));
    world.cycle();
    assert_eq!(
        world
            .memory
            .account(&key("anna"))
            .announced
            .as_ref()
            .unwrap()
            .date,
        at
    );
    assert_eq!(
        (soon(&world, "anna"), learned(&world)),
        (vec![(at, 6)], 0),
        "listed as long as it is so, written down once"
    );
    let later = at.after(HOUR);
    expire(&mut world, "anna", later);
    assert_eq!(learned(&world), 1, "another date");
    world.cycle();
    assert_eq!(
        world
            .memory
            .account(&key("anna"))
            .announced
            .as_ref()
            .unwrap()
            .date,
        later
    );
    world.account("anna").expires = None;
    world.cycle();
    assert!(
        world
            .memory
            .accounts
            .values()
            .all(|m| m.announced.is_none())
    );
}

#[test]
fn who_expires_is_out_at_that_moment_with_the_date_as_the_reason() {
    let mut world = MiniWorld::with(&["anna"]);
    let at = world.now.wall.after(3 * DAY);
    expire(&mut world, "anna", at);
    world.cycle();
    let announced = world.now.wall;
    pass(&mut world, 3 * DAY - Duration::from_secs(1));
    assert_eq!(world.cycle().1.done, []);
    pass(&mut world, Duration::from_secs(1));
    let (plan, _) = world.cycle();
    assert_eq!(kinds(&plan, "anna"), ["deactivate"]);
    assert_eq!(
        plan.steps[0].reason,
        Reason::Expired {
            attribute: "accountExpires".into(),
            at,
            announced: Some(announced)
        }
    );
    let why = world.link("anna").deactivated.as_ref().unwrap().why.clone();
    assert!(why.contains("accountExpires is"), "{why}");
    world.cycle();
    assert!(
        world
            .memory
            .accounts
            .values()
            .all(|m| m.announced.is_none()),
        "over"
    );
}

#[test]
fn what_was_announced_in_time_is_not_counted_by_the_guard() {
    let names: Vec<String> = (0..40).map(|n| format!("p{n:02}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut world = MiniWorld::with(&names);
    world.policy.guard.insert(Class::Locked, Limit::Number(2));
    let at = world.now.wall.after(5 * DAY);
    for who in &names[..8] {
        expire(&mut world, who, at);
    }
    world.cycle();
    pass(&mut world, 5 * DAY);
    // Two others are locked: their limit is their own.
    world.lock("p20");
    world.lock("p21");
    let (plan, run) = world.cycle();
    assert_eq!(plan.holds, []);
    assert_eq!(run.done.len(), 10);
    assert_eq!(
        world
            .memory
            .done
            .iter()
            .filter(|d| d.class == Class::Locked)
            .count(),
        2
    );
}

#[test]
fn a_date_without_notice_is_counted_like_any_lock() {
    // Set in the past, and set to an hour from now.
    for ahead in [Duration::ZERO, HOUR] {
        let names = [
            "anna", "ben", "cleo", "dora", "emil", "finn", "gina", "hugo",
        ];
        let mut world = MiniWorld::with(&names);
        world.policy.guard.insert(Class::Locked, Limit::Number(2));
        let at = world.now.wall.after(ahead);
        for who in &names[..3] {
            expire(&mut world, who, at);
        }
        if !ahead.is_zero() {
            world.cycle();
            pass(&mut world, HOUR);
        }
        let (plan, run) = world.cycle();
        assert_eq!(run.done, []);
        assert_eq!(plan.holds[0].key, HoldKey::Class(Class::Locked));
        assert!(plan.steps.iter().all(|s| matches!(
            s.reason,
            Reason::Expired {
                announced: None,
                ..
            }
        )));
    }
}

#[test]
fn everybody_at_once_is_a_mistake_however_early_it_was_announced() {
    let names = [
        "anna", "ben", "cleo", "dora", "emil", "finn", "gina", "hugo",
    ];
    let mut world = MiniWorld::with(&names);
    world.policy.guard.insert(Class::Locked, Limit::Number(2));
    let at = world.now.wall.after(6 * DAY);
    for who in names {
        expire(&mut world, who, at);
    }
    world.cycle();
    pass(&mut world, 6 * DAY);
    let (plan, run) = world.cycle();
    assert_eq!(run.done, []);
    let class = HoldKey::Class(Class::Locked);
    assert_eq!(plan.holds[0].key, class);
    world.approve(&plan, &class);
    assert_eq!(world.cycle().1.done.len(), 8, "a person's word");
}

#[test]
fn a_clock_that_jumped_ahead_expires_nobody() {
    let mut world = MiniWorld::with(&["anna", "ben"]);
    let at = world.now.wall.after(300 * DAY);
    expire(&mut world, "anna", at);
    world.cycle();
    world.tick(HOUR);
    world.now.wall = world.now.wall.after(365 * DAY);
    judge(&mut world);
    world.lock("ben");
    for round in 0..3 {
        let (plan, run) = world.cycle();
        let done = usize::from(round == 0);
        assert_eq!(run.done.len(), done, "who is locked goes all the same");
        let [hold] = &plan.holds[..] else {
            panic!("{:?}", plan.holds)
        };
        assert_eq!(hold.key, HoldKey::Clock);
        assert!(matches!(hold.cause, HoldCause::ClockJumped { ahead } if ahead > 0));
        assert_eq!(kinds(&plan, "anna"), ["(deactivate)"]);
        world.tick(HOUR);
        // Switching it off and on again proves nothing.
        world.now.boot_id.push('x');
        world.now.boot = HOUR;
    }
    // It was set right.
    world.now.wall = Timestamp(world.now.wall.0 - 365 * 86_400_000);
    judge(&mut world);
    let (plan, _) = world.cycle();
    assert_eq!((plan.steps.len(), plan.holds.len()), (0, 0));
    assert!(world.user("anna").is_active());
}

#[test]
fn a_clock_that_was_set_right_by_a_jump_needs_a_word() {
    let mut world = MiniWorld::with(&["anna"]);
    let at = world.now.wall.after(300 * DAY);
    expire(&mut world, "anna", at);
    world.cycle();
    world.now.wall = world.now.wall.after(365 * DAY);
    judge(&mut world);
    let (plan, _) = world.cycle();
    world.approve(&plan, &HoldKey::Clock);
    assert_eq!(world.cycle().1.done.len(), 1);
    world.cycle();
    assert_eq!(
        world.memory.server.clock.as_ref().unwrap().ahead,
        0,
        "believed again"
    );
}

#[test]
fn a_clock_that_went_back_lets_nobody_in_again() {
    for reboot in [false, true] {
        let mut world = MiniWorld::with(&["anna"]);
        let at = world.now.wall.after(3 * DAY);
        expire(&mut world, "anna", at);
        world.cycle();
        pass(&mut world, 4 * DAY);
        world.cycle();
        assert!(!world.user("anna").is_active());
        world.now.wall = Timestamp(world.now.wall.0 - 30 * 86_400_000);
        if reboot {
            world.now.boot_id.push('x');
            world.now.boot = HOUR;
        }
        for _ in 0..4 {
            judge(&mut world);
            assert_eq!(world.cycle().1.done, [], "reboot: {reboot}");
            world.tick(HOUR);
        }
        let plan = world.plan();
        assert_eq!(kinds(&plan, "anna"), ["(reactivate)"]);
        assert_eq!(plan.holds[0].key, HoldKey::Clock);
    }
}

#[test]
fn a_new_date_lets_somebody_in_again_while_the_clock_is_right() {
    let mut world = MiniWorld::with(&["anna"]);
    let at = world.now.wall.after(DAY);
    expire(&mut world, "anna", at);
    world.cycle();
    pass(&mut world, 2 * DAY);
    world.cycle();
    let at = world.now.wall.after(90 * DAY);
    expire(&mut world, "anna", at);
    world.cycle();
    assert_eq!(kinds(&world.cycle().0, "anna"), ["reactivate"]);
}

#[test]
fn a_clock_is_written_down_only_where_dates_matter_and_seldom() {
    let mut world = MiniWorld::with(&["anna"]);
    assert_eq!(world.memory.server.clock, None);
    let at = world.now.wall.after(90 * DAY);
    expire(&mut world, "anna", at);
    world.cycle();
    assert!(world.memory.server.clock.is_some());
    world.tick(Duration::from_secs(300));
    assert_eq!(world.plan().learned, []);
    world.tick(HOUR);
    assert_eq!(world.plan().learned.len(), 1);
}

#[test]
fn the_next_date_is_that_of_an_account_in_use() {
    let mut world = MiniWorld::with(&["anna", "ben", "cleo"]);
    let now = world.now.wall;
    expire(&mut world, "anna", now.after(HOUR));
    expire(&mut world, "ben", now.after(2 * HOUR));
    expire(&mut world, "cleo", Timestamp(now.0 - 1));
    let next = |world: &MiniWorld| next_expiry(&world.directories(), world.now.wall);
    assert_eq!(next(&world), Some(now.after(HOUR)));
    world.lock("anna");
    assert_eq!(next(&world), Some(now.after(2 * HOUR)));
    world.accounts.remove(&id("ben"));
    assert_eq!(next(&world), None);
}

/// Told less than a day before its date, or so long before only by a clock that proves nothing.
#[test]
fn a_notice_counts_only_if_it_was_given_a_day_before_for_certain() {
    // Hours from the notice to the date, to the reading, and since the last boot, if there was one.
    for (date, reading, boot, counts) in [
        (24, 24, None, true),
        (23, 23, None, false),
        (23, 72, None, false),
        (48, 48, None, true),
        (48, 48, Some(24), true),
        (48, 48, Some(23), false),
    ] {
        let mut world = MiniWorld::with(&["anna"]);
        let (told, at) = (world.now.wall, world.now.wall.after(HOUR * date));
        expire(&mut world, "anna", at);
        world.cycle();
        world.tick(HOUR * reading);
        if let Some(hours) = boot {
            world.now.boot_id.push('x');
            world.now.boot = HOUR * hours;
        }
        judge(&mut world);
        let plan = world.plan();
        let Reason::Expired { announced, .. } = plan.steps[0].reason else {
            panic!("{plan:?}");
        };
        let words = format!("{date} {reading} {boot:?}");
        assert_eq!(announced, counts.then_some(told), "{words}");
    }
}

/// A date that comes near only because the clock jumped is told, and not written down.
#[test]
fn nothing_is_announced_by_a_clock_that_jumped() {
    let mut world = MiniWorld::with(&["anna"]);
    let at = world.now.wall.after(30 * DAY);
    expire(&mut world, "anna", at);
    world.cycle();
    world.now.wall = world.now.wall.after(25 * DAY);
    assert_eq!((soon(&world, "anna"), learned(&world)), (vec![(at, 5)], 0));
    world.now.boot += 25 * DAY;
    assert_eq!(learned(&world), 1);
}
