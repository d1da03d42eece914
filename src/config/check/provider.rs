//! Checks `[[provider]]`.

use std::path::PathBuf;
use std::time::Duration;

use super::super::raw::{Key, RawConfig, RawProvider};
use super::super::{
    Bind, LdapSettings, LdapUrl, LockRule, ProviderKind, ProviderSettings, Schema, SecretSource,
    url,
};
use super::report::{At, Check, at, get, text};
use super::{accounts, encryption};
use crate::model::{Dn, ProviderName};

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Ldap,
    Ldif,
    NethServer,
}

const KINDS: [(&str, Kind); 4] = [
    ("ldap", Kind::Ldap),
    ("ldif", Kind::Ldif),
    ("nethserver7", Kind::NethServer),
    ("nethserver8", Kind::NethServer),
];

/// Reads all providers, in the order of the file.
pub(super) fn settings(check: &mut Check<'_>, raw: &RawConfig) -> Vec<ProviderSettings> {
    if raw.provider.is_empty() {
        check.problem(
            None,
            "provider",
            "there is no provider to read accounts from",
            "add [[provider]] with kind = \"ldap\", urls, schema and base",
        );
        // `[accounts]` is checked all the same.
        accounts::mapping(
            check,
            &raw.accounts,
            &RawProvider::default(),
            Schema::Rfc2307,
        );
    }
    if let Some(second) = raw.provider.get(1) {
        check.problem(
            Some(second.span()),
            "provider",
            "several providers cannot be followed yet: no rule says whether accounts of two \
             directories with the same username or address are one person, and which of them \
             counts when only one is locked or gone",
            "keep one [[provider]], and run a second mattersync with a state directory and a \
             Mattermost of its own for another",
        );
    }
    let mut providers: Vec<ProviderSettings> = Vec::new();
    for written in &raw.provider {
        let provider = provider(check, raw, written.get_ref(), Some(written.span()));
        if providers.iter().any(|other| other.name == provider.name) {
            check.problem(
                at(&written.get_ref().name).or(Some(written.span())),
                "provider.name",
                format!("two providers have the name `{}`", provider.name),
                "write name = \"…\" with a name of its own for each of them",
            );
        }
        providers.push(provider);
    }
    providers
}

fn provider(
    check: &mut Check<'_>,
    raw: &RawConfig,
    provider: &RawProvider,
    place: At,
) -> ProviderSettings {
    let name = name(check, &provider.name);
    let schema = match text(&provider.schema) {
        Some(_) => check.choice(
            &provider.schema,
            "provider.schema",
            &Schema::NAMES,
            Schema::Rfc2307,
        ),
        None => {
            check.problem(place.clone(), "provider.schema", "is missing", "write \"rfc2307\" for OpenLDAP and most others, \"ad\" for Active Directory and Samba");
            Schema::Rfc2307
        }
    };
    let base = check.dn(&provider.base, "provider.base");
    if provider.base.is_none() {
        check.problem(
            place.clone(),
            "provider.base",
            "is missing",
            "write the DN below which the accounts are, for example \"dc=directory,dc=nh\" (NethServer 7); this prints what the server has: `ldapsearch -x -H URL -s base -b '' namingContexts`",
        );
    }
    let mapping = accounts::mapping(check, &raw.accounts, provider, schema);
    let kind = check.choice(&provider.kind, "provider.kind", &KINDS, Kind::Ldap);
    let kind = match kind {
        Kind::Ldap => ldap(check, provider, place, &mapping.locks, schema),
        Kind::Ldif => ldif(check, provider, place),
        Kind::NethServer => {
            check.problem(
                at(&provider.kind),
                "provider.kind",
                format!("`{}` cannot find its settings by itself yet", text(&provider.kind).unwrap_or_default()),
                "write kind = \"ldap\" with urls, schema, base and, if needed, bind-dn and bind-password; NethServer 7: `account-provider-test dump` shows them",
            );
            ProviderKind::Ldif {
                path: PathBuf::new(),
            }
        }
    };
    let sentinels = sentinels(check, provider, base.as_ref());
    ProviderSettings {
        name,
        kind,
        mapping,
        sentinels,
    }
}

fn name(check: &mut Check<'_>, key: &Key<String>) -> ProviderName {
    let name = text(key).unwrap_or("default");
    let legal = (1..=64).contains(&name.len())
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
    if !legal {
        check.problem(at(key), "provider.name", format!("`{name}` is not a name"), "write 1 to 64 letters, digits, `.`, `_` or `-`; links are remembered by it, so it should stay as it is");
    }
    ProviderName::new(name)
}

