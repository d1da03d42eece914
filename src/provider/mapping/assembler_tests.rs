//! What a whole reading says beyond its entries.

use proptest::prelude::*;

use super::super::testing::{ad, entry, now, person, rfc2307, texts, uuid};
use super::*;
use crate::model::{Evidence, Timestamp};

const OPEN: (&str, &str) = ("userpassword", "{CRYPT}$6$x");

fn proof() -> Result<Proof, Vec<Gap>> {
    Ok(Proof {
        at: Timestamp(1),
        source: "test".into(),
        entries: 0,
        lookup: None,
    })
}

fn assemble(entries: &[Entry], groups: &[Entry], sentinels: &[&str]) -> Directory {
    let (mapping, now) = (rfc2307(), now());
    let mut assembler = Assembler::new(&mapping, &now);
    entries.iter().cloned().for_each(|e| assembler.account(e));
    groups.iter().cloned().for_each(|e| assembler.group(e));
    let sentinels: Vec<_> = sentinels.iter().map(|s| s.to_string()).collect();
    assembler.finish(proof(), proof(), SourceIdentity::default(), &sentinels)
}

fn id(n: u32) -> DirectoryId {
    DirectoryId::new(uuid(n))
}

fn group(name: &str, n: u32, members: &[(&str, &str)]) -> Entry {
    let id = uuid(n);
    let mut values = vec![("cn", name), ("entryuuid", id.as_str())];
    values.extend_from_slice(members);
    texts(&format!("cn={name},ou=Groups,dc=directory,dc=nh"), &values)
}

#[test]
fn a_whole_reading_proves_absence_and_has_a_shape() {
    let mail = ("mail", "a@example.org");
    let directory = assemble(
        &[
            person("alice", 1, &[mail, OPEN]),
            person("bob", 2, &[OPEN, ("mail", "")]),
        ],
        &[],
        &["UID=Alice, ou=people,dc=directory,dc=nh", "bob"],
    );
    let Evidence::Absent(proof) = directory.accounts.look(&id(9)) else {
        panic!("{:?}", directory.accounts.gaps());
    };
    assert_eq!(proof.entries, 2);
    assert_eq!(directory.shape.accounts, 2);
    assert_eq!(
        directory.shape.containers,
        BTreeMap::from([(Dn::of("ou=people,dc=directory,dc=nh"), 2)])
    );
    let has = |name: &str| directory.shape.attributes.get(name).copied();
    assert_eq!(
        [
            has("mail"),
            has("userpassword"),
            has("sn"),
            has("homedirectory")
        ],
        [Some(1), Some(2), Some(0), None]
    );
    assert_eq!(directory.state_unknown, 0);
}

#[test]
fn a_missing_sentinel_proves_nothing() {
    let alice = person("alice", 1, &[]);
    let sentinels = ["uid=canary,ou=People,dc=directory,dc=nh", "alice"];
    let directory = assemble(&[alice], &[group("sales", 1, &[])], &sentinels);
    let want = [Gap::Sentinel(sentinels[0].into())];
    assert_eq!(directory.accounts.gaps(), want);
    assert_eq!(directory.groups.gaps(), want);
    // A sentinel that was read but cannot be used was seen.
    let broken = texts(sentinels[0], &[("entryuuid", &uuid(7))]);
    let directory = assemble(&[person("alice", 1, &[]), broken], &[], &sentinels);
    assert_eq!(directory.accounts.gaps(), []);
}

#[test]
fn nothing_read_proves_nothing() {
    let directory = assemble(&[], &[], &[]);
    assert_eq!(directory.accounts.gaps(), [Gap::Empty]);
    assert_eq!(directory.groups.gaps(), [Gap::Empty]);
    let useless = texts("cn=a", &[("entryuuid", &uuid(1))]);
    let directory = assemble(&[useless], &[], &[]);
    assert!(matches!(directory.accounts.gaps(), [Gap::Rejected(_)]));
    assert!(matches!(
        directory.accounts.look(&id(2)),
        Evidence::Unknown(_)
    ));
}

#[test]
fn gaps_of_the_provider_are_kept() {
    let (mapping, now) = (rfc2307(), now());
    let assembler = Assembler::new(&mapping, &now);
    let gap = Gap::Referral("ldap://x".into());
    let said = Err(vec![gap.clone()]);
    let directory = assembler.finish(said.clone(), said, SourceIdentity::default(), &[]);
    assert_eq!(directory.accounts.gaps(), [gap.clone(), Gap::Empty]);
    assert_eq!(directory.groups.gaps(), [gap, Gap::Empty]);
}

