//! Who is out of reach whatever the directory says.

use std::time::Duration;

use mattersync::model::{Class, HoldKey, Why};
use mattersync::plan::Authority;

use testkit::world::{MiniWorld, emails, id, kinds, left};

fn why(world: &MiniWorld, who: &str) -> Vec<Why> {
    let plan = world.plan();
    left(&plan, who).iter().map(|l| l.why.clone()).collect()
}

fn active(world: &MiniWorld, who: &str) -> bool {
    world.user(who).is_active()
}

#[test]
fn the_last_active_human_administrator_stays() {
    let mut world = MiniWorld::with(&["anna", "ben"]);
    world.policy.grace = Duration::ZERO;
    let root = world.server.by_name("root").unwrap().id.clone();
    world.server.users.remove(&root);
    for who in ["anna", "ben"] {
        let user = world.user_id(who);
        world.server.user(&user).roles.insert("system_admin".into());
    }
    let bot = world.server.stranger("bot", "bot@example.org");
    world.server.user(&bot).roles.insert("system_admin".into());
    world.server.user(&bot).is_bot = true;
    world.lock("anna");
    world.leave("ben");
    world.cycle();
    assert_eq!(world.server.human_admins(), 1);
    world.cycle();
    assert_eq!(world.server.human_admins(), 1);
    let stays = if active(&world, "anna") {
        "anna"
    } else {
        "ben"
    };
    assert!(matches!(why(&world, stays)[..], [Why::Untouchable(_)]));
    world.order(stays);
    world.cycle();
    assert_eq!(world.server.human_admins(), 1, "not even on order");
}

/// A world in which mattersync works as a bot that this user owns.
fn bot_of(world: &mut MiniWorld, owner: &str) {
    let bot = world.server.stranger("sync", "sync@example.org");
    let user = world.server.user(&bot);
    user.is_bot = true;
    user.roles.insert("system_admin".into());
    world.server.own_user = Some(bot);
    world.server.bot_owner = Some(world.server.by_name(owner).unwrap().id.clone());
}

fn make_admin(world: &mut MiniWorld, who: &str) {
    let user = world.user_id(who);
    world.server.user(&user).roles.insert("system_admin".into());
}

fn owner_of_bot(world: &MiniWorld) -> String {
    let owner = world.server.bot_owner.as_ref().unwrap();
    world.server.users[owner].username.clone()
}

#[test]
fn the_owner_of_our_bot_leaves_only_after_it_was_handed_over() {
    type Leave = fn(&mut MiniWorld);
    let ways: [(&str, Leave); 4] = [
        ("locked", |w| w.lock("anna")),
        ("missing", |w| {
            w.policy.grace = Duration::ZERO;
            w.leave("anna");
        }),
        ("ordered", |w| w.order("anna")),
        ("deleted", |w| {
            w.lock("anna");
            w.cycle();
            let anna = w.user_id("anna");
            w.server.bot_owner = Some(anna);
            w.policy.lifecycle.purge_after = Some(Duration::ZERO);
            w.policy.guard.clear();
            w.leave("anna");
            w.cycle();
            let plan = w.plan();
            for hold in &plan.holds {
                w.approve(&plan, &hold.key.clone());
            }
        }),
    ];
    for (way, leave) in ways {
        let mut world = MiniWorld::with(&["anna", "ben", "carl"]);
        world.cycle();
        for who in ["anna", "ben", "carl"] {
            make_admin(&mut world, who);
        }
        if way == "deleted" {
            // An administrator is never deleted.
            let anna = world.user_id("anna");
            world.server.user(&anna).roles.remove("system_admin");
        }
        bot_of(&mut world, "anna");
        let anna = world.user_id("anna");
        leave(&mut world);
        // Who leaves in the same plan does not get it either.
        world.lock("ben");
        let (_, run) = world.cycle();
        let told: Vec<_> = run.done.iter().map(|s| s.action.kind().name()).collect();
        assert!(run.surprises.is_empty(), "{way} {:?}", run.surprises);
        assert_eq!(told[0], "assign-bot", "{way} {told:?}");
        assert!(world.server.token_works(), "{way}");
        let left = world.server.users.get(&anna);
        assert!(left.is_none_or(|u| !u.is_active()), "{way}");
        assert_eq!(left.is_none(), way == "deleted", "{way}");
        assert_eq!(owner_of_bot(&world), "root", "{way}");
        world.cycle();
        assert!(world.plan().steps.is_empty(), "{way}");
    }
}

#[test]
fn our_bot_goes_to_whoever_stays_longest() {
    let mut world = MiniWorld::with(&["anna", "ben", "carl"]);
    world.cycle();
    for who in ["anna", "ben", "carl"] {
        make_admin(&mut world, who);
    }
    let root = world.server.by_name("root").unwrap().id.clone();
    world.server.users.remove(&root);
    bot_of(&mut world, "anna");
    world.leave("ben");
    world.lock("anna");
    world.cycle();
    assert!(active(&world, "ben"), "within the grace");
    assert_eq!(owner_of_bot(&world), "carl");
}

