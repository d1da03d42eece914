//! What a person says of who is who, and what the plan makes of it.

use std::collections::BTreeSet;

use mattersync::model::{
    Action, Class, HoldKey, Kept, Precondition, Reason, Remember, Step, StepId, Subject,
    UserChange, UserId, Why,
};
use mattersync::plan::{Effect, LinkObstacle, UserIndex, World, remember};

use testkit::world::{MiniWorld, key, kinds, left};

fn by_hand(world: &mut MiniWorld, action: Action, effect: &Effect) {
    let step = Step {
        id: StepId(1),
        subject: Subject::default(),
        action,
        expects: Precondition::Nothing,
        reason: Reason::ByHand {
            by: "alice".into(),
            linked: true,
        },
        mails: 0,
        after: Vec::new(),
        privileged: false,
    };
    for change in remember(&step, effect, &world.memory.clone(), &world.now) {
        world.memory.remember(&change);
    }
}

fn unlink(world: &mut MiniWorld, who: &str, as_new: bool) -> UserId {
    let user = world.user_id(who);
    let action = Action::Unlink {
        account: key(who),
        user: user.clone(),
        as_new,
    };
    by_hand(world, action, &Effect::Unlinked);
    user
}

fn link(world: &mut MiniWorld, who: &str, user: &UserId) {
    let action = Action::Adopt {
        account: key(who),
        user: user.clone(),
        directory_username: who.into(),
    };
    by_hand(world, action, &Effect::Adopted);
}

fn why(world: &MiniWorld, who: &str) -> Vec<Why> {
    let plan = world.plan();
    left(&plan, who)
        .into_iter()
        .map(|l| l.why.clone())
        .collect()
}

#[test]
fn edge_36_a_user_who_was_there_before_is_adopted_once_and_on_a_persons_word() {
    let mut world = MiniWorld::new();
    world.join("anna", "anna");
    let user = world.server.stranger("anna", "anna@example.org");
    let (plan, run) = world.cycle();
    assert_eq!(kinds(&plan, "anna")[0], "(adopt)");
    assert!(
        run.done
            .iter()
            .all(|s| s.action.account() != Some(&key("anna")))
    );
    world.approve(&plan, &HoldKey::Class(Class::Adopt));
    world.cycle();
    assert_eq!(world.user_id("anna"), user);

    // Taken apart, both agree as much as before: not again.
    unlink(&mut world, "anna", false);
    for _ in 0..4 {
        world.tick(testkit::world::DAY);
        let (plan, run) = world.cycle();
        assert_eq!((kinds(&plan, "anna"), run.done), (vec![], vec![]));
        assert!(matches!(why(&world, "anna")[..], [Why::Unlinked { .. }]));
    }
    link(&mut world, "anna", &user);
    assert_eq!(
        world
            .memory
            .accounts
            .values()
            .filter(|m| m.unlinked.is_some())
            .count(),
        0
    );
    assert_eq!(why(&world, "anna"), []);
    assert_eq!(
        world.memory.done,
        [],
        "a person's word is no measure for the guard"
    );
}

#[test]
fn edge_37_whoever_takes_a_future_joiners_address_gets_no_account() {
    let mut world = MiniWorld::with(&["bob"]);
    let bob = world.user_id("bob");
    // A linked user, and a stranger: both change their own address.
    let email = |world: &mut MiniWorld, user: &UserId, email: &str| {
        let user = world.server.users.get_mut(user).unwrap();
        user.email = email.into();
    };
    let stranger = world.server.stranger("mallory", "mallory@example.org");
    email(&mut world, &bob, "anna@example.org");
    email(&mut world, &stranger, "carl@example.org");
    world.policy.email = mattersync::plan::Authority::Initial;
    for name in ["anna", "carl"] {
        world.join(name, name);
    }
    for _ in 0..3 {
        let (plan, _) = world.cycle();
        assert_eq!(kinds(&plan, "anna"), [""; 0]);
        assert_eq!(kinds(&plan, "carl"), [""; 0]);
        assert!(matches!(why(&world, "anna")[..], [Why::Duplicate { .. }]));
        assert!(matches!(why(&world, "carl")[..], [Why::Conflict { .. }]));
        world.tick(testkit::world::HOUR);
    }
    assert_eq!(world.user_id("bob"), bob);
    assert!(!world.memory.is_linked(&key("carl")));
}

