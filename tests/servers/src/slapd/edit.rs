//! Changing and asking a running slapd with the programs of ldap-utils, as the manager over ldapi.

use std::process::Command;

use super::{INSTALL, MANAGER, MANAGER_PASSWORD, Slapd};
use crate::ldif::line;
use crate::people::{self, Person};
use crate::{ServerError, tools};

/// More entries than this are loaded with `slapadd` while the server stands still.
const LOAD_IN_PLACE: usize = 300;

impl Slapd {
    /// Loads entries: a few into the running server, many (over 300) by stopping it, loading, and
    /// starting it again, which is much faster. A stopped server stays stopped.
    ///
    /// # Errors
    /// What ldapadd or slapadd said; entries before the wrong one stay.
    pub fn load_ldif(&mut self, ldif: &str) -> Result<(), ServerError> {
        let entries = ldif.matches("\ndn:").count();
        let running = self.process.is_some();
        if running && entries <= LOAD_IN_PLACE {
            return self.add(ldif);
        }
        self.stop();
        let loaded = self.slapadd(ldif);
        if running {
            self.start_again()?;
        }
        loaded
    }

    /// Loads people.
    ///
    /// # Errors
    /// As [`Self::load_ldif`].
    pub fn load_people(&mut self, people: &[Person]) -> Result<(), ServerError> {
        self.load_ldif(&people::ldif(people))
    }

    /// Adds entries to the running server.
    ///
    /// # Errors
    /// What ldapadd said.
    pub fn add(&self, ldif: &str) -> Result<(), ServerError> {
        tools::run(&mut self.tool("ldapadd")?, ldif).map(drop)
    }

    /// Applies LDIF change records (`changetype: …`) to the running server.
    ///
    /// # Errors
    /// What ldapmodify said.
    pub fn modify(&self, ldif: &str) -> Result<(), ServerError> {
        tools::run(&mut self.tool("ldapmodify")?, ldif).map(drop)
    }

    /// Gives an attribute exactly these values; none removes it.
    ///
    /// # Errors
    /// What ldapmodify said.
    pub fn set(&self, dn: &str, attribute: &str, values: &[&str]) -> Result<(), ServerError> {
        let mut ldif = line("dn", dn.as_bytes());
        ldif += &format!("changetype: modify\nreplace: {attribute}\n");
        for value in values {
            ldif += &line(attribute, value.as_bytes());
        }
        self.modify(&ldif)
    }

    /// Deletes an entry.
    ///
    /// # Errors
    /// What ldapdelete said.
    pub fn delete(&self, dn: &str) -> Result<(), ServerError> {
        tools::run(self.tool("ldapdelete")?.arg(dn), "").map(drop)
    }

    /// Renames an entry (`new_rdn` as `uid=anna`), the old value of the RDN being removed, and moves
    /// it below `new_parent` if one is given.
    ///
    /// # Errors
    /// What ldapmodrdn said.
    pub fn rename(
        &self,
        dn: &str,
        new_rdn: &str,
        new_parent: Option<&str>,
    ) -> Result<(), ServerError> {
        let mut command = self.tool("ldapmodrdn")?;
        command.arg("-r");
        if let Some(parent) = new_parent {
            command.args(["-s", parent]);
        }
        tools::run(command.args([dn, new_rdn]), "").map(drop)
    }

    /// What a search below the suffix finds, as LDIF with unfolded lines.
    ///
    /// # Errors
    /// What ldapsearch said, also when the search ends with a result other than 0.
    pub fn search(&self, filter: &str, attributes: &[&str]) -> Result<String, ServerError> {
        let mut command = self.tool("ldapsearch")?;
        command.args(["-LLL", "-o", "ldif-wrap=no", "-b", self.base(), filter]);
        tools::run(command.args(attributes), "")
    }

    fn tool(&self, program: &str) -> Result<Command, ServerError> {
        let mut command = Command::new(tools::find(program, INSTALL)?);
        command
            .env("LDAPNOINIT", "1")
            .args(["-x", "-H", &self.ldapi_url()])
            .args(["-D", MANAGER, "-w", MANAGER_PASSWORD]);
        Ok(command)
    }
}
