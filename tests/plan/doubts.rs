//! Readings that cannot be right take nothing from anybody before a person looked.

use mattersync::model::{Class, Dn, EmailCandidates, HoldCause, HoldKey, ProfileField, Shape};
use mattersync::plan::{Limit, hold_name};

use testkit::company::{company, holds, people};
use testkit::world::{DAY, MiniWorld, emails, id, kinds, provider};

/// The shape of the last reading that raised no doubt.
fn last_shape(world: &MiniWorld) -> &Shape {
    world.memory.provider(&provider()).shape.as_ref().unwrap()
}

#[test]
fn a_roster_that_shrank_holds_the_missing_until_a_person_looked() {
    let mut world = company(20);
    world.policy.guard.insert(Class::Missing, Limit::Off);
    world.policy.grace = DAY;
    for who in people(0..5) {
        world.hidden.insert(id(&who));
    }
    let shrank = HoldKey::Shrank(provider());
    for _ in 0..5 {
        world.cycle();
        world.tick(DAY);
    }
    let plan = world.cycle().0;
    assert_eq!(
        holds(&plan),
        std::slice::from_ref(&shrank),
        "the grace does not wear the doubt off"
    );
    let words = plan.holds[0].cause.to_string();
    let says = "from 20 to 15 accounts, most in ou=people,dc=example (20, now 15)";
    assert!(words.contains(says), "{words}");
    assert_eq!(world.server.active(), 21);
    world.approve(&plan, &shrank);
    world.cycle();
    assert_eq!(world.server.active(), 16);
    world.cycle();
    assert_eq!(last_shape(&world).accounts, 15, "the new measure");
}

#[test]
fn a_roster_that_grew_again_raises_no_doubt() {
    let mut world = company(20);
    world.policy.grace = DAY;
    world.hidden.extend(people(0..5).map(|who| id(&who)));
    world.cycle();
    assert_eq!(last_shape(&world).accounts, 20);
    world.hidden.clear();
    let (plan, run) = world.cycle();
    assert_eq!((holds(&plan).len(), run.done.len()), (0, 0));
}

#[test]
fn entries_without_users_may_vanish() {
    let mut world = company(4);
    for who in people(10..30) {
        world.join(&who, &format!("user{who}"));
        world.lock(&who);
    }
    world.cycle();
    assert_eq!(last_shape(&world).accounts, 24);
    for who in people(10..30) {
        world.leave(&who);
    }
    world.cycle();
    assert_eq!(last_shape(&world).accounts, 4);
}

#[test]
fn a_container_that_vanished_holds_its_people_only() {
    let mut world = company(40);
    for who in people(0..4) {
        world.account(&who).dn = format!("uid={who}, OU=Shop,dc=example");
    }
    world.cycle();
    world.policy.guard.insert(Class::Missing, Limit::Off);
    for who in people(0..5) {
        world.hidden.insert(id(&who)); // four of the shop, one of the others
    }
    let plan = world.cycle().0;
    assert_eq!(kinds(&plan, "00"), ["(deactivate)"]);
    assert_eq!(kinds(&plan, "04"), ["deactivate"]);
    assert_eq!(plan.holds.len(), 1);
    assert_eq!(plan.holds[0].cause, HoldCause::ContainerVanished { had: 4 });
    assert_eq!(plan.holds[0].steps.len(), 4);
    assert!(hold_name(&plan.holds[0].key).starts_with("container:"));
    for _ in 0..3 {
        assert_eq!(world.cycle().0.holds.len(), 1, "and goes on holding them");
    }
    assert_eq!(
        last_shape(&world).accounts,
        35,
        "all else is the new measure"
    );
}

