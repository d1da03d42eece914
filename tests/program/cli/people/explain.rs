//! The story of one person.

use mattermost_sim::UserLimit;

use super::company;

/// Who is out already does not wait for that; what comes is told.
#[test]
fn of_somebody_who_left_the_end_is_told() {
    let mut place = company();
    place.more = "[policy]\ngrace = \"0s\"\npurge-after = \"30d\"\n".into();
    place.write();
    place.run(&["sync"]).exits(0);
    place.edit("bob", |p| p.gone = true);
    place
        .run(&["explain", "bob"])
        .says("1 complete reading")
        .says_not("1 complete readings");
    for _ in 0..2 {
        place.run(&["sync"]).exits(0);
        let said = place.run(&["explain", "bob"]).exits(0);
        said.says_not("deactivated not before");
    }
    place
        .run(&["explain", "bob"])
        .says("would be deleted for ever from")
        .says("on, after an approval");
}

#[test]
fn the_story_of_one_person() {
    let mut place = company();
    place.more.push_str("[policy]\ngrace = \"2h\"\n");
    place.write();
    place.run(&["sync"]).exits(0);
    let bob = place.sim.user_named("bob").unwrap();
    for name in [
        "bob",
        "BOB@example.org",
        "uid=bob,ou=People,dc=directory,dc=nh",
        "UID=Bob, OU=people,DC=directory, DC=nh",
        &bob.id,
    ] {
        place
            .run(&["explain", name])
            .exits(0)
            .says("bob (Bob Bold) <bob@example.org>, active")
            .says("created by mattersync, since")
            .says("nothing to do: both sides agree")
            .says("run 1: create bob");
    }
    place.edit("bob", |p| p.gone = true);
    place.run(&["sync"]).exits(0);
    let said = place.run(&["explain", "bob"]).exits(0);
    said.says("a look-up by id found it nowhere")
        .says("last seen as bob at uid=bob,ou=People,dc=directory,dc=nh")
        .says("missing since")
        .says("UTC at least, and until 3 complete readings agree")
        .says("left alone: not in the directory");
    place
        .run(&["explain", "uid=BOB, ou=People, dc=directory, dc=nh"])
        .exits(0)
        .says("last seen as bob");
    place.edit("bob", |p| p.gone = false);
    place.edit("bob", |p| p.expires = 10);
    let said = place.run(&["explain", "bob"]).exits(0);
    let said = said.says("locked (shadowExpire is");
    let said = said.says("Decision: what would be done now");
    assert_eq!(
        said.out.matches("deactivate bob").count(),
        1,
        "{}",
        said.out
    );
    place.run(&["sync"]).exits(0);
    place
        .run(&["explain", "bob"])
        .exits(0)
        .says("deactivated by mattersync on");
    let json = place.run(&["explain", "bob", "--json"]).exits(0).json();
    let story = &json["stories"][0];
    assert_eq!(
        story["past"][0]["step"]["action"]["deactivate"]["user"],
        bob.id
    );
    assert_eq!(story["user"]["linked_to"]["id"], place.id(1));
    place
        .run(&["explain", "root.admin"])
        .exits(0)
        .says("mattersync works with");
}

/// Nothing is left of them on either side, and the record still knows.
#[test]
fn who_was_deleted_for_ever_has_a_story_too() {
    let mut place = company();
    place
        .more
        .push_str("[policy]\ngrace = \"0s\"\npurge-after = \"30d\"\n[guard]\nmissing = \"off\"\n");
    place.write();
    place.run(&["sync"]).exits(0);
    place.edit("bob", |p| p.gone = true);
    place.run(&["sync"]).exits(0).says("Deactivated 1 user");
    place.run(&["sync"]).exits(0);
    let db = rusqlite::Connection::open(place.path("state/state.sqlite")).unwrap();
    let earlier = "UPDATE accounts SET memory = json_set(memory, '$.gone',
                       json_extract(memory, '$.gone') - 3000000000)
                   WHERE json_extract(memory, '$.gone') IS NOT NULL";
    assert_eq!(db.execute(earlier, []).unwrap(), 1);
    drop(db);
    let switch = serde_json::json!({"ServiceSettings": {"EnableAPIUserDeletion": true}});
    place.sim.set_config(&switch);
    place.run(&["sync"]).exits(3).says("HELD: purge: 1");
    place.run(&["approve", "purge"]).exits(0);
    place.run(&["sync"]).exits(0);
    assert!(place.sim.user_named("bob").is_none());
    for name in ["bob", "uid=bob, ou=people, dc=directory, dc=nh"] {
        place
            .run(&["explain", name])
            .exits(0)
            .says("deleted for ever by run 3, on 20")
            .says("Mattermost  no user\n")
            .says("run 1: create bob");
    }
    place
        .run(&["explain", "bobby"])
        .exits(1)
        .says("nobody of that name was ever linked");
}

