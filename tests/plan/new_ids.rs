//! Another id attribute: everybody gets another id, once a person approved, and keeps all that is
//! remembered.

use std::time::Duration;

use mattersync::model::{
    Absence, Account, AccountChange, Announcement, ChangedPart, ChosenName, DirectoryId, Gap, Gone,
    HoldCause, HoldKey, IdAttribute, Link, LinkOrigin, Lookup, Memory, NewIds, NoNewId, Nonce,
    NotPurged, Now, OwnChange, Plan, Remember, Return, RunId, Timestamp, Undoing, Undone, Unlinked,
    UserId, Why,
};
use testkit::world::{DAY, MiniWorld, id, key, provider};

/// Two accounts whose ids are to come from another attribute.
fn company() -> MiniWorld {
    let mut world = MiniWorld::with(&["ada", "bo"]);
    world.identity.ids = Some(IdAttribute::usual("entryuuid"));
    world.cycle();
    world.new_ids = Some(IdAttribute::usual("employeenumber"));
    for (id, new) in [("ada", "1"), ("bo", "2")] {
        world.account(id).new_id = Some(DirectoryId::new(new));
    }
    world
}

/// The new ids that a plan holds, if it does.
fn held(plan: &Plan) -> Option<NewIds> {
    let mut holds = plan.holds.iter();
    holds.find_map(|hold| match &hold.cause {
        HoldCause::NewIds(new_ids) => {
            assert_eq!(hold.key, HoldKey::NewIds(provider()));
            assert_eq!(hold.fingerprints.len(), new_ids.renumbered.len());
            Some(new_ids.clone())
        }
        _ => None,
    })
}

/// All that can be remembered of one account.
fn everything(world: &MiniWorld, id: &str) -> Vec<Remember> {
    let (key, user) = (key(id), UserId::new("u1"));
    let at = Timestamp(5);
    let now: Now = world.now.clone();
    let link = Link {
        user: user.clone(),
        origin: LinkOrigin::Created,
        since: at,
        last_dn: "uid=anna".into(),
        last_username: "anna".into(),
        deactivated: None,
        email_waiting: Some("a@example.org".into()),
        given: Default::default(),
        agreed: Default::default(),
        anchor: None,
    };
    let absence = Absence {
        first: now.clone(),
        last: now.clone(),
        certain: Duration::from_secs(7),
        readings: 3,
    };
    let back = Return {
        first: at,
        readings: 1,
    };
    let name = ChosenName {
        base: "anna".into(),
        name: "anna-2".into(),
    };
    let announced = Announcement { date: at, at: now };
    let apart = Unlinked {
        user: user.clone(),
        by: "alice".into(),
        at,
    };
    let undone = Undone {
        what: Undoing::Unlink,
        user,
        run: RunId(3),
        by: "alice".into(),
        at,
        done: false,
    };
    let key = || key.clone();
    vec![
        Remember::Account(key(), AccountChange::Link(Some(link))),
        Remember::Account(key(), AccountChange::Absence(Some(absence))),
        Remember::Account(key(), AccountChange::Returning(Some(back))),
        Remember::Account(key(), AccountChange::Name(Some(name))),
        Remember::Account(key(), AccountChange::Begun(Some(Nonce::new("n").into()))),
        Remember::Account(key(), AccountChange::Waiting(Some(at.into()))),
        Remember::Account(
            key(),
            AccountChange::Flips(vec![OwnChange {
                at,
                of: ChangedPart::Username,
            }]),
        ),
        Remember::Account(key(), AccountChange::Announced(Some(announced))),
        Remember::Account(key(), AccountChange::Gone(Some(at))),
        Remember::Account(key(), AccountChange::Unlinked(Some(apart))),
        Remember::Account(key(), AccountChange::Undone(vec![undone])),
    ]
}

fn memory(changes: &[Remember]) -> Memory {
    let mut memory = Memory::default();
    changes.iter().for_each(|change| memory.remember(change));
    memory
}

