//! The two files that are shipped, what is printed, and the digest.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::super::{
    Bind, EmailSource, GroupMembers, LdapUrl, LockRule, MattermostAccess, Pace, ProviderKind,
    SecretSource, Settings, Trust, keys, raw::RawConfig,
};
use super::{GOOD, PATH, good, with, without, without_in};
use crate::model::{Class, ProfileField, ScopeKey, ScopeValue};
use crate::plan::{Authority, Limit};

fn shipped(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("config")
        .join(name)
}

fn full() -> String {
    std::fs::read_to_string(shipped("mattersync.full.toml")).unwrap()
}

/// The key of a line `<mark>key = value`.
fn marked<'a>(line: &'a str, mark: &str) -> Option<(&'a str, &'a str)> {
    let line = line.strip_prefix(mark)?;
    let (key, _) = line.split_once(" = ")?;
    let is_key = key
        .bytes()
        .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    (is_key && !key.is_empty()).then_some((key, line))
}

#[test]
fn what_decides_who_is_in_scope_is_watched_with_its_line() {
    let text = with("[policy]", "grace = \"36h\"");
    let (settings, _) = good(&text);
    let scope = settings.policy.scopes.values().next().unwrap();
    for key in [
        ScopeKey::Filter,
        ScopeKey::Lock,
        ScopeKey::NotAPerson,
        ScopeKey::Grace,
        ScopeKey::Protect,
        ScopeKey::ReactivatedByHand,
        ScopeKey::Base,
        ScopeKey::BindDn,
    ] {
        assert!(scope.contains_key(&key), "{key} in {scope:?}");
    }
    assert_eq!(scope[&ScopeKey::Grace].value.to_string(), "\"36h\"");
    let line = text.lines().position(|l| l.starts_with("grace")).unwrap() + 1;
    let place = scope[&ScopeKey::Grace].place.clone().unwrap();
    assert_eq!(place, format!("{PATH} line {line}"));
    let rules = &scope[&ScopeKey::NotAPerson];
    let ScopeValue::List(read) = &rules.value else {
        panic!("{rules:?}")
    };
    assert!(read.contains("*$"), "{read:?}");
}

#[test]
fn the_minimal_file_works_after_three_lines_were_changed() {
    let (settings, _) = Settings::load(&shipped("mattersync.toml")).unwrap();
    assert_eq!(settings.providers[0].mapping.base, "dc=directory,dc=nh");
    let ProviderKind::Ldap(ldap) = &settings.providers[0].kind else {
        panic!("not ldap")
    };
    assert!(
        matches!(&ldap.bind, Bind::Simple { dn, .. } if dn == "cn=ldapservice,dc=directory,dc=nh")
    );
    assert_eq!(settings.policy.teams[0].name, "our");

    let text = std::fs::read_to_string(shipped("mattersync.toml")).unwrap();
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| line.contains(" # <--"))
        .collect();
    assert_eq!(lines.len(), 3, "{lines:?}");
}

#[test]
fn the_full_file_can_be_loaded() {
    let (settings, warnings) = Settings::load(&shipped("mattersync.full.toml")).unwrap();
    assert_eq!(warnings, []);
    assert_eq!(settings.policy.teams[0].display_name, "Our Company");
}

#[test]
fn the_full_file_shows_every_key_and_no_other() {
    let uncommented: String = full()
        .lines()
        .map(|line| {
            let shown = marked(line, "#").or_else(|| marked(line, "# e.g. "));
            format!("{}\n", shown.map_or(line, |(_, line)| line))
        })
        .collect();
    let table: toml::Table = uncommented
        .parse()
        .unwrap_or_else(|error| panic!("{error}"));
    // Every value that is shown has the right type.
    let _: RawConfig = toml::from_str(&uncommented).unwrap_or_else(|error| panic!("{error}"));
    let mut shown = BTreeSet::new();
    collect("", &toml::Value::Table(table), &mut shown);
    // A secret's two forms are explained once for all.
    let is_form = |key: &String| key.ends_with(".file") || key.ends_with(".credential");
    let keys: BTreeSet<String> = keys::all()
        .into_iter()
        .filter(|key| !is_form(key))
        .collect();
    let shown: BTreeSet<String> = shown.into_iter().filter(|key| !is_form(key)).collect();
    let hidden: Vec<_> = keys.difference(&shown).collect();
    let unknown: Vec<_> = shown.difference(&keys).collect();
    assert!(
        hidden.is_empty() && unknown.is_empty(),
        "not shown: {hidden:?}; not known: {unknown:?}"
    );
}

