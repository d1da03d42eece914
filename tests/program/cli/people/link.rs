//! Who is who, by a person's word.

use mattermost_sim::{Commit, Effect, Fault};
use serde_json::json;

use super::{company, kinds, obey};

#[test]
fn a_person_says_who_is_who() {
    let place = company();
    let bob = place.stranger("bob", "other");
    place.run(&["sync"]).exits(0);
    let before = place.files("state");
    let writes = place.sim.writes();
    let preview = place.run(&["link", "bob", "bob"]).exits(0);
    assert_eq!((place.files("state"), place.sim.writes()), (before, writes));
    let preview = preview
        .says("Linked, the next cycle would do with them")
        .says("other@example.org becomes bob@example.org")
        .says("Nothing was changed");
    // Somebody changes the user before the word is given.
    let edit = |email: &str| {
        let changed = place.sim.edit_user(&bob, |user| user.email = email.into());
        assert!(changed);
    };
    edit("third@example.org");
    obey(&place, &preview)
        .exits(1)
        .says("changed one of them since");
    edit("other@example.org");
    obey(&place, &preview).exits(0).says("They are linked");
    place
        .run(&["conflicts"])
        .exits(0)
        .says("There are no conflicts.");
    place
        .run(&["sync"])
        .exits(0)
        .says("Changed the address of 1 user");
    assert_eq!(place.sim.user(&bob).unwrap().email, "bob@example.org");
    place
        .run(&["explain", "bob"])
        .exits(0)
        .says("ordered it with `mattersync link`")
        .says("adopted, since");
    place
        .run(&["link", "bob", "root.admin", "--yes"])
        .exits(1)
        .says("is linked to the user bob already");
}

#[test]
fn edge_38_who_is_out_of_reach_is_never_linked() {
    let mut place = company();
    place.more.push_str("[policy]\nprotect = [\"heidi\"]\n");
    place.write();
    let edit = |id: &str, roles: &str| {
        assert!(place.sim.edit_user(id, |user| user.roles = roles.into()));
    };
    let bot = place.stranger("robot", "robot");
    let _ = place.sim.make_bot(&bot);
    place.stranger("heidi", "heidi");
    let admin = place.stranger("second", "second");
    edit(&admin, "system_user system_admin");
    let guest = place.stranger("visitor", "visitor");
    edit(&guest, "system_guest");
    let link = |words: &[&str]| {
        let all = [&["link", "alice"], words, &["--yes"]].concat();
        place.run(&all)
    };
    link(&["robot"]).exits(1).says("never linked: it is a bot");
    link(&["robot", "--admin", "--guest"]).exits(1);
    link(&["root.admin", "--admin"])
        .exits(1)
        .says("mattersync works with");
    link(&["heidi"])
        .exits(1)
        .says("policy.protect names this user");
    link(&["visitor", "--admin"]).exits(1).says("--guest");
    link(&["second", "--guest"]).exits(1).says("--admin");
    link(&["nobody"])
        .exits(1)
        .says("no user of Mattermost is known");
    link(&["visitorr"]).exits(1).says("Similar names: visitor");
    place
        .run(&["link", "bobb", "second"])
        .exits(1)
        .says("Similar names: bob");
    place.run(&["sync"]).exits(0);
    place.add("carl", "Carl", "Cool");
    place
        .run(&["link", "carl", "alice", "--yes"])
        .exits(1)
        .says("linked to another account (uid=alice");
    place
        .run(&["link", "carl", "second", "--admin", "--yes"])
        .exits(0)
        .says("ADMINISTRATOR");
    // What a person said is not called wrong.
    place
        .run(&["state", "check"])
        .exits(0)
        .says("Nothing is wrong");
}

#[test]
fn the_one_candidate_of_a_conflict_is_adopted() {
    let mut place = company();
    let bob = place.stranger("bob", "other");
    place
        .run(&["link", "alice"])
        .exits(1)
        .says("name the user, with `mattersync link");
    let preview = place.run(&["link", "bob"]).exits(0);
    obey(&place, &preview).exits(0).says("They are linked");
    place.run(&["sync"]).exits(0);
    assert_eq!(place.sim.user(&bob).unwrap().first_name, "Bob");

    // The name of one and the address of another.
    place.add("carl", "Carl", "Cool");
    place.stranger("carl", "c1");
    let second = place.stranger("c2", "carl");
    place
        .run(&["link", "carl", "--yes"])
        .exits(1)
        .says("Name one of them");
    place
        .run(&["link", "carl", "bob"])
        .exits(1)
        .says("linked to another account");
    place.run(&["link", "carl", "c2", "--yes"]).exits(0);
    place
        .run(&["explain", "carl"])
        .exits(0)
        .says("2 people are known as");
    let told = place
        .run(&["explain", &place.id(2), "--json"])
        .exits(0)
        .json();
    assert_eq!(told["stories"][0]["link"]["user"], second);
}