fn migrated(world: &MiniWorld, before: &Memory) -> Memory {
    let mut world = MiniWorld {
        accounts: world.accounts.clone(),
        memory: before.clone(),
        ..company()
    };
    world.policy.lifecycle.purge_after = None;
    let new_ids = held(&world.plan()).unwrap();
    assert!(new_ids.is_possible());
    let mut after = before.clone();
    let delta = new_ids.rewrite(before, &provider());
    delta.iter().for_each(|change| after.remember(change));
    after
}

#[test]
fn each_kind_of_memory_goes_along_alone_and_together() {
    let mut world = MiniWorld::new();
    world.join("old", "anna");
    world.account("old").new_id = Some(DirectoryId::new("new"));
    let (old, new) = (everything(&world, "old"), everything(&world, "new"));
    for (old, new) in old.chunks(1).zip(new.chunks(1)) {
        assert_ne!(memory(old), Memory::default());
        assert_eq!(migrated(&world, &memory(old)), memory(new));
    }
    assert_eq!(migrated(&world, &memory(&old)), memory(&new));
}

#[test]
fn who_has_gone_gets_a_mark_once_and_keeps_it() {
    let world = MiniWorld::new();
    let once = migrated(&world, &memory(&everything(&world, "old")));
    assert_eq!(once, memory(&everything(&world, "WAS:entryuuid=old")));
    assert_eq!(migrated(&world, &once), once);
}

#[test]
fn new_ids_wait_for_a_person_and_everything_else_goes_on_by_the_old_ones() {
    let mut world = company();
    world.join("cy", "cy");
    world.lock("bo");
    let plan = world.cycle().0;
    assert!(!world.user("bo").is_active() && world.user("cy").is_active());
    let new_ids = held(&plan).unwrap();
    assert!(new_ids.is_possible());
    let ids = new_ids.renumbered.iter();
    let ids: Vec<_> = ids
        .map(|line| (line.from.as_str(), line.to.as_str()))
        .collect();
    assert_eq!(ids, [("ada", "1"), ("bo", "2")]);
    let words = plan.holds[0].cause.to_string();
    for part in ["employeenumber", "entryuuid", "2 accounts"] {
        assert!(words.contains(part), "{part}: {words}");
    }
    // It does not go away by waiting, and goes when the old attribute is put back.
    assert!(held(&world.plan()).is_some());
    world.new_ids = None;
    assert_eq!(held(&world.plan()), None);
}

#[test]
fn nobody_gets_a_new_id_while_one_cannot() {
    let mut world = company();
    for (new, why) in [
        (None, NoNewId::NoValue),
        (
            Some("1"),
            NoNewId::Shared {
                id: DirectoryId::new("1"),
                dn: "uid=ada,ou=people,dc=example".into(),
            },
        ),
    ] {
        world.account("bo").new_id = new.map(DirectoryId::new);
        let plan = world.plan();
        let new_ids = held(&plan).unwrap();
        assert!(!new_ids.is_possible());
        let stuck: Vec<_> = new_ids.stuck.iter().map(|one| &one.why).collect();
        assert!(stuck.contains(&&why), "{stuck:?}");
        assert!(plan.holds[0].cause.to_string().contains("nobody gets one"));
    }
    world.account("bo").new_id = Some(DirectoryId::new("2"));
    assert!(held(&world.plan()).unwrap().is_possible());
    world.gaps = vec![Gap::Empty];
    let plan = world.plan();
    assert!(!held(&plan).unwrap().is_possible());
    assert!(
        plan.holds[0]
            .cause
            .to_string()
            .contains("not read completely")
    );
    // Whoever is not in such a reading may be there.
    world.leave("bo");
    let stuck = held(&world.plan()).unwrap().stuck;
    assert!(matches!(stuck[0].why, NoNewId::Unknown(_)), "{stuck:?}");
}