fn sentinels(check: &mut Check<'_>, provider: &RawProvider, base: Option<&Dn>) -> Vec<String> {
    let mut found = Vec::new();
    for sentinel in get(&provider.sentinels).into_iter().flatten() {
        let written = Some(sentinel.clone());
        let parsed = check.dn(&written, "provider.sentinels");
        if let (Some(parsed), Some(base)) = (parsed, base)
            && !parsed.is_within(base)
        {
            check.problem(
                at(&written),
                "provider.sentinels",
                "an entry outside the base is in no reading, so every reading would count as incomplete",
                "name accounts below `base`",
            );
        }
        found.push(sentinel.get_ref().trim().to_owned());
    }
    found
}

fn ldif(check: &mut Check<'_>, provider: &RawProvider, place: At) -> ProviderKind {
    let others = [
        ("urls", at(&provider.urls)),
        ("start-tls", at(&provider.start_tls)),
        ("bind", at(&provider.bind)),
        ("bind-dn", at(&provider.bind_dn)),
        ("bind-password", at(&provider.bind_password)),
        (
            "danger-bind-without-tls",
            at(&provider.danger_bind_without_tls),
        ),
        ("ca-file", at(&provider.ca_file)),
        ("certificate-sha256", at(&provider.certificate_sha256)),
        (
            "danger-accept-any-certificate",
            at(&provider.danger_accept_any_certificate),
        ),
        ("page-size", at(&provider.page_size)),
        ("connect-timeout", at(&provider.connect_timeout)),
        ("read-deadline", at(&provider.read_deadline)),
    ];
    for (name, place) in others {
        if place.is_some() {
            check.problem(
                place,
                &format!("provider.{name}"),
                "means nothing for kind = \"ldif\"",
                "leave it out, or write kind = \"ldap\"",
            );
        }
    }
    let path = check
        .path(&provider.path, "provider.path")
        .unwrap_or_else(|| {
            check.problem(
                place,
                "provider.path",
                "is missing",
                "write the path of the LDIF file, from / on",
            );
            PathBuf::new()
        });
    ProviderKind::Ldif { path }
}

fn ldap(
    check: &mut Check<'_>,
    provider: &RawProvider,
    place: At,
    locks: &[LockRule],
    schema: Schema,
) -> ProviderKind {
    if provider.path.is_some() {
        check.problem(
            at(&provider.path),
            "provider.path",
            "means nothing for kind = \"ldap\"",
            "leave it out, or write kind = \"ldif\"",
        );
    }
    let urls = urls(check, provider, place.clone(), locks);
    let start_tls = get(&provider.start_tls) == Some(&true);
    if start_tls && let Some(url) = urls.iter().find(|url| matches!(url, LdapUrl::Tls { .. })) {
        check.problem(
            at(&provider.start_tls),
            "provider.start-tls",
            format!("`{url}` is encrypted from the beginning"),
            "leave start-tls out for ldaps:// addresses, or write ldap:// ones",
        );
    }
    let bind = bind(check, provider, place, schema);
    let trust = check.trust(
        "provider",
        &provider.ca_file,
        &provider.certificate_sha256,
        &provider.danger_accept_any_certificate,
    );
    let settings = LdapSettings {
        urls,
        start_tls,
        bind,
        trust,
        page_size: check.number(&provider.page_size, "provider.page-size", 500, 1..=10_000),
        connect_timeout: check.duration(
            &provider.connect_timeout,
            "provider.connect-timeout",
            Duration::from_secs(10),
            Duration::from_secs(1)..=Duration::from_secs(300),
        ),
        read_deadline: check.duration(
            &provider.read_deadline,
            "provider.read-deadline",
            Duration::from_secs(300),
            Duration::from_secs(1)..=Duration::from_secs(86_400),
        ),
    };
    encryption::judge(check, provider, &settings);
    locks_of_nethserver7(check, provider, &settings.bind, locks);
    ProviderKind::Ldap(settings)
}

