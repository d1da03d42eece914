//! Names and addresses that change hands in a ring.

use mattersync::model::{Action, Directories, Gap, Plan, Why};

use testkit::world::{DAY, HOUR, MiniWorld, emails, kinds, left};

const RING: [(&str, &str); 3] = [("anna", "ben"), ("ben", "carl"), ("carl", "anna")];

fn three() -> MiniWorld {
    MiniWorld::with(&["anna", "ben", "carl"])
}

fn turn_names(world: &mut MiniWorld) {
    for (who, name) in RING {
        world.account(who).username = name.into();
    }
}

fn turn_mails(world: &mut MiniWorld) {
    for (who, name) in RING {
        world.account(who).emails = emails(&[&format!("{name}@example.org")]);
    }
}

/// Nobody has a name or an address that was meant for a moment.
fn nothing_temporary(world: &MiniWorld) -> bool {
    let mut users = world.server.users.values();
    users.all(|u| !u.username.starts_with("renaming-") && !u.email.ends_with(".invalid"))
}

/// Whether everybody has the name that the ring was to give.
fn has_names(world: &MiniWorld) -> bool {
    let mut ring = RING.iter();
    ring.all(|(who, name)| world.user(who).username == *name)
}

/// What brings a ring about.
type Turn = fn(&mut MiniWorld);

#[test]
fn edge_25_rings_are_finished_wherever_they_were_cut() {
    let turns: [(&str, Turn); 2] = [("names", turn_names), ("mails", turn_mails)];
    for (what, turn) in turns {
        for cut in 0..5 {
            for refused in [false, true] {
                let mut world = three();
                turn(&mut world);
                let steps = world.plan().steps;
                assert_eq!(steps.len(), 4, "{what}: one more than people");
                let mails: u32 = steps.iter().map(|s| u32::from(s.mails)).sum();
                assert_eq!(mails, 4, "each of them is told to the old address");
                match refused {
                    true => drop(world.refuse.insert(world.server.writes + cut)),
                    false => world.die_after = Some(world.server.writes + cut),
                }
                for _ in 0..4 {
                    world.cycle();
                    world.die_after = None;
                    let plan = world.plan();
                    assert_eq!(plan.left_alone, [], "{what}, cut at {cut}");
                    world.tick(HOUR);
                }
                assert_eq!(world.plan().steps, [], "{what}, cut at {cut}");
                assert!(nothing_temporary(&world), "{what}, cut at {cut}");
                for (who, name) in RING {
                    let user = world.user(who);
                    let mail = format!("{name}@example.org");
                    let has = match what {
                        "names" => user.username == name,
                        _ => user.email == mail,
                    };
                    assert!(has, "{what}, cut at {cut}: {user:?}");
                }
            }
        }
    }
}

#[test]
fn edge_25_a_swap_next_to_a_ring_and_others_who_wait() {
    let mut world = MiniWorld::with(&["anna", "ben", "carl", "dora", "emil", "fred"]);
    turn_mails(&mut world);
    for (who, name) in [("dora", "emil"), ("emil", "dora"), ("fred", "anna")] {
        world.account(who).emails = emails(&[&format!("{name}@example.org")]);
    }
    let (plan, run) = world.cycle();
    assert!(
        run.surprises.is_empty() && run.skipped.is_empty(),
        "{run:?}"
    );
    assert_eq!(run.done.len(), 4 + 3);
    assert!(matches!(left(&plan, "fred")[0].why, Why::Duplicate { .. }));
    assert!(nothing_temporary(&world));
    assert_eq!(world.user("dora").email, "emil@example.org");
    assert_eq!(world.plan().steps, []);
}

#[test]
fn edge_25_no_temporary_address_where_it_would_reach_somebody_or_be_verified() {
    for (verifies, domains) in [(true, vec![]), (false, vec!["example.org".to_owned()])] {
        let mut world = three();
        turn_mails(&mut world);
        world.server.verifies_email = verifies;
        world.server.domains = domains;
        let plan = world.plan();
        assert_eq!(plan.steps, []);
        for (who, _) in RING {
            assert!(matches!(left(&plan, who)[0].why, Why::EmailSwap { .. }));
        }
    }
}

/// Cut after the first step: one of the three has the temporary name or address.
fn cut_open(turn: fn(&mut MiniWorld)) -> (MiniWorld, &'static str) {
    let mut world = three();
    turn(&mut world);
    world.die_after = Some(world.server.writes);
    world.cycle();
    world.die_after = None;
    assert!(!nothing_temporary(&world));
    let opener = RING.iter().map(|(who, _)| *who).find(|who| {
        let user = world.user(who);
        user.username.starts_with("renaming-") || user.email.ends_with(".invalid")
    });
    let opener = opener.unwrap();
    (world, opener)
}

