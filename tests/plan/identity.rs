//! Who is who, and who has which name: one test a rule of the design.

use mattersync::model::{
    Action, ActionKind, Class, HoldKey, Nonce, NotAdopted, ProfileField, Rejected, User, UserId,
    Why,
};
use mattersync::plan::AdoptRule;

use testkit::world::{MiniWorld, account, emails, id, key, kinds, left};

fn why(world: &MiniWorld, who: &str) -> Vec<Why> {
    left(&world.plan(), who)
        .into_iter()
        .map(|l| l.why.clone())
        .collect()
}

#[test]
fn an_account_without_user_gets_one_and_the_team_in_one_run() {
    let mut world = MiniWorld::new();
    world.join("1", "Jürgen.Groß");
    let (plan, run) = world.cycle();
    assert_eq!(kinds(&plan, "1"), ["create", "join-team"]);
    assert_eq!(run.done.len(), 3, "with the team itself");
    assert_eq!(world.user("1").username, "jurgen.gross");
    assert!(world.user("1").is_active());
    assert_eq!(world.cycle().1.done, []);
}

#[test]
fn adoption_needs_the_name_and_the_address() {
    let mut world = MiniWorld::new();
    for name in ["both", "name", "mail"] {
        world.join(name, name);
    }
    let user = world.server.stranger("both", "both@example.org");
    world.server.stranger("name", "other@example.org");
    world.server.stranger("other", "mail@example.org");
    let plan = world.plan();
    assert_eq!(kinds(&plan, "both")[0], "(adopt)");
    assert!(matches!(&plan.steps[0].action, Action::Adopt { user: u, .. } if *u == user));
    for who in ["name", "mail"] {
        assert_eq!(
            kinds(&plan, who),
            [""; 0],
            "neither created nor given a suffix"
        );
        assert!(matches!(why(&world, who)[..], [Why::Conflict { .. }]));
    }
}

#[test]
fn adoption_by_one_of_them_is_a_choice() {
    for (rule, adopted) in [
        (AdoptRule::Never, [false, false, false]),
        (AdoptRule::Username, [true, true, false]),
        (AdoptRule::Email, [true, false, true]),
    ] {
        let mut world = MiniWorld::new();
        world.policy.adopt = rule;
        let people = ["both", "name", "mail"];
        for name in people {
            world.join(name, name);
        }
        world.server.stranger("both", "both@example.org");
        world.server.stranger("name", "other@example.org");
        world.server.stranger("other", "mail@example.org");
        let plan = world.plan();
        let is = people.map(|p| kinds(&plan, p).contains(&"(adopt)".to_owned()));
        assert_eq!(is, adopted, "{rule:?}");
    }
}

#[test]
fn a_name_of_one_user_and_an_address_of_another_is_a_conflict() {
    let mut world = MiniWorld::new();
    world.policy.adopt = AdoptRule::Username;
    world.join("1", "anna");
    world.server.stranger("anna", "x@example.org");
    world.server.stranger("y", "anna@example.org");
    assert!(matches!(why(&world, "1")[..], [Why::Conflict { .. }]));
}

#[test]
fn administrators_bots_guests_and_the_protected_are_never_adopted() {
    let mut world = MiniWorld::new();
    world.policy.protect.insert("protected".into());
    for name in ["admin", "bot", "guest", "own", "protected"] {
        world.join(name, name);
        let user = world.server.stranger(name, &format!("{name}@example.org"));
        match name {
            "admin" => drop(world.server.user(&user).roles.insert("system_admin".into())),
            "bot" => world.server.user(&user).is_bot = true,
            "guest" => drop(world.server.user(&user).roles.insert("system_guest".into())),
            "own" => world.server.own_user = Some(user),
            _ => {}
        }
    }
    let plan = world.plan();
    for name in ["admin", "bot", "guest", "own", "protected"] {
        assert_eq!(kinds(&plan, name), [""; 0], "{name}");
        assert!(
            matches!(why(&world, name)[..], [Why::Conflict { .. }]),
            "{name}"
        );
    }
}

#[test]
fn an_adoption_waits_and_all_that_needs_it_waits_with_it() {
    let mut world = MiniWorld::new();
    world.policy.adopt = AdoptRule::Email;
    world.join("1", "anna");
    let user = world.server.stranger("anne", "anna@example.org");
    let plan = world.cycle().0;
    assert_eq!(
        kinds(&plan, "1"),
        ["(adopt)", "(rename)", "(update)", "(join-team)"]
    );
    assert_eq!(world.server.users[&user].username, "anne");
    world.approve(&plan, &HoldKey::Class(Class::Adopt));
    let (plan, run) = world.cycle();
    assert_eq!(
        kinds(&plan, "1"),
        ["adopt", "rename", "update", "join-team"]
    );
    assert!(run.surprises.is_empty());
    assert_eq!(world.user("1").username, "anna");
}

