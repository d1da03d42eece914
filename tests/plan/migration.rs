//! Everybody gets another id, and keeps all that is remembered.

use std::time::Duration;

use mattersync::model::{
    Absence, AccountChange, Announcement, ChosenName, Flip, Flipped, Link, LinkOrigin, Memory,
    Nonce, Now, Remember, Return, RunId, Timestamp, Undoing, Undone, Unlinked, UserId,
};
use mattersync::plan::Migration;

use testkit::world::{MiniWorld, key, provider};

const ATTRIBUTE: &str = "employeenumber";

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
        Remember::Account(key(), AccountChange::Nonce(Some(Nonce::new("n")))),
        Remember::Account(key(), AccountChange::Waiting(Some(at.into()))),
        Remember::Account(
            key(),
            AccountChange::Flips(vec![Flip {
                at,
                of: Flipped::Username,
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
    let migration = Migration::of(before, &provider(), &world.directory(), ATTRIBUTE);
    assert_eq!(migration.stuck, []);
    let mut after = before.clone();
    let delta = migration.rewrite(before, &provider());
    delta.iter().for_each(|change| after.remember(change));
    after
}

#[test]
fn each_kind_of_memory_goes_along_alone_and_together() {
    let mut world = MiniWorld::new();
    world.join("old", "anna");
    world.account("old").anchor = Some(format!("{ATTRIBUTE}=new"));
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
    assert_eq!(once, memory(&everything(&world, "WAS:old")));
    assert_eq!(migrated(&world, &once), once);
}
