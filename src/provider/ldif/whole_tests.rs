//! What tells a whole file from one that is not.

use std::fs;
use std::time::Duration;

use super::super::super::pass::file_gaps;
use super::*;
use crate::config::LockRule;
use crate::model::{Account, Roster};

#[test]
fn what_is_incomplete() {
    let alice = person("alice", 1);
    let ldbsearch = format!("{alice}# returned 3 records\n# 2 entries\n# 1 referrals\n");
    assert!(gap(&ldbsearch).contains("2 entries"));
    let cut = format!("{}{}", person("bob", 2), alice.trim_end());
    assert!(gap(&cut).contains("last line has no end"));
    assert!(gap(&format!("{alice}# numEntries: 2\n")).contains("2 entries"));
    assert!(
        gap(&format!(
            "{alice}search: 2\nresult: 4 Size limit exceeded\n"
        ))
        .contains("size limit")
    );
    assert!(gap(&format!("{alice}ref: ldap://other/ou=x,dc=nh\n")).contains("ldap://other"));
    // Another domain's configuration says nothing about where this one's people are.
    let other = format!("{alice}ref: ldap://x/CN=Configuration,DC=other\n");
    assert!(gap(&other).contains("ldap://x"));
    assert!(
        gap(&format!(
            "{alice}# pagedresults\npagedresults: cookie=AA==\n"
        ))
        .contains("more pages")
    );
    // Who says at the beginning that more will come says at the end that it came.
    let header = "# extended LDIF\n#\n# LDAPv3\n# base <dc=nh> with scope subtree\n#\n\n";
    let end = "# search result\nsearch: 2\nresult: 0 Success\n\n";
    for cut in [
        format!("{header}{alice}"),
        format!("version: 1\n\n#\n# LDAPv3\n#\n\n{alice}"),
        format!("{header}{alice}{header}{}{end}", person("bob", 2)),
        format!("{alice}# record 2\n"),
    ] {
        assert!(gap(&cut).contains("broke off"), "{cut}");
    }
    let cut = format!("{alice}dn: uid=bob,ou=People,dc=directory,dc=nh\nuid: bob\n");
    assert!(gap(&cut).contains("does not end with an empty line"));
    let empty: Vec<_> = whole("").accounts.gaps().to_vec();
    assert_eq!(empty, [Gap::File("it is empty".into()), Gap::Empty]);
    let mut mapping = rfc2307();
    mapping.base = "dc=other".into();
    let elsewhere = read_with(&alice, mapping, &[]).unwrap();
    assert!(
        elsewhere.accounts.gaps()[0]
            .to_string()
            .contains("below dc=other")
    );
    assert_eq!(elsewhere.accounts.gaps()[1], Gap::Empty);
}

/// A line that is none, in an entry whose id can be read: that is this account, present, and nobody
/// else is in doubt because of it.
#[test]
fn a_broken_line_in_an_entry_with_an_id_hides_nobody_else() {
    let alice = person("alice", 1);
    let broken = [
        alice.replace("uid: alice\n", "uid: alice\nmail alice@example.org\n"),
        alice.replace(
            "uid: alice\n",
            "uid: alice\ndescription: long and\nfolded\n",
        ),
        alice.replace("\n\n", "\nsomething\n\n"),
        alice.replace("uid: alice\n", "uid: alice\n-- \n"),
    ];
    for broken in broken {
        let directory = read_with(format!("{broken}{}", person("bob", 2)), rfc2307(), &[1, 3]);
        let Directory {
            accounts, groups, ..
        } = directory.unwrap();
        assert_eq!(accounts.gaps(), [], "{broken}");
        assert_eq!(groups.gaps(), [Gap::Empty], "{broken}");
        let [bad] = accounts.rejected() else {
            panic!("{broken}");
        };
        assert_eq!(bad.key, Some(id(1)));
        assert!(matches!(accounts.look(&id(3)), Evidence::Absent(_)));
    }
    // Where two entries run into each other, either may be anybody.
    let two = format!("{}\nmail bob\n{}", alice.trim_end(), person("bob", 2));
    let read = read_with(two, rfc2307(), &[1, 3]).unwrap();
    assert!(matches!(read.accounts.look(&id(3)), Evidence::Unknown(_)));
}

