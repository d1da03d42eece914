//! What `check` is told.

use ldap_fault::{Certificate, Entry, Fault, Tls};
use mattersync::config::{LdapSettings, Mapping, Trust};
use mattersync::provider::Ask;
use mattersync::provider::ProviderError;
use mattersync::provider::ldap::{Inspection, LdapProvider};
use servers::{Slapd, SlapdOptions, people};

use crate::provider::support::{BASE, PEOPLE, now, rfc2307, server, settings, simple, url};

async fn inspect(settings: LdapSettings, mapping: Mapping) -> Inspection {
    let provider = LdapProvider::new(settings, mapping, Vec::new());
    provider
        .inspect(Ask::about(Default::default(), now()))
        .await
        .unwrap()
}

fn advises(inspection: &Inspection, words: &str) -> bool {
    inspection.advice.iter().any(|text| text.contains(words))
}

#[tokio::test]
async fn a_real_server_tells_all_of_it() {
    let seed = people::ldif(&people::people(600));
    let options = SlapdOptions {
        seed,
        ..SlapdOptions::default()
    };
    let slapd = Slapd::start(options).unwrap();
    let mut settings = settings(&slapd.ldaps_url());
    let (dn, password) = slapd.service();
    let (bind, _file) = simple(dn, password);
    settings.bind = bind;
    let mapping = Mapping {
        filter: "(|(objectClass=posixAccount)(memberOf=cn=x))".into(),
        ..rfc2307(BASE)
    };
    let inspection = inspect(settings, mapping).await;
    let (_, facts) = &inspection.servers[0];
    let facts = facts.as_ref().unwrap();
    let tls = facts.tls.as_ref().unwrap();
    assert_eq!(
        (tls.version.as_str(), tls.pin.as_str()),
        ("TLSv1.3", slapd.pin().as_str())
    );
    assert_eq!(facts.vendor.as_deref(), Some("OpenLDAP"));
    assert_eq!(facts.bound_as, Some(format!("dn:{dn}")));
    assert_eq!(facts.naming_context.as_deref(), Some(BASE));
    assert!(facts.base_exists);
    assert_eq!(facts.paging, Some(true));
    assert_eq!(
        facts.unknown_in_filters.iter().collect::<Vec<_>>(),
        ["memberof"]
    );
    assert!(
        facts.unknown_in_mapping.is_empty(),
        "{:?}",
        facts.unknown_in_mapping
    );
    let directory = inspection.reading.as_ref().unwrap().as_ref().unwrap();
    assert_eq!(directory.accounts.len(), 500);
    assert_eq!(directory.shape.attributes["mail"], 500);
    for words in [
        &format!("dn.exact=\"{dn}\" size=unlimited"),
        "ask for memberof",
        &format!("certificate-sha256 = \"{}\"", slapd.pin()),
        "to see who is locked, let the account that we bind with read",
    ] {
        assert!(
            advises(&inspection, words),
            "{words}: {:?}",
            inspection.advice
        );
    }
}

#[tokio::test]
async fn a_wrong_base_is_told_apart_from_an_empty_one() {
    let slapd = Slapd::start(SlapdOptions::default()).unwrap();
    let wrong = inspect(
        settings(&slapd.ldapi_url()),
        rfc2307("ou=Nobody,dc=directory,dc=nh"),
    );
    let wrong = wrong.await;
    assert!(advises(
        &wrong,
        "the base ou=Nobody,dc=directory,dc=nh does not exist"
    ));
    assert!(advises(
        &wrong,
        "it is in the server's tree dc=directory,dc=nh"
    ));
    let other = inspect(settings(&slapd.ldapi_url()), rfc2307("dc=example,dc=org")).await;
    assert!(
        advises(
            &other,
            "none of the server's trees, which are: dc=directory,dc=nh"
        ),
        "{:?}",
        other.advice
    );
    // What was read is not asked for, and the reading tells the same.
    assert!(!advises(&other, "namingContexts"), "{:?}", other.advice);
    assert_eq!(other.advice.len(), 1, "{:?}", other.advice);
    let read = other.reading.unwrap().unwrap_err().to_string();
    assert!(read.contains("which are: dc=directory,dc=nh"), "{read}");
    assert!(matches!(
        wrong.reading,
        Some(Err(ProviderError::Search { .. }))
    ));
    let empty = inspect(settings(&slapd.ldapi_url()), rfc2307(PEOPLE)).await;
    assert!(!advises(&empty, "does not exist"), "{:?}", empty.advice);
    assert!(advises(&empty, "no entry at all"), "{:?}", empty.advice);
}

#[tokio::test]
async fn every_address_is_tried_but_none_after_a_wrong_password() {
    let good = server(3, |script| script).await;
    let expired = server(3, |script| script.over(Tls::Ldaps(Certificate::Expired))).await;
    let refusing = server(3, |script| script.with(Fault::BindResult(49))).await;
    let never = server(3, |script| script).await;
    let mut settings = settings("ldap://127.0.0.1:1");
    for server in [&expired, &good, &refusing, &never] {
        settings.urls.push(url(&server.url()));
    }
    settings.trust = Trust::Pin([1; 32]);
    let (bind, _file) = crate::provider::support::reader();
    settings.bind = bind;
    let inspection = inspect(settings, rfc2307(BASE)).await;
    let outcomes: Vec<_> = inspection
        .servers
        .iter()
        .map(|(_, outcome)| outcome)
        .collect();
    assert!(matches!(outcomes[0], Err(ProviderError::Unreachable(_))));
    assert!(matches!(outcomes[1], Err(ProviderError::Tls { .. })));
    assert!(outcomes[2].is_ok());
    assert!(matches!(
        outcomes[3],
        Err(ProviderError::WrongPassword { .. })
    ));
    assert_eq!(outcomes.len(), 4);
    assert_eq!(never.connections(), 0);
    let reading = inspection.reading.unwrap().unwrap();
    assert_eq!(reading.accounts.len(), 3);
}

#[tokio::test]
async fn a_healthy_directory_needs_no_advice() {
    let people = Entry::posix_people(3, PEOPLE).into_iter();
    let people = people.map(|entry| {
        entry
            .with("userPassword", "{CRYPT}$6$x")
            .with("givenName", "A")
    });
    let group = Entry::new(&format!("cn=staff,{BASE}"))
        .with("objectClass", "posixGroup")
        .with("cn", "staff")
        .with_operational("entryUUID", "00000000-0000-4000-8000-0000000000ff")
        .with("memberUid", "p0001")
        .with("member", format!("uid=p0001,{PEOPLE}"));
    let entries = people.chain([group]).collect();
    let healthy = server(0, |mut script| {
        script.entries = entries;
        script
    })
    .await;
    let inspection = inspect(settings(&healthy.url()), rfc2307(BASE)).await;
    assert_eq!(inspection.advice, [""; 0]);
}
