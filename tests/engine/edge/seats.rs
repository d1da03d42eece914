//! A server that takes only so many active users.

use std::collections::{BTreeMap, BTreeSet};

use mattermost_sim::{Options, UserLimit, Version};
use mattersync::daemon::Health;
use mattersync::model::{
    AccountChange, Action, ActionKind, Directories, Gap, Group, GroupId, Remember, Roster,
    SeatRefusal, SeatWait, SourceIdentity, Timestamp, Why,
};

use testkit::server::proof;
use testkit::service::{Config, Daemon, Stage, people};
use testkit::world::{DAY, HOUR, MiniWorld, id, key, kinds, provider};

/// The directory with these groups and their members.
fn with_groups(world: &MiniWorld, groups: &[(&str, &[&str])]) -> Directories {
    let mut directory = world.directory();
    let mut read = BTreeMap::new();
    for (name, members) in groups {
        let group = Group {
            id: GroupId::new(format!("id-of-{name}")),
            dn: format!("cn={name},ou=Groups,dc=example"),
            name: (*name).to_owned(),
            members: members.iter().map(|m| id(m)).collect(),
            other_members: 0,
            unseen: BTreeSet::new(),
        };
        for member in *members {
            let mut account = world.accounts[&id(member)].clone();
            if let Some(known) = directory.accounts.get(&id(member)) {
                account.groups.clone_from(&known.groups);
            }
            account.groups.insert(group.id.clone());
            directory.accounts.insert(id(member), account);
        }
        read.insert(group.id.clone(), group);
    }
    let absence = Ok(proof(read.len()));
    directory.groups = Roster::new(read, Vec::new(), absence, SourceIdentity::default());
    BTreeMap::from([(provider(), directory)])
}

fn created(plan: &mattersync::model::Plan) -> Vec<String> {
    let steps = plan.released();
    let names = steps.filter_map(|s| match &s.action {
        Action::CreateUser { user, .. } => Some(user.username.clone()),
        _ => None,
    });
    names.collect()
}

fn waiting(plan: &mattersync::model::Plan) -> Vec<&str> {
    let left = plan.left_alone.iter();
    let seatless = left.filter(|l| matches!(l.why, Why::NoSeat { .. }));
    seatless.map(|l| l.subject.name.as_str()).collect()
}

#[test]
fn edge_79_seats_go_by_group_and_then_to_who_waited_longest() {
    let mut world = MiniWorld::with(&["old"]);
    world.server.seat_limit = Some(world.server.active());
    world.policy.seat_order = vec!["Sales".into(), "cn=board, ou=groups,DC=example".into()];
    for who in ["a-late", "b-board", "c-sales", "d-none", "e-sales"] {
        world.join(who, who);
    }
    let groups: [(&str, &[&str]); 3] = [
        ("board", &["b-board"]),
        ("sales", &["c-sales", "e-sales"]),
        ("cleaners", &["a-late"]),
    ];
    // Nobody in a group is the first to wait.
    let since = |hours: i32| Timestamp(world.now.wall.0 - i64::from(hours) * 3_600_000);
    let waits = [("d-none", 5), ("e-sales", 4), ("c-sales", 1)];
    for (who, hours) in waits {
        let wait = AccountChange::Waiting(Some(since(hours).into()));
        world.memory.remember(&Remember::Account(key(who), wait));
    }
    let plan = world.plan_of(&with_groups(&world, &groups));
    assert_eq!(created(&plan), [""; 0]);
    let order = ["e-sales", "c-sales", "b-board", "d-none", "a-late"];
    assert_eq!(waiting(&plan), order);
    for free in 1..=5 {
        world.server.seat_limit = Some(world.server.active() + free as u64);
        let plan = world.plan_of(&with_groups(&world, &groups));
        let came: BTreeSet<String> = created(&plan).into_iter().collect();
        let first = order[..free].iter().map(|s| (*s).to_owned());
        assert_eq!(came, first.collect());
        assert_eq!(waiting(&plan), order[free..]);
    }
    // Leavers go first, and their seats are given at once.
    world.server.seat_limit = Some(world.server.active());
    world.lock("old");
    let plan = world.plan_of(&with_groups(&world, &groups));
    assert_eq!(kinds(&plan, "old"), ["deactivate"]);
    assert_eq!(created(&plan), ["e-sales"]);
    assert!(world.carry_out(&plan).surprises.is_empty());
}

