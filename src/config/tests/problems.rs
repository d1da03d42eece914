//! What cannot be followed.

use super::{GOOD, good, parse, problems, refused, warned, with, without, without_in};

fn provider(line: &str) -> String {
    with("[[provider]]", line)
}

#[test]
fn passwords_do_not_travel_in_the_clear() {
    let plain = GOOD.replace("ldaps://", "ldap://");
    refused(&plain, "provider.urls", "danger-bind-without-tls = true");
    warned(
        &plain.replace(
            "[[provider]]",
            "[[provider]]\ndanger-bind-without-tls = true",
        ),
        "can read the directory's password",
    );
    warned(
        &provider("danger-bind-without-tls = true"),
        "leave the key out",
    );
    // One address of several is enough.
    refused(
        &GOOD.replace("org\"]", "org\", \"ldap://10.0.0.1\"]"),
        "provider.urls",
        "ldaps://",
    );
    for private in [
        "ldap://127.0.0.1",
        "ldap://[::1]:20000",
        "ldap://localhost",
        "ldapi:///run/ldapi",
    ] {
        good(&GOOD.replace("ldaps://dc1.example.org", private));
    }
    good(&plain.replace("[[provider]]", "[[provider]]\nstart-tls = true"));
    warned(&without_in(&plain, &["bind-"]), "can make up accounts");
}

#[test]
fn tokens_do_not_travel_in_the_clear() {
    let plain = GOOD.replace("https://", "http://");
    refused(&plain, "mattermost.url", "danger-token-without-tls = true");
    warned(
        &plain.replace(
            "[mattermost]",
            "[mattermost]\ndanger-token-without-tls = true",
        ),
        "become administrator",
    );
    good(&GOOD.replace("https://chat.example.org", "http://127.0.0.1:8065"));
}

#[test]
fn what_contradicts_itself_is_refused() {
    let pin = "a".repeat(64);
    refused(
        &provider("start-tls = true"),
        "provider.start-tls",
        "leave start-tls out",
    );
    refused(
        &provider(&format!("ca-file = \"/a\"\ncertificate-sha256 = \"{pin}\"")),
        "provider.certificate-sha256",
        "keep one",
    );
    refused(
        &provider(&format!(
            "danger-accept-any-certificate = true\ncertificate-sha256 = \"{pin}\""
        )),
        "provider.danger-accept-any-certificate",
        "keep one",
    );
    refused(
        &with(
            "[mattermost]",
            "danger-accept-any-certificate = true\nca-file = \"/a\"",
        ),
        "mattermost.danger-accept-any-certificate",
        "keep one",
    );
    refused(
        &provider("bind = \"anonymous\""),
        "provider.bind",
        "leave bind-dn and bind-password out",
    );
    refused(
        &provider("bind = \"external\""),
        "provider.bind",
        "leave bind-dn",
    );
    refused(
        &without(&["bind-"]).replace("[[provider]]", "[[provider]]\nbind = \"external\""),
        "provider.bind",
        "ldapi://",
    );
    refused(&without(&["bind-dn"]), "provider.bind-dn", "cn=ldapservice");
    refused(
        &without(&["bind-password"]),
        "provider.bind-password",
        "{ file = ",
    );
    refused(
        &with("[mattermost]", "socket = \"/s\""),
        "mattermost.url",
        "leave out",
    );
    let socket = without(&["url ="]).replace("[mattermost]", "[mattermost]\nsocket = \"/s\"");
    refused(&socket, "mattermost.token", "leave it out");
    refused(
        &without_in(&socket, &["token"]).replace("[mattermost]", "[mattermost]\nca-file = \"/s\""),
        "mattermost.ca-file",
        "leave it out",
    );
    refused(&without(&["token"]), "mattermost.token", "{ file = ");
    refused(&without(&["url =", "token"]), "mattermost", "socket = ");
    refused(
        &without(&["[mattermost]", "url =", "token"]),
        "mattermost",
        "socket = ",
    );
    refused(
        &with("[mattermost]", "burst = 3\nrequests-per-second = \"off\""),
        "mattermost.burst",
        "leave it out",
    );
    refused(
        &with("[policy]", "protect = [\"Alice\"]\nfirst-admin = \"alice\""),
        "policy.first-admin",
        "out of one",
    );
    refused(
        &with("[schedule]", "interval = \"2h\"\nmax-backoff = \"1h\""),
        "schedule.max-backoff",
        "at least the interval",
    );
    refused(
        &with("[accounts]", "group-members = [\"memberUid\"]"),
        "accounts.group-members",
        "group-member-usernames",
    );
}

