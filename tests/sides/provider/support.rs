//! Settings for tests, and one reading.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use ldap_fault::{Entry, FaultServer, READER_PASSWORD, Script};
use mattersync::config::{
    Bind, EmailSource, GroupMembers, LdapSettings, LdapUrl, LockRule, Mapping, ProviderSettings,
    Schema, SecretSource, Settings, Trust,
};
use mattersync::model::{
    AccountState, Directory, DirectoryId, Evidence, Gap, IdAttribute, IdForm, Now, ProfileField,
    Reading, Timestamp,
};
use mattersync::provider::ldap::LdapProvider;
use mattersync::provider::{Ask, Provider, ProviderError};

pub const BASE: &str = "dc=directory,dc=nh";
pub const PEOPLE: &str = "ou=People,dc=directory,dc=nh";

/// An address as the configuration has it.
pub fn url(text: &str) -> LdapUrl {
    let (scheme, rest) = text.split_once("://").expect("a scheme");
    if scheme == "ldapi" {
        return LdapUrl::Unix(rest.replace("%2F", "/").into());
    }
    let (host, port) = rest.rsplit_once(':').expect("a port");
    let (host, port) = (host.to_owned(), port.parse().expect("a number"));
    match scheme {
        "ldap" => LdapUrl::Plain { host, port },
        "ldaps" => LdapUrl::Tls { host, port },
        other => panic!("scheme {other}"),
    }
}

/// What a configuration with these lines about its provider amounts to, all else left at its
/// default.
pub fn configured(provider: &str) -> ProviderSettings {
    let text = format!(
        "[[provider]]\n{provider}\n[mattermost]\nsocket = \"/var/tmp/mattermost_local.socket\"\n"
    );
    let read = Settings::parse(&text, Path::new("mattersync.toml"));
    read.unwrap_or_else(|error| panic!("{error}\n{text}"))
        .0
        .providers
        .remove(0)
}

/// How many people a reading has, and who is none by which rule, in the order of the names.
pub fn people_and_others(directory: &Directory) -> (usize, Vec<(String, String)>) {
    let accounts = directory.accounts.iter().map(|(_, account)| account);
    let mut rest = Vec::new();
    for account in accounts {
        if let AccountState::NotAPerson { rule, .. } = &account.state {
            rest.push((account.username.clone(), rule.clone()));
        }
    }
    rest.sort();
    (directory.accounts.len() - rest.len(), rest)
}

/// One reading by such a configuration.
pub async fn read_configured(settings: &ProviderSettings) -> Result<Directory, ProviderError> {
    let ask = Ask::about(BTreeSet::new(), now());
    let Reading::Full(directory) = mattersync::provider::open(settings).read(&ask).await?;
    Ok(directory)
}

/// Settings that read anonymously.
pub fn settings(address: &str) -> LdapSettings {
    LdapSettings {
        urls: vec![url(address)],
        start_tls: false,
        bind: Bind::Anonymous,
        trust: Trust::DangerAny,
        page_size: 100,
        connect_timeout: Duration::from_secs(5),
        read_deadline: Duration::from_secs(20),
    }
}

/// A simple bind, with the file that holds its password.
pub fn simple(dn: &str, password: &str) -> (Bind, tempfile::NamedTempFile) {
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    writeln!(file, "{password}").expect("written");
    let bind = Bind::Simple {
        dn: dn.to_owned(),
        password: SecretSource::File(file.path().to_owned()),
    };
    (bind, file)
}

/// The bind that fault servers accept.
pub fn reader() -> (Bind, tempfile::NamedTempFile) {
    simple(&format!("cn=reader,{BASE}"), READER_PASSWORD)
}

fn fields() -> Vec<(ProfileField, Vec<String>)> {
    vec![
        (ProfileField::FirstName, vec!["givenname".into()]),
        (ProfileField::LastName, vec!["sn".into()]),
    ]
}

fn id(name: &str, form: IdForm) -> IdAttribute {
    let name = name.to_owned();
    IdAttribute { name, form }
}

