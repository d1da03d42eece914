//! Users whom no account stands behind.

use super::{company, obey};

#[test]
fn edge_38_orphans_are_listed_and_left_as_they_are() {
    let mut place = company();
    place.more.push_str("[policy]\nprotect = [\"heidi\"]\n");
    place.write();
    place.run(&["sync"]).exits(0);
    place
        .run(&["orphans"])
        .exits(0)
        .says("Every active human user has an account.");
    let old = place.stranger("oldtimer", "old");
    place.sim.set_last_activity(&old, 1_767_225_600_000);
    let bot = place.stranger("robot", "robot");
    let _ = place.sim.make_bot(&bot);
    let heidi = place.stranger("heidi", "heidi");
    let second = place.stranger("second", "second");
    let guest = place.stranger("visitor", "visitor");
    let gone = place.stranger("gone", "gone");
    place.sim.set_active(&gone, false);
    for (id, roles) in [
        (&second, "system_user system_admin"),
        (&guest, "system_guest"),
    ] {
        assert!(place.sim.edit_user(id, |user| user.roles = roles.into()));
    }
    place.sim.reset_counters();
    let said = place.run(&["orphans"]).exits(0);
    said.says("2 active human users")
        .says("Named in policy.protect: 1")
        .says("oldtimer")
        .says("2026-01-01")
        .says("SYSTEM ADMINISTRATOR")
        .says("in policy.protect")
        .says("Guests: 1")
        .says_not("robot")
        .says_not("root.admin")
        .says_not("gone@");
    place
        .run(&["sync"])
        .exits(0)
        .says("2 active users without an account");
    place.run(&["orphans", "--keep", "second"]).exits(0);
    place
        .run(&["sync"])
        .exits(0)
        .says("1 active user without an account");
    place.run(&["orphans", "--unkeep", "second"]).exits(0);

    place
        .run(&["orphans", "--keep", "oldtimer"])
        .exits(0)
        .says("is kept");
    place
        .run(&["orphans"])
        .exits(0)
        .says("1 active human user without")
        .says("1 more is kept");
    place
        .run(&["orphans", "--all"])
        .exits(0)
        .says("1 active human user without")
        .says("Kept: 1")
        .says("kept by");
    place
        .run(&["deactivate", "oldtimer", "--yes"])
        .exits(1)
        .says("mattersync orphans --unkeep");
    place
        .run(&["orphans", "--unkeep", "oldtimer"])
        .exits(0)
        .says("listed again");
    place.run(&["orphans", "--unkeep", "oldtimer"]).exits(1);
    place
        .run(&["orphans", "--keep", "alice"])
        .exits(1)
        .says("no orphan");
    for name in ["robot", "heidi", "root.admin"] {
        place
            .run(&["deactivate", name, "--yes"])
            .exits(1)
            .says("never deactivated from here");
    }
    place
        .run(&["deactivate", "second", "--yes"])
        .exits(1)
        .says("--admin");
    assert_eq!(place.sim.writes(), 0);
    for id in [&old, &bot, &heidi, &second, &guest] {
        assert_eq!(place.sim.user(id).unwrap().delete_at, 0);
    }
}

#[test]
fn an_orphan_is_deactivated_by_a_persons_word() {
    let place = company();
    place.run(&["sync"]).exits(0);
    let old = place.stranger("oldtimer", "old");
    let preview = place.run(&["deactivate", "oldtimer"]).exits(1);
    let preview = preview
        .says("deactivate oldtimer")
        .says("Nothing was changed");
    assert_eq!(place.sim.user(&old).unwrap().delete_at, 0);
    assert!(
        place
            .sim
            .edit_user(&old, |user| user.username = "somebody".into())
    );
    obey(&place, &preview).exits(1).says("was changed since");
    assert!(
        place
            .sim
            .edit_user(&old, |user| user.username = "oldtimer".into())
    );
    obey(&place, &preview)
        .exits(0)
        .says("All sessions have ended");
    assert_ne!(place.sim.user(&old).unwrap().delete_at, 0);
    place.run(&["orphans"]).exits(0).says_not("oldtimer");
    place.sim.set_active(&old, true);
    // The word was for once.
    place.run(&["sync"]).exits(0).says("Nothing was changed.");
    place
        .run(&["explain", "oldtimer"])
        .exits(0)
        .says("ordered it with `mattersync deactivate`");
}

#[test]
fn the_last_administrator_is_no_orphan_to_be_deactivated() {
    let place = company();
    // mattersync works with a bot; the one human administrator stands behind nobody.
    let bot = place.stranger("robot", "robot");
    let token = place.sim.make_bot(&bot);
    let admin = |user: &mut mattermost_sim::User| user.roles = "system_user system_admin".into();
    assert!(place.sim.edit_user(&bot, admin));
    place.secret("token", &token);
    place.run(&["sync"]).exits(0);
    let words = ["deactivate", "--admin", "root.admin", "--yes"];
    place
        .run(&words)
        .exits(1)
        .says("last active human system administrator");
    place
        .run(&words[..3])
        .exits(1)
        .says("last active human system administrator");
    assert_eq!(place.sim.user_named("root.admin").unwrap().delete_at, 0);
}

/// What `plan` counts is what `orphans` lists first.
#[test]
fn plan_and_orphans_count_the_same() {
    let place = company();
    place.stranger("oldtimer", "old");
    place.stranger("bob", "bob");
    place
        .run(&["plan"])
        .says("1 active user without an account");
    place
        .run(&["orphans"])
        .exits(0)
        .says("1 active human user without an account:\n  NAME")
        .says("About to be adopted (`mattersync approve adopt`): 1");
}
