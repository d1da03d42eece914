//! How a slapd is set up, and the configuration file that says so.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use crate::people::BASE;

/// The DN that may do everything.
pub(super) const MANAGER: &str = "cn=Manager,dc=directory,dc=nh";
/// Its password.
pub(super) const MANAGER_PASSWORD: &str = "manager-secret";
/// The DN that NethServer gives to programs that read.
pub(super) const SERVICE: &str = "cn=ldapservice,dc=directory,dc=nh";
/// Its password.
pub(super) const SERVICE_PASSWORD: &str = "ldapservice-secret";

/// An overlay of slapd.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Overlay {
    /// `contextCSN` and syncrepl.
    SyncProv,
    /// `memberOf`, kept from `member`.
    MemberOf,
    /// Removes a deleted entry from groups.
    RefInt,
    /// `pwdAccountLockedTime` and its like.
    Ppolicy,
    /// Refuses a second entry with the same `uid`.
    Unique,
}

impl Overlay {
    fn module(self) -> &'static str {
        match self {
            Self::SyncProv => "syncprov",
            Self::MemberOf => "memberof",
            Self::RefInt => "refint",
            Self::Ppolicy => "ppolicy",
            Self::Unique => "unique",
        }
    }

    fn settings(self) -> &'static str {
        match self {
            Self::SyncProv => "syncprov-checkpoint 100 10\n",
            Self::RefInt => "refint_attributes member\n",
            Self::Unique => "unique_uri ldap:///?uid?sub?\n",
            Self::MemberOf | Self::Ppolicy => "",
        }
    }
}

/// How a slapd is set up. The default is NethServer 7's local directory: no overlay, slapd's own size
/// limit of 500, everybody may read everything but `userPassword`.
#[derive(Debug, Clone, Default)]
pub struct SlapdOptions {
    /// `sizelimit` in entries; `None` leaves it out, which means 500 (slapd.conf(5)). It caps the sum
    /// over the pages of a search too.
    pub size_limit: Option<u32>,
    /// DNs for which no limit holds.
    pub unlimited: Vec<String>,
    /// Access rules (slapd.access(5)) that come before the usual ones, as
    /// `access to dn.subtree="ou=Sales,…" by * none`.
    pub access: String,
    /// Overlays.
    pub overlays: BTreeSet<Overlay>,
    /// Organisational units beside `People` and `Groups`, made when the server is first started.
    pub units: Vec<String>,
    /// LDIF loaded with `slapadd` before the server is first started: the fast way for thousands.
    pub seed: String,
    /// Serves `cn=monitor` (`olmMDBEntries`) to `cn=ldapservice`.
    pub monitor: bool,
    /// More lines for the configuration's head, as `disallow bind_anon`.
    pub head: String,
    /// More lines for the database, as `readonly on`.
    pub database: String,
}

impl SlapdOptions {
    /// The configuration file for a server in `directory`.
    pub(super) fn conf(&self, directory: &Path) -> String {
        let at = directory.display();
        let mut conf = String::new();
        for schema in ["core", "cosine", "nis", "inetorgperson"] {
            let _ = writeln!(conf, "include /etc/ldap/schema/{schema}.schema");
        }
        let _ = writeln!(conf, "pidfile {at}/slapd.pid\nargsfile {at}/slapd.args");
        let _ = writeln!(conf, "modulepath /usr/lib/ldap\nmoduleload back_mdb");
        if self.monitor {
            let _ = writeln!(conf, "moduleload back_monitor");
        }
        for overlay in &self.overlays {
            let _ = writeln!(conf, "moduleload {}", overlay.module());
        }
        let _ = writeln!(conf, "TLSCACertificateFile {at}/ca.pem");
        let _ = writeln!(conf, "TLSCertificateFile {at}/server.pem");
        let _ = writeln!(conf, "TLSCertificateKeyFile {at}/server.key");
        if let Some(limit) = self.size_limit {
            let _ = writeln!(conf, "sizelimit {limit}");
        }
        let _ = writeln!(conf, "{}", self.head);
        self.write_database(&mut conf, directory);
        if self.monitor {
            let _ = writeln!(conf, "database monitor");
            let _ = writeln!(conf, "access to * by dn.exact=\"{SERVICE}\" read by * none");
        }
        conf
    }

    fn write_database(&self, conf: &mut String, directory: &Path) {
        let _ = writeln!(conf, "database mdb\nsuffix \"{BASE}\"");
        let _ = writeln!(conf, "rootdn \"{MANAGER}\"\nrootpw {MANAGER_PASSWORD}");
        let _ = writeln!(conf, "directory {}/db", directory.display());
        // Nobody needs this data after a power failure.
        let _ = writeln!(conf, "maxsize 1073741824\ndbnosync");
        let _ = writeln!(
            conf,
            "index objectClass,uid,mail,memberUid,member,entryUUID,entryCSN eq"
        );
        for dn in &self.unlimited {
            let _ = writeln!(
                conf,
                "limits dn.exact=\"{dn}\" size=unlimited time=unlimited"
            );
        }
        let _ = writeln!(conf, "{}", self.database);
        let _ = writeln!(conf, "{}", self.access);
        let _ = writeln!(
            conf,
            "access to attrs=userPassword by anonymous auth by * none\naccess to * by * read"
        );
        for overlay in &self.overlays {
            let _ = writeln!(conf, "overlay {}", overlay.module());
            conf.push_str(overlay.settings());
        }
    }

    /// The entries that are there before anybody loads any.
    pub(super) fn first_entries(&self) -> String {
        let mut text = format!(
            "dn: {BASE}\nobjectClass: top\nobjectClass: dcObject\nobjectClass: organization\n\
             dc: directory\no: Example\n\n\
             dn: {SERVICE}\nobjectClass: organizationalRole\nobjectClass: simpleSecurityObject\n\
             cn: ldapservice\nuserPassword: {SERVICE_PASSWORD}\n\n"
        );
        let usual = ["People".to_owned(), "Groups".to_owned()];
        for unit in usual.iter().chain(&self.units) {
            let _ = writeln!(
                text,
                "dn: ou={unit},{BASE}\nobjectClass: organizationalUnit\nou: {unit}\n"
            );
        }
        text + &self.seed
    }
}