#[test]
fn one_id_is_one_account() {
    let mut again = person("alice", 1, &[OPEN]);
    again.dn = "UID=alice, OU=people,dc=directory,dc=nh".into();
    let directory = assemble(&[person("alice", 1, &[OPEN]), again], &[], &[]);
    assert_eq!(
        (
            directory.accounts.len(),
            directory.accounts.rejected().len()
        ),
        (1, 0)
    );
    assert_eq!(directory.shape.attributes["userpassword"], 1);

    // Two entries, or three: nobody can tell who it is, and nobody is absent.
    let twins = [
        person("a", 1, &[OPEN]),
        person("b", 1, &[]),
        person("c", 1, &[]),
        person("d", 2, &[OPEN]),
    ];
    let directory = assemble(&twins, &[], &[]);
    assert_eq!(directory.accounts.len(), 1);
    assert_eq!(directory.accounts.rejected().len(), 3);
    assert_eq!(directory.shape.attributes["userpassword"], 1);
    assert!(matches!(
        directory.accounts.look(&id(1)),
        Evidence::Unknown(Gap::Rejected(_))
    ));
    assert!(matches!(
        directory.accounts.look(&id(3)),
        Evidence::Absent(_)
    ));
    assert!(directory.accounts.rejected()[0].why.contains("uid=b"));
}

#[test]
fn an_entry_without_id_may_be_anybody() {
    let nameless = texts("uid=x,dc=nh", &[("uid", "x")]);
    let directory = assemble(&[person("alice", 1, &[]), nameless], &[], &[]);
    assert_eq!(directory.accounts.rejected()[0].name, "uid=x,dc=nh");
    let [Gap::Rejected(why)] = directory.accounts.gaps() else {
        panic!("{:?}", directory.accounts.gaps());
    };
    assert!(why.contains("uid=x,dc=nh"), "{why}");
    // One without a username is known by its id; nobody else is in doubt.
    let no_name = texts("cn=y,dc=nh", &[("entryuuid", &uuid(5))]);
    let directory = assemble(&[person("alice", 1, &[]), no_name], &[], &[]);
    assert!(matches!(
        directory.accounts.look(&id(5)),
        Evidence::Unknown(_)
    ));
    assert!(matches!(
        directory.accounts.look(&id(6)),
        Evidence::Absent(_)
    ));
}