/// Who comes back goes before who is new, when both have waited equally long.
#[test]
fn the_place_in_the_queue_for_a_seat_is_that_of_the_plan() {
    let mut place = company();
    place.add("carl", "Carl", "Cool").mail = None;
    place.add("dora", "Dora", "Dear");
    place.run(&["sync"]).exits(0);
    place.edit("dora", |p| p.expires = 10);
    place.run(&["sync"]).exits(0);
    let active = place.sim.users().iter().filter(|u| u.is_active()).count();
    let hard = u64::try_from(active).unwrap();
    place
        .sim
        .set_user_limit(Some(UserLimit { warn: hard, hard }));
    place.edit("dora", |p| p.expires = 99_999);
    place.run(&["sync"]).exits(0);
    place.edit("carl", |p| p.mail = Some("carl@example.org".into()));
    for _ in 0..2 {
        for (who, number) in [("dora", 1), ("carl", 2)] {
            let said = place.run(&["explain", who]).exits(0);
            said.says(&format!(": number {number} of 2 who wait"));
        }
        place.run(&["sync"]).exits(0);
    }
}

#[test]
fn nobody_of_that_name_has_near_ones() {
    let mut place = company();
    place.add("carl", "Carl", "Cool").mail = Some("nowhere".into());
    place.write();
    place
        .run(&["explain", "zebedee"])
        .exits(1)
        .says("Nobody has a similar name");
    place
        .run(&["explain", "alcie"])
        .exits(1)
        .says("The directory has nobody")
        .says("Similar names: alice");
    let said = place.run(&["explain", "carl"]).exits(0);
    said.says("no usable e-mail address").says("no user yet");
    // Held: the story names what it waits for.
    place.stranger("alice", "alice");
    place
        .run(&["explain", "alice"])
        .exits(0)
        .says("adopt: for a person: `mattersync approve adopt`");
}

#[test]
fn a_former_name_or_address_tells_of_who_had_it() {
    let mut place = company();
    place.run(&["sync"]).exits(0);
    place.edit("bob", |p| {
        p.uid = "bobby".into();
        p.mail = Some("bobby@example.org".into());
    });
    place.run(&["sync"]).exits(0);
    for former in ["bob", "bob@example.org"] {
        place
            .run(&["explain", former])
            .exits(0)
            .says(&format!("Nobody is known as \"{former}\" now."))
            .says("Mattermost  bobby ")
            .says("nothing to do: both sides agree");
    }
    let said = place.run(&["explain", "bobby"]).exits(0);
    said.says_not("Nobody is known");
}

/// As on the telephone: the full name, in any order, without accents, or a part of it.
#[test]
fn people_are_found_by_their_full_name() {
    let mut place = company();
    place.add("jm", "Jürgen", "Müller");
    place.run(&["sync"]).exits(0);
    for name in ["Jürgen Müller", "mueller, jurgen", "muller"] {
        place
            .run(&["explain", name])
            .exits(0)
            .says("Directory   jm ")
            .says("Mattermost  jm ");
    }
    for (uid, first) in [("am", "Anna"), ("bm", "Bert"), ("cm", "Carla")] {
        place.add(uid, first, "Müller");
    }
    place.run(&["sync"]).exits(0);
    place
        .run(&["explain", "muller"])
        .exits(0)
        .says("4 people have the name \"muller\":")
        .says("Anna Müller")
        .says("mattersync explain USERNAME")
        .says_not("Decision");
    let said = place.run(&["explain", "jürgen muller"]).exits(0);
    said.says("Decision").says_not("people have");
}