/// Whatever group they are in.
#[test]
fn edge_79_who_had_a_turn_goes_behind_who_had_none() {
    let mut world = MiniWorld::with(&["old"]);
    world.policy.seat_order = vec!["board".into()];
    let free = |world: &mut MiniWorld, seats: u64| {
        world.server.seat_limit = Some(world.server.active() + seats);
    };
    for who in ["a-board", "b-board", "c", "d"] {
        world.join(who, who);
    }
    let at = |hours: i32| Timestamp(world.now.wall.0 - i64::from(hours) * 3_600_000);
    let wait = |since: i32, turn: Option<i32>| SeatWait {
        since: at(since),
        turn: turn.map(at),
    };
    let waits = BTreeMap::from([
        (key("a-board"), wait(9, Some(1))),
        (key("b-board"), wait(9, Some(2))),
        (key("d"), wait(5, None)),
    ]);
    for (who, wait) in waits {
        let wait = AccountChange::Waiting(Some(wait));
        world.memory.remember(&Remember::Account(who, wait));
    }
    let groups: [(&str, &[&str]); 1] = [("board", &["a-board", "b-board"])];
    let order = ["d", "c", "b-board", "a-board"];
    for seats in 0..=4 {
        free(&mut world, seats as u64);
        let plan = world.plan_of(&with_groups(&world, &groups));
        assert_eq!(created(&plan).len(), seats);
        assert_eq!(waiting(&plan), order[seats..]);
    }
}

#[test]
fn edge_79_a_group_that_does_not_exist_is_told() {
    let mut world = MiniWorld::with(&["a"]);
    world.policy.seat_order = vec!["sails".into()];
    let said = |plan: &mattersync::model::Plan| match &plan.left_alone[..] {
        [one] => one.why.to_string(),
        other => panic!("{other:?}"),
    };
    let plan = world.plan_of(&with_groups(&world, &[("sales", &["a"])]));
    assert_eq!(
        said(&plan),
        "policy.seat-order: there is no group \"sails\""
    );
    let plan = world.plan();
    assert!(said(&plan).contains("cannot be seen"), "{}", said(&plan));
    world.policy.seat_order = vec!["sales".into()];
    let plan = world.plan_of(&with_groups(&world, &[("sales", &["a"])]));
    assert_eq!(plan.left_alone, []);
}

/// A world whose server tells nobody its limit, and refused when `active` were there.
fn refused(people: &[&str], waiting: &[&str]) -> MiniWorld {
    let mut world = MiniWorld::with(people);
    world.server.seat_limit = Some(world.server.active());
    world.server.tells_seats = false;
    world.memory.server.seat_refusal = Some(SeatRefusal {
        active: world.server.active(),
        at: world.now.wall,
    });
    for who in waiting {
        world.join(who, who);
    }
    world
}

#[test]
fn edge_79_a_refusal_is_not_asked_for_again_until_somebody_leaves_or_a_day_is_over() {
    let mut world = refused(&["a", "b", "c"], &["x", "y", "z"]);
    for _ in 0..23 {
        let (plan, run) = world.cycle();
        assert_eq!((created(&plan), run.surprises.len()), (vec![], 0));
        assert_eq!(waiting(&plan), ["x", "y", "z"]);
        world.tick(HOUR);
    }
    // As many as left.
    world.lock("a");
    let (plan, run) = world.cycle();
    assert!(run.surprises.is_empty());
    assert_eq!(created(&plan), ["x"]);
    world.cycle();
    assert_eq!(world.plan().steps, []);
    // A day is over: one is tried, and no more.
    world.tick(HOUR);
    let (plan, run) = world.cycle();
    assert_eq!(created(&plan), ["y"]);
    assert_eq!(run.surprises.len(), 1, "the limit is as it was");
    // An administrator raised it: the first who comes in shows that.
    world.server.seat_limit = Some(100);
    let (plan, run) = world.cycle();
    assert_eq!((created(&plan).len(), run.surprises.len()), (1, 0));
    let plan = world.cycle().0;
    assert_eq!(created(&plan), ["z"]);
    assert_eq!(world.memory.server.seat_refusal, None);
}

#[test]
fn edge_79_a_server_that_tells_its_limit_is_believed_more_than_an_old_refusal() {
    let mut world = refused(&["a"], &["x"]);
    world.server.tells_seats = true;
    world.server.seat_limit = Some(100);
    assert_eq!(created(&world.cycle().0), ["x"]);
    assert_eq!(world.memory.server.seat_refusal, None);
    // But a zero, which also means "unlimited", less than the refusal.
    let mut world = refused(&["a"], &["x"]);
    world.server.tells_seats = true;
    world.server.seat_limit = None;
    assert_eq!(created(&world.cycle().0), [""; 0]);
    // Readings that prove nothing change nothing of that.
    world.gaps.push(Gap::Empty);
    assert_eq!(created(&world.cycle().0), [""; 0]);
    world.tick(DAY);
    assert_eq!(created(&world.cycle().0), ["x"]);
}

/// How many calls the server refused, of those that create or activate.
fn refusals(stage: &Stage) -> usize {
    let seen = stage.sim.seen();
    let refused = seen.iter().filter(|s| s.write && s.status == Some(400));
    refused.count()
}