#[test]
fn a_conflict_goes_when_the_stranger_does() {
    let mut world = MiniWorld::new();
    world.join("1", "anna");
    let user = world.server.stranger("anna", "x@example.org");
    assert_eq!(world.cycle().1.done.len(), 1, "the team alone");
    world.server.user(&user).username = "annalisa".into();
    assert_eq!(kinds(&world.cycle().0, "1"), ["create", "join-team"]);
}

#[test]
fn the_second_of_a_name_gets_a_suffix_once_and_for_all() {
    let mut world = MiniWorld::with(&["anna"]);
    let mut second = account("0", "Anna");
    second.emails = emails(&["second@example.org"]);
    world.accounts.insert(id("0"), second);
    world.cycle();
    assert_eq!(
        world.user("anna").username,
        "anna",
        "the older link keeps it"
    );
    assert_eq!(world.user("0").username, "anna2");
    world.account("anna").username = "annalisa".into();
    world.cycle();
    assert_eq!(world.user("anna").username, "annalisa");
    assert_eq!(world.user("0").username, "anna2", "decided once");
    assert_eq!(world.plan().steps, []);
}

#[test]
fn a_suffix_that_a_user_has_already_will_do() {
    let mut world = MiniWorld::with(&["anna"]);
    let mut second = account("0", "anna");
    second.emails = emails(&["second@example.org"]);
    world.accounts.insert(id("0"), second);
    world.cycle();
    world
        .memory
        .accounts
        .values_mut()
        .for_each(|m| m.name = None);
    assert_eq!(world.plan().steps, []);
}

#[test]
fn a_locked_account_without_user_takes_no_name() {
    let mut world = MiniWorld::new();
    world.join("0", "anna");
    world.lock("0");
    let mut second = account("1", "anna");
    second.emails = emails(&["second@example.org"]);
    world.accounts.insert(id("1"), second);
    assert_eq!(why(&world, "0"), [Why::LockedWithoutUser]);
    world.cycle();
    assert_eq!(world.user("1").username, "anna");
}

#[test]
fn a_rename_a_move_and_a_new_address_keep_the_user() {
    let mut world = MiniWorld::with(&["anna"]);
    let user = world.user_id("anna");
    let account = world.account("anna");
    account.username = "anna.rossi".into();
    account.emails = emails(&["rossi@example.org"]);
    account.dn = "uid=anna.rossi,ou=elsewhere,dc=example".into();
    let plan = world.cycle().0;
    assert_eq!(kinds(&plan, "anna"), ["rename", "change-email"]);
    assert_eq!(world.user_id("anna"), user);
    assert_eq!(world.user("anna").username, "anna.rossi");
    assert_eq!(world.user("anna").email, "rossi@example.org");
}

#[test]
fn a_change_of_case_or_dn_writes_nothing() {
    let mut world = MiniWorld::with(&["anna"]);
    world.account("anna").username = "ANNA".into();
    world.account("anna").dn = "uid=ANNA,ou=b,dc=example".into();
    let (plan, _) = world.cycle();
    assert_eq!(plan.steps, []);
    assert_eq!(world.link("anna").last_dn, "uid=ANNA,ou=b,dc=example");
    assert_eq!(world.plan().learned, []);
}

#[test]
fn a_new_person_never_gets_an_old_persons_user() {
    let mut world = MiniWorld::with(&["anna"]);
    let old = world.user_id("anna");
    world.leave("anna");
    let mut new = account("new", "anna");
    new.emails = emails(&["anna.new@example.org"]);
    world.accounts.insert(id("new"), new);
    for _ in 0..5 {
        world.tick(testkit::world::DAY);
        world.cycle();
    }
    assert!(!world.server.users[&old].is_active());
    assert_ne!(world.user_id("new"), old);
    assert_eq!(world.user("new").username, "anna2");
}