#[test]
fn a_container_of_small_containers_that_vanished_holds_its_people() {
    let mut world = company(40);
    for (who, shop) in people(0..4).zip(["a", "a", "b", "b"]) {
        world.account(&who).dn = format!("uid={who}, OU={shop},ou=Shops,dc=example");
    }
    world.cycle();
    world.policy.guard.insert(Class::Missing, Limit::Off);
    world.hidden.extend(people(0..5).map(|who| id(&who)));
    let shops = HoldKey::Container(provider(), Dn::of("ou=shops,dc=example"));
    for _ in 0..3 {
        let plan = world.cycle().0;
        assert_eq!(holds(&plan), std::slice::from_ref(&shops), "and goes on");
        assert_eq!(plan.holds[0].cause, HoldCause::ContainerVanished { had: 4 });
        assert_eq!(plan.holds[0].steps.len(), 4);
    }
    assert!(!world.user("04").is_active() && world.user("00").is_active());
    let plan = world.plan();
    world.approve(&plan, &shops);
    world.cycle();
    assert!(!world.user("00").is_active(), "a person looked");
}

#[test]
fn a_container_that_was_renamed_holds_nobody() {
    let mut world = company(20);
    for who in people(0..20) {
        world.account(&who).dn = format!("uid={who},ou=new,dc=example");
    }
    let plan = world.cycle().0;
    assert_eq!((plan.steps.len(), plan.holds.len()), (0, 0));
    assert!(
        last_shape(&world)
            .containers
            .contains_key("ou=new,dc=example")
    );
}

#[test]
fn a_faded_field_empties_nobody_until_a_person_looked() {
    let mut world = company(10);
    let field = ProfileField::FirstName;
    for who in people(0..10) {
        world.account(&who).profile.remove(&field);
    }
    world
        .account("03")
        .profile
        .insert(ProfileField::LastName, "Rossi".into());
    for _ in 0..3 {
        let plan = world.cycle().0;
        let faded = HoldKey::Field(provider(), ProfileField::FirstName);
        assert_eq!(holds(&plan), [faded], "it stays in doubt");
        assert!(!world.user("00").field(field).is_empty());
    }
    assert_eq!(
        world.user("03").field(ProfileField::LastName),
        "Rossi",
        "the rest goes on"
    );
    let plan = world.plan();
    world.approve(&plan, &HoldKey::Field(provider(), ProfileField::FirstName));
    world.cycle();
    assert_eq!(world.user("00").field(field), "");
    let (plan, _) = world.cycle();
    assert_eq!((plan.steps.len(), plan.holds.len()), (0, 0));
    assert_eq!(last_shape(&world).fields[&ProfileField::FirstName], 0);
}

#[test]
fn a_faded_address_falls_back_to_no_other_until_a_person_looked() {
    let mut world = company(10);
    let fall_back = |name: &str| {
        let mut list = emails(&[]);
        list.push(EmailCandidates {
            source: "{uid}@example.net".into(),
            values: vec![format!("{name}@example.net")],
        });
        list
    };
    world.policy.guard.insert(Class::Email, Limit::Off);
    for who in people(0..10) {
        world.account(&who).emails = fall_back(&format!("user{who}"));
    }
    world.join("new", "new");
    world.account("new").emails = fall_back("new");
    for _ in 0..3 {
        let plan = world.cycle().0;
        assert_eq!(
            holds(&plan),
            [HoldKey::Attribute(provider(), "mail".into())]
        );
        assert_eq!(plan.released().count(), 0, "not even for somebody new");
    }
    let plan = world.plan();
    world.approve(&plan, &HoldKey::Attribute(provider(), "mail".into()));
    world.cycle();
    assert_eq!(world.user("00").email, "user00@example.net");
}

#[test]
fn a_lock_that_nobody_can_see_any_more_lets_nobody_in() {
    let mut world = company(10);
    world.policy.guard.insert(Class::Locked, Limit::Off);
    world.policy.guard.insert(Class::Reactivate, Limit::Off);
    for who in people(0..4) {
        world.lock(&who);
    }
    world.attributes.insert("nsaccountlock".into(), 4);
    world.cycle();
    for who in people(0..4) {
        world.unlock(&who);
    }
    world.attributes.insert("nsaccountlock".into(), 0);
    for _ in 0..4 {
        assert_eq!(world.cycle().1.done, []);
    }
    assert_eq!(
        holds(&world.plan()),
        [HoldKey::Attribute(provider(), "nsaccountlock".into())]
    );
}

