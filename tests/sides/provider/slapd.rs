//! A real OpenLDAP.

use mattersync::config::{Bind, LdapSettings, LockRule, Mapping, Trust};
use mattersync::model::{
    AccountState, Directory, DirectoryId, Evidence, Gap, Lookup, ProfileField,
};
use mattersync::provider::ProviderError;
use servers::people::{self, Person};
use servers::{Slapd, SlapdOptions};

use crate::provider::support::{
    BASE, PEOPLE, assert_proven, assert_unproven, configured, nobody, people_and_others, read,
    read_configured, rfc2307, settings, simple,
};

/// A server with so many people, all of whom its service account may read.
fn slapd(people: u32, options: SlapdOptions) -> Slapd {
    let seed = people::ldif(&people::people(people)) + &options.seed;
    Slapd::start(SlapdOptions { seed, ..options }).expect("slapd starts")
}

fn unlimited() -> SlapdOptions {
    SlapdOptions {
        unlimited: vec!["cn=ldapservice,dc=directory,dc=nh".into()],
        ..SlapdOptions::default()
    }
}

/// The three ways to the server: StartTLS with a CA file, TLS with a CA file, its socket.
fn transports(slapd: &Slapd) -> [LdapSettings; 3] {
    [slapd.url(), slapd.ldaps_url(), slapd.ldapi_url()].map(|address| LdapSettings {
        start_tls: true,
        trust: Trust::CaFile(slapd.ca_file()),
        ..settings(&address)
    })
}

async fn go(
    settings: LdapSettings,
    slapd: &Slapd,
    mapping: Mapping,
    known: &[DirectoryId],
) -> Result<Directory, ProviderError> {
    let (dn, password) = slapd.service();
    let (bind, _file) = simple(dn, password);
    read(LdapSettings { bind, ..settings }, mapping, known).await
}

async fn over_socket(slapd: &Slapd, known: &[DirectoryId]) -> Directory {
    let [_, _, socket] = transports(slapd);
    go(socket, slapd, rfc2307(BASE), known).await.unwrap()
}

fn id_of(directory: &Directory, username: &str) -> DirectoryId {
    let mut accounts = directory.accounts.iter();
    let found = accounts.find(|(_, account)| account.username == username);
    found.expect("is there").0.clone()
}

