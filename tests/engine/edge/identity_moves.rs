//! People whose directory id changes: moved, made anew, hired again.

use std::time::Duration;

use mattermost_sim::{Options, Version};

use mattersync::model::{
    AccountKey, AccountState, Action, Class, Gap, HoldKey, Lookup, ProfileField, ProviderName,
    Rejected, Why,
};
use mattersync::plan::Limit;

use super::ids::run;
use testkit::service::{Config, Person, Stage, people};
use testkit::world::{DAY, HOUR, MiniWorld, emails, id, key, kinds, left, locked, provider};

fn anchored(world: &mut MiniWorld, the_id: &str, anchor: &str) {
    world.account(the_id).anchor = Some(format!("employeenumber={anchor}"));
}

/// `anna` with a user, whose second anchor is known.
fn anna() -> MiniWorld {
    let mut world = MiniWorld::with(&["anna", "ben"]);
    anchored(&mut world, "anna", "7");
    anchored(&mut world, "ben", "8");
    world.cycle();
    world
}

fn whys(world: &MiniWorld, who: &str) -> Vec<Why> {
    let plan = world.plan();
    left(&plan, who)
        .into_iter()
        .map(|l| l.why.clone())
        .collect()
}

fn looks_alike(world: &MiniWorld, who: &str) -> bool {
    matches!(whys(world, who)[..], [Why::LooksLike { .. }]) && kinds(&world.plan(), who).is_empty()
}

#[test]
fn edge_27_a_move_between_directories_keeps_the_user_by_the_second_anchor() {
    let mut world = anna();
    world.policy.guard.remove(&Class::Move);
    let user = world.user_id("anna");
    world.leave("anna");
    world.join("new", "anna.b");
    world.account("new").emails = emails(&["anna@example.org"]);
    anchored(&mut world, "new", "7");
    let (plan, run) = world.cycle();
    assert!(run.surprises.is_empty(), "{run:?}");
    assert_eq!(kinds(&plan, "new"), ["move", "rename", "update"]);
    assert_eq!(kinds(&plan, "anna"), [""; 0], "nobody is deactivated");
    assert_eq!(world.user_id("new"), user);
    assert_eq!(world.user("new").username, "anna.b");
    assert!(world.user("new").is_active());
    assert!(!world.memory.is_linked(&key("anna")));
    world.tick(30 * DAY);
    for _ in 0..4 {
        world.tick(DAY);
        assert_eq!(world.cycle().1.done, []);
    }
    assert!(world.memory.accounts.values().all(|m| m.absence.is_none()));
}

/// Who stands there under another id is not missing, though the move waits for a person.
#[test]
fn edge_27_a_held_move_ends_the_count_of_an_absence() {
    let mut world = anna();
    world.policy.guard.insert(Class::Move, Limit::Number(0));
    world.policy.grace = DAY;
    world.leave("anna");
    world.cycle();
    assert!(world.memory.account(&key("anna")).absence.is_some());
    world.tick(DAY);
    world.join("new", "anna");
    anchored(&mut world, "new", "7");
    let (plan, _) = world.cycle();
    assert_eq!(kinds(&plan, "new")[0], "(move)");
    assert!(world.memory.account(&key("anna")).absence.is_none());
    world.leave("new");
    for _ in 0..2 {
        world.tick(DAY);
        assert_eq!(kinds(&world.cycle().0, "anna"), [""; 0]);
    }
    world.tick(DAY);
    assert_eq!(kinds(&world.cycle().0, "anna"), ["deactivate"]);
}

/// The user of `anna` and the account `new` have these fields in common.
fn called(world: &mut MiniWorld, fields: &[ProfileField]) {
    let user = world.user_id("anna");
    for field in fields {
        let value = "Beck".to_owned();
        world
            .server
            .user(&user)
            .profile
            .insert(*field, value.clone());
        world.account("new").profile.insert(*field, value);
    }
}

