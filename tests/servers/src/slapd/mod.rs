//! OpenLDAP's slapd, run from a temporary directory.

mod edit;
mod options;

use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::certificates::{Authority, Issued, Wanted};
use crate::people::BASE;
use crate::process::Process;
use crate::{ServerError, ports, tools};
use options::{MANAGER, MANAGER_PASSWORD, SERVICE, SERVICE_PASSWORD};
pub use options::{Overlay, SlapdOptions};

const INSTALL: &str = "apt-get install slapd ldap-utils";

/// How long slapd may take to listen.
const PATIENCE: Duration = Duration::from_secs(20);

/// A slapd of one's own, on free ports of 127.0.0.1 and on a Unix socket, with the tree of a
/// NethServer 7: `dc=directory,dc=nh` with `ou=People`, `ou=Groups` and `cn=ldapservice`.
///
/// Ports, certificate and data stay the same when it is stopped and started again. It ends, and its
/// directory goes, on drop.
#[derive(Debug)]
pub struct Slapd {
    process: Option<Process>,
    options: SlapdOptions,
    ports: [u16; 2],
    certificate: Issued,
    directory: TempDir,
}

impl Slapd {
    /// Starts a server and waits until it listens on all three transports.
    ///
    /// # Errors
    /// [`ServerError::NotInstalled`] without slapd; otherwise what slapd or slapadd said.
    pub fn start(options: SlapdOptions) -> Result<Self, ServerError> {
        tools::find("slapd", INSTALL)?;
        tools::find("ldapmodify", INSTALL)?;
        let directory = tempfile::Builder::new()
            .prefix("slapd-")
            .tempdir()
            .map_err(ServerError::io(
                "cannot make a directory in",
                std::env::temp_dir(),
            ))?;
        let authority = Authority::new("Test authority of a slapd")?;
        let certificate = authority.issue(&Wanted::default())?;
        let at = directory.path();
        tools::write(&at.join("ca.pem"), &authority.pem())?;
        tools::write(&at.join("server.pem"), &certificate.certificate_pem)?;
        tools::write(&at.join("server.key"), &certificate.key_pem)?;
        let database = at.join("db");
        std::fs::create_dir(&database).map_err(ServerError::io("cannot make", &database))?;
        let mut slapd = Self {
            process: None,
            options,
            ports: [0; 2],
            certificate,
            directory,
        };
        slapd.write_conf()?;
        slapd.slapadd(&slapd.options.first_entries())?;
        slapd.listen_somewhere()?;
        Ok(slapd)
    }

    /// Somebody else may take a port between the look and slapd's start: others are tried.
    fn listen_somewhere(&mut self) -> Result<(), ServerError> {
        let mut tries = 5;
        loop {
            self.ports = [ports::free(), ports::free()];
            tries -= 1;
            match self.start_again() {
                Err(ServerError::NotReady { .. }) if tries > 0 => {}
                result => return result,
            }
        }
    }

    /// Starts a stopped server on its old ports, with its data. A running one is left alone.
    ///
    /// # Errors
    /// [`ServerError::NotReady`] with slapd's log when it does not listen within 20 s.
    pub fn start_again(&mut self) -> Result<(), ServerError> {
        if self.process.is_some() {
            return Ok(());
        }
        let mut command = Command::new(tools::find("slapd", INSTALL)?);
        command
            .arg("-f")
            .arg(self.conf_file())
            .args(["-d", "stats", "-h"])
            // The socket last: slapd listens in this order, so who can connect to it can to all.
            .arg(format!(
                "{}/ {}/ {}/",
                self.url(),
                self.ldaps_url(),
                self.ldapi_url()
            ));
        let process = Process::start(command, &self.log_file(), self.directory.path())?;
        self.process = Some(self.wait_for(process)?);
        Ok(())
    }

    fn wait_for(&self, mut process: Process) -> Result<Process, ServerError> {
        let until = Instant::now() + PATIENCE;
        let reason = loop {
            if UnixStream::connect(self.socket()).is_ok() && process.is_running() {
                return Ok(process);
            }
            if !process.is_running() {
                break "it ended by itself".to_owned();
            }
            if Instant::now() > until {
                break format!("no answer within {} s", PATIENCE.as_secs());
            }
            tools::pause(Duration::from_millis(20));
        };
        Err(ServerError::NotReady {
            server: "slapd",
            reason,
            log: process.log_end(),
        })
    }

