//! Whom a text means: an exact id, then a DN, then a username, then an address.

use super::company;

/// Whoever takes somebody's id for a username, or somebody's DN or username for an address, is never
/// meant by it: everybody can still be named.
#[test]
fn nobody_takes_the_id_of_another_for_a_name() {
    let mut place = company();
    place.add("carol", "Carol", "Cold");
    place.run(&["sync"]).exits(0);
    let (alice, bob) = (place.id(0), place.sim.user_named("bob").unwrap().id);
    let dn = "uid=carol,ou=People,dc=directory,dc=nh";
    // On Mattermost, a stranger and a member; in the directory, by a mail that people write.
    place.stranger(&alice, "one");
    let carol = place.sim.user_named("carol").unwrap().id;
    assert!(place.sim.edit_user(&carol, |u| u.username.clone_from(&bob)));
    place.edit("carol", |p| p.mail = Some("bob".into()));
    let shows = |typed: &str, name: &str, not: &str| {
        let said = place.run(&["explain", typed]).exits(0);
        said.says(name).says_not(not);
    };
    shows(&alice, "alice@example.org", "one@example.org");
    shows(&bob, "uid=bob,ou=People", "uid=carol,ou=People");
    shows("bob", "uid=bob,ou=People", "uid=carol,ou=People");
    shows(dn, "uid=carol,ou=People", "uid=bob,ou=People");
    place
        .run(&["history", "--person", &bob])
        .exits(0)
        .says_not("uid=carol");
    place
        .run(&["unlink", &alice])
        .says("alice")
        .says_not("can be any of");
    let said = place.run(&["forget", &bob]);
    said.says_not("can be any of").says_not("carol");
    place.run(&["deactivate", &bob]).exits(0);
    assert!(!place.sim.user_named("bob").unwrap().is_active());
    assert!(place.sim.user(&carol).unwrap().is_active());
    let said = place.run(&["undo", "1", "--person", &alice]);
    said.says_not("can be any of");
}

/// Where one word means several, each is told with what to type.
#[test]
fn of_several_each_is_told_with_an_id() {
    let mut place = company();
    place.more.push_str("[guard]\nlocked = 0\n");
    place.write();
    place.run(&["sync"]).exits(0);
    // Somebody is called on Mattermost as another one is in the directory.
    let (alice, bob) = ("alice", "bob");
    let id = |name: &str| place.sim.user_named(name).unwrap().id;
    let (a, b) = (id(alice), id(bob));
    assert!(place.sim.edit_user(&a, |u| u.username = "was.alice".into()));
    assert!(place.sim.edit_user(&b, |u| u.username = "alice".into()));
    let said = place.run(&["deactivate", "alice"]);
    let said = said.says("can be any of").says("Give the id");
    said.says(&place.id(0)).says(&place.id(1));
    place.edit("bob", |p| p.expires = 1);
    place.run(&["approve"]).says("HELD: locked");
    // Only one of them has something that is held, and chose the name.
    let said = place.run(&["approve", "alice"]).exits(1);
    said.says("can be any of").says(&place.id(0));
    place.run(&["approve", &place.id(1)]).exits(0);
}
