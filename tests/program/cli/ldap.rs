//! A real directory server, as an administrator meets it at first.

use std::fs::Permissions;
use std::os::unix::fs::{PermissionsExt, chown};

use ldap_fault::{Entry, FaultServer, Script};
use servers::people::{self, Password};
use servers::{Slapd, SlapdOptions};

use testkit::place::Place;

/// A server with so many people, and a place that reads it.
fn slapd(number: u32, options: SlapdOptions) -> (Slapd, Place) {
    let seed = people::ldif(&people::people(number)) + &options.seed;
    let slapd = Slapd::start(SlapdOptions { seed, ..options }).unwrap();
    let (dn, password) = slapd.service();
    let mut place = Place::new(crate::BINARY);
    place.secret("bind", password);
    place.secrets.push(password.to_owned());
    place.provider = Some(format!(
        "urls = [\"{}\"]\nca-file = \"{}\"\nbind-dn = \"{dn}\"\nbind-password = {{ file = \"{}\" }}",
        slapd.ldaps_url(),
        slapd.ca_file().display(),
        place.path("bind").display(),
    ));
    place.write();
    (slapd, place)
}

#[test]
fn a_directory_is_checked_with_its_tls_bind_and_rights() {
    let (slapd, place) = slapd(20, SlapdOptions::default());
    let said = place.run(&["check"]);
    said.says("certificate trusted (certificate-sha256 = ")
        .says(&slapd.pin())
        .says(&format!("bound as dn:{}", slapd.service().0))
        .says("the filters find 20 accounts");

    place.secret("bind", "not-the-password");
    let said = place.run(&["check"]).exits(1);
    said.says("result 49").says_not("not-the-password");
    place.run(&["plan"]).exits(69).says("result 49");

    place.secret("bind", slapd.service().1);
    // The server is gone, and not what was written down of it.
    let (ca, text) = (slapd.ca_file(), std::fs::read(slapd.ca_file()).unwrap());
    drop(slapd);
    std::fs::create_dir_all(ca.parent().unwrap()).unwrap();
    std::fs::write(&ca, text).unwrap();
    place.run(&["check"]).exits(1).says("version 11.6.0");
    place.run(&["sync"]).exits(69).says("directory");
    std::fs::remove_dir_all(ca.parent().unwrap()).unwrap();
    place.run(&["sync"]).exits(78).says("CA file");
    assert_eq!(place.sim.writes(), 0);
}

#[test]
fn a_size_limit_is_told_loudly() {
    let (_slapd, place) = slapd(510, SlapdOptions::default());
    place
        .run(&["check"])
        .exits(4)
        .says("PROBLEM  directory")
        .says("limit");
    place
        .run(&["plan"])
        .exits(4)
        .says("THE READING OF THE DIRECTORY IS NOT COMPLETE")
        .says("size limit exceeded")
        .says("Nobody is deactivated");
}

/// A server of a replicated directory that has heard of changes until then, and the first of whose
/// three people is locked or not.
async fn replica(last_change: jiff::Timestamp, locked: bool) -> FaultServer {
    let stamp = last_change.strftime("%Y%m%d%H%M%S.000000Z#000000#001#000000");
    let base = "dc=directory,dc=nh";
    let mut entries = Entry::posix_people(3, &format!("ou=People,{base}"));
    let first = entries.remove(0);
    entries.insert(
        0,
        first.with("shadowExpire", if locked { "1" } else { "99999" }),
    );
    let top = Entry::new(base).with("objectClass", "organization");
    entries.insert(0, top.with_operational("contextCSN", stamp.to_string()));
    FaultServer::start(Script::new(base, entries))
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_server_says_that_is_behind_is_not_followed() {
    let now = jiff::Timestamp::now();
    let before = now - jiff::SignedDuration::from_mins(20);
    let (current, old) = (replica(now, true).await, replica(before, false).await);
    let mut place = Place::new(crate::BINARY);
    let mut ask = |server: &FaultServer, words: &[&str]| {
        place.provider = Some(format!("urls = [\"{}\"]", server.url()));
        place.write();
        place.run(words)
    };
    ask(&current, &["sync"]).exits(0).says("Created 2 users");
    ask(&old, &["sync"])
        .exits(69)
        .says("this server is behind the directory");
    ask(&current, &["sync"]).exits(0).says("Nothing");
}

/// `nobody` on Linux.
const NOBODY: u32 = 65_534;

/// As a NethServer 7: only root, over the socket, may read where locks are.
#[test]
fn locks_that_only_root_sees_are_seen_as_root_and_the_way_there_is_told() {
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    let mut people = people::people(5);
    people[2].password = Password::Locked;
    let root = "gidNumber=0+uidNumber=0,cn=peercred,cn=external,cn=auth";
    let slapd = Slapd::start(SlapdOptions {
        seed: people::ldif(&people),
        access: format!(
            "access to attrs=userPassword by dn.exact=\"{root}\" read by anonymous auth by * none"
        ),
        ..SlapdOptions::default()
    })
    .unwrap();
    let mut place = Place::new(crate::BINARY);
    place.accounts = Some(format!(
        "[[provider]]\nname = \"company\"\nschema = \"rfc2307\"\nurls = [\"{}\"]\n\
         bind = \"external\"\nbase = \"dc=directory,dc=nh\"\n[accounts]\n\
         lock = [\"userPassword\"]\n",
        slapd.ldapi_url()
    ));
    place.write();
    // Root's, so that root does not become a user `mattersync` of this machine.
    std::fs::create_dir(place.path("state")).unwrap();
    place
        .run(&["check"])
        .says("(the Unix user root)")
        .says("1 locked")
        .says_not("who is not root");

    // As the service user, whom the state directory belongs to.
    let open = Permissions::from_mode(0o755);
    let socket = slapd.ca_file();
    std::fs::set_permissions(socket.parent().unwrap(), open.clone()).unwrap();
    std::fs::set_permissions(place.dir.path(), open).unwrap();
    for name in ["state", "token", "initial"] {
        chown(place.path(name), Some(NOBODY), Some(NOBODY)).unwrap();
    }
    place
        .run(&["check"])
        .says("(the Unix user nobody, who is not root)")
        .says("you bind as nobody, who is not root")
        .says("40-nethserver7-root.conf");
}