#[test]
fn a_locked_time_anywhere_shows_that_it_can_be_read() {
    let lock = ("pwdaccountlockedtime", "000001010000Z");
    let alone = assemble(&[person("alice", 1, &[]), person("bob", 2, &[])], &[], &[]);
    assert_eq!(alone.state_unknown, 2);
    let seen = assemble(
        &[person("alice", 1, &[]), person("bob", 2, &[lock])],
        &[],
        &[],
    );
    assert_eq!(seen.state_unknown, 0);
    let state = |n| match seen.accounts.look(&id(n)) {
        Evidence::Present(account) => account.state.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(state(1), AccountState::Active);
    assert!(matches!(state(2), AccountState::Locked { .. }));

    let (mapping, now) = (rfc2307(), now());
    let mut assembler = Assembler::new(&mapping, &now);
    assembler.account(person("alice", 1, &[]));
    assembler.readable(LockRule::PwdAccountLockedTime);
    let directory = assembler.finish(proof(), proof(), SourceIdentity::default(), &[]);
    assert_eq!(directory.state_unknown, 0);
}

#[test]
fn what_is_missing_can_be_asked_for() {
    let (mapping, now) = (rfc2307(), now());
    let mut assembler = Assembler::new(&mapping, &now);
    assembler.account(person("alice", 1, &[]));
    assembler.account(texts("cn=y", &[("entryuuid", &uuid(2))]));
    let known = BTreeSet::from([id(1), id(2), id(3)]);
    assert_eq!(assembler.missing(&known), [&id(3)]);
}

#[test]
fn members_are_found_by_username_and_by_dn() {
    let people = [person("Alice", 1, &[]), person("bob", 2, &[])];
    let groups = [
        group(
            "sales",
            10,
            &[("memberuid", "ALICE"), ("memberuid", "gone")],
        ),
        group(
            "ops",
            11,
            &[
                ("member", "UID=Bob , ou=people,dc=directory,DC=nh"),
                ("member", "cn=sales,ou=Groups,dc=directory,dc=nh"),
                ("member", ""),
                ("memberuid", "bob"),
            ],
        ),
    ];
    let directory = assemble(&people, &groups, &[]);
    let read: Vec<_> = directory
        .groups
        .iter()
        .map(|(_, g)| {
            (
                g.name.as_str(),
                g.members.iter().cloned().collect(),
                g.other_members,
            )
        })
        .collect();
    assert_eq!(read, [("sales", vec![id(1)], 1), ("ops", vec![id(2)], 1)]);
    let Evidence::Present(bob) = directory.accounts.look(&id(2)) else {
        panic!("no bob");
    };
    assert_eq!(bob.groups, BTreeSet::from([GroupId::new(uuid(11))]));
}

#[test]
fn a_name_that_means_two_accounts_means_none() {
    let mut twin = person("alice", 2, &[]);
    twin.dn = "uid=alice,ou=Other,dc=directory,dc=nh".into();
    let groups = [group("sales", 10, &[("memberuid", "alice")])];
    let directory = assemble(&[person("alice", 1, &[]), twin], &groups, &[]);
    let (_, sales) = directory.groups.iter().next().unwrap();
    assert_eq!((sales.members.len(), sales.other_members), (0, 1));
}

#[test]
fn a_group_read_in_part_is_not_empty() {
    let ranged = group("big", 10, &[("member;range=0-1499", "cn=a")]);
    let directory = assemble(
        &[person("alice", 1, &[])],
        &[ranged, group("b", 11, &[])],
        &[],
    );
    let evidence = directory.groups.look(&GroupId::new(uuid(10)));
    assert!(matches!(evidence, Evidence::Unknown(Gap::Rejected(_))));
    assert_eq!(directory.groups.gaps(), []);
}

proptest! {
    #[test]
    fn no_entry_panics(
        dn in "\\PC{0,30}",
        values in proptest::collection::vec((0usize..12, proptest::collection::vec(any::<u8>(), 0..40)), 0..12),
    ) {
        for mapping in [rfc2307(), ad()] {
            let names: Vec<_> = wanted_attributes(&mapping)
                .into_iter()
                .chain(["member".into(), "memberuid".into()])
                .filter(|name| *name != mapping.id.name)
                .collect();
            let values: Vec<_> = values
                .iter()
                .map(|(i, v)| (names[i % names.len()].as_str(), v.as_slice()))
                .collect();
            let now = now();
            let mut assembler = Assembler::new(&mapping, &now);
            let mut entry = entry(&dn, &values);
            assembler.account(entry.clone());
            entry.attributes.insert(mapping.id.name.clone(), vec![vec![7; 16]]);
            if mapping.id.name == "entryuuid" {
                entry.attributes.insert("entryuuid".into(), vec![uuid(1).into_bytes()]);
            }
            assembler.account(entry.clone());
            assembler.group(entry);
            let directory = assembler.finish(proof(), proof(), SourceIdentity::default(), &["x".into()]);
            prop_assert!(directory.accounts.len() <= 1);
            prop_assert!(directory.shape.attributes.values().all(|n| *n <= 1));
        }
    }

    #[test]
    fn the_order_of_entries_does_not_matter(seed in proptest::collection::vec((0u32..6, 0u32..6), 0..12)) {
        let lock = [("pwdaccountlockedtime", "000001010000Z")];
        let entries: Vec<_> = seed
            .iter()
            .map(|(name, n)| person(&format!("u{name}"), *n, if *n == 3 { &lock[..] } else { &[] }))
            .collect();
        let mut reversed = entries.clone();
        reversed.reverse();
        let (one, other) = (assemble(&entries, &[], &[]), assemble(&reversed, &[], &[]));
        let ids = |d: &Directory| d.accounts.iter().map(|(k, a)| (k.clone(), a.clone())).collect::<Vec<_>>();
        // Three twins or two, seen again or not: who is usable does not depend on the order.
        prop_assert_eq!(ids(&one), ids(&other));
        prop_assert_eq!(one.state_unknown, other.state_unknown);
        prop_assert_eq!(one.accounts.gaps().is_empty(), other.accounts.gaps().is_empty());
    }
}

/// Somebody who takes a username that looks like another one, or has characters in it that nobody sees,
/// is in no group of the other one, and takes nobody out of theirs.
#[test]
fn a_name_that_looks_the_same_is_no_member() {
    let accounts = [
        person("alice", 1, &[OPEN]),
        person("ａlice", 2, &[OPEN]),
        person("al\u{ad}ice", 3, &[OPEN]),
        person("alice\u{200b}", 4, &[OPEN]),
        person("Jürgen", 5, &[OPEN]),
    ];
    let members = [("memberuid", "Alice"), ("memberuid", "ju\u{308}rgen")];
    let directory = assemble(&accounts, &[group("admins", 10, &members)], &[]);
    let (_, group) = directory.groups.iter().next().unwrap();
    assert_eq!(group.members, BTreeSet::from([id(1), id(5)]));
}