#[test]
fn names_move_on_in_one_run() {
    // b wants the name of c, a that of b, a new account that of a.
    let mut world = MiniWorld::with(&["a", "b", "c"]);
    world.account("c").username = "d".into();
    world.account("b").username = "c".into();
    world.account("a").username = "b".into();
    let mut new = account("new", "a");
    new.emails = emails(&["new@example.org"]);
    world.accounts.insert(id("new"), new);
    let (plan, run) = world.cycle();
    assert!(run.surprises.is_empty(), "{run:?}");
    assert_eq!(run.done.len(), 5);
    let renames: Vec<_> = plan
        .steps
        .iter()
        .filter(|s| s.action.kind() == ActionKind::Rename)
        .collect();
    assert_eq!(renames[1].after, [renames[0].id]);
    assert_eq!(renames[2].after, [renames[1].id]);
    let name = |who: &str| world.user(who).username.clone();
    assert_eq!(["a", "b", "c", "new"].map(name), ["b", "c", "d", "a"]);
}

#[test]
fn names_in_a_ring_go_through_a_temporary_one() {
    let mut world = MiniWorld::with(&["a", "b", "c"]);
    for (who, name) in [("a", "b"), ("b", "c"), ("c", "a")] {
        world.account(who).username = name.into();
    }
    let (plan, run) = world.cycle();
    assert!(run.surprises.is_empty(), "{run:?}");
    let to: Vec<_> = plan
        .steps
        .iter()
        .filter_map(|s| match &s.action {
            Action::Rename { username, .. } => Some(username.to.clone()),
            _ => None,
        })
        .collect();
    assert_eq!(to.len(), 4);
    assert!(to[0].starts_with("renaming-"), "{to:?}");
    let name = |who: &str| world.user(who).username.clone();
    assert_eq!(["a", "b", "c"].map(name), ["b", "c", "a"]);
}

#[test]
fn a_ring_that_was_cut_at_any_step_is_finished() {
    for cut in 0..4 {
        let mut world = MiniWorld::with(&["a", "b", "c"]);
        for (who, name) in [("a", "b"), ("b", "c"), ("c", "a")] {
            world.account(who).username = name.into();
        }
        world.die_after = Some(world.server.writes + cut);
        world.cycle();
        world.cycle();
        let name = |who: &str| world.user(who).username.clone();
        assert_eq!(
            ["a", "b", "c"].map(name),
            ["b", "c", "a"],
            "cut after {cut}"
        );
        assert_eq!(world.plan().steps, []);
    }
}

#[test]
fn who_cannot_give_up_a_name_keeps_others_from_it() {
    // The older link wants the younger one's name, who wants a stranger's.
    let mut world = MiniWorld::with(&["a"]);
    world.tick(testkit::world::HOUR);
    world.join("b", "b");
    world.cycle();
    world.server.stranger("taken", "taken@example.org");
    world.account("a").username = "b".into();
    world.account("b").username = "taken".into();
    let (plan, run) = world.cycle();
    assert!(run.surprises.is_empty(), "{:?}", run.surprises);
    assert!(
        left(&plan, "b")
            .iter()
            .any(|l| matches!(l.why, Why::Conflict { .. }))
    );
    assert_eq!(world.user("a").username, "b2");
    assert_eq!(world.user("b").username, "b");
}

#[test]
fn an_entry_without_legal_name_or_address_is_named_and_stops_nobody() {
    let mut world = MiniWorld::new();
    world.join("name", "!!!");
    world.join("mail", "ben");
    world.account("mail").emails = emails(&["not an address"]);
    world.join("good", "cleo");
    world.rejected.push(Rejected {
        key: Some(id("bad")),
        name: "uid=bad".into(),
        why: "no uid".into(),
    });
    assert!(matches!(why(&world, "name")[..], [Why::NoUsername(_)]));
    assert!(matches!(why(&world, "mail")[..], [Why::NoEmail(_)]));
    assert!(matches!(why(&world, "bad")[..], [Why::BadEntry(_)]));
    world.cycle();
    assert_eq!(
        world.memory.links().map(|(key, _)| key).collect::<Vec<_>>(),
        [&key("good")]
    );
}

#[test]
fn a_creation_whose_answer_was_lost_is_found_by_its_nonce() {
    let mut world = MiniWorld::new();
    world.join("1", "anna");
    world.die_after = Some(world.server.writes + 1);
    world.cycle();
    assert!(world.memory.links().next().is_none());
    // Settled by its record; and without the record by the nonce alone.
    let mut without = world.clone();
    without.unsettled.clear();
    for world in [&mut world, &mut without] {
        world.cycle();
        assert_eq!(world.memory.links().count(), 1);
        assert_eq!(world.server.users.len(), 2, "root and anna");
        assert!(world.memory.accounts.values().all(|m| m.begun.is_none()));
        world.cycle();
        assert_eq!(world.plan().steps, []);
    }
}