fn collect(path: &str, value: &toml::Value, keys: &mut BTreeSet<String>) {
    match value {
        toml::Value::Table(table) => {
            for (key, value) in table {
                let path = if path.is_empty() {
                    key.clone()
                } else {
                    format!("{path}.{key}")
                };
                collect(&path, value, keys);
                keys.insert(path);
            }
        }
        toml::Value::Array(items) => items.iter().for_each(|item| collect(path, item, keys)),
        _ => {}
    }
}

#[test]
fn every_default_that_the_full_file_shows_is_the_default() {
    let full = full();
    let (expected, _) = good(&full);
    let mut checked = 0;
    for (number, line) in full.lines().enumerate() {
        if let Some((key, line)) = marked(line, "#") {
            let (found, _) = good(&replaced(&full, number, line));
            assert_eq!(found, expected, "{key}");
            checked += 1;
        }
    }
    assert!(checked > 50, "{checked}");
}

#[test]
fn every_default_for_ad_that_the_full_file_shows_is_the_default() {
    let full = full().replace("schema = \"rfc2307\"", "schema = \"ad\"");
    let (expected, _) = good(&full);
    let mut checked = BTreeSet::new();
    for (number, line) in full.lines().enumerate() {
        if let Some((key, line)) = marked(line, "# ad: ") {
            let (found, _) = good(&replaced(&full, number, line));
            assert_eq!(found, expected, "{key}");
            checked.insert(key);
        }
    }
    // What has no line of its own for AD has the same default there.
    let accounts = full
        .split("\n[accounts]\n")
        .nth(1)
        .unwrap()
        .split("\n[mattermost]\n")
        .next()
        .unwrap();
    for line in accounts.lines() {
        if let Some((key, line)) = marked(line, "#")
            && !checked.contains(key)
        {
            let (found, _) =
                good(&full.replacen("\n[accounts]\n", &format!("\n[accounts]\n{line}\n"), 1));
            assert_eq!(found, expected, "{key}");
        }
    }
    assert!(checked.len() > 8, "{checked:?}");
}

fn replaced(text: &str, number: usize, line: &str) -> String {
    let lines = text.lines().enumerate();
    lines
        .map(|(n, old)| format!("{}\n", if n == number { line } else { old }))
        .collect()
}

/// Configurations that between them use every kind of value.
fn various() -> Vec<String> {
    let socket = "[mattermost]\nsocket = \"/var/tmp/mattermost_local.socket\"\n";
    let provider = without_in(GOOD, &["urls", "bind-"]);
    vec![
        GOOD.to_owned(),
        full(),
        full().replace("schema = \"rfc2307\"", "schema = \"ad\""),
        std::fs::read_to_string(shipped("mattersync.toml")).unwrap(),
        without(&["bind-"]).replace("ldaps://", "ldap://127.0.0.1:20000\", \"ldap://"),
        with("[[provider]]", "start-tls = true\nca-file = \"/a/ca.pem\"\nname = \"x\"\npage-size = 900").replace("ldaps", "ldap"),
        with("[[provider]]", "danger-bind-without-tls = true\nsentinels = [\"uid=a,dc=example,dc=org\"]").replace("ldaps", "ldap"),
        with("[[provider]]", &format!("certificate-sha256 = \"{}\"", "Ab:".repeat(32).trim_end_matches(':'))),
        with("[[provider]]", "danger-accept-any-certificate = true"),
        provider.replace("[[provider]]", "[[provider]]\nurls = [\"ldapi:///var/run/a%20b\"]\nbind = \"external\""),
        provider.replace("[[provider]]", "[[provider]]\nkind = \"ldif\"\npath = \"/a \\\"b\\\"/p.ldif\""),
        format!("{}{socket}", without(&["[mattermost]", "url =", "token"])),
        with("[mattermost]", "danger-token-without-tls = true\nrequests-per-second = \"off\"\ninitial-password = { credential = \"first\" }").replace("https", "http"),
        with("[mattermost]", "requests-per-second = 7\nburst = 3\ntimeout = \"1500ms\"\nconcurrency = 4"),
        with("[accounts]", "email = [\"MAIL\", \"{UID}@example.org\"]\nlock = []\nfirst-name = []\nfull-name = []\nnickname = [\"cn;lang-de\"]\ngroup-filter = \"\"\nid = \"GUID\"\ngroup-id = \"nsUniqueId\""),
        with("[accounts]", "group-members = []\ngroup-member-usernames = []\nfilter = \"(objectClass=*)\"\nid = \"entryUUID : Hex\"\nsecond-anchor = \"objectGUID:text\""),
        with("[policy]", "adopt = \"never\"\ngrace = \"1h30m\"\nprotect = [\"@Admin\", \"root\", \"Jürgen\"]\nfirst-admin = \"alice\""),
        with("[policy.attributes]", "username = \"initial\"\nemail = \"initial\"\nfirst-name = \"off\"\nposition = \"directory\""),
        with("[guard]", "missing = \"2%\"\nlocked = \"0.25%\"\nadopt = 5\ncreate = \"off\"\nrename = \"auto\"\nemail = 0\nprivileged = 1"),
        with("[[team]]", "display-name = \"Käse \\\"& Wein\\\"\"\n[[team]]\ndisplay-name = \"Other\"\nname = \"second\""),
        with("[schedule]", "interval = \"10s\"\njitter = \"0s\"\nmax-backoff = \"2d\""),
        format!("{GOOD}[state]\ndirectory = \"/srv/x\"\n[control]\nsocket = \"/srv/y\"\n"),
    ]
}

