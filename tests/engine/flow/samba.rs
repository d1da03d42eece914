//! A real Samba AD domain controller. There can be only one at a time.

use mattermost_sim::Version;
use mattersync::cycle::Engine;
use mattersync::model::{LeftAlone, Why};
use servers::{AdPerson, SambaDc, ad_people};

use crate::flow::follow::{Office, Place, everything};
use testkit::stage::{Stage, cycle};

const STAFF: &str = "OU=Staff,DC=ad,DC=example,DC=org";

/// From 1601-01-01 to 1970-01-01, in days.
const FILETIME_EPOCH: u64 = 134_774;

struct Domain(SambaDc);

fn dn(name: &str, place: Place) -> String {
    format!("CN={name},{}", unit(place))
}

fn unit(place: Place) -> String {
    match place {
        Place::Home => STAFF.into(),
        Place::Inside => format!("OU=Sales,{STAFF}"),
        Place::Outside => "OU=Leavers,DC=ad,DC=example,DC=org".into(),
    }
}

impl Domain {
    fn new(people: &[AdPerson]) -> Self {
        let dc = SambaDc::start().unwrap();
        dc.add_unit("Staff").unwrap();
        dc.add_unit("Leavers").unwrap();
        let sales = unit(Place::Inside);
        dc.add(&format!("dn: {sales}\nobjectClass: organizationalUnit\n\n"))
            .unwrap();
        dc.add_people(people).unwrap();
        Self(dc)
    }

    fn engine_below(&self, stage: &Stage, base: &str, rest: &str) -> Engine {
        let (name, password) = self.0.service();
        let provider = format!(
            "urls = [{url:?}]\ncertificate-sha256 = {pin:?}\nschema = \"ad\"\nbase = {base:?}\n\
             bind-dn = {name:?}\nbind-password = {secret}\n",
            url = self.0.ldaps_url(),
            pin = self.0.pin().unwrap(),
            secret = stage.secret("ldap", password),
        );
        stage.engine(&provider, rest)
    }

    fn set(&self, name: &str, attribute: &str, value: &str) {
        let dn = dn(name, Place::Home);
        self.0.set(&dn, attribute, &[value]).unwrap();
    }
}

impl Office for Domain {
    fn lock(&self, name: &str) {
        self.0.set_enabled(&dn(name, Place::Home), false).unwrap();
    }

    fn unlock(&self, name: &str) {
        self.0.set_enabled(&dn(name, Place::Home), true).unwrap();
    }

    fn expire(&self, name: &str, day: Option<u64>) {
        // Tenths of a microsecond; never is the greatest number.
        let ticks = day.map_or(i64::MAX.unsigned_abs(), |day| {
            (day + FILETIME_EPOCH) * 864_000_000_000
        });
        self.set(name, "accountExpires", &ticks.to_string());
    }

    fn rename(&self, from: &str, to: &str) {
        let at = dn(from, Place::Home);
        self.0.rename(&at, &format!("CN={to}"), None).unwrap();
        self.set(to, "sAMAccountName", to);
    }

    fn move_to(&self, name: &str, from: Place, to: Place) {
        let rdn = format!("CN={name}");
        self.0
            .rename(&dn(name, from), &rdn, Some(&unit(to)))
            .unwrap();
    }

    fn delete(&self, name: &str) {
        self.0.delete(&dn(name, Place::Home)).unwrap();
    }

    fn add(&self, name: &str, mail: &str) {
        let person = AdPerson {
            mail: Some(mail.into()),
            parent: STAFF.into(),
            ..AdPerson::new(name, "Another Person")
        };
        self.0.add_people(&[person]).unwrap();
    }

    fn set_mail(&self, name: &str, mail: &str) {
        self.set(name, "mail", mail);
        // An address too, which would say that it is the same person.
        self.set(name, "userPrincipalName", mail);
    }

    fn engine(&self, stage: &Stage, rest: &str) -> Engine {
        self.engine_below(stage, STAFF, rest)
    }
}

#[tokio::test]
async fn a_domain_is_followed() {
    let people: Vec<AdPerson> = ad_people(1_200)
        .into_iter()
        .map(|person| AdPerson {
            parent: STAFF.into(),
            ..person
        })
        .collect();
    let enabled = people.iter().filter(|person| person.enabled).count();
    let domain = Domain::new(&people);
    let stage = Stage::new(Version::V5_38);

    // From the domain's root, whose search always refers to CN=Configuration. No users are made for
    // Samba's own accounts, nor for the one that reads.
    let mut whole = domain.engine_below(&stage, domain.0.base(), "");
    let filled = cycle(&stage, &mut whole).await;
    let directory = filled.summary.view.directories.values().next().unwrap();
    assert_eq!(directory.accounts.gaps(), [], "the reference hides nothing");
    assert_eq!(directory.accounts.len(), 1_205);
    let nobody = |l: &LeftAlone| matches!(l.why, Why::NotAPerson { linked: false, .. });
    assert_eq!(filled.left(nobody), 5, "{:?}", filled.plan().left_alone);
    let id = directory.accounts.iter().next().unwrap().0;
    assert_eq!(id.as_str().len(), 36, "an objectGUID: {id}");
    assert_eq!(filled.kinds()[0], ("create", enabled));
    assert_eq!(stage.active(), enabled);
    stage.assert_rests(&cycle(&stage, &mut whole).await);

    everything(&stage, &domain).await;
}