/// FreeIPA keeps who left, and who is not there yet, in containers that lock, whatever is stored
/// with them; 389 locks by roles.
#[test]
fn what_a_server_would_compute_is_computed_from_the_file() {
    let mut mapping = rfc2307();
    mapping.locks = vec![LockRule::NsAccountLock, LockRule::UserPassword];
    let free = person("alice", 1).replace("uid: alice\n", "uid: alice\nnsAccountLock: FALSE\n");
    let tree = "cn=accounts,cn=provisioning,dc=directory,dc=nh";
    let left = free.replace(
        "ou=People,dc=directory,dc=nh",
        &format!("cn=deleted users,{tree}"),
    );
    let temp = person("bob", 2).replace("uid: bob\n", "uid: bob\nnsRoleDN: cn=temps,dc=nh\n");
    let role = "dn: cn=nsDisabledRole,dc=nh\nobjectClass: nsNestedRoleDefinition\n\
                nsRoleDN: cn=nsManagedDisabledRole,dc=nh\n";
    let state = |text: &str, n: u32| {
        let directory = read_with(text, mapping.clone(), &[]).unwrap();
        match directory.accounts.look(&id(n)) {
            Evidence::Present(account) => match account.state.by_locks() {
                AccountState::Active => 'a',
                AccountState::Locked { .. } => 'l',
                _ => 'u',
            },
            _ => '-',
        }
    };
    assert_eq!(state(&free, 1), 'a');
    assert_eq!(state(&left, 1), 'l');
    assert_eq!(state(&temp, 2), 'u');
    assert_eq!(state(&format!("{temp}{role}\n"), 2), 'a');
    assert_eq!(
        state(&format!("{temp}{role}nsRoleDN: CN=temps, dc=nh\n\n"), 2),
        'l'
    );
}

/// Monday's dump and Tuesday's in one file: who was deleted in between is still there.
#[test]
fn a_dump_that_was_appended() {
    let monday = [person("alice", 1), person("bob", 2), person("carl", 3)].concat();
    let locked = person("bob", 2).replace("entryUUID", "shadowExpire: 1\nentryUUID");
    let again = person("alice", 4);
    let text = format!("{monday}{again}{locked}");
    let directory = whole(&text);
    let said = directory.accounts.gaps()[0].to_string();
    assert!(
        said.contains("2 of its entries stand there twice (uid=alice"),
        "{said}"
    );
    assert!(said.contains("appended"), "{said}");
    let is_out = |directory: &Directory| {
        let bob = directory.accounts.get(&id(2)).unwrap();
        matches!(bob.state, AccountState::Locked { .. })
    };
    assert!(is_out(&directory));
    // Alice was deleted and made anew: the new one counts, the old one is not absent.
    assert!(directory.accounts.get(&id(4)).is_some());
    assert!(matches!(
        directory.accounts.look(&id(1)),
        Evidence::Unknown(_)
    ));
    // Locked in one of them is locked, and the last one's values count.
    let open = person("bob", 2).replace("entryUUID", "title: Head\nentryUUID");
    let directory = whole(&format!("{locked}{open}"));
    assert!(is_out(&directory));
    let bob = directory.accounts.get(&id(2)).unwrap();
    assert_eq!(bob.profile[&crate::model::ProfileField::Position], "Head");
}

#[test]
fn a_dump_of_some_attributes_says_which_one_lacks() {
    let text = [person("alice", 1), person("bob", 2)].concat();
    let text = text.replace("objectClass: posixAccount\n", "");
    let said = whole(&text).accounts.gaps()[0].to_string();
    assert!(said.contains("2 entries below the base"), "{said}");
    assert!(
        said.contains("none has objectClass, which accounts.filter asks for"),
        "{said}"
    );
}

#[test]
fn a_usual_limit_is_suspect_unless_the_search_says_that_it_succeeded() {
    let mut text: String = (1..=500).map(|n| person(&format!("u{n}"), n)).collect();
    let suspect = whole(&text);
    assert_eq!(suspect.accounts.gaps(), [Gap::SuspectCount(500)]);
    assert_eq!(suspect.accounts.len(), 500);
    text.push_str("search: 2\nresult: 0 Success\n");
    assert_eq!(whole(&text).accounts.gaps(), []);
    assert_eq!(
        whole(&text[text.find("\n\n").unwrap() + 2..])
            .accounts
            .gaps(),
        []
    );
}

#[test]
fn a_missing_sentinel_is_noticed() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(person("alice", 1).as_bytes()).unwrap();
    let what = LdifSource {
        path: file.path().into(),
        mapping: rfc2307(),
        sentinels: vec!["alice".into(), "canary".into()],
    };
    let directory = read(&what, &ask(&[]), &AtomicBool::new(false)).unwrap();
    assert_eq!(directory.accounts.gaps(), [Gap::Sentinel("canary".into())]);
}