#[test]
fn providers() {
    let second = format!(
        "{GOOD}[[provider]]\nname = \"ad\"\nkind = \"ldif\"\npath = \"/ad.ldif\"\nschema = \"ad\"\n\
         base = \"dc=ad\"\n"
    );
    refused(&second, "provider", "keep one");
    assert_eq!(problems(&second)[0].line, Some(second.lines().count() - 5));
    let nameless = second.replace("name = \"ad\"\n", "");
    let found = problems(&nameless.replace("base = \"dc=ad\"\n", ""));
    let keys: Vec<&str> = found.iter().map(|problem| problem.key.as_str()).collect();
    assert_eq!(keys, ["provider", "provider.base", "provider.name"]);
    let none = without(&["[[provider]]", "urls", "schema", "base", "bind-"]);
    refused(&none, "provider", "add [[provider]]");
    for kind in ["nethserver7", "nethserver8"] {
        refused(
            &provider(&format!("kind = \"{kind}\"")),
            "provider.kind",
            "kind = \"ldap\"",
        );
    }
    refused(&provider("kind = \"scim\""), "provider.kind", "\"ldif\"");
    refused(&without(&["schema"]), "provider.schema", "\"ad\"");
    refused(&without(&["base"]), "provider.base", "namingContexts");
    refused(&without(&["urls"]), "provider.urls", "urls = [");
    refused(
        &GOOD.replace("[\"ldaps://dc1.example.org\"]", "[]"),
        "provider.urls",
        "urls = [",
    );
    refused(&provider("name = \"a:b\""), "provider.name", "letters");
    refused(&provider("path = \"/x\""), "provider.path", "ldif");
    refused(
        &provider("page-size = 0"),
        "provider.page-size",
        "1 to 10000",
    );
    refused(
        &provider("page-size = -1"),
        "provider.page-size",
        "1 to 10000",
    );
    let ldif = without(&["urls", "bind-"]);
    refused(
        &ldif.replace("[[provider]]", "[[provider]]\nkind = \"ldif\""),
        "provider.path",
        "LDIF",
    );
    refused(
        &ldif.replace(
            "[[provider]]",
            "[[provider]]\nkind = \"ldif\"\npath = \"/x\"\npage-size = 1",
        ),
        "provider.page-size",
        "leave it out",
    );
}

#[test]
fn the_global_catalog_has_no_expiry() {
    let ad = GOOD.replace("rfc2307", "ad");
    let catalog = ad.replace("dc1.example.org", "dc1.example.org:3269");
    refused(&catalog, "provider.urls", "636");
    good(&catalog.replace("[accounts]", "[accounts]\nlock = [\"userAccountControl\"]"));
    good(&ad);
}

#[test]
fn names_in_the_directory() {
    refused(
        &GOOD.replace("base = \"dc=example,dc=org", "base = \"example.org"),
        "provider.base",
        "dc=example,dc=org",
    );
    refused(
        &provider("group-base = \"ou=\""),
        "provider.group-base",
        "distinguished name",
    );
    refused(
        &GOOD.replace(
            "cn=ldapservice,dc=example,dc=org",
            "ldapservice@example.org",
        ),
        "provider.bind-dn",
        "dc=",
    );
    good(
        &GOOD
            .replace(
                "cn=ldapservice,dc=example,dc=org",
                "ldapservice@example.org",
            )
            .replace("rfc2307", "ad"),
    );
    refused(
        &provider("sentinels = [\"uid=a,dc=other\"]"),
        "provider.sentinels",
        "below",
    );
    refused(
        &provider("sentinels = [\"alice\"]"),
        "provider.sentinels",
        "distinguished name",
    );
    good(&provider("sentinels = [\"UID=a, DC=example,DC=org\"]"));
}

#[test]
fn what_entries_mean() {
    for bad in [
        "",
        "objectClass=x",
        "(uid=a",
        "(&(uid=a)",
        "(uid=a))",
        "uid",
    ] {
        refused(
            &with("[accounts]", &format!("filter = \"{bad}\"")),
            "accounts.filter",
            "RFC 4515",
        );
    }
    refused(
        &with("[accounts]", "group-filter = \"(\""),
        "accounts.group-filter",
        "read no groups",
    );
    refused(
        &with("[accounts]", "username = \"user name\""),
        "accounts.username",
        "as the directory has it",
    );
    refused(
        &with("[accounts]", "position = [\"userPassword\"]"),
        "accounts.position",
        "another attribute",
    );
    refused(
        &with("[accounts]", "id = \"entryUUID:sid\""),
        "accounts.id",
        "text, guid, hex",
    );
    refused(
        &with("[accounts]", "second-anchor = \"entryUUID:hex\""),
        "accounts.second-anchor",
        "leave the key out",
    );
    refused(
        &with("[accounts]", "lock = [\"locked\"]"),
        "accounts.lock",
        "nsAccountLock",
    );
    for bad in [
        "x@example.org",
        "{uid",
        "uid}@example.org",
        "{u id}@example.org",
        "{uid}@",
        "{uid}",
        "{uid}@a@b",
        "{uid}@a..b",
        "<{uid}@a.b>",
        "{userPassword}@a.b",
        "{}@a.b",
    ] {
        refused(
            &with("[accounts]", &format!("email = [\"mail\", \"{bad}\"]")),
            "accounts.email",
            "{uid}@example.org",
        );
    }
    refused(
        &with("[accounts]", "email = []"),
        "accounts.email",
        "[\"mail\"]",
    );
}

