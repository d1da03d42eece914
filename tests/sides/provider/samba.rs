//! A real Samba AD domain controller. There can be only one at a time, and it takes a while to
//! start, so its tests are few and long.

use mattersync::config::{LdapSettings, Mapping, ProviderKind, Trust};
use mattersync::model::{AccountState, Directory, DirectoryId, Evidence, Lookup};
use mattersync::provider::Ask;
use mattersync::provider::ProviderError;
use mattersync::provider::ldap::LdapProvider;
use servers::{AdPerson, SambaDc, ad_people};

use crate::provider::support::{
    ad, assert_proven, configured, nobody, now, people_and_others, read, read_configured, settings,
    simple,
};

fn pin(dc: &SambaDc) -> Trust {
    let text = dc.pin().unwrap();
    let byte = |i: usize| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap();
    Trust::Pin(std::array::from_fn(byte))
}

fn over_tls(dc: &SambaDc, trust: Trust) -> LdapSettings {
    LdapSettings {
        trust,
        ..settings(dc.ldaps_url())
    }
}

async fn go(
    dc: &SambaDc,
    settings: LdapSettings,
    mapping: Mapping,
    known: &[DirectoryId],
) -> Result<Directory, ProviderError> {
    let (name, password) = dc.service();
    let (bind, _file) = simple(&name, password);
    read(LdapSettings { bind, ..settings }, mapping, known).await
}

async fn whole_domain(dc: &SambaDc, known: &[DirectoryId]) -> Directory {
    go(dc, over_tls(dc, pin(dc)), ad(dc.base()), known)
        .await
        .unwrap()
}

fn id_of(directory: &Directory, username: &str) -> DirectoryId {
    let mut accounts = directory.accounts.iter();
    let found = accounts.find(|(_, account)| account.username == username);
    found.expect("is there").0.clone()
}

fn dn(name: &str, base: &str) -> String {
    format!("CN={name},CN=Users,{base}")
}

#[tokio::test]
async fn a_domain_is_read_and_followed() {
    let dc = SambaDc::start().unwrap();
    let base = dc.base();
    let people = ad_people(250);
    dc.add_people(&people).unwrap();
    let anna = AdPerson::new("anna", "Änna Østergård");
    dc.add_people(std::slice::from_ref(&anna)).unwrap();
    let members: Vec<_> = people.iter().map(AdPerson::dn).collect();
    dc.add_group("everybody", &members).unwrap();
    let leavers = dc.add_unit("Leavers").unwrap();

    // Several pages, from the domain's root, whose search always refers to CN=Configuration.
    let before = whole_domain(&dc, &[nobody()]).await;
    assert_proven(&before);
    for name in ["anna", "p0000", "p0249"] {
        let id = id_of(&before, name);
        assert_eq!(id.as_str().len(), 36, "an objectGUID: {id}");
        assert_eq!(id.as_str(), id.as_str().to_lowercase());
    }
    let disabled = before
        .accounts
        .iter()
        .filter(|(_, a)| !matches!(a.state, AccountState::Active));
    let expected = people.iter().filter(|person| !person.enabled).count();
    // Guest is left out by the filter.
    assert_eq!(disabled.count(), expected);
    assert_eq!(before.state_unknown, 0);
    let (_, group) = before
        .groups
        .iter()
        .find(|(_, g)| g.name == "everybody")
        .unwrap();
    assert_eq!(group.members.len(), 250);
    assert_eq!(before.groups.gaps(), []);
    let source = before.accounts.source();
    assert!(
        source
            .server
            .as_ref()
            .is_some_and(|s| s.len() == 32 && s.bytes().all(|b| b.is_ascii_hexdigit())),
        "{source:?}"
    );

    let known: Vec<_> = before.accounts.iter().map(|(id, _)| id.clone()).collect();
    dc.set_enabled(&dn("p0000", base), false).unwrap();
    dc.rename(&dn("anna", base), "CN=anna.new", None).unwrap();
    dc.set(&dn("anna.new", base), "sAMAccountName", &["anna.new"])
        .unwrap();
    dc.rename(&dn("p0001", base), "CN=p0001", Some(&leavers))
        .unwrap();
    dc.set_enabled(&format!("CN=p0001,{leavers}"), false)
        .unwrap();
    dc.delete(&dn("p0002", base)).unwrap();
    let users = ad(&format!("CN=Users,{base}"));
    let after = go(&dc, over_tls(&dc, pin(&dc)), users, &known)
        .await
        .unwrap();
    assert_eq!(after.accounts.gaps(), []);
    let state = |name: &str| match after.accounts.look(&id_of(&before, name)) {
        Evidence::Present(account) => (account.username.clone(), account.state.clone()),
        other => panic!("{name}: {other:?}"),
    };
    assert!(matches!(state("p0000").1, AccountState::Locked { .. }));
    assert_eq!(state("anna"), ("anna.new".into(), AccountState::Active));
    let (place, state) = after
        .accounts
        .found_elsewhere(&id_of(&before, "p0001"))
        .unwrap();
    assert_eq!(place, format!("CN=p0001,{leavers}"));
    assert!(
        matches!(state, AccountState::Locked { .. }),
        "disabled and moved on one day"
    );
    let gone = after.accounts.look(&id_of(&before, "p0002"));
    assert!(
        matches!(&gone, Evidence::Absent(proof) if proof.lookup == Some(Lookup::Nowhere)),
        "{gone:?}"
    );
}

