//! Whole files, through the provider as the daemon uses it.

use std::collections::BTreeSet;
use std::io::Write;

use proptest::prelude::*;

use super::super::LdifProvider;
use super::super::pass::MAX_BAD;
use super::*;
use crate::config::Mapping;
use crate::model::{
    AccountState, DirectoryId, Evidence, Gap, Lookup, Now, ProviderName, Reading, Timestamp,
};
use crate::provider::Provider;
use crate::provider::mapping::testing::{ad, now, rfc2307, uuid};

fn person(uid: &str, n: u32) -> String {
    person_in("People", uid, n)
}

fn person_in(container: &str, uid: &str, n: u32) -> String {
    format!(
        "dn: uid={uid},ou={container},dc=directory,dc=nh\nobjectClass: posixAccount\nuid: {uid}\n\
         userPassword: {{CRYPT}}$6$x\nentryUUID: {}\n\n",
        uuid(n)
    )
}

fn id(n: u32) -> DirectoryId {
    DirectoryId::new(uuid(n))
}

fn ask(known: &[u32]) -> Ask {
    Ask::about(known.iter().map(|n| id(*n)).collect(), now())
}

fn read_path(path: &Path, mapping: Mapping, known: &[u32]) -> Result<Directory, ProviderError> {
    let name = ProviderName::new("default");
    let mut provider = LdifProvider::new(name, path.into(), mapping, Vec::new());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let Reading::Full(directory) = runtime.block_on(provider.read(&ask(known)))?;
    Ok(directory)
}

fn read_with(
    text: impl AsRef<[u8]>,
    mapping: Mapping,
    known: &[u32],
) -> Result<Directory, ProviderError> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_ref()).unwrap();
    read_path(file.path(), mapping, known)
}

fn whole(text: &str) -> Directory {
    read_with(text, rfc2307(), &[]).unwrap()
}

fn refused(text: &str) -> String {
    read_with(text, rfc2307(), &[]).unwrap_err().to_string()
}

#[path = "whole_tests.rs"]
mod whole_file;

/// The one gap of accounts, as text.
fn gap(text: &str) -> String {
    match whole(text).accounts.gaps() {
        [gap] => gap.to_string(),
        gaps => panic!("{gaps:?}"),
    }
}

#[test]
fn a_whole_file_proves_absence() {
    let text = format!(
        "version: 1\n\n{}{}dn: cn=sales,ou=Groups,dc=directory,dc=nh\nobjectClass: posixGroup\n\
         cn: sales\nmemberUid: alice\nentryUUID: {}\n\n",
        person("alice", 1),
        person("bob", 2),
        uuid(10)
    );
    let directory = read_with(text, rfc2307(), &[1, 7]).unwrap();
    assert_eq!(directory.accounts.gaps(), []);
    let Evidence::Present(alice) = directory.accounts.look(&id(1)) else {
        panic!("no alice");
    };
    assert_eq!(
        (alice.username.as_str(), &alice.state),
        ("alice", &AccountState::Active)
    );
    assert_eq!(alice.groups.len(), 1);
    let Evidence::Absent(proof) = directory.accounts.look(&id(7)) else {
        panic!("not absent");
    };
    assert_eq!((proof.entries, proof.lookup), (2, Some(Lookup::Nowhere)));
    assert_eq!(directory.groups.len(), 1);
    let source = directory.accounts.source();
    assert_eq!(source.where_ids_count(), "dc=directory,dc=nh by entryuuid");
}

#[test]
fn a_bad_record_is_named_and_stops_nobody_else() {
    let text = format!(
        "{}dn: uid=bob,ou=People,dc=directory,dc=nh\nuid:: $\n\n{}",
        person("alice", 1),
        person("zoe", 3)
    );
    let directory = read_with(text, rfc2307(), &[2]).unwrap();
    assert_eq!(directory.accounts.len(), 2);
    let rejected = &directory.accounts.rejected()[0];
    assert_eq!(
        rejected.name,
        "line 8 (uid=bob,ou=People,dc=directory,dc=nh)"
    );
    assert!(rejected.why.contains("base64"));
    assert!(matches!(
        directory.accounts.look(&id(2)),
        Evidence::Unknown(_)
    ));
    assert!(!directory.groups.gaps().is_empty());
}