#[test]
fn edge_46_a_deactivated_user_keeps_name_and_address_until_a_person_says_more() {
    let mut world = MiniWorld::new();
    world.policy.adopt = mattersync::plan::AdoptRule::Never;
    world.join("anna", "anna");
    let old = world.server.stranger("anna", "anna@example.org");
    let user = world.server.users.get_mut(&old).unwrap();
    user.deactivated_at = Some(mattersync::model::Timestamp(5));
    assert!(matches!(why(&world, "anna")[..], [Why::Conflict { .. }]));
    assert_eq!(kinds(&world.plan(), "anna"), [""; 0], "no suffix either");
    // Relinked by a person, the old account stays as the administrator left it.
    link(&mut world, "anna", &old);
    assert_eq!(why(&world, "anna"), [Why::DeactivatedByHand]);
    world.cycle();
    assert!(!world.user("anna").is_active());
}

#[test]
fn a_lost_creation_of_an_account_that_was_unlinked_brings_nothing_back() {
    let mut world = MiniWorld::with(&["bob"]);
    world.join("anna", "anna");
    world.die_after = Some(world.server.writes);
    world.cycle();
    assert_eq!(world.unsettled.len(), 1, "the answer was lost");
    let action = Action::Unlink {
        account: key("anna"),
        user: world.server.by_name("anna").unwrap().id.clone(),
        as_new: false,
    };
    by_hand(&mut world, action, &Effect::Unlinked);
    world.die_after = None;
    world.cycle();
    assert!(!world.memory.is_linked(&key("anna")));
    assert!(matches!(why(&world, "anna")[..], [Why::Unlinked { .. }]));
}

#[test]
fn who_is_linked_needs_no_word_any_more_to_be_kept() {
    let mut world = MiniWorld::new();
    world.join("anna", "anna");
    let user = world.server.stranger("anna", "other@example.org");
    let kept = Kept {
        by: "alice".into(),
        at: world.now.wall,
        witness: false,
    };
    world
        .memory
        .remember(&Remember::User(user.clone(), UserChange::Kept(Some(kept))));
    link(&mut world, "anna", &user);
    assert_eq!(
        world
            .memory
            .users
            .values()
            .filter(|m| m.kept.is_some())
            .count(),
        0
    );
    let user = unlink(&mut world, "anna", true);
    assert_eq!(
        world
            .memory
            .accounts
            .values()
            .filter(|m| m.unlinked.is_some())
            .count(),
        0
    );
    assert!(
        matches!(why(&world, "anna")[..], [Why::Conflict { .. }]),
        "as at first"
    );
    assert!(world.server.users[&user].is_active());
}

