//! Validated settings, which the other rooms get. Each value is valid in itself.

use std::path::PathBuf;
use std::time::Duration;

use crate::model::{IdAttribute, ProfileField, ProviderName};
use crate::plan::Policy;

use super::{LdapUrl, LockRule, NotAPerson, Schema, SecretSource};

/// The whole configuration, and what had to be found out for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The providers: at least one, each with a name of its own.
    pub providers: Vec<ProviderSettings>,
    /// The server whose users are kept in step.
    pub mattermost: MattermostSettings,
    /// The rules that a plan follows.
    pub policy: Policy,
    /// When cycles begin.
    pub schedule: ScheduleSettings,
    /// The state directory.
    pub state_directory: PathBuf,
    /// How long runs are kept; `None` for ever.
    pub keep: Option<Duration>,
    /// The daemon's control socket.
    pub control_socket: PathBuf,
    /// SHA-256, in hex, of the settings that decide what users become on Mattermost, to notice a
    /// change. Pace, schedule, local paths and the places of secrets are not a part of it.
    pub digest: String,
}

/// One provider of accounts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderSettings {
    /// The name; `default` if none is given.
    pub name: ProviderName,
    /// How it is reached.
    pub kind: ProviderKind,
    /// The mapping of its entries.
    pub mapping: Mapping,
    /// DNs that every complete reading must contain.
    pub sentinels: Vec<String>,
}

/// How a provider is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProviderKind {
    /// A directory server.
    Ldap(LdapSettings),
    /// A file.
    Ldif {
        /// The file.
        path: PathBuf,
    },
}

/// How a directory server is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LdapSettings {
    /// The addresses, tried in order; at least one.
    pub urls: Vec<LdapUrl>,
    /// Whether `ldap://` connections are upgraded with StartTLS (RFC 4511, 4.14).
    pub start_tls: bool,
    /// How to authenticate.
    pub bind: Bind,
    /// Which certificates to trust.
    pub trust: Trust,
    /// How many entries a page has; 1 to 10,000.
    pub page_size: u32,
    /// How long connection, TLS and bind may take.
    pub connect_timeout: Duration,
    /// How long one whole reading may take.
    pub read_deadline: Duration,
}

/// How to authenticate to a directory (RFC 4513).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bind {
    /// Anonymously.
    Anonymous,
    /// With a DN (or a UPN) and a password.
    Simple {
        /// The DN or UPN.
        dn: String,
        /// Where the password is.
        password: SecretSource,
    },
    /// As the peer of the Unix socket or the owner of the client certificate (RFC 4422, appendix A).
    External,
}

/// Which server certificates are accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trust {
    /// Those that the system trusts.
    System,
    /// Those signed by a certificate in this PEM file.
    CaFile(PathBuf),
    /// Exactly the certificate with this SHA-256 of its DER form.
    Pin([u8; 32]),
    /// Any certificate; the key is `danger-accept-any-certificate`.
    DangerAny,
}

/// The mapping of entries: filters, attributes and lock rules. A schema is a set of defaults for
/// it. Attribute names are in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapping {
    /// The schema whose defaults were taken.
    pub schema: Schema,
    /// The subtree with the accounts.
    pub base: String,
    /// The subtree with the groups; the same as `base` if none is given.
    pub group_base: String,
    /// The filter of accounts (RFC 4515).
    pub filter: String,
    /// The filter of groups; empty to read no groups.
    pub group_filter: String,
    /// The attribute with the immutable id.
    pub id: IdAttribute,
    /// The attribute with the second anchor, if there is one. It recognises a person who moved
    /// between directories.
    pub anchor: Option<IdAttribute>,
    /// What `accounts.id` names now, for a reading by the attribute that it named before; `None` in
    /// settings.
    pub new_id: Option<IdAttribute>,
    /// The attribute with the immutable id of groups.
    pub group_id: IdAttribute,
    /// The attribute with the username.
    pub username: String,
    /// The sources of e-mail addresses, best first.
    pub email: Vec<EmailSource>,
    /// The attributes that may contain each field, best first.
    pub fields: Vec<(ProfileField, Vec<String>)>,
    /// Attributes with the whole name. They give the first and last name if the directory has no
    /// given name, or if the surname repeats the username.
    pub full_name: Vec<String>,
    /// The rules that say whether an account is locked.
    pub locks: Vec<LockRule>,
    /// The rules that say that an entry is not a person's.
    pub not_a_person: Vec<NotAPerson>,
    /// The attribute with a group's name.
    pub group_name: String,
    /// The attributes with a group's members.
    pub group_members: Vec<GroupMembers>,
}