    /// Stops the server in good order; data, ports and certificate stay for [`Self::start_again`].
    pub fn stop(&mut self) {
        if let Some(process) = self.process.take() {
            process.stop();
        }
        // A socket that is left would answer the next start's question too early with a refusal.
        let _ = std::fs::remove_file(self.socket());
    }

    /// Kills the server at once, as a failing machine would.
    pub fn kill(&mut self) {
        self.process = None;
        let _ = std::fs::remove_file(self.socket());
    }

    /// Stops the server and starts it with other options and the same data. `seed` and `units` of the
    /// new options are not looked at: they belong to the first start.
    ///
    /// # Errors
    /// As [`Self::start_again`].
    pub fn restart_with(&mut self, options: SlapdOptions) -> Result<(), ServerError> {
        self.stop();
        self.options = options;
        self.write_conf()?;
        self.start_again()
    }

    /// The options that it runs with.
    #[must_use]
    pub fn options(&self) -> &SlapdOptions {
        &self.options
    }

    /// `ldap://127.0.0.1:PORT`, where StartTLS is available too.
    #[must_use]
    pub fn url(&self) -> String {
        format!("ldap://127.0.0.1:{}", self.ports[0])
    }

    /// `ldaps://127.0.0.1:PORT`.
    #[must_use]
    pub fn ldaps_url(&self) -> String {
        format!("ldaps://127.0.0.1:{}", self.ports[1])
    }

    /// `ldapi://%2F…`, the path of the socket percent-encoded.
    #[must_use]
    pub fn ldapi_url(&self) -> String {
        let path = self.socket().display().to_string();
        format!("ldapi://{}", path.replace('/', "%2F"))
    }

    /// The path of the socket.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.directory.path().join("ldapi")
    }

    /// The authority's certificate, a PEM file.
    #[must_use]
    pub fn ca_file(&self) -> PathBuf {
        self.directory.path().join("ca.pem")
    }

    /// The SHA-256 of the server's certificate in DER form, lower-case hexadecimal.
    #[must_use]
    pub fn pin(&self) -> String {
        self.certificate.pin()
    }

    /// The suffix, `dc=directory,dc=nh`.
    #[must_use]
    pub fn base(&self) -> &'static str {
        BASE
    }

    /// The DN that programs read with, and its password.
    #[must_use]
    pub fn service(&self) -> (&'static str, &'static str) {
        (SERVICE, SERVICE_PASSWORD)
    }

    /// The DN that may do everything and is under no limit, and its password.
    #[must_use]
    pub fn manager(&self) -> (&'static str, &'static str) {
        (MANAGER, MANAGER_PASSWORD)
    }

    /// What slapd logged so far, one line for each operation (`BIND`, `SRCH`, `SEARCH RESULT`, …).
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn log(&self) -> Result<String, ServerError> {
        let path = self.log_file();
        std::fs::read(&path)
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .map_err(ServerError::io("cannot read", path))
    }

    /// The directory that holds everything.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    fn log_file(&self) -> PathBuf {
        self.directory.path().join("log")
    }

    fn conf_file(&self) -> PathBuf {
        self.directory.path().join("slapd.conf")
    }

    fn write_conf(&self) -> Result<(), ServerError> {
        let conf = self.options.conf(self.directory.path());
        tools::write(&self.conf_file(), &conf)
    }

    /// Loads entries into the database of a server that does not run.
    fn slapadd(&self, ldif: &str) -> Result<(), ServerError> {
        let mut command = Command::new(tools::find("slapadd", INSTALL)?);
        // -w writes contextCSN, which a server with syncprov would have.
        command.args(["-q", "-w", "-f"]).arg(self.conf_file());
        tools::run(&mut command, ldif).map(drop)
    }
}

impl Drop for Slapd {
    fn drop(&mut self) {
        // Before its directory goes.
        self.process = None;
    }
}
