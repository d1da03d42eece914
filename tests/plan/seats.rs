//! Seats, teams, and the order in a run: one test a rule of the design.

use mattersync::model::{Action, SeatRefusal, Why};

use testkit::world::{HOUR, MiniWorld, emails, key, kinds, left};

fn why(world: &MiniWorld, who: &str) -> Vec<Why> {
    left(&world.plan(), who)
        .into_iter()
        .map(|l| l.why.clone())
        .collect()
}

#[test]
fn a_seat_freed_in_the_same_run_is_given_to_who_waited_longest() {
    let mut world = MiniWorld::with(&["a", "b"]);
    world.server.seat_limit = Some(world.server.active());
    world.join("late", "late");
    world.cycle();
    assert!(matches!(
        why(&world, "late")[..],
        [Why::NoSeat { limit: 3 }]
    ));
    world.tick(HOUR);
    world.join("0", "zoe");
    world.cycle();
    world.lock("a");
    let (plan, run) = world.cycle();
    assert!(run.surprises.is_empty());
    assert_eq!(kinds(&plan, "late"), ["create", "join-team"]);
    assert_eq!(kinds(&plan, "0"), [""; 0]);
    assert_eq!(world.server.active(), 3);
    world.cycle();
    assert_eq!(
        world
            .memory
            .accounts
            .iter()
            .filter(|(_, m)| m.waiting.is_some())
            .map(|(k, _)| k)
            .collect::<Vec<_>>(),
        [&key("0")]
    );
    world.leave("0");
    world.cycle();
    assert!(world.memory.accounts.values().all(|m| m.waiting.is_none()));
}

#[test]
fn who_comes_back_goes_before_who_is_new_and_a_held_leaver_frees_nothing() {
    let mut world = MiniWorld::with(&["a", "b", "c", "d"]);
    world.lock("d");
    world.cycle();
    world.server.seat_limit = Some(world.server.active());
    world.unlock("d");
    world.cycle();
    world.join("0", "new");
    for who in ["a", "b"] {
        world.lock(who);
    }
    world.policy.guard.clear(); // one locked person in a cycle is what four people allow
    let plan = world.plan();
    assert_eq!(kinds(&plan, "a"), ["(deactivate)"]);
    assert_eq!(kinds(&plan, "d"), [""; 0]);
    world.unlock("b");
    let (plan, run) = world.cycle();
    assert!(run.surprises.is_empty());
    assert_eq!(kinds(&plan, "d"), ["reactivate"]);
    assert_eq!(kinds(&plan, "0"), [""; 0]);
}

#[test]
fn team_edition_takes_250() {
    let mut world = MiniWorld::new();
    world.server.seat_limit = Some(250);
    for n in 0..300 {
        world.join(&format!("{n:03}"), &format!("user{n}"));
    }
    let (plan, run) = world.cycle();
    assert!(run.surprises.is_empty());
    assert_eq!(world.server.active(), 250);
    let waiting = plan
        .left_alone
        .iter()
        .filter(|l| matches!(l.why, Why::NoSeat { .. }));
    assert_eq!(waiting.count(), 51);
    assert_eq!(world.plan().steps, []);
}

#[test]
fn the_first_administrator_has_the_first_seat() {
    let mut world = MiniWorld::new();
    world.server = testkit::server::Server::empty();
    world.server.seat_limit = Some(1);
    world.policy.first_admin = Some("zoe".into());
    world.join("1", "anna");
    world.join("2", "zoe");
    world.cycle();
    let names: Vec<_> = world
        .server
        .users
        .values()
        .map(|u| u.username.clone())
        .collect();
    assert_eq!(names, ["zoe"]);
}

#[test]
fn a_full_team_is_not_asked_to_take_more() {
    let mut world = MiniWorld::new();
    world.server.max_users_per_team = Some(2);
    for who in ["a", "b", "c"] {
        world.join(who, who);
    }
    let (_, run) = world.cycle();
    assert!(run.surprises.is_empty());
    assert_eq!(world.server.users.len(), 4);
    assert!(matches!(
        why(&world, "c")[..],
        [Why::TeamFull { limit: 2, .. }]
    ));
    assert_eq!(world.plan().steps, []);
}

#[test]
fn an_archived_team_is_left_alone() {
    let mut world = MiniWorld::with(&["a"]);
    world.join("b", "b");
    let team = world.server.teams.get_mut("example").unwrap();
    team.archived_at = Some(mattersync::model::Timestamp(1));
    let plan = world.plan();
    assert_eq!(kinds(&plan, "b"), ["create"]);
    let archived = |l: &mattersync::model::LeftAlone| matches!(l.why, Why::TeamArchived { .. });
    assert!(plan.left_alone.iter().any(archived));
}

#[test]
fn who_left_a_team_by_hand_is_added_again_while_everyone_is_a_member() {
    let mut world = MiniWorld::with(&["a"]);
    for member in world
        .server
        .members
        .values_mut()
        .flat_map(|m| m.values_mut())
    {
        member.left_at = Some(mattersync::model::Timestamp(1));
    }
    assert_eq!(kinds(&world.plan(), "a"), ["join-team"]);
}

#[test]
fn what_frees_seats_and_names_comes_before_what_takes_them() {
    let mut world = MiniWorld::with(&["a", "b", "c"]);
    world.lock("a");
    world.account("b").username = "bb".into();
    world.account("c").emails = emails(&["cc@example.org"]);
    world.join("new", "b");
    world.account("new").emails = emails(&["c@example.org"]);
    let plan = world.plan();
    let order: Vec<_> = plan.steps.iter().map(|s| s.action.kind().name()).collect();
    assert_eq!(
        order,
        [
            "deactivate",
            "rename",
            "change-email",
            "create",
            "join-team"
        ]
    );
    let Action::CreateUser { .. } = &plan.steps[3].action else {
        panic!()
    };
    assert_eq!(plan.steps[3].after, [plan.steps[1].id, plan.steps[2].id]);
}

/// A server that told its limit by a refusal takes somebody again when it has more people than then:
/// a bot is none.
#[test]
fn bots_take_no_seat() {
    let mut world = MiniWorld::with(&["a"]);
    world.server.tells_seats = false;
    world.memory.server.seat_refusal = Some(SeatRefusal {
        active: world.server.active(),
        at: world.now.wall,
    });
    world.join("late", "late");
    for name in ["robot", "robot2"] {
        let bot = world.server.stranger(name, &format!("{name}@example.org"));
        world.server.user(&bot).is_bot = true;
    }
    assert!(matches!(
        why(&world, "late")[..],
        [Why::NoSeat { limit: 2 }]
    ));
    let person = world.server.stranger("zoe", "zoe@example.org");
    assert_eq!(kinds(&world.plan(), "late")[0], "create");
    // Nor who is out.
    let out = Some(world.now.wall);
    world.server.user(&person).deactivated_at = out;
    assert!(matches!(
        why(&world, "late")[..],
        [Why::NoSeat { limit: 2 }]
    ));
}