impl Mapping {
    /// Returns the mapping that reads ids from the former attribute, and its own ids as the new ones.
    #[must_use]
    pub fn by_former_ids(&self, former: &IdAttribute) -> Self {
        Self {
            id: former.clone(),
            new_id: Some(self.id.clone()),
            ..self.clone()
        }
    }
}

/// A source of e-mail addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EmailSource {
    /// The values of an attribute.
    Attribute(String),
    /// A text with `{attribute}` in it, for example `{uid}@example.org`.
    Template(String),
}

/// An attribute with a group's members.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GroupMembers {
    /// Usernames (`memberUid`, RFC 2307).
    Usernames(String),
    /// DNs (`member`, `uniqueMember`).
    Dns(String),
}

/// The server whose users are kept in step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MattermostSettings {
    /// How it is reached.
    pub access: MattermostAccess,
    /// Our own limit on requests; `None` for no limit of our own.
    pub pace: Option<Pace>,
    /// How many writes may be in flight at once; 1 to 16.
    pub concurrency: u32,
    /// How long one request may take.
    pub timeout: Duration,
    /// The initial password of new users; `None` gives each a random one.
    pub initial_password: Option<SecretSource>,
}

/// How the server is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MattermostAccess {
    /// Over HTTP(S), with a token.
    Http {
        /// `https://chat.example.org`, without a slash at its end; may have a path.
        url: String,
        /// Where the token is.
        token: SecretSource,
        /// Which certificates to trust.
        trust: Trust,
    },
    /// Over the local-mode socket.
    Socket {
        /// `ServiceSettings.LocalModeSocketLocation`.
        path: PathBuf,
    },
}

/// A limit on requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// How many requests a second are allowed, at least 1.
    pub per_second: u32,
    /// How many requests may be sent at once after a pause, at least 1.
    pub burst: u32,
}

/// When cycles begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScheduleSettings {
    /// The time from the end of one cycle to the beginning of the next.
    pub interval: Duration,
    /// The longest random time that is added, so that many machines do not ask at once.
    pub jitter: Duration,
    /// The longest pause after failures.
    pub max_backoff: Duration,
}

impl Settings {
    /// Returns the names of the providers.
    pub fn provider_names(&self) -> impl Iterator<Item = &ProviderName> {
        self.providers.iter().map(|provider| &provider.name)
    }

    /// Returns all secrets with the keys that name them.
    pub fn secrets(&self) -> Vec<(&'static str, &SecretSource)> {
        let mut secrets = Vec::new();
        for provider in &self.providers {
            if let ProviderKind::Ldap(ldap) = &provider.kind
                && let Bind::Simple { password, .. } = &ldap.bind
            {
                secrets.push(("provider.bind-password", password));
            }
        }
        if let MattermostAccess::Http { token, .. } = &self.mattermost.access {
            secrets.push(("mattermost.token", token));
        }
        if let Some(password) = &self.mattermost.initial_password {
            secrets.push(("mattermost.initial-password", password));
        }
        secrets
    }
}

impl LdapSettings {
    /// Returns whether what is sent to an address cannot be read on the way.
    pub fn is_private(&self, url: &LdapUrl) -> bool {
        match url {
            LdapUrl::Plain { .. } => self.start_tls || url.is_local(),
            LdapUrl::Tls { .. } | LdapUrl::Unix(_) => true,
        }
    }

    /// Returns the first address to which a password would be sent unencrypted. Validated settings
    /// have one only if `danger-bind-without-tls` is set.
    pub(super) fn password_in_clear_to(&self) -> Option<&LdapUrl> {
        match self.bind {
            Bind::Simple { .. } => self.urls.iter().find(|url| !self.is_private(url)),
            Bind::Anonymous | Bind::External => None,
        }
    }
}
