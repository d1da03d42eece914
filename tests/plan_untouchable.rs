//! Who is out of reach whatever the directory says.

#[path = "common/world.rs"]
mod world;

use std::time::Duration;

use mattersync::model::Why;
use mattersync::plan::Authority;

use world::{MiniWorld, emails, id, kinds, left};

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