#[test]
fn what_is_printed_means_the_same() {
    for text in various() {
        let (settings, _) = good(&text);
        let printed = settings.to_toml();
        let (again, _) = good(&printed);
        assert_eq!(again, settings, "{text}\n---\n{printed}");
        assert_eq!(again.to_toml(), printed);
    }
}

#[test]
fn of_several_providers_the_common_part_is_printed() {
    let (mut settings, _) = good(&with("[accounts]", "position = [\"role\"]"));
    let ad = good(&GOOD.replace("rfc2307", "ad")).0.providers.remove(0);
    settings.providers.push(ad);
    let printed = settings.to_toml();
    assert_eq!(printed.matches("[[provider]]").count(), 2);
    for (there, line) in [
        (true, "full-name = [\"displayname\", \"cn\"]"),
        (false, "position = ["),
        (false, "username = \"uid\""),
        (false, "id = "),
    ] {
        assert_eq!(printed.contains(line), there, "{line}\n{printed}");
    }
}

#[test]
fn what_is_printed_has_every_default() {
    let printed = good(&with("[guard]", "locked = \"2%\"\nrename = \"0.05%\""))
        .0
        .to_toml();
    for line in [
        "grace = \"24h\"",
        "page-size = 500",
        "interval = \"5m\"",
        "requests-per-second = 5",
        "missing = \"auto\"",
        "username = \"uid\"",
        "position = \"initial\"",
        "nickname = \"off\"",
        "locked = \"2%\"",
        "rename = \"0.05%\"",
        "bind-password = { file = \"/nonexistent/ldap.secret\" }",
        "token = { credential = \"mattermost-token\" }",
    ] {
        assert!(printed.lines().any(|l| l == line), "{line} in\n{printed}");
    }
}

#[test]
fn the_digest_follows_the_meaning() {
    let digest = |text: &str| good(text).0.digest;
    let base = digest(GOOD);
    assert_eq!(base.len(), 64);
    for same in [
        format!("# a comment\n{GOOD}"),
        with("[policy]", "grace = \"1440m\""),
        with("[accounts]", "username = \"UID\""),
        with("[schedule]", "interval = \"7m\""),
        with(
            "[mattermost]",
            "requests-per-second = 9\ntimeout = \"9s\"\nconcurrency = 1",
        ),
        with("[[provider]]", "page-size = 100"),
        GOOD.replace("/nonexistent/", "/elsewhere/"),
        GOOD.replace("mattermost-token", "other"),
    ] {
        assert_eq!(digest(&same), base, "{same}");
    }
    for other in [
        with("[policy]", "grace = \"23h\""),
        with("[accounts]", "filter = \"(uid=*)\""),
        with("[guard]", "missing = 3"),
        with("[[team]]", "display-name = \"X Y\"\nname = \"xy\""),
        GOOD.replace("dc=example", "dc=sample"),
        GOOD.replace("chat.", "talk."),
    ] {
        assert_ne!(digest(&other), base, "{other}");
    }
}