#[test]
fn edge_25_a_temporary_name_is_kept_by_nobody_whatever_happens_meanwhile() {
    // Locked in the middle.
    for turn in [turn_names as fn(&mut MiniWorld), turn_mails] {
        let (mut world, opener) = cut_open(turn);
        world.lock(opener);
        for _ in 0..3 {
            world.cycle();
        }
        assert!(nothing_temporary(&world));
        assert!(!world.user(opener).is_active());
    }
    // Gone in the middle: the name that they were to have.
    let (mut world, opener) = cut_open(turn_names);
    world.leave(opener);
    let (plan, run) = world.cycle();
    assert_eq!(kinds(&plan, opener), ["rename"]);
    assert!(run.surprises.is_empty(), "{run:?}");
    assert!(has_names(&world));
    world.tick(2 * DAY);
    for _ in 0..4 {
        world.cycle();
        world.tick(DAY);
    }
    assert!(has_names(&world) && !world.user(opener).is_active());
    assert_eq!(world.plan().steps, []);
    // The name that was meant for the opener went to a stranger: a number, and no conflict.
    let (mut world, opener) = cut_open(turn_names);
    world.account(opener).username = "zoe".into();
    world.server.stranger("zoe", "zoe@elsewhere.org");
    for _ in 0..3 {
        world.cycle();
    }
    assert!(nothing_temporary(&world), "{:?}", world.user(opener));
    assert_eq!(world.user(opener).username, "zoe2");
    assert_eq!(kinds(&world.plan(), opener), [""; 0]);
}

/// Who left in the middle of a ring is found by the link alone.
#[test]
fn edge_25_who_left_in_the_middle_gets_a_name_whatever_the_reading_proves() {
    // Not shown by a poor reading; and what they were to have is somebody else's by now.
    let (mut world, opener) = cut_open(turn_names);
    world.leave(opener);
    world.gaps.push(Gap::Empty);
    let wanted = RING.iter().find(|(who, _)| *who == opener).unwrap().1;
    // Its holder stays as they are: no name becomes free.
    let holder = world.user_id(wanted);
    world.server.user(&holder).auth_service = "saml".into();
    let plan = world.plan();
    let mut words = plan.steps.iter().map(|step| step.reason.to_string());
    let says = format!("last seen as {wanted}");
    assert!(words.any(|words| words.contains(&says)), "{plan:?}");
    world.cycle();
    assert!(nothing_temporary(&world));
    assert_eq!(world.user(opener).username, format!("{wanted}2"));
    assert!(world.user(opener).is_active());
    world.cycle();
    assert_eq!(kinds(&world.plan(), opener), [""; 0]);
    // Not who is out of reach, nor where that directory was not asked.
    let (mut world, opener) = cut_open(turn_names);
    let before = world.user(opener).username.clone();
    world.leave(opener);
    assert_eq!(world.plan_of(&Directories::new()).steps, []);
    let user = world.user_id(opener);
    world.server.user(&user).auth_service = "saml".into();
    world.cycle();
    assert_eq!(world.user(opener).username, before);
}

/// The temporary name is somebody's: the next one will do, and is recognised after a crash.
#[test]
fn edge_25_a_ring_finds_its_way_when_the_temporary_name_is_taken() {
    for cut in 0..3 {
        let mut world = MiniWorld::with(&["a", "b"]);
        for (who, name) in [("a", "b"), ("b", "a")] {
            world.account(who).username = name.into();
        }
        let first = |plan: &Plan| match &plan.steps[0].action {
            Action::Rename { username, .. } => username.to.clone(),
            other => panic!("{other:?}"),
        };
        let temporary = first(&world.plan());
        world.server.stranger(&temporary, "other@example.org");
        assert_eq!(first(&world.plan()), format!("{temporary}-2"));
        world.die_after = Some(world.server.writes + cut);
        let run = world.cycle().1;
        assert!(run.surprises.is_empty(), "{run:?}");
        world.die_after = None;
        if cut == 0 {
            nobody_keeps_a_temporary_name(world.clone());
        }
        world.cycle();
        let name = |who: &str| world.user(who).username.clone();
        assert_eq!(["a", "b"].map(name), ["b", "a"], "cut after {cut}");
        assert_eq!(world.plan().steps, []);
    }
}

/// Of two who swap their names one has a temporary name, and somebody takes the name that was meant.
fn nobody_keeps_a_temporary_name(mut world: MiniWorld) {
    let id = world.unsettled[0].action.account().unwrap().id.clone();
    let (opener, other) = match id.as_str() {
        "a" => ("a", "b"),
        _ => ("b", "a"),
    };
    let user = world.user_id(other);
    world.server.user(&user).username = opener.into();
    world.server.stranger(other, "stranger@example.org");
    world.cycle();
    assert_eq!(world.user(opener).username, format!("{other}2"));
}
