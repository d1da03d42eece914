//! A real directory server, as an administrator meets it at first.

use servers::people;
use servers::{Slapd, SlapdOptions};

use crate::place::Place;

/// A server with so many people, and a place that reads it.
fn slapd(number: u32, options: SlapdOptions) -> (Slapd, Place) {
    let seed = people::ldif(&people::people(number)) + &options.seed;
    let slapd = Slapd::start(SlapdOptions { seed, ..options }).unwrap();
    let (dn, password) = slapd.service();
    let mut place = Place::new();
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
    drop(slapd);
    place.run(&["check"]).exits(1).says("version 11.6.0");
    place.run(&["sync"]).exits(69).says("directory");
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
