//! Who makes their own entry too large delays what concerns them, and nobody else; and no server
//! makes us keep more than a bounded number of octets.

use std::time::{Duration, Instant};

use ldap_fault::{Armed, Entry, Fault, FaultServer, Flood, Script};
use mattersync::config::{LockRule, Mapping};
use mattersync::model::{AccountState, Directory, DirectoryId, Evidence, Gap};
use mattersync::provider::ProviderError;
use servers::{Slapd, SlapdOptions, people};

use crate::provider::support::{
    BASE, PEOPLE, assert_proven, nobody, posix_id, read, read_from, rfc2307, server, settings,
};

const LARGE: usize = 3 << 20;

/// Fifty people, the third of whom is as this makes them.
async fn with_third(change: impl FnOnce(Entry) -> Entry) -> FaultServer {
    let mut entries = Entry::posix_people(50, PEOPLE);
    let third = change(entries.remove(3));
    entries.insert(3, third);
    FaultServer::start(Script::new(BASE, entries))
        .await
        .unwrap()
}

async fn go(server: &FaultServer, known: &[DirectoryId]) -> Directory {
    let mapping = Mapping {
        locks: vec![LockRule::ShadowExpire],
        ..rfc2307(BASE)
    };
    read(settings(&server.url()), mapping, known).await.unwrap()
}

/// The third is there, cannot be used and is named; everybody else was read, and absences count.
#[track_caller]
fn assert_third_alone(directory: &Directory) {
    assert_eq!(directory.accounts.len(), 49);
    let [rejected] = directory.accounts.rejected() else {
        panic!("{:?}", directory.accounts.rejected());
    };
    assert_eq!(rejected.key, Some(posix_id(3)));
    assert_eq!(rejected.name, format!("uid=p0003,{PEOPLE}"));
    assert!(rejected.why.contains("too large"), "{}", rejected.why);
    assert!(
        matches!(
            directory.accounts.look(&posix_id(3)),
            Evidence::Unknown(Gap::Rejected(_))
        ),
        "not absent"
    );
    assert_proven(directory);
}

#[tokio::test]
async fn six_values_of_three_mebibytes_hide_nobody_else() {
    let values = vec![vec![b'x'; LARGE]; 6];
    let server = with_third(|p| p.without("mail").with_all("mail", values)).await;
    assert_third_alone(&go(&server, &[posix_id(3), nobody()]).await);
}

#[tokio::test]
async fn so_do_many_values_and_a_long_one() {
    let server = with_third(|p| p.with("givenName", vec![b'x'; 40 << 20])).await;
    assert_third_alone(&go(&server, &[]).await);
    let values = (0..1_100_000).map(|_| []);
    let server = with_third(|p| p.with_all("givenName", values)).await;
    assert_third_alone(&go(&server, &[]).await);
}

#[tokio::test]
async fn nobody_stays_in_by_making_their_entry_larger() {
    let large = |p: Entry| {
        p.with("givenName", vec![b'x'; LARGE])
            .with("shadowExpire", "1")
    };
    let server = with_third(large).await;
    let directory = go(&server, &[posix_id(3)]).await;
    assert_third_alone(&directory);
    let (dn, state) = directory.accounts.found_elsewhere(&posix_id(3)).unwrap();
    assert_eq!(dn, format!("uid=p0003,{PEOPLE}"));
    assert!(matches!(state, AccountState::Locked { .. }), "{state:?}");
    // Where it is the lock itself that is too large, it is known at least who they are.
    let server = with_third(|p| p.with("shadowExpire", vec![b'1'; LARGE])).await;
    let directory = go(&server, &[posix_id(3)]).await;
    assert_third_alone(&directory);
    assert!(directory.accounts.found_elsewhere(&posix_id(3)).is_none());
}

/// Whoever is missing is asked for by id: who it is comes out then, and nobody else is in doubt.
#[tokio::test]
async fn one_whose_id_cannot_be_learned_is_found_by_it() {
    let hidden = Fault::NoSuchObject(format!("uid=p0003,{PEOPLE}"));
    let server = with_third(|p| p.with("givenName", vec![b'x'; LARGE])).await;
    server.arm(hidden);
    let directory = go(&server, &[posix_id(3), nobody()]).await;
    assert_eq!(directory.accounts.len(), 49);
    assert_eq!(directory.accounts.rejected()[0].key, None);
    let third = directory.accounts.look(&posix_id(3));
    assert!(matches!(third, Evidence::Unknown(_)), "{third:?}");
    assert_proven(&directory);
}

#[tokio::test]
async fn a_look_up_is_not_stopped_by_a_large_entry() {
    // Outside the filter, so that the reading does not contain them; their lock is too large.
    let stranger = |n: u32, lock: Vec<u8>| {
        Entry::posix_person(&format!("s{n}"), PEOPLE, n)
            .without("objectClass")
            .with("objectClass", "inetOrgPerson")
            .with("shadowExpire", lock)
    };
    let mut entries = Entry::posix_people(5, PEOPLE);
    entries.push(stranger(70, vec![b'1'; LARGE]));
    entries.push(stranger(71, b"1".to_vec()));
    let server = FaultServer::start(Script::new(BASE, entries))
        .await
        .unwrap();
    let directory = go(&server, &[posix_id(70), posix_id(71), nobody()]).await;
    assert_proven(&directory);
    let locked = |n| {
        let found = directory.accounts.found_elsewhere(&posix_id(n));
        matches!(found.unwrap().1, AccountState::Locked { .. })
    };
    assert!(locked(71) && !locked(70));
}

