//! Names and addresses that changed hands, taken back.

use mattersync::model::{
    AccountChange, Link, Plan, Remember, RunId, Undoing, Undone, ValueOf, Why,
};

use testkit::world::{HOUR, MiniWorld, Run, emails, key, kinds, left};

/// Who had which name and has which one now.
type Turned = [(&'static str, &'static str)];

const SWAP: &Turned = &[("anna", "ben"), ("ben", "anna")];
const RING: &Turned = &[("anna", "ben"), ("ben", "carl"), ("carl", "anna")];
const CHAIN: &Turned = &[("anna", "ben"), ("ben", "carl"), ("carl", "zoe")];

fn mail(name: &str) -> String {
    format!("{name}@example.org")
}

/// A world in which these people's names, or addresses, changed hands.
fn turned(of: ValueOf, turned: &Turned) -> MiniWorld {
    let people: Vec<&str> = turned.iter().map(|(who, _)| *who).collect();
    let mut world = MiniWorld::with(&people);
    for (who, name) in turned {
        match of {
            ValueOf::Username => world.account(who).username = (*name).into(),
            _ => world.account(who).emails = emails(&[&mail(name)]),
        }
    }
    world.cycle();
    assert_eq!(world.plan().steps, []);
    assert!(has(&world, of, turned));
    world
}

/// A person says that all of it is taken back.
fn take_back(world: &mut MiniWorld, of: ValueOf, turned: &Turned) {
    for (who, name) in turned {
        let value = |name: &str| match of {
            ValueOf::Username => name.to_owned(),
            _ => mail(name),
        };
        let undone = Undone {
            what: Undoing::Value {
                of,
                made: value(name),
                back: value(who),
                directory: Some(value(name)),
            },
            user: world.user_id(who),
            run: RunId(3),
            by: "alice".into(),
            at: world.now.wall,
            done: false,
        };
        world.memory.remember(&Remember::Account(
            key(who),
            AccountChange::Undone(vec![undone]),
        ));
    }
}

/// Whether everybody has the name, or address, that stands second.
fn has(world: &MiniWorld, of: ValueOf, turned: &Turned) -> bool {
    turned.iter().all(|(who, name)| match of {
        ValueOf::Username => world.user(who).username == *name,
        _ => world.user(who).email == mail(name),
    })
}

fn before(turned: &Turned) -> Vec<(&'static str, &'static str)> {
    turned.iter().map(|(who, _)| (*who, *who)).collect()
}

fn nothing_temporary(world: &MiniWorld) -> bool {
    let mut users = world.server.users.values();
    users.all(|u| !u.username.starts_with("renaming-") && !u.email.ends_with(".invalid"))
}

/// What is told about a person that could not be taken back.
fn not_undone(plan: &Plan, who: &str) -> String {
    let told = left(plan, who).into_iter();
    let told = told.filter_map(|l| match &l.why {
        Why::NotUndone { why, .. } => Some(why.clone()),
        _ => None,
    });
    told.collect::<Vec<_>>().join("; ")
}

/// Cycles until nothing is left to do; the directory may not undo the undo.
#[track_caller]
fn rests(world: &mut MiniWorld) {
    for _ in 0..3 {
        world.cycle();
        world.tick(HOUR);
    }
    assert_eq!(world.plan().steps, []);
    assert!(nothing_temporary(world));
}

#[track_caller]
fn smooth(run: &Run) {
    assert!(
        run.surprises.is_empty() && run.skipped.is_empty(),
        "{run:?}"
    );
}

#[test]
fn edge_25_what_changed_hands_goes_back_in_one_go() {
    for of in [ValueOf::Username, ValueOf::Email] {
        for change in [SWAP, RING, CHAIN] {
            let mut world = turned(of, change);
            take_back(&mut world, of, change);
            let (plan, run) = world.cycle();
            smooth(&run);
            let ring = usize::from(change != CHAIN);
            assert_eq!(plan.steps.len(), change.len() + ring, "{of} {change:?}");
            assert!(has(&world, of, &before(change)), "{of} {change:?}");
            // It stays so, and a person can let the directory decide again.
            rests(&mut world);
            assert!(has(&world, of, &before(change)));
            world
                .memory
                .accounts
                .values_mut()
                .for_each(|m| m.undone.clear());
            world.cycle();
            assert!(has(&world, of, change), "{of} {change:?}");
        }
    }
}

#[test]
fn edge_25_what_is_taken_back_is_finished_wherever_it_was_cut() {
    for of in [ValueOf::Username, ValueOf::Email] {
        for cut in 0..5 {
            for refused in [false, true] {
                let mut world = turned(of, RING);
                take_back(&mut world, of, RING);
                match refused {
                    true => drop(world.refuse.insert(world.server.writes + cut)),
                    false => world.die_after = Some(world.server.writes + cut),
                }
                world.cycle();
                world.die_after = None;
                for who in ["anna", "ben", "carl"] {
                    let plan = world.plan();
                    assert_eq!(not_undone(&plan, who), "", "{of} {cut} {refused}");
                }
                rests(&mut world);
                assert!(has(&world, of, &before(RING)), "{of} {cut} {refused}");
            }
        }
    }
}

