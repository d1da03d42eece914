//! Opens connections to servers, and tells whether a failure ends the attempts with other servers.

use std::sync::Arc;

use rustls::ClientConfig;
use secrecy::ExposeSecret;
use tokio::time::{Instant, timeout_at};

use super::connect::ConnectOptions;
use super::credentials::Credentials;
use super::session::Session;
use crate::config::{Bind, LdapSettings, LdapUrl, SecretError};
use crate::provider::ProviderError;
use crate::tls;

/// Result codes of a bind after which another server is tried: busy, unavailable, other.
const TRY_ELSEWHERE: [u32; 3] = [51, 52, 80];

/// What is needed to connect to any of the servers.
pub(super) struct Connector<'a> {
    settings: &'a LdapSettings,
    credentials: Credentials,
    options: ConnectOptions,
}

impl<'a> Connector<'a> {
    /// Reads the secret and the certificates to trust.
    pub(super) fn new(settings: &'a LdapSettings) -> Result<Self, ProviderError> {
        Ok(Self {
            settings,
            credentials: credentials(&settings.bind)?,
            options: ConnectOptions {
                start_tls: settings.start_tls,
                config: tls_config(settings)?,
                patience: settings.connect_timeout,
            },
        })
    }

    /// Connects to one server and binds, within the time allowed for both.
    pub(super) async fn open(
        &self,
        url: &LdapUrl,
        deadline: Instant,
    ) -> Result<Session, ProviderError> {
        let settings = self.settings;
        let until = deadline.min(Instant::now() + settings.connect_timeout);
        let session = Session::open(url, &self.options, &self.credentials);
        match timeout_at(until, session).await {
            Ok(result) => result,
            Err(_) if until == deadline => Err(ProviderError::Deadline {
                url: url.to_string(),
                deadline: settings.read_deadline,
            }),
            Err(_) => Err(ProviderError::Unreachable(format!(
                "{url}: no connection, TLS and bind within {:?} (connect-timeout)",
                settings.connect_timeout
            ))),
        }
    }
}

fn unreadable(error: &SecretError) -> ProviderError {
    let words = format!("{error}: {}", error.remedy());
    match error.is_denied() {
        true => ProviderError::SecretDenied(words),
        false => ProviderError::Secret(words),
    }
}

/// Returns whether another server would fail as well, or must not be tried.
pub(super) fn is_final(error: &ProviderError) -> bool {
    match error {
        ProviderError::WrongPassword { .. } | ProviderError::Deadline { .. } => true,
        ProviderError::Bind { code, .. } => !TRY_ELSEWHERE.contains(code),
        _ => false,
    }
}

/// Returns one failure as it is, and several as one.
pub(super) fn all_failed(mut failures: Vec<ProviderError>) -> ProviderError {
    if failures.len() == 1 {
        return failures.remove(0);
    }
    let reasons = failures.iter().map(|failure| match failure {
        ProviderError::Unreachable(what) => what.clone(),
        other => other.to_string(),
    });
    ProviderError::Unreachable(reasons.collect::<Vec<_>>().join("; "))
}

fn credentials(bind: &Bind) -> Result<Credentials, ProviderError> {
    match bind {
        Bind::Anonymous => Ok(Credentials::Anonymous),
        Bind::External => Ok(Credentials::External),
        Bind::Simple {
            dn,
            password: source,
        } => {
            // `check` reports who else can read it; here it is only used.
            let (password, _) = source.load().map_err(|error| unreadable(&error))?;
            // A server would answer either with success, which would prove nothing (RFC 4513, 5.1.1
            // and 5.1.2).
            if dn.is_empty() || password.expose_secret().is_empty() {
                let what = "bind-dn and bind-password must not be empty: a server would take us \
                            for anonymous";
                return Err(ProviderError::Secret(what.into()));
            }
            let dn = dn.clone();
            let source = source.clone();
            Ok(Credentials::Simple {
                dn,
                password,
                source,
            })
        }
    }
}

/// Returns the TLS settings; `None` when no address needs TLS, so that a machine without trusted
/// roots can still use `ldapi`.
fn tls_config(settings: &LdapSettings) -> Result<Option<Arc<ClientConfig>>, ProviderError> {
    let needs_tls = |url: &&LdapUrl| match url {
        LdapUrl::Tls { .. } => true,
        LdapUrl::Plain { .. } => settings.start_tls,
        LdapUrl::Unix(_) => false,
    };
    let Some(url) = settings.urls.iter().find(needs_tls) else {
        return Ok(None);
    };
    match tls::client_config(&settings.trust) {
        Ok(config) => Ok(Some(Arc::new(config))),
        Err(error) => Err(ProviderError::Certificates {
            url: url.to_string(),
            what: error.to_string(),
        }),
    }
}
