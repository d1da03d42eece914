//! Changing a domain: by the programs of ldb-tools, in its database, with the system's rights. The
//! running server sees it at once.

use std::process::Command;

use super::people::{AdPerson, control};
use super::{BASE, INSTALL, SambaDc};
use crate::ldif::line;
use crate::{ServerError, tools};

/// Authenticated users may not read the attribute with this schema id ([MS-ADA2] 2.40, `member`).
const HIDDEN_MEMBER: &str = "(OD;;RP;bf9679c0-0de6-11d0-a285-00aa003049e2;;AU)";

impl SambaDc {
    /// Adds entries.
    ///
    /// # Errors
    /// What ldbadd said.
    pub fn add(&self, ldif: &str) -> Result<(), ServerError> {
        self.ldb("ldbadd", ldif).map(drop)
    }

    /// Adds people.
    ///
    /// # Errors
    /// What ldbadd said.
    pub fn add_people(&self, people: &[AdPerson]) -> Result<(), ServerError> {
        self.add(&people.iter().map(AdPerson::ldif).collect::<String>())
    }

    /// Adds an organisational unit below the domain's root and returns its DN.
    ///
    /// # Errors
    /// What ldbadd said.
    pub fn add_unit(&self, name: &str) -> Result<String, ServerError> {
        let dn = format!("OU={name},{BASE}");
        self.add(&(line("dn", dn.as_bytes()) + "objectClass: organizationalUnit\n\n"))?;
        Ok(dn)
    }

    /// Adds a group in `CN=Users` with these DNs as `member` and returns its DN.
    ///
    /// # Errors
    /// What ldbadd said.
    pub fn add_group(&self, name: &str, members: &[String]) -> Result<String, ServerError> {
        let dn = format!("CN={name},CN=Users,{BASE}");
        let mut ldif = line("dn", dn.as_bytes()) + "objectClass: group\n";
        ldif += &line("sAMAccountName", name.as_bytes());
        for member in members {
            ldif += &line("member", member.as_bytes());
        }
        self.add(&(ldif + "\n"))?;
        Ok(dn)
    }

    /// Applies LDIF change records.
    ///
    /// # Errors
    /// What ldbmodify said.
    pub fn modify(&self, ldif: &str) -> Result<(), ServerError> {
        self.ldb("ldbmodify", ldif).map(drop)
    }

    /// Gives an attribute exactly these values; none removes it.
    ///
    /// # Errors
    /// What ldbmodify said.
    pub fn set(&self, dn: &str, attribute: &str, values: &[&str]) -> Result<(), ServerError> {
        let mut ldif = line("dn", dn.as_bytes());
        ldif += &format!("changetype: modify\nreplace: {attribute}\n");
        for value in values {
            ldif += &line(attribute, value.as_bytes());
        }
        self.modify(&ldif)
    }

    /// Sets or clears `ACCOUNTDISABLE` in `userAccountControl`.
    ///
    /// # Errors
    /// What ldbmodify said.
    pub fn set_enabled(&self, dn: &str, enabled: bool) -> Result<(), ServerError> {
        self.set(dn, "userAccountControl", &[&control(enabled).to_string()])
    }

    /// Renames an entry (`new_rdn` as `CN=anna`) and moves it below `new_parent` if one is given.
    ///
    /// # Errors
    /// What ldbmodify said.
    pub fn rename(
        &self,
        dn: &str,
        new_rdn: &str,
        new_parent: Option<&str>,
    ) -> Result<(), ServerError> {
        let mut ldif = line("dn", dn.as_bytes()) + "changetype: modrdn\n";
        ldif += &line("newrdn", new_rdn.as_bytes());
        ldif += "deleteoldrdn: 1\n";
        if let Some(parent) = new_parent {
            ldif += &line("newsuperior", parent.as_bytes());
        }
        self.modify(&ldif)
    }

    /// Deletes an entry; a tombstone stays in `CN=Deleted Objects`.
    ///
    /// # Errors
    /// What ldbmodify said.
    pub fn delete(&self, dn: &str) -> Result<(), ServerError> {
        self.modify(&(line("dn", dn.as_bytes()) + "changetype: delete\n"))
    }

    /// Denies everybody the right to read `member` of a group.
    ///
    /// # Errors
    /// What samba-tool said.
    pub fn hide_members(&self, dn: &str) -> Result<(), ServerError> {
        let at = self.directory();
        let mut command = Command::new(tools::find("samba-tool", INSTALL)?);
        command
            .args(["dsacl", "set", "--objectdn", dn, "--sddl", HIDDEN_MEMBER])
            .arg(format!("--configfile={}", at.join("smb.conf").display()))
            .arg("-H")
            .arg(at.join("private/sam.ldb"));
        tools::run(&mut command, "").map(drop)
    }

    /// What a search in the whole domain finds, as ldbsearch prints it.
    ///
    /// # Errors
    /// What ldbsearch said.
    pub fn search(&self, filter: &str, attributes: &[&str]) -> Result<String, ServerError> {
        let mut command = self.ldb_command("ldbsearch")?;
        command.args(["-b", BASE, filter]).args(attributes);
        tools::run(&mut command, "")
    }

    fn ldb(&self, program: &str, ldif: &str) -> Result<String, ServerError> {
        tools::run(&mut self.ldb_command(program)?, ldif)
    }

    fn ldb_command(&self, program: &str) -> Result<Command, ServerError> {
        let mut command = Command::new(tools::find(program, INSTALL)?);
        let at = self.directory();
        command
            .arg(format!("--configfile={}", at.join("smb.conf").display()))
            .arg("-H")
            .arg(at.join("private/sam.ldb"));
        Ok(command)
    }
}