#[test]
fn a_lock_that_nobody_can_see_any_more_makes_nobody() {
    let mut world = company(10);
    for n in 0..4 {
        let who = format!("old{n}");
        world.join(&who, &who);
        world.lock(&who);
    }
    world.attributes.insert("nsaccountlock".into(), 4);
    world.cycle();
    for n in 0..4 {
        world.unlock(&format!("old{n}"));
    }
    world.attributes.insert("nsaccountlock".into(), 0);
    let hidden = HoldKey::Attribute(provider(), "nsaccountlock".into());
    for _ in 0..4 {
        let (plan, run) = world.cycle();
        assert_eq!(run.done, []);
        assert_eq!(holds(&plan), std::slice::from_ref(&hidden));
        assert_eq!(kinds(&plan, "old0"), ["(create)", "(join-team)"]);
    }
    let plan = world.plan();
    world.approve(&plan, &hidden);
    world.cycle();
    assert_eq!(world.memory.links().count(), 14);
}

#[test]
fn another_directory_takes_nothing_until_a_person_looked() {
    let mut world = company(10);
    world.policy.guard.insert(Class::Missing, Limit::Off);
    world.policy.guard.insert(Class::Locked, Limit::Off);
    world.identity.server = Some("two".into());
    world.leave("00");
    world.lock("01");
    let identity = HoldKey::Identity(provider());
    for _ in 0..3 {
        let plan = world.cycle().0;
        assert_eq!(holds(&plan), std::slice::from_ref(&identity));
        assert_eq!(plan.holds[0].steps.len(), 2);
    }
    let plan = world.plan();
    world.approve(&plan, &identity);
    world.cycle();
    assert_eq!(world.server.active(), 9);
    assert_eq!(holds(&world.cycle().0), []);
    world.lock("02");
    assert_eq!(holds(&world.cycle().0), [], "it is the directory now");
}

#[test]
fn another_directory_lets_nobody_in_and_makes_nobody_until_a_person_looked() {
    let mut world = company(10);
    world.lock("00");
    world.cycle();
    world.identity.server = Some("two".into());
    world.unlock("00"); // the other one does not know of it
    world.join("new", "new");
    for _ in 0..3 {
        world.cycle();
    }
    let plan = world.plan();
    assert_eq!(holds(&plan), [HoldKey::Identity(provider())]);
    assert_eq!(kinds(&plan, "00"), ["(reactivate)"]);
    assert_eq!(kinds(&plan, "new"), ["(create)", "(join-team)"]);
    assert!(!world.user("00").is_active());
    world.approve(&plan, &HoldKey::Identity(provider()));
    world.cycle();
    assert!(world.user("00").is_active() && world.user("new").is_active());
    assert_eq!(holds(&world.cycle().0), []);
}

#[test]
fn another_directory_is_in_doubt_from_the_first_reading_that_lets_somebody_in() {
    let mut world = company(10);
    world.lock("00");
    world.cycle();
    world.identity.server = Some("two".into());
    world.unlock("00");
    world.cycle(); // seen back once: no step yet
    let known = &world
        .memory
        .provider(&provider())
        .identity
        .as_ref()
        .unwrap();
    assert_eq!(known.server.as_deref(), Some("one"));
}

#[test]
fn a_server_that_does_not_say_who_it_is_is_not_another_one() {
    let mut world = company(4);
    for (server, held) in [
        (None, false),
        (Some("one"), false),
        (None, false),
        (Some("two"), true),
    ] {
        world.identity.server = server.map(Into::into);
        world.identity.name = format!("ldaps://{server:?}");
        let mut locked = world.clone();
        locked.lock("00");
        assert_eq!(!locked.plan().holds.is_empty(), held, "{server:?}");
        world.cycle();
    }
}
