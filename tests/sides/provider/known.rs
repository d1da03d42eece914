//! One look-up by id for each account that would be missing.

use ldap_fault::{Armed, At, Entry, Fault, FaultServer, Script, Target};
use mattersync::config::Mapping;
use mattersync::model::{AccountState, Directory, DirectoryId, Evidence, Gap, Lookup};

use crate::provider::support::{BASE, PEOPLE, nobody, posix_id, read, rfc2307, settings};

const LEAVERS: &str = "ou=Leavers,dc=directory,dc=nh";

/// Three people in `ou=People`, which is the base, and two outside: one active, one locked.
async fn server(change: impl FnOnce(Script) -> Script) -> FaultServer {
    let mut entries = Entry::posix_people(3, PEOPLE);
    let active = Entry::posix_person("active", LEAVERS, 7);
    let locked = Entry::posix_person("locked", LEAVERS, 8);
    entries.push(active.with("userPassword", "{CRYPT}$6$x"));
    entries.push(locked.with("userPassword", "{CRYPT}!$6$x"));
    FaultServer::start(change(Script::new(BASE, entries)))
        .await
        .unwrap()
}

async fn ask(server: &FaultServer, mapping: Mapping, known: &[DirectoryId]) -> Directory {
    let directory = read(settings(&server.url()), mapping, known).await.unwrap();
    assert_eq!(directory.accounts.gaps(), []);
    directory
}

#[tokio::test]
async fn nowhere_and_elsewhere_are_told_apart() {
    let server = server(|script| script).await;
    let known = [posix_id(0), posix_id(7), posix_id(8), nobody()];
    let directory = ask(&server, rfc2307(PEOPLE), &known).await;
    let accounts = &directory.accounts;
    assert!(matches!(accounts.look(&posix_id(0)), Evidence::Present(_)));
    let Evidence::Absent(proof) = accounts.look(&nobody()) else {
        panic!("absent");
    };
    assert_eq!(proof.lookup, Some(Lookup::Nowhere));
    let (dn, state) = accounts.found_elsewhere(&posix_id(7)).unwrap();
    assert_eq!(
        (dn, state),
        (&*format!("uid=active,{LEAVERS}"), &AccountState::Active)
    );
    let (_, state) = accounts.found_elsewhere(&posix_id(8)).unwrap();
    assert!(matches!(state, AccountState::Locked { .. }), "{state:?}");
    let asked = server.searches();
    let lookups: Vec<_> = asked
        .iter()
        .filter(|s| s.filter.contains("entryuuid="))
        .collect();
    assert_eq!(lookups.len(), 1, "one search for all");
    assert_eq!(lookups[0].base, BASE, "from the naming context");
}

#[tokio::test]
async fn who_no_longer_matches_the_filter_is_elsewhere() {
    let server = server(|script| script).await;
    let mapping = Mapping {
        filter: "(&(objectClass=posixAccount)(!(uid=p0001)))".into(),
        ..rfc2307(PEOPLE)
    };
    let directory = ask(&server, mapping, &[posix_id(1)]).await;
    let found = directory.accounts.found_elsewhere(&posix_id(1)).unwrap();
    assert_eq!(found.0, format!("uid=p0001,{PEOPLE}"));
}