/// Numbers are given away again, and mistyped: a new colleague with the number of somebody who left
/// gets nobody's messages.
#[test]
fn edge_27_a_number_alone_gives_nobody_a_colleagues_user() {
    let mut world = anna();
    world.policy.guard.remove(&Class::Move);
    world.leave("anna");
    world.join("new", "viktor");
    anchored(&mut world, "new", "7");
    world.policy.grace = DAY;
    for _ in 0..5 {
        world.tick(DAY);
        let (plan, _) = world.cycle();
        assert_eq!(kinds(&plan, "new"), [""; 0]);
        let told = &left(&plan, "new")[0].why;
        assert!(matches!(told, Why::LooksLike { alone: true, .. }));
        let words = told.to_string();
        assert!(
            words.contains("neither the username nor an address nor the name"),
            "{words}"
        );
    }
    assert!(!world.user("anna").is_active(), "who left has left");
    // Any one of them is enough.
    let agrees: [fn(&mut MiniWorld); 3] = [
        |world| world.account("new").username = "anna".into(),
        |world| world.account("new").emails = emails(&["anna@example.org"]),
        |world| called(world, &[ProfileField::FirstName, ProfileField::LastName]),
    ];
    for agree in agrees {
        let mut world = world.clone();
        agree(&mut world);
        assert_eq!(kinds(&world.plan(), "new")[0], "move");
    }
    // Half a name is not.
    called(&mut world, &[ProfileField::FirstName]);
    assert_eq!(kinds(&world.plan(), "new"), [""; 0]);
}

/// Whoever is only not shown has no successor.
#[test]
fn edge_27_a_roster_that_shrank_moves_no_link() {
    let mut world = anna();
    for n in 0..8 {
        world.join(&format!("x{n}"), &format!("x{n}"));
    }
    world.cycle();
    world.policy.guard.remove(&Class::Move);
    for n in 0..4 {
        world.hidden.insert(id(&format!("x{n}")));
    }
    world.hidden.insert(id("anna"));
    world.join("new", "anna");
    anchored(&mut world, "new", "7");
    let plan = world.cycle().0;
    assert_eq!(kinds(&plan, "new")[0], "(move)");
    let keys: Vec<_> = plan.holds.iter().map(|hold| hold.key.clone()).collect();
    assert_eq!(keys, [HoldKey::Shrank(provider())]);
    world.approve(&plan, &HoldKey::Shrank(provider()));
    world.cycle();
    assert!(world.memory.is_linked(&key("new")));
}

#[test]
fn edge_27_whoever_is_not_proven_gone_or_not_alone_is_left_to_a_person() {
    // The reading proves nothing.
    let mut world = anna();
    world.leave("anna");
    world.join("new", "anna");
    anchored(&mut world, "new", "7");
    world.gaps.push(Gap::Empty);
    assert!(looks_alike(&world, "new"));
    // The look-up by id failed, or was not made.
    world.gaps.clear();
    for said in [None, Some(Err(Gap::Lookup("busy".into())))] {
        world.lookups.insert(id("anna"), said);
        assert!(looks_alike(&world, "new"));
    }
    world.lookups.clear();
    // Two new accounts claim to be anna.
    let mut twins = world.clone();
    twins.join("other", "otto");
    anchored(&mut twins, "other", "7");
    for who in ["new", "other"] {
        assert_eq!(kinds(&twins.plan(), who), [""; 0]);
    }
    let shared = |l: &mattersync::model::LeftAlone| matches!(l.why, Why::SharedAnchor { .. });
    let told = twins.plan().left_alone.into_iter().filter(shared).count();
    assert_eq!(told, 2, "both are told");
    // Two people who are gone had the same one.
    let mut two = world.clone();
    two.leave("ben");
    let link = two
        .memory
        .accounts
        .get_mut(&key("ben"))
        .and_then(|m| m.link.as_mut())
        .unwrap();
    link.anchor = Some("employeenumber=7".into());
    assert!(looks_alike(&two, "new"));
    // Found outside the base is as good as gone.
    let elsewhere = Lookup::Elsewhere {
        dn: "uid=anna,ou=archive".into(),
        state: locked(),
        new_id: None,
    };
    world.lookups.insert(id("anna"), Some(Ok(elsewhere)));
    let (plan, run) = world.cycle();
    assert_eq!(kinds(&plan, "new"), ["move"]);
    assert!(run.surprises.is_empty() && world.user("new").is_active());
}