/// Makes a part of a ring impossible: what it does, and what is said of `ben` afterwards.
type Obstacle = (fn(&mut MiniWorld), &'static str);

const OBSTACLES: [Obstacle; 3] = [
    (
        |world| {
            let ben = world.user_id("ben");
            world.server.user(&ben).auth_service = "saml".into();
        },
        "the login service saml owns",
    ),
    (
        |world| {
            // Of the directory's name, whatever they have at present.
            let named = world.accounts[&testkit::world::id("ben")].username.clone();
            world.policy.protect.insert(named);
        },
        "policy.protect names the user",
    ),
    (|world| world.order("ben"), "`mattersync deactivate`"),
];

#[test]
fn edge_25_what_depends_on_a_lost_part_is_lost_with_it() {
    for of in [ValueOf::Username, ValueOf::Email] {
        for (obstacle, said) in OBSTACLES {
            let mut world = turned(of, RING);
            take_back(&mut world, of, RING);
            obstacle(&mut world);
            let plan = world.cycle().0;
            assert!(not_undone(&plan, "ben").contains(said), "{of} {said}");
            for who in ["anna", "carl"] {
                let why = not_undone(&plan, who);
                assert!(
                    why.contains("whose own cannot be taken back"),
                    "{who}: {why}"
                );
                assert_eq!(kinds(&plan, who), [""; 0], "{of} {said}");
            }
            assert!(has(&world, of, RING), "{of} {said}");
            assert!(
                world.memory.accounts.values().all(|m| m.undone.is_empty()),
                "nobody waits for ever"
            );
            rests(&mut world);
            assert!(has(&world, of, RING), "{of} {said}");
        }
    }
}

#[test]
fn edge_25_of_a_chain_what_can_goes_back() {
    let mut world = turned(ValueOf::Username, CHAIN);
    take_back(&mut world, ValueOf::Username, CHAIN);
    // Who came first gave up a name that somebody has by now: those behind keep theirs.
    let ben = world.user_id("ben");
    world.server.user(&ben).username = "benny".into();
    let plan = world.plan();
    assert!(not_undone(&plan, "ben").contains("\"benny\" by now"));
    // What ben had is free; what they wanted is not needed by anybody else.
    assert_eq!(kinds(&plan, "carl"), ["rename"]);
    assert_eq!(kinds(&plan, "anna"), ["rename"]);
    let mut world = turned(ValueOf::Username, CHAIN);
    take_back(&mut world, ValueOf::Username, CHAIN);
    world.server.stranger("anna", "another@example.org");
    let plan = world.plan();
    let why = not_undone(&plan, "anna");
    assert!(why.contains("\"anna\" belongs to anna"), "{why}");
    for who in ["ben", "carl"] {
        let why = not_undone(&plan, who);
        assert!(why.contains("whose own cannot be taken back"), "{why}");
    }
    assert_eq!(plan.steps, []);
}

/// Cut after the first step of the undo, and then a part of it becomes impossible.
#[test]
fn edge_25_nobody_stays_between_two_names_when_the_rest_is_lost() {
    for of in [ValueOf::Username, ValueOf::Email] {
        for (obstacle, said) in OBSTACLES {
            for leaves in [false, true] {
                let mut world = turned(of, RING);
                take_back(&mut world, of, RING);
                world.die_after = Some(world.server.writes);
                world.cycle();
                world.die_after = None;
                assert!(!nothing_temporary(&world));
                let between = |world: &MiniWorld, who: &str| {
                    let user = world.user(who);
                    user.username.starts_with("renaming-") || user.email.ends_with(".invalid")
                };
                let opener = ["anna", "carl"]
                    .into_iter()
                    .find(|who| between(&world, who));
                let Some(opener) = opener else {
                    panic!("the opener is ben: choose another one for the obstacles");
                };
                obstacle(&mut world);
                if leaves {
                    world.leave(opener);
                }
                let plan = world.cycle().0;
                let why = not_undone(&plan, opener);
                assert!(why.contains("again"), "{of} {said} {leaves}: {why}");
                assert!(has(&world, of, RING), "{of} {said} {leaves}");
                rests(&mut world);
                assert!(has(&world, of, RING), "{of} {said} {leaves}");
            }
        }
    }
}

/// Cut in the middle, and everybody leaves: the directory is not needed to end it.
#[test]
fn edge_25_who_leaves_in_the_middle_still_gets_his_name_back() {
    let mut world = turned(ValueOf::Username, RING);
    take_back(&mut world, ValueOf::Username, RING);
    world.die_after = Some(world.server.writes);
    world.cycle();
    world.die_after = None;
    for who in ["anna", "ben", "carl"] {
        world.leave(who);
    }
    rests(&mut world);
    assert!(has(&world, ValueOf::Username, &before(RING)));
}

/// Somebody else may not be given what a person in the middle gets back.
#[test]
fn edge_25_a_newcomer_gets_no_name_that_goes_back() {
    for cut in 0..4 {
        let mut world = turned(ValueOf::Username, RING);
        take_back(&mut world, ValueOf::Username, RING);
        world.die_after = Some(world.server.writes + cut);
        world.cycle();
        world.die_after = None;
        for who in ["anna", "ben", "carl"] {
            world.join(&format!("other-{who}"), who);
            world.account(&format!("other-{who}")).emails = emails(&[&mail(&format!("o-{who}"))]);
        }
        rests(&mut world);
        assert!(has(&world, ValueOf::Username, &before(RING)), "{cut}");
        assert_eq!(world.user("other-ben").username, "ben2");
    }
}

#[test]
fn edge_25_addresses_that_must_be_clicked_go_back_one_after_the_other() {
    let mut world = turned(ValueOf::Email, CHAIN);
    take_back(&mut world, ValueOf::Email, CHAIN);
    world.server.verifies_email = true;
    for (at, who) in ["anna", "ben", "carl"].into_iter().enumerate() {
        let (plan, run) = world.cycle();
        smooth(&run);
        assert_eq!(plan.steps.len(), 1, "{who}");
        assert_eq!(kinds(&plan, who), ["change-email"]);
        for next in &["anna", "ben", "carl"][at + 1..] {
            let [told] = left(&plan, next)[..] else {
                panic!("{next}: {:?}", plan.left_alone);
            };
            let words = told.why.to_string();
            assert!(words.contains("is given back as soon as"), "{words}");
        }
        let plan = world.cycle().0;
        assert_eq!(plan.steps, [], "asked once");
        assert!(matches!(left(&plan, who)[0].why, Why::EmailWaiting { .. }));
        let user = world.user_id(who);
        world.server.click(&user);
        world.tick(HOUR);
    }
    rests(&mut world);
    assert!(has(&world, ValueOf::Email, &before(CHAIN)));
}

#[test]
fn edge_25_exchanged_addresses_stay_where_no_temporary_one_is_taken() {
    for (verifies, domains) in [(true, vec![]), (false, vec!["example.org".to_owned()])] {
        let mut world = turned(ValueOf::Email, RING);
        take_back(&mut world, ValueOf::Email, RING);
        world.server.verifies_email = verifies;
        world.server.domains = domains;
        let plan = world.cycle().0;
        assert_eq!(plan.steps, []);
        for (who, _) in RING {
            let why = not_undone(&plan, who);
            assert!(why.contains("exchanged their addresses"), "{who}: {why}");
            assert!(why.contains(&mail(who)), "{why}");
        }
        rests(&mut world);
    }
    let mut world = turned(ValueOf::Email, CHAIN);
    take_back(&mut world, ValueOf::Email, CHAIN);
    world.server.domains = vec!["example.net".to_owned()];
    let plan = world.plan();
    assert_eq!(plan.steps, []);
    assert!(not_undone(&plan, "anna").contains("example.net"));
}

/// A run that only ended a ring knows no real value to go back to.
#[test]
fn edge_25_nothing_goes_back_to_a_temporary_name() {
    let mut world = turned(ValueOf::Username, SWAP);
    let opening = {
        let mut world = world.clone();
        take_back(&mut world, ValueOf::Username, SWAP);
        world.plan().steps.remove(0)
    };
    let mattersync::model::Action::Rename {
        account, username, ..
    } = &opening.action
    else {
        panic!("{opening:?}");
    };
    take_back(&mut world, ValueOf::Username, SWAP);
    let list = &mut world.memory.accounts.get_mut(account).unwrap().undone;
    let Undoing::Value { back, .. } = &mut list[0].what else {
        panic!("{list:?}");
    };
    back.clone_from(&username.to);
    let plan = world.plan();
    assert_eq!(plan.steps, []);
    let who = account.id.as_str();
    assert!(not_undone(&plan, who).contains("temporary"));
    let other = if who == "anna" { "ben" } else { "anna" };
    assert!(not_undone(&plan, other).contains("whose own cannot"));
}

/// The link says nothing about it, but who waits for a click is remembered there.
#[test]
fn edge_25_a_click_that_is_not_needed_any_more_is_not_waited_for() {
    let mut world = turned(ValueOf::Email, SWAP);
    take_back(&mut world, ValueOf::Email, SWAP);
    let link = Link {
        email_waiting: Some(mail("anna")),
        ..world.link("anna").clone()
    };
    world.memory.remember(&Remember::Account(
        key("anna"),
        AccountChange::Link(Some(link)),
    ));
    smooth(&world.cycle().1);
    assert!(has(&world, ValueOf::Email, &before(SWAP)));
}