/// One with a readable id is that account; nobody else is in doubt because of it.
#[test]
fn a_bad_record_with_an_id_is_that_account() {
    let url = "title:< file:///tmp/x\nentryUUID";
    let bob = person("bob", 2).replace("entryUUID", url);
    let group = format!(
        "dn: cn=sales,ou=Groups,dc=directory,dc=nh\nobjectClass: posixGroup\ncn: sales\n\
         entryUUID: {}\n\n",
        uuid(10)
    );
    let text = format!("{}{bob}{group}", person("alice", 1));
    let directory = read_with(&text, rfc2307(), &[2, 3]).unwrap();
    assert_eq!(directory.accounts.gaps(), []);
    assert_eq!(directory.groups.gaps(), []);
    let evidence = |n| directory.accounts.look(&id(n));
    assert!(matches!(evidence(2), Evidence::Unknown(Gap::Rejected(_))));
    assert!(matches!(evidence(3), Evidence::Absent(_)));
    assert_eq!(directory.accounts.rejected().len(), 1);
    // Also one whose name is none, and one that left the base.
    let nameless = bob.replace("dn: uid=bob,ou=People,dc=directory,dc=nh", "dn: bob");
    let elsewhere = bob.replace("dc=directory,dc=nh", "dc=other");
    for bob in [nameless, elsewhere] {
        let text = format!("{}{bob}", person("alice", 1));
        let directory = read_with(&text, rfc2307(), &[2]).unwrap();
        let evidence = directory.accounts.look(&id(2));
        assert!(
            matches!(evidence, Evidence::Unknown(Gap::Rejected(_))),
            "{bob}"
        );
        assert_eq!(directory.accounts.gaps(), [], "{bob}");
    }
    // Who is not known and stands elsewhere is nobody's business.
    let text = format!("{}{}", person("alice", 1), bob.replace("dc=nh", "dc=other"));
    let directory = read_with(&text, rfc2307(), &[]).unwrap();
    assert_eq!(directory.accounts.rejected(), []);
    assert_eq!(directory.accounts.gaps(), []);
}

#[test]
fn an_id_that_is_a_placeholder_leaves_nobody_open() {
    let mut mapping = rfc2307();
    mapping.id.name = "ipauniqueid".into();
    mapping.group_id = mapping.id.clone();
    let by = |text: String, id: &str| {
        let (before, _) = text.split_once("entryUUID").unwrap();
        format!("{before}ipaUniqueID: {id}\n\n")
    };
    let text = [
        by(person("alice", 1), "a-1"),
        by(person("stan", 2), "autogenerate"),
        by(person("olga", 3), "autogenerate"),
    ]
    .concat();
    let directory = read_with(&text, mapping, &[]).unwrap();
    assert_eq!(directory.accounts.gaps(), []);
    assert_eq!(directory.accounts.len(), 1);
    let rejected = directory.accounts.rejected();
    assert_eq!(rejected.len(), 2);
    assert!(rejected[0].why.contains("no id yet"), "{}", rejected[0].why);
}

#[test]
fn what_is_kept_of_the_deleted_is_nobody() {
    let deleted = person("bob", 2).replace("uid: bob", "objectClass: nsTombstone\nuid: bob");
    let text = format!("{}{deleted}", person("alice", 1));
    let directory = read_with(&text, rfc2307(), &[2]).unwrap();
    assert_eq!(directory.accounts.len(), 1);
    let evidence = directory.accounts.look(&id(2));
    assert!(matches!(evidence, Evidence::Absent(p) if p.lookup == Some(Lookup::Nowhere)));
}

#[test]
fn a_lock_that_the_server_computes_is_not_shown_by_another_s() {
    let mut mapping = rfc2307();
    mapping
        .locks
        .insert(0, crate::config::LockRule::NsAccountLock);
    let hide =
        |n: &str, id: u32, more: &str| person(n, id).replace("userPassword: {CRYPT}$6$x\n", more);
    let text = format!(
        "{}{}{}",
        hide("alice", 1, "nsAccountLock: FALSE\n"),
        hide("bob", 2, ""),
        person("carl", 3)
    );
    let directory = read_with(text, mapping, &[]).unwrap();
    let state = |n| directory.accounts.get(&id(n)).unwrap().state.clone();
    assert_eq!(state(1), AccountState::Active);
    assert!(matches!(state(2), AccountState::Unknown { .. }));
    assert_eq!(state(3), AccountState::Active);
    assert_eq!(directory.state_unknown, 1);
}