#[test]
fn whoever_is_outside_the_base_gets_a_new_id_too_where_the_entry_has_one() {
    let mut world = company();
    let gone = world.leave("bo");
    let mut found = |new_id: Option<&str>| {
        let found = Lookup::Elsewhere {
            dn: gone.dn.clone(),
            state: gone.state.clone(),
            new_id: new_id.map(DirectoryId::new),
        };
        world.lookups.insert(id("bo"), Some(Ok(found)));
        held(&world.plan()).unwrap()
    };
    let bo = found(Some("2")).renumbered.remove(1);
    assert_eq!((bo.to.as_str(), bo.gone), ("2", None));
    let shared = found(Some("1"));
    assert!(matches!(shared.stuck[0].why, NoNewId::Shared { .. }));
    let bo = found(None).renumbered.remove(1);
    assert!(bo.to.is_former());
    assert_eq!(bo.gone, Some(Gone::OutOfScope { dn: gone.dn }));
}

/// Numbers of two attributes are alike: whoever has gone under one is not who goes under the other.
#[test]
fn the_mark_of_whoever_has_gone_names_the_attribute() {
    let (number, other) = (
        IdAttribute::usual("employeenumber"),
        IdAttribute::usual("uidnumber"),
    );
    assert_ne!(id("3").former(&number), id("3").former(&other));
    assert!(id("3").former(&number).is_former() && !id("3").is_former());
}

#[test]
fn two_outside_the_base_with_one_new_id_are_both_stuck() {
    let mut world = company();
    for who in ["ada", "bo"] {
        let gone = world.leave(who);
        let found = Lookup::Elsewhere {
            dn: gone.dn,
            state: gone.state,
            new_id: Some(DirectoryId::new("9")),
        };
        world.lookups.insert(id(who), Some(Ok(found)));
    }
    let new_ids = held(&world.plan()).unwrap();
    assert_eq!((new_ids.renumbered.len(), new_ids.stuck.len()), (0, 2));
    assert!(!new_ids.is_possible());
}

/// What a person said of an account counts for it under its new id, too.
#[test]
fn whoever_is_remembered_without_a_link_needs_a_new_id_too() {
    let mut world = company();
    let apart = Unlinked {
        user: world.user_id("bo"),
        by: "alice".into(),
        at: world.now.wall,
    };
    let record = world.memory.accounts.get_mut(&key("bo")).unwrap();
    record.link = None;
    record.unlinked = Some(apart);
    world.account("bo").new_id = None;
    let new_ids = held(&world.plan()).unwrap();
    assert_eq!(new_ids.stuck.len(), 1);
    assert_eq!(new_ids.stuck[0].user, None);
}

/// Nobody can tell any more whether such an account is somewhere.
#[test]
fn whoever_got_no_new_id_is_never_deleted() {
    let mut world = company();
    world.policy.lifecycle.purge_after = Some(30 * DAY);
    world.server.may_delete_users = Some(true);
    world.leave("bo");
    for _ in 0..4 {
        world.cycle();
        world.tick(DAY);
    }
    assert!(!world.user("bo").is_active());
    let new_ids = held(&world.plan()).unwrap();
    let delta = new_ids.rewrite(&world.memory, &provider());
    delta
        .iter()
        .for_each(|change| world.memory.remember(change));
    world.identity.ids = world.new_ids.take();
    let ada = world.accounts.remove(&id("ada")).unwrap();
    let ada = Account {
        id: DirectoryId::new("1"),
        ..ada
    };
    world.accounts.insert(ada.id.clone(), ada);
    for _ in 0..3 {
        world.tick(60 * DAY);
        let plan = world.cycle().0;
        assert!(plan.steps.is_empty(), "{:?}", plan.steps);
    }
    let left = world.plan().left_alone;
    let told = left.iter().any(|left| {
        matches!(&left.why, Why::NotPurged { because, .. } if *because == NotPurged::FormerId)
    });
    assert!(told, "{left:?}");
}