fn state(directory: &Directory, id: &DirectoryId) -> AccountState {
    match directory.accounts.look(id) {
        Evidence::Present(account) => account.state.clone(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_default_size_limit_is_seen_over_every_transport() {
    let slapd = slapd(1_200, SlapdOptions::default());
    for settings in transports(&slapd) {
        let known = [nobody()];
        let directory = go(settings, &slapd, rfc2307(BASE), &known).await.unwrap();
        assert_eq!(directory.accounts.len(), 500);
        assert_unproven(&directory, |gap| {
            matches!(gap, Gap::ResultCode { code: 4, .. })
        });
    }
}

#[tokio::test]
async fn without_the_limit_all_are_read_over_every_transport() {
    let slapd = slapd(1_200, unlimited());
    for settings in transports(&slapd) {
        let directory = go(settings, &slapd, rfc2307(BASE), &[nobody()])
            .await
            .unwrap();
        assert_eq!(directory.accounts.len(), 1_200);
        assert_proven(&directory);
        assert_eq!(
            directory.shape.containers["ou=people,dc=directory,dc=nh"],
            1_200
        );
        let source = directory.accounts.source();
        assert_eq!(source.where_ids_count(), format!("{BASE} by entryuuid"));
        assert!(source.server.is_some(), "the entryUUID of the suffix");
        // The service may not read passwords, so nobody's lock can be seen.
        assert_eq!(directory.state_unknown, 1_200);
        assert_eq!(directory.shape.attributes["userpassword"], 0);
    }
    let log = slapd.log().unwrap();
    assert!(!log.contains("attr=*"), "only what is needed is asked for");
    let opened = log.matches(" ACCEPT ").count();
    let closed = log.matches(" closed").count();
    assert!(closed + 1 >= opened, "{opened} opened, {closed} closed");
}

#[tokio::test]
async fn the_socket_lets_in_whom_the_system_knows() {
    let slapd = slapd(5, SlapdOptions::default());
    let mut settings = settings(&slapd.ldapi_url());
    settings.bind = Bind::External;
    let directory = read(settings, rfc2307(BASE), &[]).await.unwrap();
    assert_eq!(directory.accounts.len(), 5);
    assert_proven(&directory);
    let log = slapd.log().unwrap();
    assert!(
        log.contains("mech=EXTERNAL"),
        "bound as the owner of the socket's other end"
    );
}

#[tokio::test]
async fn who_moves_or_goes_is_looked_up() {
    let options = SlapdOptions {
        units: vec!["Leavers".into()],
        ..unlimited()
    };
    let slapd = slapd(5, options);
    let before = over_socket(&slapd, &[]).await;
    let known: Vec<_> = before.accounts.iter().map(|(id, _)| id.clone()).collect();
    slapd.delete(&format!("uid=p0001,{PEOPLE}")).unwrap();
    let leavers = format!("ou=Leavers,{BASE}");
    slapd
        .rename(&format!("uid=p0002,{PEOPLE}"), "uid=p0002", Some(&leavers))
        .unwrap();
    slapd
        .rename(&format!("uid=p0003,{PEOPLE}"), "uid=renamed", None)
        .unwrap();

    let [_, tls, _] = transports(&slapd);
    let after = go(tls, &slapd, rfc2307(PEOPLE), &known).await.unwrap();
    assert_eq!(after.accounts.gaps(), []);
    let Evidence::Absent(proof) = after.accounts.look(&id_of(&before, "p0001")) else {
        panic!("deleted");
    };
    assert_eq!(proof.lookup, Some(Lookup::Nowhere));
    let moved = after
        .accounts
        .found_elsewhere(&id_of(&before, "p0002"))
        .unwrap();
    assert_eq!(moved.0, format!("uid=p0002,{leavers}"));
    let Evidence::Present(renamed) = after.accounts.look(&id_of(&before, "p0003")) else {
        panic!("the same person");
    };
    assert_eq!(renamed.username, "renamed");

    // Who is added again under the old name is another person.
    slapd.load_people_again("p0001");
    let again = over_socket(&slapd, &known).await;
    assert_ne!(id_of(&again, "p0001"), id_of(&before, "p0001"));
    let old = again.accounts.look(&id_of(&before, "p0001"));
    assert!(matches!(old, Evidence::Absent(_)), "{old:?}");
}

trait Again {
    fn load_people_again(&self, uid: &str);
}

impl Again for Slapd {
    fn load_people_again(&self, uid: &str) {
        self.add(&Person::new(uid, "Somebody Else", 9_999).ldif())
            .unwrap();
    }
}

/// What nobody can tell from here: a lost right looks exactly like a deletion. The numbers for
/// each container show it, and the guard has to hold what comes of it.
#[tokio::test]
async fn a_hidden_container_looks_like_fifty_deletions() {
    let sales = (0..50).map(|n| {
        let mut person = Person::new(&format!("s{n:02}"), "Sally Sales", 7_000 + n);
        person.unit = "Sales".into();
        person
    });
    let sales: Vec<_> = sales.collect();
    let open = SlapdOptions {
        units: vec!["Sales".into()],
        seed: people::ldif(&sales),
        ..unlimited()
    };
    let mut slapd = slapd(150, open.clone());
    let before = over_socket(&slapd, &[]).await;
    let known: Vec<_> = before.accounts.iter().map(|(id, _)| id.clone()).collect();
    assert_eq!(known.len(), 200);
    let place = "ou=sales,dc=directory,dc=nh";
    assert_eq!(before.shape.containers[place], 50);

    let access = format!("access to dn.subtree=\"ou=Sales,{BASE}\" by * none");
    slapd.restart_with(SlapdOptions { access, ..open }).unwrap();
    let after = over_socket(&slapd, &known).await;
    assert_eq!(after.accounts.len(), 150);
    assert_proven(&after);
    assert_eq!(after.shape.containers.get(place), None);
    let said = after.accounts.look(&id_of(&before, "s07"));
    assert!(
        matches!(&said, Evidence::Absent(proof) if proof.lookup == Some(Lookup::Nowhere)),
        "{said:?}"
    );
}

#[tokio::test]
async fn without_the_right_to_search_nobody_is_found_and_nothing_proven() {
    let open = unlimited();
    let mut slapd = slapd(20, open.clone());
    let before = over_socket(&slapd, &[]).await;
    let access = "access to attrs=objectClass by * none".to_owned();
    slapd
        .restart_with(SlapdOptions {
            access,
            ..open.clone()
        })
        .unwrap();
    let id = id_of(&before, "p0003");
    let blind = over_socket(&slapd, std::slice::from_ref(&id)).await;
    assert_eq!(blind.accounts.len(), 0);
    assert_unproven(&blind, |gap| *gap == Gap::Empty);
    assert!(matches!(blind.accounts.look(&id), Evidence::Unknown(_)));
    // Ids that may be read and not searched for: the look-up would say "nowhere" of everybody.
    let access = "access to attrs=entryUUID by * =r".to_owned();
    slapd.restart_with(SlapdOptions { access, ..open }).unwrap();
    slapd.delete(&format!("uid=p0003,{PEOPLE}")).unwrap();
    let mute = over_socket(&slapd, std::slice::from_ref(&id)).await;
    assert_eq!(mute.accounts.len(), 19);
    let said = mute.accounts.look(&id);
    assert!(
        matches!(said, Evidence::Unknown(Gap::Lookup(_))),
        "{said:?}"
    );
}

#[tokio::test]
async fn locks_are_seen_where_they_may_be_read() {
    let options = SlapdOptions {
        access: "access to attrs=userPassword by dn.exact=\"cn=ldapservice,dc=directory,dc=nh\" \
                 read by anonymous auth by * none"
            .into(),
        ..unlimited()
    };
    let slapd = slapd(20, options);
    let before = over_socket(&slapd, &[]).await;
    let (seventh, first) = (id_of(&before, "p0007"), id_of(&before, "p0001"));
    assert!(matches!(
        state(&before, &seventh),
        AccountState::Locked { .. }
    ));
    assert_eq!(state(&before, &first), AccountState::Active);
    let set = |uid: &str, value: String| {
        slapd
            .set(&format!("uid={uid},{PEOPLE}"), "userPassword", &[&value])
            .unwrap();
    };
    set("p0007", people::Password::Set.value());
    set("p0001", people::Password::Locked.value());
    let after = over_socket(&slapd, &[]).await;
    assert_eq!(state(&after, &seventh), AccountState::Active);
    assert!(matches!(state(&after, &first), AccountState::Locked { .. }));
}

#[tokio::test]
async fn temporary_locks_of_ppolicy_are_asked_for() {
    let slapd = slapd(3, unlimited());
    let mapping = Mapping {
        locks: vec![LockRule::PwdAccountLockedTime],
        ..rfc2307(BASE)
    };
    // The attribute is not in this server's schema: it is asked for, and nobody has it.
    let [_, _, socket] = transports(&slapd);
    let directory = go(socket, &slapd, mapping, &[]).await.unwrap();
    assert_eq!(directory.state_unknown, 3);
}

#[tokio::test]
async fn groups_of_both_kinds_are_read() {
    let members = [format!("uid=p0001,{PEOPLE}"), format!("uid=gone,{PEOPLE}")];
    let options = SlapdOptions {
        seed: people::posix_group("staff", 2_000, &["p0001", "p0002", "gone"])
            + &people::group_of_names("board", &members),
        ..unlimited()
    };
    let slapd = slapd(5, options);
    let directory = over_socket(&slapd, &[]).await;
    assert_eq!(directory.groups.gaps(), []);
    let counted: Vec<_> = directory
        .groups
        .iter()
        .map(|(_, g)| (g.name.clone(), g.members.len(), g.other_members))
        .collect();
    assert!(counted.contains(&("staff".into(), 2, 1)), "{counted:?}");
    assert!(counted.contains(&("board".into(), 1, 1)), "{counted:?}");
}

#[tokio::test]
async fn names_beyond_ascii_arrive_whole() {
    let slapd = slapd(5, unlimited());
    let directory = over_socket(&slapd, &[]).await;
    let id = id_of(&directory, "p0004");
    let Evidence::Present(zoe) = directory.accounts.look(&id) else {
        panic!("is there");
    };
    let full: Vec<_> = zoe.profile.values().cloned().collect();
    assert!(full.join(" ").contains("Zoë"), "{full:?}");
    assert!(zoe.profile.contains_key(&ProfileField::FirstName));
}

#[tokio::test]
async fn refusals_of_a_real_server_are_explained() {
    let options = SlapdOptions {
        head: "security simple_bind=128\ndisallow bind_anon".into(),
        ..SlapdOptions::default()
    };
    let slapd = slapd(3, options);
    let plain = settings(&slapd.url());
    let error = go(plain.clone(), &slapd, rfc2307(BASE), &[])
        .await
        .expect_err("no TLS");
    assert!(
        matches!(error, ProviderError::Bind { code: 13, .. }),
        "{error}"
    );
    assert!(error.to_string().contains("start-tls = true"), "{error}");
    let [start_tls, ..] = transports(&slapd);
    assert_proven(
        &go(start_tls.clone(), &slapd, rfc2307(BASE), &[])
            .await
            .unwrap(),
    );

    let (bind, _file) = simple(slapd.service().0, "wrong");
    let wrong = LdapSettings { bind, ..start_tls };
    let error = read(wrong, rfc2307(BASE), &[]).await.expect_err("refused");
    assert!(
        matches!(error, ProviderError::WrongPassword { .. }),
        "{error}"
    );

    let [_, tls, _] = transports(&slapd);
    let error = go(tls, &slapd, rfc2307("dc=other"), &[])
        .await
        .expect_err("no base");
    assert!(error.to_string().contains("result 32"), "{error}");
}

#[tokio::test]
async fn a_filter_that_is_none_is_named() {
    let slapd = slapd(3, unlimited());
    let [_, _, socket] = transports(&slapd);
    let mapping = Mapping {
        filter: "(objectClass=posixAccount".into(),
        ..rfc2307(BASE)
    };
    let error = go(socket, &slapd, mapping, &[])
        .await
        .expect_err("no filter");
    assert!(error.to_string().contains("no LDAP filter"), "{error}");
}

#[tokio::test]
async fn the_defaults_of_the_schema_read_a_nethserver_7() {
    let slapd = slapd(40, unlimited());
    slapd
        .add(&people::posix_group("staff", 2_000, &["p0001"]))
        .unwrap();
    for uid in ["root", "nobody", "machine$"] {
        slapd.load_people_again(uid);
    }
    let (dn, password) = slapd.service();
    let (_, file) = simple(dn, password);
    let settings = configured(&format!(
        "kind = \"ldap\"\nurls = [\"{}\"]\nschema = \"rfc2307\"\nbase = \"{BASE}\"\n\
         bind-dn = \"{dn}\"\nbind-password = {{ file = {:?} }}\nca-file = {:?}",
        slapd.ldaps_url(),
        file.path(),
        slapd.ca_file(),
    ));
    let directory = read_configured(&settings).await.unwrap();
    let (people, rest) = people_and_others(&directory);
    assert_eq!(people, 40, "people, and nothing that only looks like one");
    let rule = |name: &str, like: &str| {
        let why = format!("the username {name} is like \"{like}\"");
        (name.to_owned(), why)
    };
    let wanted = [
        rule("machine$", "*$"),
        rule("nobody", "nobody"),
        rule("root", "root"),
    ];
    assert_eq!(rest, wanted);
    assert_proven(&directory);
    assert_eq!(directory.groups.len(), 1);
}
