//! People as they are in Active Directory.

use super::BASE;
use crate::ldif::line;

/// A person of a domain. `cn`, `sAMAccountName` and the name in `userPrincipalName` are the same, as
/// NethServer makes them.
#[derive(Debug, Clone)]
pub struct AdPerson {
    /// `cn` and `sAMAccountName`, at most 20 characters.
    pub name: String,
    /// `displayName`.
    pub display_name: String,
    /// `mail`; NethServer sets none.
    pub mail: Option<String>,
    /// The parent's DN.
    pub parent: String,
    /// Without `ACCOUNTDISABLE` in `userAccountControl`.
    pub enabled: bool,
}

impl AdPerson {
    /// An enabled person in `CN=Users` with `NAME@example.org` as `mail`.
    #[must_use]
    pub fn new(name: &str, display_name: &str) -> Self {
        Self {
            name: name.to_owned(),
            display_name: display_name.to_owned(),
            mail: Some(format!("{name}@example.org")),
            parent: format!("CN=Users,{BASE}"),
            enabled: true,
        }
    }

    /// The DN.
    #[must_use]
    pub fn dn(&self) -> String {
        format!("CN={},{}", self.name, self.parent)
    }

    /// The entry, with the empty line after it.
    #[must_use]
    pub fn ldif(&self) -> String {
        let mut text = line("dn", self.dn().as_bytes());
        text += "objectClass: user\n";
        text += &line("sAMAccountName", self.name.as_bytes());
        let principal = format!("{}@example.org", self.name);
        text += &line("userPrincipalName", principal.as_bytes());
        text += &line("displayName", self.display_name.as_bytes());
        if let Some(mail) = &self.mail {
            text += &line("mail", mail.as_bytes());
        }
        text += &format!("userAccountControl: {}\n\n", control(self.enabled));
        text
    }
}

/// `userAccountControl`: NORMAL_ACCOUNT, and ACCOUNTDISABLE for who is not enabled.
pub(super) fn control(enabled: bool) -> u32 {
    if enabled { 512 } else { 514 }
}

/// `n` people, always the same ones: `p0000` upward, in `CN=Users`. Of every twenty the seventh is
/// disabled; every fifth has letters beyond ASCII in the name.
#[must_use]
pub fn ad_people(n: u32) -> Vec<AdPerson> {
    crate::people::people(n)
        .into_iter()
        .map(|person| AdPerson {
            enabled: person.password != crate::people::Password::Locked,
            ..AdPerson::new(&person.uid, &person.cn)
        })
        .collect()
}