fn unknown(directory: &Directory, id: &DirectoryId) -> String {
    match directory.accounts.look(id) {
        Evidence::Unknown(Gap::Lookup(why)) => why,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn somebody_whom_the_reading_missed_is_not_absent() {
    let hidden = Fault::HideBelow(format!("uid=p0002,{PEOPLE}"));
    let server = server(|script| {
        // Only the reading asks for addresses; the look-ups see everybody.
        script.with(Armed::from(hidden).when_asked_for("mail"))
    })
    .await;
    let directory = ask(&server, rfc2307(PEOPLE), &[posix_id(2)]).await;
    assert_eq!(directory.accounts.len(), 2);
    let why = unknown(&directory, &posix_id(2));
    assert!(why.contains("found after all"), "{why}");
}

#[tokio::test]
async fn a_look_up_that_fails_or_finds_not_even_who_is_there_tells_nothing() {
    let busy = Fault::End {
        at: At::START,
        code: 51,
        cookie: false,
    };
    let cut = Fault::Cut(At::START);
    let blind = Fault::HideBelow(PEOPLE.into());
    // The one who is there comes first, so they are found before the limit strikes.
    let limit = Fault::End {
        at: At::entries(1),
        code: 4,
        cookie: false,
    };
    for fault in [busy, cut, blind, limit] {
        let fault = Armed::from(fault)
            .when_filter_has("entryuuid=")
            .on(Target::Searches);
        let server = server(|script| script.with(fault.clone())).await;
        let directory = ask(&server, rfc2307(PEOPLE), &[nobody(), posix_id(7)]).await;
        unknown(&directory, &nobody());
        unknown(&directory, &posix_id(7));
    }
}

/// Whether the reading should have had them is asked a second time; if that is not answered to its
/// end, nobody knows whether they are out of scope or were missed.
#[tokio::test]
async fn a_second_look_that_is_cut_tells_nothing() {
    let outside = Entry::posix_person("outside", PEOPLE, 70)
        .without("objectClass")
        .with("objectClass", "inetOrgPerson");
    let with_outside = |mut script: Script| {
        script.entries.push(outside.clone());
        script
    };
    let honest = server(with_outside).await;
    let directory = ask(&honest, rfc2307(PEOPLE), &[posix_id(70)]).await;
    let found = directory.accounts.found_elsewhere(&posix_id(70));
    assert!(found.is_some(), "out of scope");
    let cut = |code| Fault::End {
        at: At::START,
        code,
        cookie: false,
    };
    let elsewhere = Fault::References(vec!["ldap://elsewhere/ou=x,dc=y".into()]);
    for fault in [cut(3), cut(4), cut(11), cut(51), elsewhere] {
        let second =
            Armed::from(fault.clone()).when_filter_has("(&(objectclass=posixaccount)(|(entryuuid=");
        let server = server(|script| with_outside(script).with(second)).await;
        let directory = ask(&server, rfc2307(PEOPLE), &[posix_id(70)]).await;
        unknown(&directory, &posix_id(70));
        let found = directory.accounts.found_elsewhere(&posix_id(70));
        assert!(found.is_none(), "{fault:?}");
    }
}

#[tokio::test]
async fn two_entries_with_one_id_are_nobody() {
    let server = server(|mut script| {
        script.entries.push(Entry::posix_person("twin", LEAVERS, 7));
        script
    })
    .await;
    let directory = ask(&server, rfc2307(PEOPLE), &[posix_id(7)]).await;
    assert!(unknown(&directory, &posix_id(7)).contains("2 entries have this id"));
}

#[tokio::test]
async fn many_are_asked_for_in_batches_and_the_rest_of_too_many_not_at_all() {
    let server = server(|script| script).await;
    let known: Vec<_> = (100..1_110).map(posix_id).collect();
    let directory = ask(&server, rfc2307(PEOPLE), &known).await;
    let said = known.iter().map(|id| directory.accounts.look(id));
    let absent = said
        .filter(|said| matches!(said, Evidence::Absent(_)))
        .count();
    assert_eq!(absent, 1_000);
    let why = unknown(&directory, &known[1_009]);
    for part in ["1010 accounts are missing", "approve missing", "check base"] {
        assert!(why.contains(part), "{why}");
    }
    let asked = server.searches();
    let lookups = asked
        .iter()
        .filter(|s| s.filter.contains("entryuuid="))
        .count();
    assert_eq!(lookups, 20);
}

/// Whoever is missing is asked for by id, and so an entry without one leaves nobody open.
#[tokio::test]
async fn an_entry_without_an_id_leaves_nobody_open_who_is_looked_up() {
    let nameless = || Entry::posix_person("new", PEOPLE, 9).without("entryUUID");
    let server = server(|mut script| {
        script.entries.push(nameless());
        script
    })
    .await;
    let directory = ask(&server, rfc2307(PEOPLE), &[nobody(), posix_id(7)]).await;
    let said = directory.accounts.look(&nobody());
    assert!(
        matches!(&said, Evidence::Absent(proof) if proof.lookup == Some(Lookup::Nowhere)),
        "{said:?}"
    );
    let rejected = directory.accounts.rejected();
    assert_eq!(rejected.len(), 1);
    assert_eq!(rejected[0].name, format!("uid=new,{PEOPLE}"));
}

/// What is kept of the deleted, and who lost a conflict of replication, are nobody in a directory, too.
#[tokio::test]
async fn remains_are_nobody() {
    let server = server(|mut script| {
        let gone = Entry::posix_person("gone", PEOPLE, 9).with("objectClass", "nsTombstone");
        let lost = Entry::posix_person("lost", PEOPLE, 10);
        let lost = lost.with_operational("nsds5ReplConflict", "namingConflict uid=p0001");
        script.entries.extend([gone, lost]);
        script
    })
    .await;
    let directory = ask(&server, rfc2307(PEOPLE), &[posix_id(9)]).await;
    let gone = directory.accounts.look(&posix_id(9));
    assert!(matches!(gone, Evidence::Absent(_)), "{gone:?}");
    let lost = directory.accounts.get(&posix_id(10)).unwrap();
    let AccountState::NotAPerson { rule, .. } = &lost.state else {
        panic!("{:?}", lost.state);
    };
    assert!(rule.contains("delete one of the two"), "{rule}");
}