#[tokio::test]
async fn what_samba_refuses_is_explained() {
    let dc = SambaDc::start().unwrap();
    let plain = settings(dc.url());
    let error = go(&dc, plain, ad(dc.base()), &[])
        .await
        .expect_err("no TLS");
    assert!(
        matches!(error, ProviderError::Bind { code: 8, .. }),
        "{error}"
    );
    assert!(
        error.to_string().contains("use an ldaps:// address"),
        "{error}"
    );

    let with_ca = over_tls(&dc, Trust::CaFile(dc.ca_file()));
    let error = go(&dc, with_ca, ad(dc.base()), &[])
        .await
        .expect_err("no name");
    let advice = format!("certificate-sha256 = \"{}\"", dc.pin().unwrap());
    assert!(error.to_string().contains(&advice), "{error}");

    let anonymous = over_tls(&dc, pin(&dc));
    let error = read(anonymous, ad(dc.base()), &[])
        .await
        .expect_err("who are we");
    assert!(error.to_string().contains("set bind-dn"), "{error}");

    let start_tls = LdapSettings {
        start_tls: true,
        trust: pin(&dc),
        ..settings(dc.url())
    };
    assert_proven(&go(&dc, start_tls, ad(dc.base()), &[]).await.unwrap());
}

#[tokio::test]
async fn the_defaults_of_the_schema_read_a_samba_domain() {
    let dc = SambaDc::start().unwrap();
    dc.add_people(&ad_people(40)).unwrap();
    let (name, password) = dc.service();
    let (_, file) = simple(&name, password);
    let settings = configured(&format!(
        "kind = \"ldap\"\nurls = [\"{}\"]\nschema = \"ad\"\nbase = \"{}\"\n\
         bind-dn = \"{name}\"\nbind-password = {{ file = {:?} }}\n\
         certificate-sha256 = \"{}\"",
        dc.ldaps_url(),
        dc.base(),
        file.path(),
        dc.pin().unwrap(),
    ));
    let directory = read_configured(&settings).await.unwrap();
    let (people, rest) = people_and_others(&directory);
    assert_eq!(people, 40, "people, and no account of the system: {rest:?}");
    let dns = rest.iter().find(|(name, _)| name == "dns-dc1");
    assert_eq!(
        dns.map(|(_, rule)| rule.as_str()),
        Some("isCriticalSystemObject is TRUE"),
        "whatever a server calls it"
    );
    let rest: Vec<_> = rest.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        rest,
        ["Administrator", "Guest", "dns-dc1", "krbtgt", "ldapservice"]
    );
    assert_proven(&directory);
    assert_eq!(directory.state_unknown, 0);
    assert_eq!(directory.groups.gaps(), []);

    let ProviderKind::Ldap(ldap) = settings.kind else {
        panic!("ldap");
    };
    let provider = LdapProvider::new(ldap, settings.mapping, Vec::new());
    let inspection = provider
        .inspect(Ask::about(Default::default(), now()))
        .await
        .unwrap();
    assert_eq!(inspection.advice, [""; 0]);
    let facts = inspection.servers[0].1.as_ref().unwrap();
    assert!(
        facts.vendor.as_ref().is_some_and(|v| v.contains("Samba")),
        "{facts:?}"
    );
    // Samba 4.17 does not know "Who am I?" (RFC 4532).
    assert_eq!(facts.bound_as, None);
    assert!(facts.unknown_in_filters.is_empty() && facts.unknown_in_mapping.is_empty());
}

/// What a group does not show is not empty.
#[tokio::test]
async fn who_is_in_a_group_may_be_hidden() {
    let dc = SambaDc::start().unwrap();
    let people = ad_people(2);
    dc.add_people(&people).unwrap();
    let members: Vec<_> = people.iter().map(AdPerson::dn).collect();
    let hidden = dc.add_group("hidden", &members).unwrap();
    dc.add_group("idle", &[]).unwrap();
    dc.hide_members(&hidden).unwrap();
    let directory = whole_domain(&dc, &[]).await;
    let unseen = |name: &str| {
        let mut groups = directory.groups.iter();
        let (_, group) = groups.find(|(_, group)| group.name == name).unwrap();
        (
            group.members.len(),
            group.unseen.iter().cloned().collect::<Vec<_>>(),
        )
    };
    assert_eq!(unseen("hidden"), (0, vec!["member".to_owned()]));
    assert_eq!(unseen("idle"), (0, vec![]));
    assert_proven(&directory);
}