#[test]
fn the_owner_of_our_bot_stays_where_nobody_else_can_get_it() {
    for bots_die in [true, false] {
        let mut world = MiniWorld::with(&["anna"]);
        world.cycle();
        bot_of(&mut world, "anna");
        let root = world.server.by_name("root").unwrap().id.clone();
        world.server.set_active(&root, false);
        world.server.bots_die = bots_die;
        world.lock("anna");
        world.cycle();
        assert!(world.server.token_works());
        assert_eq!(active(&world, "anna"), bots_die);
        if bots_die {
            let why = why(&world, "anna");
            let [Why::Untouchable(why)] = &why[..] else {
                panic!("{why:?}");
            };
            let words = why.to_string();
            assert!(words.contains("they own mattersync's bot sync"), "{words}");
        }
    }
}

#[test]
fn our_bot_stays_where_it_is_while_its_owner_is_held() {
    let mut world = MiniWorld::with(&["anna", "ben"]);
    world.cycle();
    bot_of(&mut world, "anna");
    let none = mattersync::plan::Limit::Number(0);
    world.policy.guard.insert(Class::Locked, none);
    world.lock("anna");
    world.cycle();
    assert_eq!(owner_of_bot(&world), "anna");
    let plan = world.plan();
    world.approve(&plan, &HoldKey::Class(Class::Locked));
    world.cycle();
    assert_eq!(owner_of_bot(&world), "root");
    assert!(!active(&world, "anna") && world.server.token_works());
}

#[test]
fn a_hand_over_that_fails_keeps_the_owner_in() {
    let mut world = MiniWorld::with(&["anna"]);
    world.cycle();
    bot_of(&mut world, "anna");
    world.lock("anna");
    world.refuse.insert(world.server.writes);
    world.cycle();
    assert!(active(&world, "anna") && world.server.token_works());
    world.cycle();
    assert!(!active(&world, "anna") && world.server.token_works());
}

#[test]
fn nobody_gets_into_or_out_of_protect_by_choosing_a_name() {
    let mut world = MiniWorld::with(&["anna", "ben"]);
    world.policy.username = Authority::Initial;
    world.policy.protect = ["ben", "backup"].map(String::from).into();
    for (who, name) in [("anna", "backup"), ("ben", "benny")] {
        let user = world.user_id(who);
        world.server.user(&user).username = name.into();
        world.lock(who);
    }
    world.cycle();
    assert!(!active(&world, "anna"), "named by herself");
    assert!(active(&world, "ben"), "named by the administrator");
    assert_eq!(why(&world, "ben"), [Why::Protected]);
    world.leave("ben");
    world.policy.grace = Duration::ZERO;
    world.cycle();
    assert!(active(&world, "ben"), "by the last name in the directory");
}

#[test]
fn who_is_protected_is_so_in_any_case_and_with_the_suffix_that_was_chosen() {
    let mut world = MiniWorld::with(&["anna", "ben"]);
    world.join("second", "Anna");
    world.account("second").emails = emails(&["second@example.org"]);
    world.cycle();
    assert_eq!(world.user("second").username, "anna2");
    world.policy.protect = ["anna2", "ben"].map(String::from).into();
    world.account("ben").username = "BEN".into();
    for who in ["anna", "ben", "second"] {
        world.lock(who);
    }
    world.cycle();
    assert!(!active(&world, "anna") && active(&world, "ben") && active(&world, "second"));
}

#[test]
fn our_own_account_is_not_the_human_administrator_who_stays() {
    let mut world = MiniWorld::with(&["anna", "ben"]);
    let root = world.server.by_name("root").unwrap().id.clone();
    world.server.own_user = Some(root);
    let anna = world.user_id("anna");
    world.server.user(&anna).roles.insert("system_admin".into());
    world.lock("anna");
    world.cycle();
    assert!(active(&world, "anna"));
    assert!(matches!(why(&world, "anna")[..], [Why::Untouchable(_)]));
    // But it is one who can help: the next new user does not become an administrator.
    world.server.user(&anna).roles.remove("system_admin");
    world.join("new", "new");
    world.cycle();
    assert!(!active(&world, "anna") && active(&world, "new"));
}

#[test]
fn a_linked_user_in_protect_or_ours_or_a_bot_is_in_no_step() {
    for how in 0..3 {
        let mut world = MiniWorld::with(&["anna", "ben"]);
        world.lock("ben");
        world.cycle();
        for who in ["anna", "ben"] {
            let user = world.user_id(who);
            match how {
                0 => drop(world.policy.protect.insert(who.into())),
                1 => world.server.own_user = Some(user.clone()),
                _ => world.server.user(&user).is_bot = true,
            }
            for members in world.server.members.values_mut() {
                members.remove(&user);
            }
            if how != 0 {
                world.account(who).username = "other".into();
            }
            world.account(who).emails = emails(&["other@example.org"]);
            world.account(who).profile.clear();
            if who == "ben" {
                world.unlock("ben");
                world.cycle();
            }
            let touched = kinds(&world.plan(), who);
            assert_eq!(touched, [""; 0], "{how} {who}");
            if who == "anna" {
                world.lock("anna");
                assert_eq!(world.plan().steps, [], "{how}");
                world.accounts.remove(&id("anna"));
            }
        }
    }
}