/// What a lost creation filled was filled by us: whoever loses the value in the directory loses it
/// in Mattermost, whichever attempt it was that arrived.
#[test]
fn a_field_that_a_lost_creation_filled_is_emptied_later() {
    for attempts in [1, 2] {
        let mut world = MiniWorld::new();
        world.join("1", "anna");
        let profile = &mut world.account("1").profile;
        profile.insert(ProfileField::Position, "Head".into());
        world.die_after = Some(world.server.writes + 1);
        world.cycle();
        world.unsettled.clear();
        let arrived = world.server.users.clone();
        world.account("1").profile.remove(&ProfileField::Position);
        if attempts == 2 {
            // The list does not show the user yet, and the name seems to be free.
            world.server.users.retain(|_, user| user.username != "anna");
            world.die_after = Some(world.server.writes);
            world.cycle();
            world.unsettled.clear();
            world.server.users = arrived;
        }
        world.die_after = None;
        world.cycle();
        world.cycle();
        assert_eq!(world.user("1").field(ProfileField::Position), "");
        assert_eq!(world.plan().steps, []);
    }
}

/// That `protect` names somebody makes them no less ours.
#[test]
fn a_lost_creation_of_somebody_whom_protect_names_is_found_too() {
    let mut world = MiniWorld::new();
    world.policy.protect.insert("anna".into());
    world.join("1", "anna");
    world.die_after = Some(world.server.writes + 1);
    world.cycle();
    world.unsettled.clear();
    world.cycle();
    assert_eq!(world.memory.links().count(), 1);
    assert_eq!(world.plan().steps, []);
}

/// A world that does not know what became of the creation of `anna`, and the user who may be it.
fn unsettled(username: &str, email: &str) -> (MiniWorld, UserId) {
    let mut world = MiniWorld::new();
    world.join("1", "anna");
    world.memory.accounts.entry(key("1")).or_default().begun = Some(Nonce::new("n-1").into());
    let user = carrier(&mut world, username, email);
    (world, user)
}

fn carrier(world: &mut MiniWorld, username: &str, email: &str) -> UserId {
    let user = world.server.stranger(username, email);
    let props = &mut world.server.user(&user).props;
    props.insert(User::NONCE_PROP.into(), "n-1".into());
    user
}

#[test]
fn a_nonce_makes_nobody_ours_whose_name_or_address_is_another() {
    for (name, mail, ours) in [
        ("anna", "anna@example.org", true),
        ("anna", "mallory@example.net", false),
        ("mallory", "anna@example.org", false),
        ("mallory", "mallory@example.net", false),
    ] {
        let (mut world, user) = unsettled(name, mail);
        let said = why(&world, "1");
        assert_eq!(matches!(said[..], [Why::Conflict { .. }]), !ours, "{name}");
        world.cycle();
        let linked = world.memory.link(&key("1")).map(|l| &l.user);
        assert_eq!(linked, ours.then_some(&user), "{name} {mail}");
        assert_eq!(world.server.users.len(), 2, "nobody is made beside");
    }
}

/// A reading that hides the addresses asks nobody about the user whom we made.
#[test]
fn whom_we_made_waits_for_an_address_to_compare() {
    let (mut world, user) = unsettled("anna", "anna@example.org");
    world.policy.adopt = AdoptRule::Username;
    let shown = std::mem::take(&mut world.account("1").emails);
    let said = why(&world, "1");
    let waits = [NotAdopted::NoAddressToCompare];
    let because = said.iter().filter_map(|why| match why {
        Why::Conflict { because, .. } => Some(because.clone()),
        _ => None,
    });
    assert_eq!(because.collect::<Vec<_>>(), waits);
    assert_eq!(kinds(&world.plan(), "1"), Vec::<String>::new());
    world.account("1").emails = shown;
    world.cycle();
    assert_eq!(world.user_id("1"), user);
}

#[test]
fn a_nonce_that_was_copied_is_ours_by_name_and_address() {
    let (mut world, user) = unsettled("anna", "anna@example.org");
    for name in ["mallory", "eve"] {
        carrier(&mut world, name, &format!("{name}@example.net"));
    }
    world.cycle();
    assert_eq!(world.user_id("1"), user);
    // Where it is nobody's by that, a person must look.
    let (mut world, _) = unsettled("mallory", "mallory@example.net");
    carrier(&mut world, "eve", "eve@example.net");
    world.cycle();
    assert!(matches!(why(&world, "1")[..], [Why::Conflict { .. }]));
    assert!(world.memory.links().next().is_none());
}

