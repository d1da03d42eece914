//! Validated settings: what the other rooms are given. Nothing here can be wrong in itself.

use std::path::PathBuf;
use std::time::Duration;

use crate::model::{IdAttribute, ProfileField, ProviderName};
use crate::plan::Policy;

use super::{LdapUrl, LockRule, NotAPerson, Schema, SecretSource};

/// Everything that the configuration says, and what had to be found out for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Where accounts come from: at least one, each with a name of its own.
    pub providers: Vec<ProviderSettings>,
    /// The server whose accounts are kept.
    pub mattermost: MattermostSettings,
    /// The rules that a plan follows.
    pub policy: Policy,
    /// When cycles begin.
    pub schedule: ScheduleSettings,
    /// Where the state lives.
    pub state_directory: PathBuf,
    /// How long runs are kept; `None` for ever.
    pub keep: Option<Duration>,
    /// The daemon's control socket.
    pub control_socket: PathBuf,
    /// SHA-256, in hex, of what the settings say about who is to be what on Mattermost, to
    /// notice that it changed. Pace, schedule, local paths and the places of secrets have no part.
    pub digest: String,
}

/// Where accounts come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderSettings {
    /// Its name; `default` when left out.
    pub name: ProviderName,
    /// How it is reached.
    pub kind: ProviderKind,
    /// What its entries mean.
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
        /// Which file.
        path: PathBuf,
    },
}

/// How a directory server is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LdapSettings {
    /// Tried in order; at least one.
    pub urls: Vec<LdapUrl>,
    /// Upgrade `ldap://` connections with StartTLS (RFC 4511, 4.14).
    pub start_tls: bool,
    /// How to authenticate.
    pub bind: Bind,
    /// Which certificates to trust.
    pub trust: Trust,
    /// Entries a page; 1 to 10,000.
    pub page_size: u32,
    /// The most time for connection, TLS and bind.
    pub connect_timeout: Duration,
    /// The most time for one whole reading.
    pub read_deadline: Duration,
}

/// How to authenticate to a directory (RFC 4513).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bind {
    /// Not at all.
    Anonymous,
    /// With a DN (or a UPN) and a password.
    Simple {
        /// Who.
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
    /// Any. Spelt out as `danger-accept-any-certificate`.
    DangerAny,
}

/// What entries mean: filters, attributes, lock rules. A schema is a set of defaults for it.
/// Attribute names are in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapping {
    /// The schema whose defaults were taken.
    pub schema: Schema,
    /// The subtree with the accounts.
    pub base: String,
    /// The subtree with the groups; the same as `base` if not given.
    pub group_base: String,
    /// Which entries are accounts (RFC 4515).
    pub filter: String,
    /// Which entries are groups; empty to read no groups.
    pub group_filter: String,
    /// The attribute with the immutable id.
    pub id: IdAttribute,
    /// The attribute with the second anchor, if there is one: by it a person who moved between
    /// directories is recognised.
    pub anchor: Option<IdAttribute>,
    /// What `accounts.id` names now, for a reading by the attribute that it named before; `None` in
    /// settings.
    pub new_id: Option<IdAttribute>,
    /// The attribute with the immutable id of groups.
    pub group_id: IdAttribute,
    /// The attribute with the username.
    pub username: String,
    /// Where e-mail addresses come from, best first.
    pub email: Vec<EmailSource>,
    /// For each field the attributes that may hold it, best first.
    pub fields: Vec<(ProfileField, Vec<String>)>,
    /// Attributes with the whole name, used for first and last name where the directory has no
    /// given name, or where the surname is only the username again.
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
    /// Returns the same mapping with the ids of another attribute, and its own as the new ones.
    #[must_use]
    pub fn by_former_ids(&self, former: &IdAttribute) -> Self {
        Self {
            id: former.clone(),
            new_id: Some(self.id.clone()),
            ..self.clone()
        }
    }
}

/// Where an e-mail address comes from.
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

/// The server whose accounts are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MattermostSettings {
    /// How it is reached.
    pub access: MattermostAccess,
    /// Requests a second that we allow ourselves; `None` for no limit of our own.
    pub pace: Option<Pace>,
    /// Writes that may be under way at once; 1 to 16.
    pub concurrency: u32,
    /// The most time for one request.
    pub timeout: Duration,
    /// The initial password of new users; random for each if not given.
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
    /// Requests a second, at least 1.
    pub per_second: u32,
    /// How many may come at once after a pause, at least 1.
    pub burst: u32,
}

/// When cycles begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScheduleSettings {
    /// From the end of one cycle to the beginning of the next.
    pub interval: Duration,
    /// The most that is added at random, so that many machines do not ask at once.
    pub jitter: Duration,
    /// The longest pause after failures.
    pub max_backoff: Duration,
}

impl Settings {
    /// Returns the names of the providers.
    pub fn provider_names(&self) -> impl Iterator<Item = &ProviderName> {
        self.providers.iter().map(|provider| &provider.name)
    }

    /// All secrets with the keys that name them.
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
    /// Whether what is sent to an address cannot be read on the way.
    pub fn is_private(&self, url: &LdapUrl) -> bool {
        match url {
            LdapUrl::Plain { .. } => self.start_tls || url.is_local(),
            LdapUrl::Tls { .. } | LdapUrl::Unix(_) => true,
        }
    }

    /// The first address to which a password would go unencrypted. Validated settings have one
    /// only where `danger-bind-without-tls` was spelt out.
    pub(super) fn password_in_clear_to(&self) -> Option<&LdapUrl> {
        match self.bind {
            Bind::Simple { .. } => self.urls.iter().find(|url| !self.is_private(url)),
            Bind::Anonymous | Bind::External => None,
        }
    }
}