#[test]
fn who_was_unlinked_is_touched_no_more() {
    let mut place = company();
    place.run(&["sync"]).exits(0);
    let bob = place.sim.user_named("bob").unwrap();
    assert!(!bob.props.is_empty(), "a mark of our creation");
    let preview = place.run(&["unlink", "bob"]).exits(0);
    let preview = preview
        .says("Unlinked, the next cycle would do with them")
        .says("left alone")
        .says("stays active and is touched no more");
    obey(&place, &preview)
        .exits(0)
        .says("The link is forgotten");

    // Neither linked again by the mark, nor created against that, nor deactivated.
    place.edit("bob", |p| p.name.0 = "Robert".into());
    place.sim.reset_counters();
    for _ in 0..3 {
        place
            .run(&["sync"])
            .exits(0)
            .says("Conflicts (`mattersync conflicts` says what to do): 1");
    }
    place.edit("bob", |p| p.expires = 10);
    place.run(&["sync"]).exits(0).says("Nothing was changed.");
    place.edit("bob", |p| p.expires = 99_999);
    assert_eq!(place.sim.writes(), 0);
    place
        .run(&["deactivate", "bob"])
        .exits(1)
        .says("This user has no account in the directory")
        .says("Nothing was changed");
    place
        .run(&["orphans"])
        .exits(0)
        .says("1 active human user")
        .says("unlinked by");
    let report = place.run(&["conflicts", "--json"]).exits(0).json();
    assert_eq!(kinds(&report), ["unlinked"]);
    place
        .run(&["unlink", "bob", "--yes"])
        .exits(1)
        .says("took this link apart");
    place
        .run(&["explain", "bob"])
        .exits(0)
        .says("apart, by")
        .says("mattersync link");

    // Linked again: the directory decides as before.
    place.run(&["link", "bob", &bob.id, "--yes"]).exits(0);
    place.run(&["sync"]).exits(0).says("Updated 1 user");
    assert_eq!(place.sim.user(&bob.id).unwrap().first_name, "Robert");
    place
        .run(&["conflicts"])
        .exits(0)
        .says("There are no conflicts.");
}

#[test]
fn an_account_as_new_gets_a_user_when_the_name_is_free() {
    let place = company();
    place.run(&["sync"]).exits(0);
    let bob = place.sim.user_named("bob").unwrap().id;
    place
        .run(&["unlink", "bob", "--as-new"])
        .exits(0)
        .says("adopt the existing user bob")
        .says("HELD until somebody types:\n        mattersync approve adopt\n");
    place.run(&["unlink", "bob", "--yes"]).exits(0);
    assert!(place.sim.edit_user(&bob, |user| {
        user.username = "bob.old".into();
        user.email = "bob.old@example.org".into();
    }));
    place.run(&["sync"]).exits(0).says("Nothing was changed.");
    place
        .run(&["unlink", "--as-new", "bob.old", "--yes"])
        .exits(0)
        .says("create bob");
    place.run(&["sync"]).exits(0).says("Created 1 user");
    assert_ne!(place.sim.user_named("bob").unwrap().id, bob);
    assert_eq!(place.sim.user(&bob).unwrap().delete_at, 0);
}

#[test]
fn a_user_who_is_gone_is_made_again_after_unlink() {
    let place = company();
    place.run(&["sync"]).exits(0);
    let bob = place.sim.user_named("bob").unwrap().id;
    place.sim.delete_for_good(&bob);
    place
        .run(&["sync"])
        .exits(0)
        .says("`mattersync unlink` forgets the link");
    assert!(place.sim.user_named("bob").is_none());
    let preview = place.run(&["unlink", "bob"]).exits(0);
    let preview = preview.says("gone, id").says("create bob");
    obey(&place, &preview).exits(0);
    place.run(&["sync"]).exits(0).says("Created 1 user");
    assert_ne!(place.sim.user_named("bob").unwrap().id, bob);
}