/// A dump without operational attributes looks as if nobody were locked any more.
#[test]
fn a_lock_that_was_not_dumped_is_hidden() {
    let hidden = |text: &str| {
        let directory = whole(text);
        directory
            .hidden_locks
            .into_iter()
            .collect::<Vec<_>>()
            .join(" ")
    };
    let alice = person("alice", 1);
    assert_eq!(hidden(&alice), "pwdaccountlockedtime");
    let with = |line: &str| alice.replace("entryUUID", &format!("{line}\nentryUUID"));
    assert_eq!(hidden(&with("modifyTimestamp: 20250101000000Z")), "");
    assert_eq!(hidden(&with("pwdAccountLockedTime: 000001010000Z")), "");
}

#[test]
fn what_is_no_ldif_is_refused() {
    let wide: Vec<u8> = person("a", 1)
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let said = read_with(wide, rfc2307(), &[]).unwrap_err().to_string();
    assert!(said.contains("UTF-16LE"), "{said}");
    let said = read_with(b"\x1f\x8b\x08", rfc2307(), &[]).unwrap_err();
    assert!(said.to_string().contains("gunzip"), "{said}");
    assert!(refused("<html>\n").contains("line 1"));
    assert!(refused("\0\u{1}\u{2}").contains("no LDIF"));
    let many = "oops\n\n".repeat(MAX_BAD + 1);
    assert!(refused(&format!("{}{many}", person("a", 1))).contains("more than 1000"));
    let missing = read_path(Path::new("/nonexistent/x.ldif"), rfc2307(), &[]);
    assert!(missing.unwrap_err().to_string().contains("no such file"));
    let folder = tempfile::tempdir().unwrap();
    let said = read_path(folder.path(), rfc2307(), &[])
        .unwrap_err()
        .to_string();
    assert!(said.contains("no regular file"), "{said}");
    let fifo = folder.path().join("pipe");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRUSR).unwrap();
    let said = read_path(&fifo, rfc2307(), &[]).unwrap_err().to_string();
    assert!(said.contains("no regular file"), "{said}");
}

#[test]
fn a_dump_without_ids_says_how_to_make_one() {
    let text = person("alice", 1).replace("entryUUID", "description");
    let said = refused(&text);
    assert!(
        said.contains("no entry has entryuuid") && said.contains("'+'"),
        "{said}"
    );
}

#[test]
fn a_filter_that_needs_a_server_is_refused() {
    let mut mapping = rfc2307();
    mapping.filter = "(memberOf:1.2.840.113556.1.4.1941:=cn=x)".into();
    let said = read_with("", mapping, &[]).unwrap_err().to_string();
    assert!(said.contains("needs a server"), "{said}");
}

#[test]
fn who_left_the_scope_is_found_elsewhere() {
    let mut mapping = rfc2307();
    mapping.base = "ou=People,dc=directory,dc=nh".into();
    let locked = person_in("Left", "carl", 3).replace("{CRYPT}", "{CRYPT}!");
    let other_class = person("dora", 4).replace("posixAccount", "person");
    let text = [
        person("alice", 1),
        person_in("Left", "bob", 2),
        locked,
        other_class,
    ]
    .concat();
    let directory = read_with(&text, mapping.clone(), &[1, 2, 3, 4, 5]).unwrap();
    assert_eq!(directory.accounts.len(), 1);
    let state = |n| {
        directory
            .accounts
            .found_elsewhere(&id(n))
            .map(|(_, state)| state.clone())
    };
    assert_eq!(state(2), Some(AccountState::Active));
    assert!(matches!(state(3), Some(AccountState::Locked { .. })));
    assert_eq!(state(4), Some(AccountState::Active));
    assert_eq!(state(5), None);
    assert!(matches!(
        directory.accounts.look(&id(5)),
        Evidence::Absent(_)
    ));
    // What was found is known also from half a file; what was not is not absent.
    let half = read_with(text.trim_end(), mapping, &[2, 5]).unwrap();
    assert!(half.accounts.found_elsewhere(&id(2)).is_some());
    assert!(matches!(
        half.accounts.look(&id(5)),
        Evidence::Unknown(Gap::File(_))
    ));
}

