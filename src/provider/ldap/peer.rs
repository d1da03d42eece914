//! The Unix user as whom a server on the same machine knows us.

use std::fmt;

use nix::unistd::{User, geteuid};

use crate::config::{Bind, LdapSettings, LdapUrl};

/// The user of this process, where the server takes it for our identity: bound over a Unix socket
/// with SASL EXTERNAL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerUser {
    /// The name, or the number if the system knows no name.
    pub name: String,
    /// Whether it is root.
    pub is_root: bool,
}

impl PeerUser {
    /// Returns the user with whom we bind; `None` if we bind in another way.
    pub fn of(settings: &LdapSettings) -> Option<Self> {
        let is_socket = |url: &LdapUrl| matches!(url, LdapUrl::Unix(_));
        (settings.bind == Bind::External && settings.urls.iter().all(is_socket)).then(|| {
            let us = geteuid();
            let known = User::from_uid(us).ok().flatten();
            Self {
                name: known.map_or_else(|| format!("user {us}"), |user| user.name),
                is_root: us.is_root(),
            }
        })
    }
}

impl fmt::Display for PeerUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.is_root {
            true => f.write_str(&self.name),
            false => write!(f, "{}, who is not root", self.name),
        }
    }
}