fn urls(
    check: &mut Check<'_>,
    provider: &RawProvider,
    place: At,
    locks: &[LockRule],
) -> Vec<LdapUrl> {
    let written = get(&provider.urls).map(Vec::as_slice).unwrap_or_default();
    if written.is_empty() {
        let what = if provider.urls.is_some() {
            "the list is empty"
        } else {
            "is missing"
        };
        check.problem(
            at(&provider.urls).or(place),
            "provider.urls",
            what,
            "write where the directory answers, for example urls = [\"ldaps://dc1.example.org\"]",
        );
    }
    let mut urls: Vec<LdapUrl> = Vec::new();
    for text in written {
        let place = Some(text.span());
        match url::ldap(text.get_ref().trim()) {
            Ok(url) => {
                let catalog = matches!(&url, LdapUrl::Plain { port, .. } | LdapUrl::Tls { port, .. } if [3268, 3269].contains(port));
                if catalog && locks.contains(&LockRule::AccountExpires) {
                    check.problem(
                        place.clone(),
                        "provider.urls",
                        "ports 3268 and 3269 are the Global Catalog, which does not have accountExpires",
                        "write port 636 (ldaps) or 389, or accounts.lock = [\"userAccountControl\"] if expiry does not matter",
                    );
                }
                if urls.contains(&url) {
                    check.warn(place, format!("provider.urls: `{url}` is there twice"));
                }
                urls.push(url);
            }
            Err(instead) => check.problem(
                place,
                "provider.urls",
                "this is not the address of a directory",
                instead,
            ),
        }
    }
    urls
}

/// Warns about NethServer 7, recognised by its base: only root can read its locks.
fn locks_of_nethserver7(
    check: &mut Check<'_>,
    provider: &RawProvider,
    bind: &Bind,
    locks: &[LockRule],
) {
    let base = text(&provider.base)
        .unwrap_or_default()
        .to_lowercase()
        .replace(' ', "");
    let seen = matches!(bind, Bind::External) && locks.contains(&LockRule::UserPassword);
    if base.ends_with("dc=directory,dc=nh") && !seen && !locks.is_empty() {
        check.warn(
            at(&provider.base),
            "provider.base: on NethServer 7 only root can see who is \
                                        locked, with urls = [\"ldapi:///var/run/ldapi\"], bind = \
                                        \"external\", and the service as root (README, \
                                        \"NethServer 7\"); here everybody's lock is unknown: users of \
                                        locked accounts stay active, and only users of deleted \
                                        accounts are deactivated",
        );
    }
}

#[derive(Clone, Copy)]
enum BindMethod {
    Simple,
    Anonymous,
    External,
}

fn bind(check: &mut Check<'_>, provider: &RawProvider, place: At, schema: Schema) -> Bind {
    let named = provider.bind_dn.is_some() || provider.bind_password.is_some();
    let usual = if named {
        BindMethod::Simple
    } else {
        BindMethod::Anonymous
    };
    let way = check.choice(
        &provider.bind,
        "provider.bind",
        &[
            ("simple", BindMethod::Simple),
            ("anonymous", BindMethod::Anonymous),
            ("external", BindMethod::External),
        ],
        usual,
    );
    let password = check.secret(&provider.bind_password, "provider.bind-password", "ldap");
    match way {
        BindMethod::Simple => {
            let dn = bind_dn(check, provider, place.clone(), schema);
            if provider.bind_password.is_none() {
                check.problem(place, "provider.bind-password", "is missing", "write bind-password = { file = \"/etc/mattersync/ldap.secret\" }, or bind = \"anonymous\" without bind-dn");
            }
            Bind::Simple {
                dn,
                password: password.unwrap_or(SecretSource::File(PathBuf::new())),
            }
        }
        BindMethod::Anonymous | BindMethod::External if named => {
            let word = text(&provider.bind).unwrap_or_default().to_lowercase();
            check.problem(
                at(&provider.bind),
                "provider.bind",
                format!("bind = \"{word}\" uses no name and no password"),
                "leave bind-dn and bind-password out, or write bind = \"simple\"",
            );
            Bind::Anonymous
        }
        BindMethod::Anonymous => {
            if schema == Schema::Ad {
                check.warn(place, "provider: Active Directory and Samba tell an anonymous client nothing; give bind-dn and bind-password");
            }
            Bind::Anonymous
        }
        BindMethod::External => Bind::External,
    }
}

fn bind_dn(check: &mut Check<'_>, provider: &RawProvider, place: At, schema: Schema) -> String {
    let Some(written) = text(&provider.bind_dn) else {
        check.problem(place, "provider.bind-dn", "is missing", "write who mattersync is in the directory, for example \"cn=ldapservice,dc=directory,dc=nh\"; or leave bind-password out and write bind = \"anonymous\"");
        return String::new();
    };
    let windows = schema == Schema::Ad
        && (written.contains('@') || written.contains('\\'))
        && !written.contains('=');
    if !windows {
        check.dn(&provider.bind_dn, "provider.bind-dn");
    }
    written.to_owned()
}