#[test]
fn what_the_reading_shows_counts_for_who_left_too() {
    let mut mapping = rfc2307();
    mapping.base = "ou=People,dc=directory,dc=nh".into();
    let hide = |entry: String| entry.replace("userPassword: {CRYPT}$6$x\n", "");
    let lock = "pwdAccountLockedTime: 20250101000000Z\nentryUUID";
    let bob = hide(person_in("Left", "bob", 2));
    let state = |text: String| {
        let directory = read_with(text, mapping.clone(), &[2]).unwrap();
        let found = directory.accounts.found_elsewhere(&id(2));
        found.map(|(_, state)| state.clone()).unwrap()
    };
    let seen = hide(person("alice", 1)).replace("entryUUID", lock);
    assert_eq!(state(format!("{bob}{seen}")), AccountState::Active);
    let unseen = state(format!("{bob}{}", person("alice", 1)));
    assert!(matches!(unseen, AccountState::Unknown { .. }));
}

#[test]
fn an_active_directory_dump() {
    let text = "dn: CN=Alice Jordan,OU=Staff,DC=ad,DC=example,DC=org\nobjectClass: user\n\
        sAMAccountName: AJordan\nsAMAccountType: 805306368\nuserAccountControl: 512\n\
        objectGUID:: MyIRAFVEd2aImaq7zN3u/w==\n\n\
        dn: CN=PC1,OU=Staff,DC=ad,DC=example,DC=org\nobjectClass: computer\n\
        sAMAccountType: 805306369\nobjectGUID:: AAECAwQFBgcICQoLDA0ODw==\n";
    let directory = read_with(text, ad(), &[]).unwrap();
    let ids: Vec<_> = directory
        .accounts
        .iter()
        .map(|(id, _)| id.as_str())
        .collect();
    assert_eq!(ids, ["00112233-4455-6677-8899-aabbccddeeff"]);
    assert_eq!(directory.state_unknown, 0);
}

#[test]
fn without_a_group_filter_no_groups_are_read() {
    let mut mapping = rfc2307();
    mapping.group_filter = String::new();
    let directory = read_with(person("alice", 1), mapping, &[]).unwrap();
    assert_eq!(directory.groups.gaps(), [Gap::NotRead]);
    assert_eq!(directory.accounts.gaps(), []);
}

#[test]
fn a_reading_that_is_given_up_stops() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(person("alice", 1).as_bytes()).unwrap();
    let what = LdifSource {
        path: file.path().into(),
        mapping: rfc2307(),
        sentinels: Vec::new(),
    };
    let said = read(&what, &ask(&[]), &AtomicBool::new(true))
        .unwrap_err()
        .to_string();
    assert!(said.contains("given up"), "{said}");
}

#[test]
fn an_account_that_expired_meanwhile_is_locked() {
    let text = person("alice", 1).replace("entryUUID", "shadowExpire: 20454\nentryUUID");
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    let what = LdifSource {
        path: file.path().into(),
        mapping: rfc2307(),
        sentinels: Vec::new(),
    };
    let state_at = |wall: i64| {
        let now = Now {
            wall: Timestamp(wall),
            ..now()
        };
        let ask = Ask::about(BTreeSet::new(), now);
        let directory = read(&what, &ask, &AtomicBool::new(false)).unwrap();
        directory
            .accounts
            .iter()
            .next()
            .map(|(_, a)| a.state.clone())
            .unwrap()
    };
    let midnight = 20454 * 86_400_000;
    assert_eq!(state_at(midnight - 1), AccountState::Active);
    assert!(matches!(state_at(midnight), AccountState::Locked { .. }));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_file_panics(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = read_with(&bytes, ad(), &[1]);
        let mut text = person("alice", 1).into_bytes();
        text.extend(bytes);
        let _ = read_with(&text, rfc2307(), &[1]);
    }
}