#[tokio::test]
async fn a_group_that_is_too_large_leaves_the_other_groups_as_they_are() {
    let group = |name: &str, n: u8, member: Vec<u8>| {
        Entry::new(&format!("cn={name},ou=Groups,{BASE}"))
            .with_all("objectClass", ["top", "posixGroup"])
            .with("cn", name)
            .with_operational("entryUUID", format!("00000000-0000-4000-9000-{n:012x}"))
            .with("memberUid", member)
    };
    let mut entries = Entry::posix_people(5, PEOPLE);
    // More than any group has, and less than a person may have.
    entries.push(group("huge", 1, vec![b'x'; 17 << 20]));
    entries.push(group(
        "large",
        2,
        [b"p0001".to_vec(), vec![0; 2 << 20]].concat(),
    ));
    entries.push(group("small", 3, b"p0001".to_vec()));
    let server = FaultServer::start(Script::new(BASE, entries))
        .await
        .unwrap();
    let directory = go(&server, &[]).await;
    let names: Vec<_> = directory
        .groups
        .iter()
        .map(|(_, g)| g.name.as_str())
        .collect();
    assert_eq!(names, ["large", "small"]);
    let [rejected] = directory.groups.rejected() else {
        panic!("{:?}", directory.groups.rejected());
    };
    assert!(rejected.key.is_some() && rejected.name.starts_with("cn=huge"));
    assert_eq!(directory.groups.gaps(), []);
}

/// A real server, as anybody can make it who may write a text of their own entry.
#[tokio::test]
async fn of_a_real_server_the_rest_is_read() {
    let person = |uid: &str, n: u32, values: &[String]| {
        let values: String = values.iter().map(|v| format!("givenName: {v}\n")).collect();
        format!(
            "dn: uid={uid},{PEOPLE}\nobjectClass: inetOrgPerson\nobjectClass: posixAccount\n\
             uid: {uid}\ncn: {uid}\nsn: {uid}\nuidNumber: {n}\ngidNumber: {n}\n\
             homeDirectory: /\n{values}\n"
        )
    };
    let many = |n: usize, size: usize| -> Vec<String> {
        (0..n).map(|i| format!("{i}{}", "x".repeat(size))).collect()
    };
    let seed = people::ldif(&people::people(20))
        + &person("mallory", 9_001, &many(6, LARGE))
        + &person("above", 9_002, &many(1, 1 << 20))
        + &person("below", 9_003, &many(1, (1 << 20) - 2_000));
    let slapd = Slapd::start(SlapdOptions {
        seed,
        ..SlapdOptions::default()
    })
    .unwrap();
    let known = [nobody()];
    let directory = read(settings(&slapd.url()), rfc2307(BASE), &known);
    let directory = directory.await.unwrap();
    assert_eq!(directory.accounts.len(), 21);
    let names: Vec<_> = directory
        .accounts
        .iter()
        .map(|(_, a)| &a.username)
        .collect();
    assert!(names.iter().any(|name| *name == "below"), "{names:?}");
    let rejected = directory.accounts.rejected();
    let mut names: Vec<_> = rejected.iter().map(|r| r.name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(
        names,
        [
            format!("uid=above,{PEOPLE}"),
            format!("uid=mallory,{PEOPLE}")
        ]
    );
    assert!(rejected.iter().all(|r| r.key.is_some()), "{rejected:?}");
    assert_proven(&directory);
}

#[tokio::test]
async fn what_never_ends_is_ended_by_its_size_and_not_by_the_deadline() {
    for (flood, words) in [
        (Flood::Entries, "1 GiB of memory"),
        (Flood::Intermediate, "1 GiB of memory"),
        (Flood::References, "more references"),
    ] {
        let server = server(3, |script| script.with(Fault::Flood(flood))).await;
        let began = Instant::now();
        let mut settings = settings(&server.url());
        settings.read_deadline = Duration::from_secs(50);
        let error = read(settings, rfc2307(BASE), &[])
            .await
            .expect_err("no reading");
        assert!(matches!(error, ProviderError::Protocol { .. }), "{error}");
        assert!(error.to_string().contains(words), "{flood:?}: {error}");
        assert!(began.elapsed() < Duration::from_secs(45), "{flood:?}");
    }
}

#[tokio::test]
async fn reasons_are_counted_and_not_all_kept() {
    let parts = (0..500).map(|n| format!("ldap://127.0.0.1/ou=Branch{n},{BASE}"));
    let server = server(3, |script| script.with(Fault::References(parts.collect()))).await;
    let directory = read_from(&server).await.unwrap();
    let gaps = directory.accounts.gaps();
    assert_eq!(gaps.len(), 21, "{gaps:?}");
    assert_eq!(gaps.last(), Some(&Gap::More(480)));
    let same = vec![format!("ldap://127.0.0.1/ou=Branch,{BASE}"); 500];
    let server = crate::provider::support::server(3, |script| {
        script.with(Armed::from(Fault::References(same)))
    })
    .await;
    let directory = read_from(&server).await.unwrap();
    assert_eq!(directory.accounts.gaps().len(), 1);
}