/// What the schema `rfc2307` amounts to, below `base`.
pub fn rfc2307(base: &str) -> Mapping {
    Mapping {
        schema: Schema::Rfc2307,
        base: base.into(),
        group_base: base.into(),
        filter: "(objectClass=posixAccount)".into(),
        group_filter: "(|(objectClass=posixGroup)(objectClass=groupOfNames))".into(),
        id: id("entryuuid", IdForm::Text),
        anchor: None,
        new_id: None,
        group_id: id("entryuuid", IdForm::Text),
        username: "uid".into(),
        email: vec![EmailSource::Attribute("mail".into())],
        fields: fields(),
        full_name: vec!["cn".into()],
        locks: vec![LockRule::UserPassword],
        not_a_person: Vec::new(),
        group_name: "cn".into(),
        group_members: vec![
            GroupMembers::Usernames("memberuid".into()),
            GroupMembers::Dns("member".into()),
        ],
    }
}

/// What the schema `ad` amounts to, below `base`.
pub fn ad(base: &str) -> Mapping {
    Mapping {
        schema: Schema::Ad,
        base: base.into(),
        group_base: base.into(),
        filter: "(&(sAMAccountType=805306368)(!(isCriticalSystemObject=TRUE)))".into(),
        group_filter: "(objectClass=group)".into(),
        id: id("objectguid", IdForm::Guid),
        anchor: None,
        new_id: None,
        group_id: id("objectguid", IdForm::Guid),
        username: "samaccountname".into(),
        email: vec![EmailSource::Attribute("mail".into())],
        fields: fields(),
        full_name: vec!["displayname".into()],
        locks: vec![LockRule::UserAccountControl, LockRule::AccountExpires],
        not_a_person: Vec::new(),
        group_name: "cn".into(),
        group_members: vec![GroupMembers::Dns("member".into())],
    }
}

pub fn now() -> Now {
    Now {
        wall: Timestamp(1_767_225_600_000),
        boot: Duration::from_secs(60),
        boot_id: "boot".into(),
    }
}

/// One reading of everything.
pub async fn read(
    settings: LdapSettings,
    mapping: Mapping,
    known: &[DirectoryId],
) -> Result<Directory, ProviderError> {
    let mut provider = LdapProvider::new(settings, mapping, Vec::new());
    let ask = Ask::about(known.iter().cloned().collect(), now());
    let reading = tokio::time::timeout(Duration::from_secs(60), provider.read(&ask));
    let Reading::Full(directory) = reading.await.expect("an end")?;
    Ok(directory)
}

/// A fault server with so many people.
pub async fn server(people: u32, change: impl FnOnce(Script) -> Script) -> FaultServer {
    let entries = Entry::posix_people(people, PEOPLE);
    FaultServer::start(change(Script::new(BASE, entries)))
        .await
        .expect("it starts")
}

/// One anonymous reading of a fault server.
pub async fn read_from(server: &FaultServer) -> Result<Directory, ProviderError> {
    read(settings(&server.url()), rfc2307(BASE), &[]).await
}

/// The id of the fault server's n-th person.
pub fn posix_id(n: u32) -> DirectoryId {
    DirectoryId::new(format!("00000000-0000-4000-8000-{n:012x}"))
}

/// Somebody who is in no directory.
pub fn nobody() -> DirectoryId {
    DirectoryId::new("99999999-9999-4999-8999-999999999999")
}

/// The reading must not call anybody absent, and says why first of all with this gap.
#[track_caller]
pub fn assert_unproven(directory: &Directory, wanted: impl Fn(&Gap) -> bool) {
    let gaps = directory.accounts.gaps();
    assert!(gaps.iter().any(wanted), "{gaps:?}");
    let said = directory.accounts.look(&nobody());
    assert!(matches!(said, Evidence::Unknown(_)), "{said:?}");
}

/// The reading may call people absent.
#[track_caller]
pub fn assert_proven(directory: &Directory) {
    assert_eq!(directory.accounts.gaps(), []);
    let said = directory.accounts.look(&nobody());
    assert!(matches!(said, Evidence::Absent(_)), "{said:?}");
}