/// Nobody reads the old directory any more, and the new one was not read to its end: another
/// account there may have the same anchor.
#[test]
fn edge_27_an_incomplete_reading_of_the_new_directory_moves_nobody() {
    let mut world = anna();
    world.policy.guard.insert(Class::Move, Limit::Off);
    let link = world
        .memory
        .accounts
        .get_mut(&key("anna"))
        .and_then(|m| m.link.take())
        .unwrap();
    let old = AccountKey {
        provider: ProviderName::new("old"),
        id: id("anna"),
    };
    world.memory.accounts.entry(old).or_default().link = Some(link);
    world.leave("anna");
    world.join("new", "anna");
    anchored(&mut world, "new", "7");
    world.gaps.push(Gap::Empty);
    assert!(looks_alike(&world, "new"));
    world.gaps.clear();
    assert_eq!(kinds(&world.plan(), "new")[0], "move");
}

#[test]
fn edge_27_an_anchor_that_two_people_have_is_never_remembered() {
    let mut world = MiniWorld::with(&["anna", "ben"]);
    for who in ["anna", "ben"] {
        anchored(&mut world, who, "7");
    }
    world.cycle();
    assert_eq!(world.link("anna").anchor, None);
    assert!(matches!(
        whys(&world, "anna")[..],
        [Why::SharedAnchor { .. }]
    ));
    assert_eq!(world.plan().left_alone.len(), 2);
    anchored(&mut world, "ben", "8");
    world.cycle();
    assert_eq!(
        world.link("anna").anchor.as_deref(),
        Some("employeenumber=7")
    );
    // What is no longer readable is not forgotten.
    world.account("anna").anchor = None;
    world.cycle();
    assert_eq!(
        world.link("anna").anchor.as_deref(),
        Some("employeenumber=7")
    );
}