#[test]
fn edge_38_who_is_no_orphan() {
    let mut world = MiniWorld::with(&["bob"]);
    let human = world.server.stranger("human", "human@example.org");
    let bot = world.server.stranger("bot", "bot@example.org");
    world.server.users.get_mut(&bot).unwrap().is_bot = true;
    let gone = world.server.stranger("gone", "gone@example.org");
    let gone = world.server.users.get_mut(&gone).unwrap();
    gone.deactivated_at = Some(mattersync::model::Timestamp(5));
    let (directories, users, places, server) = (
        world.directories(),
        world.server.roster(),
        world.server.places(),
        world.server.facts(),
    );
    let view = World {
        directories: &directories,
        users: &users,
        places: &places,
        server: &server,
        memory: &world.memory,
        counted: None,
    };
    let user_index = UserIndex::of(&view, &world.policy);
    let own = server.own_user.clone();
    let orphans: BTreeSet<&UserId> = user_index.orphans().map(|user| &user.id).collect();
    assert!(orphans.contains(&human), "{orphans:?}");
    let bob = world.user_id("bob");
    for id in [Some(&bot), Some(&bob), own.as_ref()].into_iter().flatten() {
        assert!(!orphans.contains(id), "{id}");
    }
    assert_eq!(
        user_index.obstacle(&world.server.users[&bot]),
        Some(LinkObstacle::Bot)
    );
    assert_eq!(
        user_index.obstacle(world.user("bob")),
        Some(LinkObstacle::Linked(key("bob")))
    );
    assert_eq!(user_index.obstacle(&world.server.users[&human]), None);
}

/// Nobody is renamed because a second username was written into the directory.
#[test]
fn of_several_usernames_the_one_that_the_user_has_is_kept() {
    let mut world = MiniWorld::with(&["pkern", "mara"]);
    let several = |world: &mut MiniWorld, names: &[&str]| {
        let mut names = names.iter().map(|name| (*name).to_owned());
        let account = world.account("pkern");
        account.username = names.next().unwrap();
        account.other_usernames = names.collect();
    };
    several(&mut world, &["aaron", "pkern", "PKern@REALM"]);
    assert_eq!(kinds(&world.plan(), "pkern"), [""; 0]);
    world.cycle();
    // Another spelling is the same name.
    several(&mut world, &["aaron", "PKern"]);
    assert_eq!(kinds(&world.plan(), "pkern"), [""; 0]);
    // Where the one that was chosen has a suffix, its base is what counts.
    several(&mut world, &["mara", "aaron"]);
    assert_eq!(kinds(&world.plan(), "pkern"), ["rename"]);
    world.cycle();
    let user = world.user_id("pkern");
    assert_eq!(world.server.users[&user].username, "mara2");
    several(&mut world, &["aaron", "mara"]);
    assert_eq!(kinds(&world.plan(), "pkern"), [""; 0]);
    // When it goes, the preferred one of the others follows.
    several(&mut world, &["aaron", "zoe"]);
    world.cycle();
    assert_eq!(world.server.users[&user].username, "aaron");
}

/// The next entry with the same placeholder is another person's.
#[test]
fn what_is_remembered_by_a_placeholder_is_nobody_s() {
    let mut world = MiniWorld::with(&["mara"]);
    world.join("autogenerate", "stan");
    world.cycle();
    let user = world.server.users.values().find(|u| u.username == "stan");
    let user = user.unwrap().id.clone();
    // As an older version left it: linked.
    let link = world.memory.link(&key("mara")).unwrap().clone();
    let link = mattersync::model::Link {
        user: user.clone(),
        last_username: "stan".into(),
        last_dn: "uid=stan,ou=people,dc=example".into(),
        ..link
    };
    world
        .memory
        .accounts
        .entry(key("autogenerate"))
        .or_default()
        .link = Some(link);
    // The provider names the entry of the next person and does not give it as an account.
    world.leave("autogenerate");
    world.join("real", "stan");
    let (plan, run) = world.cycle();
    assert!(!world.memory.is_linked(&key("autogenerate")));
    assert!(run.done.is_empty(), "{run:?}");
    assert!(world.server.users[&user].is_active());
    let forgotten = Remember::forget_account(key("autogenerate"));
    assert!(plan.learned.contains(&forgotten));
    assert!(
        world.memory.server.restored.is_none(),
        "the state is no older copy"
    );
    assert_eq!(kinds(&plan, "real"), ["(adopt)"]);
    world.approve(&plan, &HoldKey::Class(Class::Adopt));
    world.cycle();
    assert_eq!(world.memory.link(&key("real")).unwrap().user, user);
}