fn users(stage: &Stage) -> BTreeSet<String> {
    stage.sim.users().into_iter().map(|u| u.username).collect()
}

fn active(stage: &Stage) -> usize {
    stage.sim.users().iter().filter(|u| u.is_active()).count()
}

fn status_waiting(daemon: &Daemon) -> u64 {
    daemon.status().unwrap().counts["waiting"]
}

#[test]
fn edge_79_over_the_socket_the_first_refusal_is_enough() {
    for (concurrency, at_most) in [(1, 1), (4, 4)] {
        let options = Options {
            user_limit: Some(UserLimit { warn: 0, hard: 4 }),
            ..Options::new(Version::V11)
        };
        let config = Config {
            local: true,
            mattermost: format!("requests-per-second = \"off\"\nconcurrency = {concurrency}\n"),
            ..Config::default()
        };
        let stage = Stage::new(crate::BINARY, &options, &config);
        let mut all = people(&["anna", "bert", "carl", "dora", "emil", "fred"]);
        stage.write_people(&all);
        let daemon = stage.start_and_wait();
        assert_eq!(active(&stage), 4, "with the administrator");
        assert_eq!(daemon.status().unwrap().health, Health::Well, "no failure");
        let first = refusals(&stage);
        assert!((1..=at_most).contains(&first), "{first} refusals");
        for _ in 0..3 {
            let report = daemon.sync();
            assert_eq!(report.not_done, []);
            let waiting = waiting(&report.plan.plan);
            assert_eq!(waiting.len(), 3, "{:?}", report.plan.plan);
            assert!(concurrency > 1 || waiting == ["dora", "emil", "fred"]);
        }
        assert_eq!(refusals(&stage), first, "asked again");
        assert_eq!(status_waiting(&daemon), 3);
        // Also after a restart.
        daemon.stop();
        let daemon = stage.start_and_wait();
        assert_eq!(refusals(&stage), first, "asked again after a restart");
        let names: BTreeSet<String> = users(&stage);
        let inside: Vec<usize> = (0..6).filter(|n| names.contains(&all[*n].uid)).collect();
        for n in &inside[..2] {
            all[*n].locked = true;
        }
        stage.write_people(&all);
        let report = daemon.sync();
        assert_eq!(
            (
                report.done[&ActionKind::Deactivate],
                report.done[&ActionKind::Create]
            ),
            (2, 2)
        );
        assert_eq!((refusals(&stage), active(&stage)), (first, 4));
        // Who comes back waits like everybody else.
        all[inside[0]].locked = false;
        stage.write_people(&all);
        daemon.sync();
        let report = daemon.sync();
        assert_eq!(report.writes, 0);
        let waiting = waiting(&report.plan.plan);
        assert_eq!(waiting.len(), 2);
        assert_eq!(waiting[1], all[inside[0]].uid, "last in the queue");
        assert_eq!(refusals(&stage), first);
        let output = daemon.stop();
        assert!(!output.contains("panicked"), "{output}");
    }
}

#[test]
fn edge_79_who_was_refused_a_seat_is_told_as_waiting_at_once() {
    let options = Options {
        user_limit: Some(UserLimit { warn: 0, hard: 3 }),
        ..Options::new(Version::V11)
    };
    let config = Config {
        local: true,
        mattermost: "requests-per-second = \"off\"\nconcurrency = 1\n".into(),
        ..Config::default()
    };
    let stage = Stage::new(crate::BINARY, &options, &config);
    stage.write_people(&people(&["anna", "bert", "carl", "dora"]));
    let mut sync = std::process::Command::new(crate::BINARY);
    let output = sync
        .arg("--config")
        .arg(stage.config())
        .arg("sync")
        .output();
    let output = output.unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("2 people wait for a seat: "), "{said}");
    assert!(
        said.contains("\n  carl (") && said.contains("\n  dora ("),
        "{said}"
    );
    assert!(said.contains("Created 2 users"), "{said}");
    assert!(!said.contains("NOT DONE"), "{said}");
    assert_eq!(output.status.code(), Some(0), "{said}");
}

#[test]
fn edge_79_with_a_token_nobody_is_ever_refused() {
    let options = Options {
        user_limit: Some(UserLimit { warn: 0, hard: 4 }),
        ..Options::new(Version::V11)
    };
    let stage = Stage::new(crate::BINARY, &options, &Config::default());
    stage.write_people(&people(&["anna", "bert", "carl", "dora", "emil", "fred"]));
    let daemon = stage.start_and_wait();
    assert_eq!((refusals(&stage), active(&stage)), (0, 4));
    assert_eq!(daemon.sync().writes, 0);
    assert_eq!(status_waiting(&daemon), 3);
    daemon.stop();
}
