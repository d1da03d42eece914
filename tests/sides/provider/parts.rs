//! Groups with many members, references to other servers, attributes in any form.

use ldap_fault::{Armed, At, Entry, Fault, FaultServer, Script, TEXTUAL_GUID, Target};
use mattersync::config::Mapping;
use mattersync::model::{Directory, DirectoryId, Gap, Group};
use mattersync::provider::ProviderError;

use crate::provider::support::{ad, assert_proven, assert_unproven, read, settings};

const DOMAIN: &str = "DC=ad,DC=example,DC=org";
const USERS: &str = "CN=Users,DC=ad,DC=example,DC=org";

async fn domain(change: impl FnOnce(Script) -> Script) -> FaultServer {
    let mut entries = Entry::ad_people(40, USERS);
    let members: Vec<_> = entries.iter().map(|entry| entry.dn().to_owned()).collect();
    let group = Entry::new(&format!("CN=Everybody,{USERS}"))
        .with_all("objectClass", ["top", "group"])
        .with("cn", "Everybody")
        .with("objectGUID", [7; 16])
        .with_all("member", members);
    entries.push(group);
    let mut script = Script::new(DOMAIN, entries);
    script.range = Some(15);
    FaultServer::start(change(script)).await.unwrap()
}

async fn read_ad(server: &FaultServer) -> Result<Directory, ProviderError> {
    let mapping = Mapping {
        filter: "(sAMAccountType=805306368)".into(),
        ..ad(DOMAIN)
    };
    read(settings(&server.url()), mapping, &[]).await
}

fn everybody(directory: &Directory) -> Option<&Group> {
    directory.groups.iter().map(|(_, group)| group).next()
}

#[tokio::test]
async fn a_long_group_is_followed_to_its_end() {
    let server = domain(|script| script).await;
    let directory = read_ad(&server).await.unwrap();
    assert_eq!(everybody(&directory).unwrap().members.len(), 40);
    assert_eq!(directory.groups.gaps(), []);
    assert_proven(&directory);
    let asked = server.searches();
    let slices: Vec<_> = asked.iter().flat_map(|s| &s.attributes).collect();
    assert!(
        slices.iter().any(|name| name.contains("range=30-*")),
        "{slices:?}"
    );
}

#[tokio::test]
async fn a_group_that_breaks_off_is_unknown_and_the_accounts_are_not() {
    let cut = Fault::Cut(At::START);
    let wrong = Fault::End {
        at: At::START,
        code: 51,
        cookie: false,
    };
    for fault in [
        Armed::from(Fault::RangesUnanswered),
        Armed::from(wrong)
            .on(Target::Lookups)
            .when_asked_for(";range=30"),
        Armed::from(cut)
            .on(Target::Lookups)
            .when_asked_for(";range="),
    ] {
        let server = domain(|script| script.with(fault.clone())).await;
        let directory = read_ad(&server).await.unwrap();
        assert!(everybody(&directory).is_none(), "{fault:?}");
        let gaps = directory.groups.gaps();
        assert!(
            gaps.iter().any(|gap| matches!(gap, Gap::Range(_))),
            "{gaps:?}"
        );
        assert_proven(&directory);
        assert_eq!(directory.accounts.len(), 40);
    }
}

/// A slice that leaves some out may say that it is the last one.
#[tokio::test]
async fn another_slice_than_was_asked_for_is_not_taken() {
    for from in [35, 20, 0] {
        let other = Armed::from(Fault::RangesFrom(from)).when_asked_for(";range=30");
        let server = domain(|script| script.with(other)).await;
        let directory = read_ad(&server).await.unwrap();
        assert!(everybody(&directory).is_none(), "{from}");
        let gaps = directory.groups.gaps();
        assert!(
            gaps.iter().any(|gap| matches!(gap, Gap::Range(_))),
            "{from}: {gaps:?}"
        );
        assert_proven(&directory);
    }
}

#[tokio::test]
async fn groups_that_cannot_be_read_leave_the_accounts_as_they_are() {
    for code in [4, 51] {
        let fault = Fault::End {
            at: At::START,
            code,
            cookie: false,
        };
        let fault = Armed::from(fault).when_filter_has("objectclass=group");
        let server = domain(|script| script.with(fault)).await;
        let directory = read_ad(&server).await.unwrap();
        assert_proven(&directory);
        assert!(!directory.groups.gaps().is_empty());
    }
}

#[tokio::test]
async fn groups_that_take_too_long_leave_the_accounts_as_they_are() {
    let fault = Armed::from(Fault::Silence(At::START)).when_filter_has("objectclass=group");
    let server = domain(|script| script.with(fault)).await;
    let mut settings = settings(&server.url());
    settings.read_deadline = std::time::Duration::from_secs(1);
    let directory = read(settings, ad(DOMAIN), &[]).await.unwrap();
    assert_proven(&directory);
    assert!(!directory.groups.gaps().is_empty());
}

#[tokio::test]
async fn references_count_by_what_they_may_hide() {
    let to = |part: &str| format!("ldap://ad.example.org/{part},{DOMAIN}");
    let zones = ["CN=Configuration", "DC=DomainDnsZones", "DC=ForestDnsZones"];
    let harmless = Fault::References(zones.iter().map(|zone| to(zone)).collect());
    let directory = read_ad(&domain(|script| script.with(harmless)).await)
        .await
        .unwrap();
    assert_proven(&directory);
    let child = to("DC=child");
    let hiding = Fault::References(vec![to("CN=Configuration"), child.clone()]);
    let directory = read_ad(&domain(|script| script.with(hiding)).await)
        .await
        .unwrap();
    assert_eq!(directory.accounts.len(), 40);
    assert_unproven(&directory, |gap| *gap == Gap::Referral(child.clone()));
}

#[tokio::test]
async fn a_base_that_is_elsewhere_is_no_reading() {
    let fault = Fault::ReferralResult(vec!["ldap://dc9.example.org/DC=x".into()]);
    let error = read_ad(&domain(|script| script.with(fault)).await)
        .await
        .expect_err("no reading");
    assert!(
        error.to_string().contains("ldap://dc9.example.org/DC=x"),
        "{error}"
    );
}

#[tokio::test]
async fn bytes_that_look_like_text_and_names_in_any_case_are_read_alike() {
    let odd = Entry::ad_person("odd", USERS, 9)
        .without("objectGUID")
        .with("objectGUID", TEXTUAL_GUID);
    let entries = vec![Entry::ad_person("plain", USERS, 1), odd];
    let script = Script::new(DOMAIN, entries).with(Fault::MixedCaseNames);
    let server = FaultServer::start(script).await.unwrap();
    let directory = read_ad(&server).await.unwrap();
    let id = DirectoryId::new("33323130-3534-3736-3839-616263646566");
    let names: Vec<_> = directory
        .accounts
        .iter()
        .map(|(_, a)| a.username.clone())
        .collect();
    assert!(
        directory.accounts.iter().any(|(key, _)| *key == id),
        "{names:?}"
    );
    assert_eq!(names.len(), 2);
}