#[test]
fn two_accounts_for_one_user_are_taken_apart() {
    let mut place = company();
    place.run(&["sync"]).exits(0);
    place.add("carl", "Carl", "Cool");
    let lost = Fault::new(Effect::Cut(Commit::After))
        .method("POST")
        .path("/api/v4/users");
    place.sim.add_fault(lost);
    place.run(&["sync"]).exits(1).says("PERHAPS DONE");
    place.sim.clear_faults();
    let carl = place.sim.user_named("carl").unwrap().id;
    // A state file that was mended by hand, or restored: bob's account claims that user too.
    let state = rusqlite::Connection::open(place.path("state/state.sqlite")).unwrap();
    let changed = state.execute(
        "UPDATE accounts SET user = ?1, memory = json_set(memory, '$.link.user', ?1) WHERE id = ?2",
        [&carl, &place.id(1)],
    );
    assert_eq!(changed, Ok(1));
    drop(state);
    let report = place.run(&["conflicts", "--json"]).exits(0).json();
    // The user that bob had is nobody's now, and has the name.
    assert_eq!(kinds(&report), ["stranger", "two-accounts-one-user"]);
    assert_eq!(report["conflicts"][0]["what"].as_array().unwrap().len(), 2);
    let way = &report["conflicts"][1]["ways"][0]["command"];
    assert_eq!(way, &json!(["unlink", place.id(1)]));
    place.run(&["unlink", &place.id(1), "--yes"]).exits(0);
    place.run(&["sync"]).exits(0);
    let told = place
        .run(&["explain", &place.id(2), "--json"])
        .exits(0)
        .json();
    assert_eq!(told["stories"][0]["link"]["user"], carl);
}

#[test]
fn edge_27_who_looks_like_a_missing_person_is_linked_by_a_persons_word() {
    let mut place = company();
    place.run(&["sync"]).exits(0);
    let bob = place.sim.user_named("bob").unwrap().id;
    // The entry was made anew: another id, the same name and address.
    place.edit("bob", |p| p.gone = true);
    place.add("bob", "Bob", "Bold");
    let said = place.run(&["sync"]).exits(0);
    let said = said
        .says("looks like the same person as the user bob (Bob Bold), whose own account was not")
        .says("\n  mattersync link bob bob\n")
        .says_not("uid=bob")
        .says_not(&bob)
        .says_not(&place.id(2));
    drop(said);
    place.run(&["plan", "--all"]).says("uid=bob,ou=People");
    let report = place.run(&["conflicts", "--json"]).exits(0).json();
    assert_eq!(kinds(&report), ["same-person"]);
    let way = &report["conflicts"][0]["ways"][0]["command"];
    assert_eq!(way, &json!(["link", place.id(2), bob]));
    let preview = place.run(&["link", "bob", "bob"]).exits(0);
    let preview = preview.says("was linked to uid=bob,ou=People,dc=directory,dc=nh until now");
    obey(&place, &preview).exits(0).says("They are linked");
    place
        .run(&["conflicts"])
        .exits(0)
        .says("There are no conflicts.");
    place.run(&["sync"]).exits(0).says("Nothing was changed.");
    let told = place.run(&["explain", "bob", "--json"]).exits(0).json();
    let link = &told["stories"][0]["link"];
    assert_eq!(link["account"]["id"], place.id(2));
    assert_eq!(
        link["origin"], "created",
        "all that is remembered moves with it"
    );
}

/// Rather nobody than the wrong one.
#[test]
fn a_word_that_means_several_means_nobody() {
    let mut place = company();
    place.run(&["sync"]).exits(0);
    let ids = [place.id(0), place.id(1)];
    for uid in ["alice", "bob"] {
        place.edit(uid, |person| person.mail = Some("team@example.org".into()));
    }
    let one_of_both = |said: testkit::place::Said| {
        let said = said.exits(1).says("can be any of").says("Give the id");
        ids.iter().fold(said, |said, id| said.says(id));
    };
    one_of_both(place.run(&["unlink", "team@example.org"]));
    place.stranger("zoe", "zoe");
    one_of_both(place.run(&["link", "team@example.org", "zoe"]));
    // Somebody's name is somebody else's id: that is of no use to them.
    let zoe = place.sim.user_named("zoe").unwrap().id;
    place.stranger(&zoe, "other");
    place
        .run(&["link", "alice", &zoe])
        .exits(1)
        .says("is linked to the user alice already");
    assert_eq!(place.sim.users().len(), 5);
}
