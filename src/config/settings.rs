//! Validated settings: what the other rooms are given. Nothing here can be wrong in itself.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::model::{ProfileField, ProviderName};
use crate::plan::Policy;

use super::{NotAPerson, SecretSource};

/// Everything that the configuration says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The one provider; several are refused for now.
    pub provider: ProviderSettings,
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
    /// SHA-256, in hex, of what the configuration says about who is to be what on Mattermost, to
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

/// An LDAP address, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LdapUrl {
    /// `ldap://`
    Plain {
        /// Host name or address, an IPv6 address without brackets.
        host: String,
        /// TCP port, 389 if not given.
        port: u16,
    },
    /// `ldaps://`
    Tls {
        /// Host name or address, an IPv6 address without brackets.
        host: String,
        /// TCP port, 636 if not given.
        port: u16,
    },
    /// `ldapi://`
    Unix(PathBuf),
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

/// A set of defaults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Schema {
    /// OpenLDAP and NethServer: `posixAccount`, `uid`, `entryUUID` (RFC 2307, 4530).
    Rfc2307,
    /// Active Directory and Samba AD.
    Ad,
}

/// The attribute with an immutable id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdAttribute {
    /// Its name.
    pub name: String,
    /// How its value becomes text.
    pub form: IdForm,
}

impl IdAttribute {
    /// Reads what [`IdAttribute`] shows.
    pub fn parse(text: &str) -> Option<Self> {
        let (name, form) = match text.split_once(" as ") {
            Some((name, form)) => {
                let mut forms = IdForm::NAMES.iter();
                (name, forms.find(|(word, _)| *word == form)?.1)
            }
            None => (text, IdForm::usual(text)),
        };
        Some(Self {
            name: name.to_owned(),
            form,
        })
    }
}

impl fmt::Display for IdAttribute {
    /// The name in lower case, and the form where it is not the usual one.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.name.to_ascii_lowercase();
        let form = IdForm::NAMES.iter().find(|(_, form)| *form == self.form);
        match form {
            Some((word, form)) if *form != IdForm::usual(&name) => write!(f, "{name} as {word}"),
            _ => f.write_str(&name),
        }
    }
}

/// How the value of an id attribute becomes its canonical text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdForm {
    /// It is text: trimmed, in lower case.
    Text,
    /// Sixteen bytes of a Windows GUID: the first three fields are little-endian ([MS-DTYP] 2.3.4).
    Guid,
    /// Bytes, written in hex (eDirectory's `GUID` and others).
    Hex,
}

/// Where an e-mail address comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EmailSource {
    /// The values of an attribute.
    Attribute(String),
    /// A text with `{attribute}` in it, for example `{uid}@example.org`.
    Template(String),
}

/// A rule that says whether an account is locked.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LockRule {
    /// AD: bit 2 of `userAccountControl`; absent means unknown.
    UserAccountControl,
    /// AD: `accountExpires` in the past; 0, 2^63-1 and absent mean never.
    AccountExpires,
    /// OpenLDAP's ppolicy: `pwdAccountLockedTime` is `000001010000Z`; a date is temporary. Absent
    /// means not locked where the right to read it is known, else unknown unless another rule shows
    /// that the account is not locked.
    PwdAccountLockedTime,
    /// 389: `nsAccountLock` is true; absent means not locked. The server computes it: an export has
    /// what it is computed from (`nsRoleDN`, the containers of FreeIPA).
    NsAccountLock,
    /// eDirectory: `loginDisabled` is true; absent means not locked.
    LoginDisabled,
    /// `userPassword` has a `!` before its hash and is not `{CRYPT}!!`; not readable means unknown.
    UserPassword,
    /// `shadowExpire`, days since 1970, in the past; absent means not expired, 0 unknown.
    ShadowExpire,
    /// `loginShell` is a shell that refuses (`/sbin/nologin`, `/bin/false`, …).
    LoginShell,
    /// A value of an attribute of the directory's own is like this: `attribute=value`, where `*` is
    /// any text. Absent means not locked where the right to read it is known, else unknown unless
    /// another rule shows that the account is not locked.
    Value {
        /// The attribute, as written.
        attribute: String,
        /// The pattern.
        pattern: String,
    },
    /// A value of such an attribute is a number that has one of these bits: `attribute&bits`.
    Bits {
        /// The attribute, as written.
        attribute: String,
        /// The bits; not zero.
        bits: u64,
    },
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
    /// The state file.
    pub fn state_file(&self) -> PathBuf {
        self.state_directory.join("state.sqlite")
    }

    /// All secrets with the keys that name them.
    pub fn secrets(&self) -> Vec<(&'static str, &SecretSource)> {
        let mut secrets = Vec::new();
        if let ProviderKind::Ldap(ldap) = &self.provider.kind
            && let Bind::Simple { password, .. } = &ldap.bind
        {
            secrets.push(("provider.bind-password", password));
        }
        if let MattermostAccess::Http { token, .. } = &self.mattermost.access {
            secrets.push(("mattermost.token", token));
        }
        if let Some(password) = &self.mattermost.initial_password {
            secrets.push(("mattermost.initial-password", password));
        }
        secrets
    }

    /// The file whose lock says who may write.
    pub fn lease_file(&self) -> PathBuf {
        self.state_directory.join("lease")
    }
}

impl LdapUrl {
    /// Whether what is sent stays on this machine.
    pub fn is_local(&self) -> bool {
        match self {
            Self::Unix(_) => true,
            Self::Plain { host, .. } | Self::Tls { host, .. } => super::url::is_loopback(host),
        }
    }
}

impl std::fmt::Display for LdapUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let bracketed = |host: &str| {
            if host.contains(':') {
                format!("[{host}]")
            } else {
                host.to_owned()
            }
        };
        match self {
            Self::Plain { host, port } => write!(f, "ldap://{}:{port}", bracketed(host)),
            Self::Tls { host, port } => write!(f, "ldaps://{}:{port}", bracketed(host)),
            Self::Unix(path) => {
                let path = Path::display(path).to_string();
                write!(f, "ldapi://{}", path.replace('%', "%25"))
            }
        }
    }
}