#[test]
fn what_is_whole() {
    let alice = person("alice", 1);
    let search = "search: 2\nresult: 0 Success\ncontrol: 1.2 false\npagedresults: cookie=\n";
    for text in [
        alice.clone(),
        format!("{}\n# end\n", alice.trim_end()),
        alice.replace('\n', "\r\n"),
        format!("{alice}{search}\n# numResponses: 2\n# numEntries: 1\n"),
        format!(
            "{alice}# numEntries: 1\n\n{}# numEntries: 1\n",
            person("bob", 2)
        ),
        format!("{alice}ref: ldap://x/CN=Configuration,dc=nh\n"),
        format!("# LDAPv3\n#\n\n{alice}# search result\n{search}\n# numEntries: 1\n"),
        format!("# LDAPv3\n#\n\n{alice}# search result\n\n# numEntries: 1\n"),
        format!("\u{feff}{alice}"),
        format!("# record 1\n{alice}# returned 1 records\n# 1 entries\n# 0 referrals\n"),
        format!("{alice}# refldap://x/DC=DomainDnsZones,dc=nh\n"),
    ] {
        assert_eq!(whole(&text).accounts.gaps(), [], "{text}");
    }
}

#[test]
fn a_file_that_changes_while_it_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.ldif");
    let text = person("alice", 1);
    let changes: [fn(&Path, &str); 4] = [
        |path, text| fs::write(path, format!("{text}\n")).unwrap(),
        |path, text| {
            let new = path.with_extension("new");
            fs::write(&new, text).unwrap();
            fs::rename(new, path).unwrap();
        },
        |path, _| {
            let file = File::options().write(true).open(path).unwrap();
            file.set_modified(std::time::UNIX_EPOCH + Duration::from_secs(1))
                .unwrap();
        },
        |path, _| fs::remove_file(path).unwrap(),
    ];
    for (n, change) in changes.into_iter().enumerate() {
        fs::write(&path, &text).unwrap();
        let (file, before) = open(&path).unwrap();
        let wanted = BTreeSet::new();
        let mut records = Records::new(BufReader::new(file), &wanted);
        while records.next().unwrap().is_some() {}
        assert_eq!(file_gaps(&records, &before, &path), [], "{n}");
        change(&path, &text);
        let gaps = file_gaps(&records, &before, &path);
        assert!(
            matches!(gaps.as_slice(), [Gap::File(what)] if what.contains("while it was read")),
            "{n}: {gaps:?}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// Wherever a file is cut, either nobody is called absent or the cut is at a border that
    /// cannot be told from a whole file: behind an entry's empty line.
    #[test]
    fn a_cut_file_takes_nobody_away(at in 0usize..600) {
        let text = [person("alice", 1), person("bob", 2), person("carl", 3)].concat();
        let at = at.min(text.len());
        let Ok(directory) = read_with(&text[..at], rfc2307(), &[1, 2, 3]) else {
            return Ok(());
        };
        if directory.accounts.gaps().is_empty() {
            prop_assert!(text[..at].ends_with("\n\n"));
        }
    }
}

/// The line that locks them is the one that was cut off.
#[test]
fn a_cut_between_two_lines_of_the_last_entry_lets_nobody_in() {
    let last = person("bob", 2);
    let cut = format!("{}{}\n", person("alice", 1), last.trim_end());
    let locked = format!("{cut}shadowExpire: 1\n");
    let read = |text: &str, known| read_with(text, rfc2307(), known).unwrap().accounts;
    let is_out = |accounts: &Roster<DirectoryId, Account>| {
        let bob = accounts.get(&id(2)).unwrap();
        matches!(bob.state, AccountState::Locked { .. })
    };
    assert!(is_out(&read(&format!("{locked}\n"), &[])));
    assert!(is_out(&read(&locked, &[2])), "what is there counts");
    let accounts = read(&cut, &[2]);
    assert!(!is_out(&accounts));
    assert!(matches!(accounts.gaps(), [Gap::File(what)] if what.contains("add an empty line")));
    // Who is not known has no user yet, and gets none.
    let accounts = read(&cut, &[1]);
    assert!(matches!(accounts.look(&id(2)), Evidence::Unknown(_)));
    assert!(accounts.rejected()[0].why.contains("add an empty line"));
    assert!(accounts.get(&id(1)).is_some());
}
