//! Who is in whose way, and what to type.

use serde_json::json;

use super::{company, kinds};

#[test]
fn edge_48_a_conflict_names_both_parties_and_what_to_type() {
    let mut place = company();
    let bob = place.stranger("bob", "other");
    place.sim.set_last_activity(&bob, 1_767_225_600_000);
    let said = place.run(&["conflicts"]).exits(0);
    said.says("1 conflict.")
        .says("bob (Bob Bold) <bob@example.org>, active")
        .says_not("uid=bob")
        .says("bob <other@example.org>: human, active, linked to nobody")
        .says("last active 2026-01-01")
        .says("has the username bob")
        .says(&format!("mattersync link {} {bob}", place.id(1)))
        .says_not("mattersync conflicts");
    assert!(!place.path("state").exists());

    place.sim.set_active(&bob, false);
    place.add("dora", "Dora", "Dear");
    place.add("carl", "Carl", "Cool").mail = Some("alice@example.org".into());
    place.write();
    let report = place.run(&["conflicts", "--json"]).exits(0).json();
    assert_eq!(
        kinds(&report),
        ["deactivated-stranger", "duplicate-in-directory"]
    );
    let other = &report["conflicts"][1]["parties"][1]["account"];
    assert_eq!(other["username"], "alice", "{report}");
    place.run(&["sync"]).exits(0);
    let alice = place.sim.user_named("alice").unwrap().id;
    place.sim.delete_for_good(&alice);
    let report = place.run(&["conflicts", "--json"]).exits(0).json();
    assert_eq!(kinds(&report), ["deactivated-stranger", "user-gone"]);
    let unlink = &report["conflicts"][1]["ways"][0]["command"];
    assert_eq!(unlink, &json!(["unlink", place.id(0)]));
}

/// Most of the users are gone at once: that is the server's doing, and told once.
#[test]
fn many_users_who_are_gone_are_one_conflict() {
    let mut place = company();
    for uid in ["carl", "dora", "emil", "fay"] {
        place.add(uid, uid, "Able");
    }
    place.run(&["sync"]).exits(0);
    for uid in ["bob", "carl", "dora", "emil", "fay"] {
        let user = place.sim.user_named(uid).unwrap().id;
        place.sim.delete_for_good(&user);
    }
    let said = place.run(&["conflicts"]).exits(0);
    let said = said
        .says("5 conflicts.")
        .says("1. 5 linked users no longer exist")
        .says("bob, carl, dora and 2 more")
        .says("another Mattermost");
    assert_eq!(
        said.out.matches("mattersync unlink").count(),
        1,
        "{}",
        said.out
    );
    let report = place.run(&["conflicts", "--json"]).exits(0).json();
    assert_eq!(kinds(&report), ["user-gone"; 5]);
    let _service = crate::cli::served::Service::start(&place);
    place.run(&["sync"]);
    let said = std::fs::read_to_string(place.path("log")).unwrap();
    let line = "5 linked users no longer exist on Mattermost (bob, carl, dora and 2 more)";
    assert_eq!(said.matches(line).count(), 1, "{said}");
    assert_eq!(said.matches("left alone").count(), 1, "{said}");
}

#[test]
fn without_conflicts_there_are_none() {
    let place = company();
    place.run(&["sync"]).exits(0);
    place
        .run(&["conflicts"])
        .exits(0)
        .says("There are no conflicts.");
    place.stranger("eve", "eve");
    let mut place = place;
    place.add("eve", "Eve", "Ever");
    place
        .run(&["conflicts"])
        .exits(0)
        .says("1 adoption is no conflict, and waits for a person:\n  mattersync approve\n");
}
