//! A slapd with people, and the configuration that reads it.

use std::collections::BTreeSet;

use mattermost_sim::Version;
use mattersync::cycle::Engine;
use servers::people::{self, Person};
use servers::{Overlay, Slapd, SlapdOptions};

use crate::flow::follow::{Office, Place, everything};
use testkit::stage::{Stage, cycle};

pub const BASE: &str = "dc=directory,dc=nh";
pub const PEOPLE: &str = "ou=People,dc=directory,dc=nh";

/// For ever (draft-behera-ldap-password-policy, 5.3.3).
pub const LOCKED: &str = "000001010000Z";

/// The attribute that NethServer 8 locks with.
pub const LOCK: &str = "pwdAccountLockedTime";

/// `n` people with given name and title, who are all active.
pub fn people(n: u32) -> Vec<Person> {
    let mut people = people::people(n);
    for person in &mut people {
        person.more.push(("givenName".into(), "Given".into()));
        person.more.push(("title".into(), "Somebody".into()));
    }
    people
}

/// The options of a NethServer 8: ppolicy, and slapd's own limit of 500 entries.
pub fn limited() -> SlapdOptions {
    SlapdOptions {
        overlays: BTreeSet::from([Overlay::Ppolicy]),
        ..SlapdOptions::default()
    }
}

/// The same with the limit lifted for who reads.
pub fn unlimited() -> SlapdOptions {
    SlapdOptions {
        unlimited: vec![format!("cn=ldapservice,{BASE}")],
        ..limited()
    }
}

/// A running server with these people.
pub fn start(people: &[Person], options: SlapdOptions) -> Slapd {
    let seed = options.seed.clone() + &people::ldif(people);
    Slapd::start(SlapdOptions { seed, ..options }).unwrap()
}

/// The provider's section for a server at this address, below this base.
pub fn provider(stage: &Stage, slapd: &Slapd, url: &str, base: &str) -> String {
    let (dn, password) = slapd.service();
    let start_tls = if url.starts_with("ldap:") {
        "start-tls = true\n"
    } else {
        ""
    };
    let ca = if url.starts_with("ldapi:") {
        String::new()
    } else {
        format!("ca-file = {:?}\n", slapd.ca_file().display().to_string())
    };
    format!(
        "urls = [{url:?}]\n{start_tls}{ca}schema = \"rfc2307\"\nbase = {base:?}\n\
         bind-dn = {dn:?}\nbind-password = {secret}\n",
        secret = stage.secret("ldap", password),
    )
}

/// The DN of a person in `ou=People`.
pub fn dn(uid: &str) -> String {
    format!("uid={uid},{PEOPLE}")
}

/// The server as its administrator works with it.
struct OpenLdap(Slapd);

impl OpenLdap {
    fn unit(place: Place) -> String {
        match place {
            Place::Home => PEOPLE.into(),
            Place::Inside => format!("ou=Sales,{PEOPLE}"),
            Place::Outside => format!("ou=Leavers,{BASE}"),
        }
    }
}

impl Office for OpenLdap {
    fn lock(&self, name: &str) {
        self.0.set(&dn(name), LOCK, &[LOCKED]).unwrap();
    }

    fn unlock(&self, name: &str) {
        self.0.set(&dn(name), LOCK, &[]).unwrap();
    }

    fn expire(&self, name: &str, day: Option<u64>) {
        let day: Vec<_> = day.iter().map(ToString::to_string).collect();
        let day: Vec<_> = day.iter().map(String::as_str).collect();
        self.0.set(&dn(name), "shadowExpire", &day).unwrap();
    }

    fn rename(&self, from: &str, to: &str) {
        self.0
            .rename(&dn(from), &format!("uid={to}"), None)
            .unwrap();
    }

    fn move_to(&self, name: &str, from: Place, to: Place) {
        let rdn = format!("uid={name}");
        let at = format!("{rdn},{}", Self::unit(from));
        self.0.rename(&at, &rdn, Some(&Self::unit(to))).unwrap();
    }

    fn delete(&self, name: &str) {
        self.0.delete(&dn(name)).unwrap();
    }

    fn add(&self, name: &str, mail: &str) {
        let mut person = Person::new(name, "Another Person", 9_999);
        person.mail = Some(mail.into());
        self.0.add(&person.ldif()).unwrap();
    }

    fn set_mail(&self, name: &str, mail: &str) {
        self.0.set(&dn(name), "mail", &[mail]).unwrap();
    }

    fn engine(&self, stage: &Stage, rest: &str) -> Engine {
        let url = self.0.ldaps_url();
        stage.engine(&provider(stage, &self.0, &url, PEOPLE), rest)
    }
}

#[tokio::test]
async fn an_openldap_is_followed() {
    let stage = Stage::new(Version::V11);
    let options = SlapdOptions {
        units: vec!["Leavers".into()],
        seed: format!("dn: ou=Sales,{PEOPLE}\nobjectClass: organizationalUnit\nou: Sales\n\n"),
        ..unlimited()
    };
    let office = OpenLdap(start(&people(1_200), options));
    let filled = cycle(&stage, &mut office.engine(&stage, "")).await;
    assert_eq!(
        filled.kinds(),
        [("create", 1_200), ("create-team", 1), ("join-team", 1_200)]
    );
    assert_eq!(stage.active(), 1_200);
    everything(&stage, &office).await;
}