#[test]
fn values_arrive() {
    let text = with("[guard]", "missing = \"2%\"\nlocked = 7")
        .replace("ldaps://dc1.example.org", "ldaps://[2001:db8::1]:1636");
    let (settings, _) = good(&text);
    assert_eq!(
        settings.policy.guard.get(&Class::Missing),
        Some(&Limit::BasisPoints(200))
    );
    assert_eq!(
        settings.policy.guard.get(&Class::Locked),
        Some(&Limit::Number(7))
    );
    assert_eq!(settings.policy.username, Authority::Directory);
    let ProviderKind::Ldap(ldap) = &settings.providers[0].kind else {
        panic!("not ldap")
    };
    assert_eq!(
        ldap.urls,
        [LdapUrl::Tls {
            host: "2001:db8::1".into(),
            port: 1636
        }]
    );
    assert_eq!(ldap.trust, Trust::System);
    assert_eq!(
        settings.providers[0].mapping.locks,
        [
            LockRule::PwdAccountLockedTime,
            LockRule::NsAccountLock,
            LockRule::UserPassword,
            LockRule::ShadowExpire,
        ]
    );
    assert_eq!(
        settings.providers[0].mapping.email,
        [EmailSource::Attribute("mail".into())]
    );
    assert_eq!(
        settings.providers[0].mapping.group_members[0],
        GroupMembers::Usernames("memberuid".into())
    );
    let MattermostAccess::Http { url, token, .. } = &settings.mattermost.access else {
        panic!("not http")
    };
    assert_eq!(url, "https://chat.example.org");
    assert_eq!(token, &SecretSource::Credential("mattermost-token".into()));
}

#[test]
fn the_four_ways_to_trust_arrive() {
    let trust = |line: &str| match good(&with("[[provider]]", line)).0.providers.remove(0).kind {
        ProviderKind::Ldap(ldap) => ldap.trust,
        ProviderKind::Ldif { .. } => panic!("not ldap"),
    };
    assert_eq!(trust(""), Trust::System);
    assert_eq!(
        trust("danger-accept-any-certificate = false"),
        Trust::System
    );
    assert_eq!(
        trust("danger-accept-any-certificate = true"),
        Trust::DangerAny
    );
    assert_eq!(trust("ca-file = \"/a\""), Trust::CaFile("/a".into()));
    let mut pin = [0xab; 32];
    pin[31] = 1;
    assert_eq!(
        trust(&format!("certificate-sha256 = \"{}01\"", "aB:".repeat(31))),
        Trust::Pin(pin)
    );
}

#[test]
fn the_pace_depends_on_the_way() {
    let pace = |text: &str| good(text).0.mattermost.pace;
    assert_eq!(
        pace(GOOD),
        Some(Pace {
            per_second: 5,
            burst: 20
        })
    );
    assert_eq!(
        pace(&with("[mattermost]", "requests-per-second = 2")),
        Some(Pace {
            per_second: 2,
            burst: 8
        })
    );
    assert_eq!(
        pace(&with("[mattermost]", "requests-per-second = \"off\"")),
        None
    );
    let socket =
        without(&["url =", "token"]).replace("[mattermost]", "[mattermost]\nsocket = \"/s\"");
    assert_eq!(pace(&socket), None);
    assert_eq!(
        pace(&socket.replace("\"/s\"", "\"/s\"\nrequests-per-second = 3")),
        Some(Pace {
            per_second: 3,
            burst: 12
        })
    );
}

#[test]
fn fields_without_a_source_are_off() {
    let fields = |text: &str| good(text).0.policy.fields;
    let usual = fields(GOOD);
    assert_eq!(
        usual.get(&ProfileField::FirstName),
        Some(&Authority::Directory)
    );
    assert_eq!(
        usual.get(&ProfileField::Position),
        Some(&Authority::Initial)
    );
    assert_eq!(usual.get(&ProfileField::Nickname), None);
    let bare = fields(&with(
        "[accounts]",
        "first-name = []\nlast-name = []\nposition = []",
    ));
    assert_eq!(
        bare.get(&ProfileField::FirstName),
        Some(&Authority::Directory),
        "from the whole name"
    );
    assert_eq!(bare.get(&ProfileField::Position), None);
    let none = fields(&with("[accounts]", "first-name = []\nfull-name = []"));
    assert_eq!(none.get(&ProfileField::FirstName), None);
    let chosen = fields(&with(
        "[policy.attributes]",
        "position = \"directory\"\nlocale = \"off\"",
    ));
    assert_eq!(
        chosen.get(&ProfileField::Position),
        Some(&Authority::Directory)
    );
    assert_eq!(chosen.get(&ProfileField::Locale), None);
}

#[test]
fn all_secrets_are_listed() {
    let text = with(
        "[mattermost]",
        "initial-password = { credential = \"first\" }",
    );
    let (settings, _) = good(&text);
    let keys: Vec<&str> = settings.secrets().into_iter().map(|(key, _)| key).collect();
    assert_eq!(
        keys,
        [
            "provider.bind-password",
            "mattermost.token",
            "mattermost.initial-password"
        ]
    );
}