#[test]
fn edge_27_many_moves_at_once_wait_for_a_person_and_nobody_is_deactivated_meanwhile() {
    let names: Vec<String> = (0..9).map(|n| format!("user{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut world = MiniWorld::with(&names);
    world.policy.guard.insert(Class::Move, Limit::Auto);
    for name in &names {
        anchored(&mut world, name, name);
    }
    world.cycle();
    for name in &names {
        let mut moved = world.leave(name);
        moved.id = id(&format!("new-{name}"));
        world.accounts.insert(moved.id.clone(), moved);
    }
    for _ in 0..4 {
        world.tick(2 * DAY);
        let plan = world.cycle().0;
        assert!(
            plan.holds
                .iter()
                .any(|h| h.key == HoldKey::Class(Class::Move))
        );
        assert_eq!(plan.released().count(), 0);
    }
    let plan = world.plan();
    world.approve(&plan, &HoldKey::Class(Class::Move));
    let run = world.cycle().1;
    assert_eq!(run.done.len(), 9);
    assert!(
        run.done
            .iter()
            .all(|s| matches!(s.action, Action::MoveLink { .. }))
    );
    assert_eq!(world.server.active(), 10);
    assert_eq!(world.cycle().1.done, []);
}

#[test]
fn edge_27_without_an_anchor_a_likely_person_is_neither_made_again_nor_given_the_user() {
    for (name, mail) in [("anna", "x@example.org"), ("anne", "anna@example.org")] {
        let mut world = MiniWorld::with(&["anna"]);
        world.server.clock = world.now.wall.0;
        let users = world.server.users.len();
        world.leave("anna");
        world.join("new", name);
        world.account("new").emails = emails(&[mail]);
        for _ in 0..6 {
            world.tick(12 * HOUR);
            world.cycle();
            assert!(looks_alike(&world, "new"), "{name}");
        }
        // The old account's user goes its way; the new account gets neither that nor another.
        assert!(!world.user("anna").is_active());
        assert_eq!(world.server.users.len(), users);
        assert!(!world.memory.is_linked(&key("new")));
        let why = &whys(&world, "new")[0];
        let command = mattersync::plan::linking_command(why).unwrap_or_default();
        assert!(
            command.starts_with("mattersync link ") && command.ends_with(" anna"),
            "{command}"
        );
        assert!(
            matches!(why, Why::LooksLike { was, .. } if was.contains("uid=anna,ou=people,dc=example, id anna")),
            "{why}"
        );
        // The account is back: two people, each with an own user, once the address is another.
        world.join("anna", "anna");
        world.account("new").emails = emails(&["y@example.org"]);
        for _ in 0..3 {
            world.cycle();
        }
        assert!(world.user("anna").is_active());
        assert_ne!(world.user_id("new"), world.user_id("anna"));
    }
}

#[test]
fn edge_27_the_likeness_counts_also_while_nobody_can_tell_whether_the_old_account_is_there() {
    let mut world = MiniWorld::with(&["anna"]);
    world.hidden.insert(id("anna"));
    world.gaps.push(Gap::Empty);
    world.join("new", "anna");
    assert!(looks_alike(&world, "new"));
}

#[test]
fn edge_29_a_rehired_person_gets_the_old_user_by_the_anchor() {
    let mut world = anna();
    let user = world.user_id("anna");
    world.leave("anna");
    for _ in 0..4 {
        world.tick(DAY);
        world.cycle();
    }
    assert!(!world.user("anna").is_active());
    world.tick(3 * 365 * DAY);
    // Who was deactivated is not looked up by id any more.
    world.lookups.insert(id("anna"), None);
    world.join("rehired", "anna");
    anchored(&mut world, "rehired", "7");
    let plan = world.cycle().0;
    assert_eq!(kinds(&plan, "rehired"), ["move"]);
    let (plan, run) = world.cycle();
    assert!(run.surprises.is_empty(), "{run:?}");
    assert_eq!(kinds(&plan, "rehired"), ["reactivate"]);
    assert_eq!(world.user_id("rehired"), user);
    assert!(world.user("rehired").is_active());
    assert_eq!(world.cycle().1.done, []);
}

#[test]
fn edge_29_never_by_name_alone_and_after_years_the_name_says_nothing() {
    let mut world = MiniWorld::with(&["anna"]);
    world.server.clock = world.now.wall.0;
    let old = world.user_id("anna");
    world.leave("anna");
    for _ in 0..4 {
        world.tick(DAY);
        world.cycle();
    }
    world.lookups.insert(id("anna"), None);
    world.join("new", "anna");
    world.account("new").emails = emails(&["other@example.org"]);
    assert!(looks_alike(&world, "new"), "days after");
    world.tick(31 * DAY);
    let run = world.cycle().1;
    assert!(run.surprises.is_empty(), "{run:?}");
    assert_ne!(world.user_id("new"), old);
    assert_eq!(world.user("new").username, "anna2");
    assert!(!world.server.users[&old].is_active());
    // With the old address too nobody new can be made, and a person decides.
    let mut world = world.clone();
    world.join("third", "zoe");
    world.account("third").emails = emails(&["anna@example.org"]);
    assert!(looks_alike(&world, "third"));
}

#[test]
fn edge_29_who_was_deactivated_by_hand_or_by_order_stays_so_after_a_move() {
    for by_hand in [true, false] {
        let mut world = anna();
        let user = world.user_id("anna");
        match by_hand {
            true => world.server.set_active(&user, false),
            false => world.order("anna"),
        }
        world.cycle();
        world.leave("anna");
        world.join("new", "anna");
        anchored(&mut world, "new", "7");
        for _ in 0..4 {
            world.tick(DAY);
            world.cycle();
        }
        assert_eq!(world.user_id("new"), user);
        assert!(!world.user("new").is_active(), "by hand: {by_hand}");
    }
}

#[test]
fn edge_29_a_locked_successor_lets_the_user_be_deactivated() {
    let mut world = anna();
    world.leave("anna");
    world.join("new", "anna");
    anchored(&mut world, "new", "7");
    world.account("new").state = AccountState::Locked {
        attribute: "x".into(),
        value: "y".into(),
        expired: None,
    };
    let plan = world.cycle().0;
    assert_eq!(kinds(&plan, "new"), ["move", "deactivate"]);
    assert!(!world.user("new").is_active());
    world.unlock("new");
    world.cycle();
    world.cycle();
    assert!(world.user("new").is_active());
}

#[test]
fn edge_27_a_person_says_that_an_account_made_anew_is_the_same_person() {
    let stage = Stage::new(
        crate::BINARY,
        &Options::new(Version::V11),
        &Config::default(),
    );
    let all = people(&["anna", "bert"]);
    stage.write_people(&all);
    let daemon = stage.start_and_wait();
    let before = stage.sim.users();
    // Made anew: the same name and address, another id.
    let anew = [Person::new(9, "anna"), all[1].clone()];
    stage.write_people(&anew);
    daemon.sync();
    let (_, said) = run(&stage, &["conflicts"]);
    assert!(said.contains("Looks like the same person"), "{said}");
    assert!(said.contains("mattersync link "), "{said}");
    let is_out = |name: &str| {
        let users = stage.sim.users();
        users.iter().any(|u| u.username == name && !u.is_active())
    };
    assert!(is_out("anna"), "the grace is over at once");
    let id = "00000000-0000-4000-8000-000000000009";
    let (code, said) = run(&stage, &["link", id, "anna"]);
    assert!(
        code == 0 && said.contains("the user was linked to uid=anna"),
        "{said}"
    );
    assert!(is_out("anna"), "only shown");
    let mut words = said.split_whitespace();
    let yes = words.find(|word| word.starts_with("--yes="));
    let (code, said) = run(&stage, &["link", id, "anna", yes.unwrap()]);
    assert_eq!(code, 0, "{said}");
    for _ in 0..2 {
        daemon.sync();
    }
    let after = stage.sim.users();
    assert_eq!(after.len(), before.len());
    assert!(!is_out("anna"), "back, and the same user");
    assert_eq!(daemon.sync().writes, 0);
    daemon.stop();
}

/// Somebody's entry got another one's id, by a copy or a slip: it is there, and its person too.
#[test]
fn edge_31_an_entry_with_a_wrong_id_makes_nobody_a_leaver() {
    let mut world = MiniWorld::with(&["kora", "lars", "mona"]);
    world.policy.grace = Duration::ZERO;
    world.policy.lifecycle.purge_after = Some(DAY);
    let (kora, lars) = (world.leave("kora"), world.leave("lars"));
    for (entry, other) in [(&kora, &lars), (&lars, &kora)] {
        world.rejected.push(Rejected {
            key: Some(id("lars")),
            name: entry.dn.to_uppercase().replace(',', ", "),
            why: format!("its id lars is also that of {}", other.dn),
        });
    }
    for _ in 0..4 {
        world.tick(DAY);
        let (plan, _) = world.cycle();
        for who in ["kora", "lars"] {
            assert_eq!(kinds(&plan, who), [""; 0]);
            let mut told = left(&plan, who).into_iter();
            assert!(told.any(|l| matches!(l.why, Why::Unproven(Gap::Rejected(_)))));
        }
    }
    // Found by its own id somewhere else: then the entry is another one's.
    let found = Lookup::Elsewhere {
        dn: "uid=kora,ou=archive".into(),
        state: locked(),
        new_id: None,
    };
    world.lookups.insert(id("kora"), Some(Ok(found)));
    assert_eq!(kinds(&world.plan(), "kora"), ["deactivate"]);
    world.lookups.clear();
    // Somebody else's wrong entry says nothing about her.
    world.rejected[0].name = "uid=nora,ou=people,dc=example".into();
    assert_eq!(kinds(&world.plan(), "kora"), ["deactivate"]);
    // Nor is anybody deleted whose entry is there.
    world.cycle();
    world.cycle();
    world.tick(DAY);
    assert_eq!(kinds(&world.plan(), "kora"), ["(purge)"]);
    world.rejected[0].name = kora.dn;
    assert_eq!(kinds(&world.plan(), "kora"), [""; 0]);
}
