//! Checks `[mattermost]`.

use std::path::PathBuf;
use std::time::Duration;

use super::super::raw::{Key, RawConfig, RawMattermost, Scalar};
use super::super::{MattermostAccess, MattermostSettings, Pace, SecretSource, Trust, url};
use super::report::{At, Check, at, get};

/// The default pace: half of what Mattermost's own limiter allows by default
/// (`RateLimitSettings.PerSec` is 10), so that people behind the same address keep the other half.
const REQUESTS_PER_SECOND: u32 = 5;

pub(super) fn settings(check: &mut Check<'_>, config: &RawConfig) -> MattermostSettings {
    let nothing = RawMattermost::default();
    let raw = get(&config.mattermost).unwrap_or(&nothing);
    let place = at(&config.mattermost);
    let access = access(check, raw, place);
    let initial_password = check.secret(
        &raw.initial_password,
        "mattermost.initial-password",
        "initial-password",
    );
    if initial_password.is_some() {
        check.warn(at(&raw.initial_password), "mattermost.initial-password: everybody who knows it can log in as every new user who has not changed it yet; left out, each gets a random one");
    }
    let limited = matches!(access, MattermostAccess::Http { .. });
    MattermostSettings {
        access,
        pace: pace(check, raw, limited),
        concurrency: check.number(&raw.concurrency, "mattermost.concurrency", 2, 1..=16),
        timeout: check.duration(
            &raw.timeout,
            "mattermost.timeout",
            Duration::from_secs(30),
            Duration::from_secs(1)..=Duration::from_secs(600),
        ),
        initial_password,
    }
}

fn access(check: &mut Check<'_>, raw: &RawMattermost, place: At) -> MattermostAccess {
    match (&raw.url, &raw.socket) {
        (None, None) => {
            check.problem(
                place,
                "mattermost",
                "it is not said how the server is reached",
                "write url = \"https://chat.example.org\" and token = { file = \"/etc/mattersync/mattermost.secret\" }, or socket = \"/var/tmp/mattermost_local.socket\"",
            );
            check.secret(&raw.token, "mattermost.token", "mattermost-token");
            check.trust(
                "mattermost",
                &raw.ca_file,
                &raw.certificate_sha256,
                &raw.danger_accept_any_certificate,
            );
            MattermostAccess::Socket {
                path: PathBuf::new(),
            }
        }
        (url, Some(_)) => {
            if url.is_some() {
                check.problem(
                    at(url),
                    "mattermost.url",
                    "the server is reached over the address or over the socket, not both",
                    "leave out url and token, or socket",
                );
            }
            socket(check, raw)
        }
        (Some(_), None) => http(check, raw, place),
    }
}

fn socket(check: &mut Check<'_>, raw: &RawMattermost) -> MattermostAccess {
    // Local mode requires no token and has no TLS.
    let others = [
        ("token", at(&raw.token)),
        ("ca-file", at(&raw.ca_file)),
        ("certificate-sha256", at(&raw.certificate_sha256)),
        (
            "danger-accept-any-certificate",
            at(&raw.danger_accept_any_certificate),
        ),
        (
            "danger-token-without-tls",
            at(&raw.danger_token_without_tls),
        ),
    ];
    for (name, place) in others {
        if place.is_some() && (raw.url.is_none() || name != "token") {
            check.problem(place, &format!("mattermost.{name}"), "means nothing with socket, where no token is asked for and nothing leaves the machine", "leave it out, or write url instead of socket");
        }
    }
    MattermostAccess::Socket {
        path: check
            .socket(&raw.socket, "mattermost.socket")
            .unwrap_or_default(),
    }
}

fn http(check: &mut Check<'_>, raw: &RawMattermost, place: At) -> MattermostAccess {
    let trust = check.trust(
        "mattermost",
        &raw.ca_file,
        &raw.certificate_sha256,
        &raw.danger_accept_any_certificate,
    );
    let token = check.secret(&raw.token, "mattermost.token", "mattermost-token");
    if raw.token.is_none() {
        check.problem(place, "mattermost.token", "is missing", "write token = { file = \"/etc/mattersync/mattermost.secret\" }: the token of a system administrator's account, best of a bot's");
    }
    let written = get(&raw.url).map(|text| text.trim()).unwrap_or_default();
    let mut address = String::new();
    match url::server(written) {
        Err(instead) => check.problem(
            at(&raw.url),
            "mattermost.url",
            "this is not the address of a server",
            instead,
        ),
        Ok(url) => {
            encryption(check, raw, &url, &trust);
            address = url.text;
        }
    }
    MattermostAccess::Http {
        url: address,
        token: token.unwrap_or(SecretSource::File(PathBuf::new())),
        trust,
    }
}

fn encryption(check: &mut Check<'_>, raw: &RawMattermost, url: &url::ServerUrl, trust: &Trust) {
    let danger = get(&raw.danger_token_without_tls) == Some(&true);
    if url.tls || url.local {
        if danger {
            check.warn(at(&raw.danger_token_without_tls), "mattermost.danger-token-without-tls: the token goes nowhere unencrypted; leave the key out");
        }
    } else if danger {
        check.warn(at(&raw.danger_token_without_tls), "mattermost.danger-token-without-tls: everybody on the way can read the token and become administrator");
    } else {
        check.problem(
            at(&raw.url),
            "mattermost.url",
            "the token would go over the network unencrypted",
            "write https://, or http://127.0.0.1:8065 where the server is on this machine; if the network really is yours alone: danger-token-without-tls = true",
        );
    }
    if !url.tls && *trust != Trust::System {
        let place = at(&raw.ca_file)
            .or(at(&raw.certificate_sha256))
            .or(at(&raw.danger_accept_any_certificate));
        check.warn(
            place,
            "mattermost: the address is http://, so no certificate is ever looked at",
        );
    }
    if url.tls && *trust == Trust::System {
        check.warn_of_system_roots("mattermost", at(&raw.url), &url.host);
    }
}

fn pace(check: &mut Check<'_>, raw: &RawMattermost, limited: bool) -> Option<Pace> {
    let usual = limited.then_some(REQUESTS_PER_SECOND);
    let per_second = requests_per_second(check, &raw.requests_per_second, usual);
    let burst = per_second.map_or(1, |n| n.saturating_mul(4).min(1_000));
    let burst = check.number(&raw.burst, "mattermost.burst", burst, 1..=1_000);
    if per_second.is_none() && raw.burst.is_some() {
        check.problem(
            at(&raw.burst),
            "mattermost.burst",
            "there is no pace that it could belong to",
            "leave it out, or give requests-per-second a number",
        );
    }
    if per_second.is_some_and(|n| n > 10) && limited {
        check.warn(at(&raw.requests_per_second), "mattermost.requests-per-second: Mattermost's own limit is 10 by default, and people behind the same address share it");
    }
    per_second.map(|per_second| Pace { per_second, burst })
}

fn requests_per_second(
    check: &mut Check<'_>,
    key: &Key<Scalar>,
    usual: Option<u32>,
) -> Option<u32> {
    let Some(written) = get(key) else {
        return usual;
    };
    if written.0.trim() == "off" {
        return None;
    }
    match written.0.trim().parse::<u32>() {
        Ok(number) if (1..=1_000).contains(&number) => Some(number),
        _ => {
            check.problem(
                at(key),
                "mattermost.requests-per-second",
                format!("`{}` is not a pace", written.0),
                "write a number from 1 to 1000, or \"off\" for no limit of our own",
            );
            usual
        }
    }
}
