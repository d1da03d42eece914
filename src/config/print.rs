//! The effective configuration as text, and its digest.

use std::path::Path;
use std::time::Duration;

use sha2::{Digest, Sha256};
use toml::Spanned;

use super::names::name_of;
use super::raw::{
    Key, RawAccounts, RawAttributes, RawConfig, RawControl, RawGuard, RawMattermost, RawPolicy,
    RawProvider, RawSchedule, RawSecret, RawState, RawTeam, Scalar,
};
use super::words::{ADOPT, AUTHORITY, BY_HAND};
use super::{
    Bind, EmailSource, GroupMembers, LdapSettings, Mapping, MattermostAccess, MattermostSettings,
    ProviderKind, ProviderSettings, Schema, SecretSource, Settings, Trust,
};
use crate::model::{Class, ProfileField};
use crate::plan::{Authority, Limit, Policy};

impl Settings {
    /// Returns the configuration with all defaults, as TOML with the same meaning. Of secrets it
    /// has only the places.
    pub fn to_toml(&self) -> String {
        to_toml(&raw(self))
    }
}

/// Returns the SHA-256, in hex, of everything that can change a plan: not of the pace, the
/// schedule, or the places of state, sockets and secrets.
pub(super) fn digest(settings: &Settings) -> String {
    let mut raw = raw(settings);
    raw.schedule = RawSchedule::default();
    raw.state = RawState::default();
    raw.control = RawControl::default();
    if let Some(mattermost) = &mut raw.mattermost {
        let server = mattermost.get_mut();
        server.requests_per_second = None;
        server.burst = None;
        server.concurrency = None;
        server.timeout = None;
        server.token = None;
        server.initial_password = None;
    }
    for provider in &mut raw.provider {
        let provider = provider.get_mut();
        provider.bind_password = None;
        provider.page_size = None;
        provider.connect_timeout = None;
        provider.read_deadline = None;
    }
    let hash = Sha256::digest(to_toml(&raw).as_bytes());
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Writes raw settings as TOML. Every raw type consists of texts, numbers, lists and tables with
/// text keys, which TOML can represent; so the error of the general interface does not occur.
fn to_toml(raw: &RawConfig) -> String {
    let text = toml::to_string(raw).unwrap_or_default();
    let mut lines: Vec<String> = Vec::new();
    let mut rest = text.lines();
    while let Some(line) = rest.next() {
        // The library writes each secret's source as a section of its own, right after the keys of
        // the section to which it belongs; people write it as a key.
        let key = SECRETS.iter().find(|(header, _)| *header == line);
        match (key, key.and_then(|_| rest.next())) {
            (Some((_, key)), Some(source)) => {
                if lines.last().is_some_and(String::is_empty) {
                    lines.pop();
                }
                lines.push(format!("{key} = {{ {source} }}"));
            }
            _ => lines.push(line.to_owned()),
        }
    }
    lines.push(String::new());
    lines.join("\n")
}

const SECRETS: [(&str, &str); 3] = [
    ("[provider.bind-password]", "bind-password"),
    ("[mattermost.token]", "token"),
    ("[mattermost.initial-password]", "initial-password"),
];

fn key<T>(value: T) -> Key<T> {
    Some(Spanned::new(0..0, value))
}

fn word(text: impl Into<String>) -> Key<String> {
    key(text.into())
}

fn list<S: Into<String>>(items: impl IntoIterator<Item = S>) -> Key<Vec<Spanned<String>>> {
    key(items
        .into_iter()
        .map(|item| Spanned::new(0..0, item.into()))
        .collect())
}

fn path(path: &Path) -> Key<String> {
    word(path.to_string_lossy())
}

fn time(duration: Duration) -> Key<Scalar> {
    key(Scalar(crate::model::as_configured(duration)))
}

fn named<T: PartialEq>(names: &[(&'static str, T)], value: &T) -> Key<String> {
    word(name_of(names, value))
}

fn secret(source: &SecretSource) -> Key<RawSecret> {
    key(match source {
        SecretSource::File(path) => RawSecret::File(path.to_string_lossy().into_owned()),
        SecretSource::Credential(name) => RawSecret::Credential(name.clone()),
    })
}

fn raw(settings: &Settings) -> RawConfig {
    let providers = settings.providers.iter();
    let providers = providers.map(|settings| Spanned::new(0..0, provider(settings)));
    RawConfig {
        provider: providers.collect(),
        accounts: accounts(&settings.providers),
        mattermost: key(mattermost(&settings.mattermost)),
        policy: policy(&settings.policy),
        guard: guard(&settings.policy),
        team: teams(&settings.policy),
        schedule: RawSchedule {
            interval: time(settings.schedule.interval),
            jitter: time(settings.schedule.jitter),
            max_backoff: time(settings.schedule.max_backoff),
        },
        state: RawState {
            directory: path(&settings.state_directory),
            keep: settings
                .keep
                .map_or_else(|| key(Scalar("forever".into())), time),
        },
        control: RawControl {
            socket: path(&settings.control_socket),
        },
    }
}

fn provider(settings: &ProviderSettings) -> RawProvider {
    let mut raw = RawProvider {
        name: word(settings.name.as_str()),
        schema: named(&Schema::NAMES, &settings.mapping.schema),
        base: word(&settings.mapping.base),
        group_base: word(&settings.mapping.group_base),
        sentinels: list(&settings.sentinels),
        ..RawProvider::default()
    };
    match &settings.kind {
        ProviderKind::Ldif { path: file } => {
            raw.kind = word("ldif");
            raw.path = path(file);
        }
        ProviderKind::Ldap(settings) => ldap(&mut raw, settings),
    }
    raw
}

fn ldap(raw: &mut RawProvider, settings: &LdapSettings) {
    raw.kind = word("ldap");
    raw.urls = list(settings.urls.iter().map(ToString::to_string));
    raw.start_tls = key(settings.start_tls);
    match &settings.bind {
        Bind::Anonymous => raw.bind = word("anonymous"),
        Bind::External => raw.bind = word("external"),
        Bind::Simple { dn, password } => {
            raw.bind = word("simple");
            raw.bind_dn = word(dn);
            raw.bind_password = secret(password);
        }
    }
    raw.danger_bind_without_tls = settings.password_in_clear_to().and(key(true));
    trust(
        &settings.trust,
        &mut raw.ca_file,
        &mut raw.certificate_sha256,
        &mut raw.danger_accept_any_certificate,
    );
    raw.page_size = key(settings.page_size.into());
    raw.connect_timeout = time(settings.connect_timeout);
    raw.read_deadline = time(settings.read_deadline);
}

fn trust(trust: &Trust, ca_file: &mut Key<String>, pin: &mut Key<String>, danger: &mut Key<bool>) {
    match trust {
        Trust::System => {}
        Trust::CaFile(file) => *ca_file = path(file),
        Trust::Pin(bytes) => {
            *pin = word(
                bytes
                    .iter()
                    .map(|byte| format!("{byte:02x}"))
                    .collect::<String>(),
            );
        }
        Trust::DangerAny => *danger = key(true),
    }
}

/// Returns a setting of `[accounts]`, which is the same for every provider. Where providers differ,
/// each has the default of its schema.
fn common<T: PartialEq>(providers: &[ProviderSettings], of: impl Fn(&Mapping) -> Key<T>) -> Key<T> {
    let mut values = providers.iter().map(|provider| of(&provider.mapping));
    let first = values.next()?;
    values.all(|value| value == first).then_some(first)?
}

fn accounts(providers: &[ProviderSettings]) -> RawAccounts {
    let text = |of: fn(&Mapping) -> &String| common(providers, |mapping| word(of(mapping)));
    let field = |field: ProfileField| {
        common(providers, |mapping| {
            let mut fields = mapping.fields.iter();
            let attributes = fields.find(|(f, _)| *f == field).map(|(_, a)| a.as_slice());
            list(attributes.unwrap_or_default())
        })
    };
    RawAccounts {
        filter: text(|mapping| &mapping.filter),
        id: common(providers, |mapping| word(mapping.id.to_string())),
        second_anchor: common(providers, |mapping| {
            mapping
                .anchor
                .as_ref()
                .and_then(|anchor| word(anchor.to_string()))
        }),
        username: text(|mapping| &mapping.username),
        email: common(providers, |mapping| {
            list(mapping.email.iter().map(|source| match source {
                EmailSource::Attribute(text) | EmailSource::Template(text) => text,
            }))
        }),
        first_name: field(ProfileField::FirstName),
        last_name: field(ProfileField::LastName),
        full_name: common(providers, |mapping| list(&mapping.full_name)),
        nickname: field(ProfileField::Nickname),
        position: field(ProfileField::Position),
        locale: field(ProfileField::Locale),
        not_a_person: common(providers, |mapping| {
            list(mapping.not_a_person.iter().map(ToString::to_string))
        }),
        lock: common(providers, |mapping| {
            list(mapping.locks.iter().map(ToString::to_string))
        }),
        group_filter: text(|mapping| &mapping.group_filter),
        group_id: common(providers, |mapping| word(mapping.group_id.to_string())),
        group_name: text(|mapping| &mapping.group_name),
        group_members: common(providers, |mapping| {
            list(
                mapping
                    .group_members
                    .iter()
                    .filter_map(|members| match members {
                        GroupMembers::Dns(attribute) => Some(attribute),
                        GroupMembers::Usernames(_) => None,
                    }),
            )
        }),
        group_member_usernames: common(providers, |mapping| {
            list(
                mapping
                    .group_members
                    .iter()
                    .filter_map(|members| match members {
                        GroupMembers::Usernames(attribute) => Some(attribute),
                        GroupMembers::Dns(_) => None,
                    }),
            )
        }),
    }
}

fn mattermost(settings: &MattermostSettings) -> RawMattermost {
    let mut raw = RawMattermost {
        requests_per_second: key(Scalar(
            settings
                .pace
                .map_or("off".into(), |pace| pace.per_second.to_string()),
        )),
        burst: settings.pace.and_then(|pace| key(pace.burst.into())),
        concurrency: key(settings.concurrency.into()),
        timeout: time(settings.timeout),
        initial_password: settings.initial_password.as_ref().and_then(secret),
        ..RawMattermost::default()
    };
    match &settings.access {
        MattermostAccess::Socket { path: socket } => raw.socket = path(socket),
        MattermostAccess::Http {
            url,
            token,
            trust: trusted,
        } => {
            raw.url = word(url);
            raw.token = secret(token);
            raw.danger_token_without_tls = super::url::server(url)
                .ok()
                .filter(|url| !url.tls && !url.local)
                .and(key(true));
            trust(
                trusted,
                &mut raw.ca_file,
                &mut raw.certificate_sha256,
                &mut raw.danger_accept_any_certificate,
            );
        }
    }
    raw
}

fn policy(policy: &Policy) -> RawPolicy {
    let authority = |authority: Authority| named(&AUTHORITY, &authority);
    let field = |field| authority(policy.fields.get(&field).copied().unwrap_or(Authority::Off));
    RawPolicy {
        adopt: named(&ADOPT, &policy.adopt),
        grace: time(policy.grace),
        protect: list(&policy.protect),
        first_admin: policy.first_admin.as_ref().and_then(word),
        seat_order: list(&policy.seat_order),
        reactivated_by_hand: named(&BY_HAND, &policy.lifecycle.reactivated_by_hand),
        flap_limit: key(Scalar(
            policy
                .lifecycle
                .flap_limit
                .map_or("off".into(), |limit| limit.to_string()),
        )),
        purge_after: key(Scalar(
            policy
                .lifecycle
                .purge_after
                .map_or("off".into(), crate::model::as_configured),
        )),
        attributes: RawAttributes {
            username: authority(policy.username),
            email: authority(policy.email),
            first_name: field(ProfileField::FirstName),
            last_name: field(ProfileField::LastName),
            nickname: field(ProfileField::Nickname),
            position: field(ProfileField::Position),
            locale: field(ProfileField::Locale),
        },
    }
}

/// Returns no key for an empty list, which would otherwise be above everything else.
fn teams(policy: &Policy) -> Option<Vec<Spanned<RawTeam>>> {
    let teams = policy.teams.iter().map(|team| RawTeam {
        display_name: word(&team.display_name),
        name: word(&team.name),
    });
    let teams: Vec<_> = teams.map(|team| Spanned::new(0..0, team)).collect();
    (!teams.is_empty()).then_some(teams)
}

fn guard(policy: &Policy) -> RawGuard {
    let limit = |class| {
        key(Scalar(
            match policy.guard.get(&class).copied().unwrap_or_default() {
                Limit::Auto => "auto".into(),
                Limit::Off => "off".into(),
                Limit::Number(number) => number.to_string(),
                Limit::BasisPoints(points) if points % 100 == 0 => format!("{}%", points / 100),
                Limit::BasisPoints(points) => format!("{}.{:02}%", points / 100, points % 100),
            },
        ))
    };
    RawGuard {
        locked: limit(Class::Locked),
        missing: limit(Class::Missing),
        adopt: limit(Class::Adopt),
        r#move: limit(Class::Move),
        create: limit(Class::Create),
        reactivate: limit(Class::Reactivate),
        rename: limit(Class::Rename),
        email: limit(Class::Email),
        privileged: limit(Class::Privileged),
    }
}