#[test]
fn policy_guard_and_teams() {
    refused(
        &with("[policy]", "adopt = \"always\""),
        "policy.adopt",
        "\"never\"",
    );
    refused(
        &with("[policy]", "protect = [\"the boss\"]"),
        "policy.protect",
        "at most 64",
    );
    refused(
        &with("[policy]", "first-admin = \" \""),
        "policy.first-admin",
        "leave the key out",
    );
    refused(
        &with("[policy.attributes]", "email = \"off\""),
        "policy.attributes.email",
        "\"initial\"",
    );
    refused(
        &with("[policy.attributes]", "locale = \"both\""),
        "policy.attributes.locale",
        "\"directory\"",
    );
    refused(
        &with("[policy.attributes]", "nickname = \"directory\""),
        "policy.attributes.nickname",
        "accounts.nickname",
    );
    for bad in ["\"some\"", "-1", "\"101%\"", "2.5", "true"] {
        refused(
            &with("[guard]", &format!("missing = {bad}")),
            "guard.missing",
            "\"2%\"",
        );
    }
    refused(&with("[[team]]", ""), "team.display-name", "Example Org");
    refused(
        &with("[[team]]", "display-name = \"Post Office\""),
        "team.name",
        "name = \"team-post\"",
    );
    refused(
        &with("[[team]]", "display-name = \"! !\""),
        "team.name",
        "name = ",
    );
    refused(
        &with("[[team]]", "display-name = \"A\"\nname = \"Über\""),
        "team.name",
        "addresses",
    );
    refused(
        &with(
            "[[team]]",
            "display-name = \"Staff A\"\n[[team]]\ndisplay-name = \"Staff B\"",
        ),
        "team.name",
        "one of them",
    );
}

#[test]
fn numbers_durations_and_paths() {
    refused(
        &with("[schedule]", "interval = 300"),
        "schedule.interval",
        "\"300s\"",
    );
    refused(
        &with("[schedule]", "interval = \"9s\""),
        "schedule.interval",
        "from 10s to 24h",
    );
    refused(
        &with("[policy]", "grace = \"1 day\""),
        "policy.grace",
        "\"24h\"",
    );
    refused(
        &with("[mattermost]", "requests-per-second = 0"),
        "mattermost.requests-per-second",
        "\"off\"",
    );
    refused(
        &with("[mattermost]", "concurrency = 17"),
        "mattermost.concurrency",
        "1 to 16",
    );
    refused(
        &provider("certificate-sha256 = \"abc\""),
        "provider.certificate-sha256",
        "openssl x509",
    );
    refused(
        &provider(&format!("certificate-sha256 = \"{}\"", "é".repeat(32))),
        "provider.certificate-sha256",
        "64 hexadecimal",
    );
    refused(
        &provider("ca-file = \"ca.pem\""),
        "provider.ca-file",
        "/etc/mattersync/ca.pem",
    );
    refused(
        &with("[state]", "directory = \"\""),
        "state.directory",
        "leave the key out",
    );
    refused(
        &with("[control]", &format!("socket = \"/{}\"", "x".repeat(107))),
        "control.socket",
        "107",
    );
    refused(
        &GOOD.replace("ldaps://dc1.example.org", "dc1.example.org"),
        "provider.urls",
        "ldaps://",
    );
    refused(
        &GOOD.replace("https://chat.example.org", "chat.example.org"),
        "mattermost.url",
        "https://",
    );
}

#[test]
fn all_problems_are_told_at_once_in_the_order_of_the_file() {
    let text = with("[schedule]", "interval = \"1s\"")
        .replace("ldaps://", "ldap://")
        .replace("[guard]", "[guard]\nmissing = \"x\"")
        .replace("dc=example,dc=org\"\nbind-dn", "nowhere\"\nbind-dn")
        .replace("[accounts]", "[accounts]\nfilter = \"x\"")
        .replace(
            "token = { credential = \"mattermost-token\" }",
            "token = \"hunter2\"",
        );
    let problems = problems(&text);
    let keys: Vec<&str> = problems.iter().map(|p| p.key.as_str()).collect();
    assert_eq!(
        keys,
        [
            "provider.urls",
            "provider.base",
            "accounts.filter",
            "mattermost.token",
            "guard.missing",
            "schedule.interval"
        ]
    );
    let lines: Vec<&str> = text.lines().collect();
    for problem in &problems {
        let key = problem.key.rsplit('.').next().unwrap();
        assert!(
            lines[problem.line.unwrap() - 1].starts_with(key),
            "{problem}"
        );
    }
    let found = parse(&text).unwrap_err().to_string();
    assert_eq!(
        found.matches("/etc/mattersync/config.toml:").count(),
        problems.len()
    );
}

#[test]
fn everything_at_once_still_ends() {
    assert_eq!(
        problems("")
            .iter()
            .map(|p| p.key.as_str())
            .collect::<Vec<_>>(),
        ["provider", "mattermost"]
    );
}
