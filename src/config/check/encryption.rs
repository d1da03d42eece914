//! Checks what `[[provider]]` would send unencrypted.

use super::super::raw::RawProvider;
use super::super::{Bind, LdapSettings, LdapUrl, Trust, url};
use super::report::{Check, at, get};

/// Checks what would be sent unencrypted, and keys that mean nothing without TLS.
pub(super) fn judge(check: &mut Check<'_>, provider: &RawProvider, ldap: &LdapSettings) {
    let danger = get(&provider.danger_bind_without_tls) == Some(&true);
    if let Some(url) = ldap.password_in_clear_to() {
        if danger {
            check.warn(at(&provider.danger_bind_without_tls), format!("provider.danger-bind-without-tls: everybody on the way to `{url}` can read the directory's password"));
        } else {
            check.problem(
                at(&provider.urls),
                "provider.urls",
                format!("the password would go to `{url}` unencrypted"),
                "write ldaps://, or start-tls = true; if the network really is yours alone: danger-bind-without-tls = true",
            );
        }
    } else if danger {
        check.warn(at(&provider.danger_bind_without_tls), "provider.danger-bind-without-tls: no password goes anywhere unencrypted; leave the key out");
    } else if let Some(url) = ldap.urls.iter().find(|url| !ldap.is_private(url)) {
        check.warn(at(&provider.urls), format!("provider.urls: `{url}` is not encrypted: whoever sits on the way can make up accounts; write ldaps:// or start-tls = true"));
    }
    if matches!(ldap.bind, Bind::External)
        && let Some(url) = ldap
            .urls
            .iter()
            .find(|url| !matches!(url, LdapUrl::Unix(_)))
    {
        check.problem(
            at(&provider.bind),
            "provider.bind",
            format!(
                "`{url}` cannot know who we are without a client certificate, and there is none"
            ),
            "write ldapi:// addresses only, or bind = \"simple\"",
        );
    }
    let encrypted: Vec<&str> = ldap
        .urls
        .iter()
        .filter_map(|url| match url {
            LdapUrl::Tls { host, .. } => Some(host.as_str()),
            LdapUrl::Plain { host, .. } if ldap.start_tls => Some(host.as_str()),
            _ => None,
        })
        .collect();
    if encrypted.is_empty() && ldap.trust != Trust::System && !ldap.urls.is_empty() {
        let place = at(&provider.ca_file)
            .or(at(&provider.certificate_sha256))
            .or(at(&provider.danger_accept_any_certificate));
        check.warn(place, "provider: no address is encrypted, so no certificate is ever looked at; write ldaps:// or start-tls = true");
    }
    if ldap.trust == Trust::System
        && let Some(host) = encrypted.iter().find(|host| url::is_private_name(host))
    {
        check.warn_of_system_roots("provider", at(&provider.urls), host);
    }
}