/// Two accounts have one name: the user that was made for one of them is that one's, in whatever
/// order they stand.
#[test]
fn the_user_of_a_begun_creation_is_offered_to_nobody_else() {
    let (mut world, user) = unsettled("anna", "anna@example.org");
    world.policy.adopt = AdoptRule::Username;
    world.join("0", "anna");
    world.account("0").emails = emails(&["other@example.org"]);
    let (plan, _) = world.cycle();
    assert_eq!(world.user_id("1"), user);
    assert_eq!(kinds(&plan, "0"), ["create", "join-team"]);
    assert_eq!(world.user("0").username, "anna2");
}

/// Who made it for whom is known by the mark, as long as that account is there.
#[test]
fn a_user_that_was_begun_for_another_account_is_not_adopted() {
    let (mut world, user) = unsettled("ben", "anna@example.org");
    world.policy.adopt = AdoptRule::Username;
    world.join("2", "ben");
    let said = why(&world, "2");
    let [Why::Conflict { because, .. }] = &said[..] else {
        panic!("{said:?}");
    };
    assert!(matches!(because, NotAdopted::BegunForAnother { .. }));
    assert_eq!(kinds(&world.plan(), "2"), [""; 0]);
    world.leave("1");
    let plan = world.plan();
    assert_eq!(kinds(&plan, "2")[0], "(adopt)", "for a person to say");
    assert_eq!(plan.steps[0].action.user(), Some(&user));
}

#[test]
fn an_administrator_is_ours_by_nonce_only_as_the_first_user() {
    for (first, ours) in [(None, false), (Some("ben"), false), (Some("anna"), true)] {
        let (mut world, user) = unsettled("anna", "anna@example.org");
        world.policy.first_admin = first.map(Into::into);
        world.server.user(&user).roles.insert("system_admin".into());
        world.cycle();
        assert_eq!(world.memory.links().count(), usize::from(ours), "{first:?}");
        world
            .memory
            .accounts
            .values_mut()
            .for_each(|m| m.link = None);
        world.memory.accounts.entry(key("1")).or_default().begun = Some(Nonce::new("n-1").into());
        world.server.user(&user).is_bot = true;
        world.cycle();
        assert!(world.memory.links().next().is_none(), "a bot never is");
    }
}

#[test]
fn a_creation_is_not_settled_by_a_user_with_another_address() {
    let mut world = MiniWorld::new();
    world.join("1", "anna");
    world.die_after = Some(world.server.writes + 1);
    world.cycle();
    assert_eq!(world.unsettled.len(), 1);
    let user = world.server.by_name("anna").unwrap().id.clone();
    world.server.user(&user).email = "mallory@example.net".into();
    world.cycle();
    assert!(world.unsettled.is_empty() && world.memory.links().next().is_none());
    assert!(matches!(why(&world, "1")[..], [Why::Conflict { .. }]));
}

#[test]
fn a_user_who_is_gone_is_not_made_again() {
    let mut world = MiniWorld::with(&["anna"]);
    let user = world.user_id("anna");
    world.server.users.remove(&user);
    assert_eq!(why(&world, "anna"), [Why::UserGone]);
    assert_eq!(world.plan().steps, []);
    world.server.gaps.push(mattersync::model::Gap::NotRead);
    assert!(matches!(why(&world, "anna")[..], [Why::UserUnread { .. }]));
}

#[test]
fn the_first_user_of_an_empty_server_is_named_or_nobody_is_made() {
    let mut world = MiniWorld::new();
    world.server = testkit::server::Server::empty();
    world.join("1", "anna");
    world.join("2", "ben");
    assert_eq!(why(&world, "1"), [Why::NoAdmin]);
    world.policy.first_admin = Some("ben".into());
    let plan = world.plan();
    let creations: Vec<_> = plan
        .steps
        .iter()
        .filter(|s| s.class() == Some(Class::Create))
        .collect();
    assert_eq!(creations[0].action.account(), Some(&key("2")));
    assert_eq!(creations[1].after, [creations[0].id]);
    world.account("2").emails = emails(&[]);
    assert_eq!(
        why(&world, "1"),
        [Why::NoAdmin],
        "nor if the named one cannot be made"
    );
}
