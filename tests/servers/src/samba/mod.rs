//! A Samba AD domain controller, run from a temporary directory.

mod edit;
mod lock;
mod people;
mod provision;

use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tempfile::TempDir;

use crate::process::Process;
use crate::{ServerError, certificates, tools};
use lock::Lock;
pub use people::{AdPerson, ad_people};

const INSTALL: &str = "apt-get install samba samba-ad-provision samba-dsdb-modules \
                       samba-vfs-modules ldb-tools ldap-utils";
const REALM: &str = "AD.EXAMPLE.ORG";
const BASE: &str = "DC=ad,DC=example,DC=org";
const ADMIN: &str = "CN=Administrator,CN=Users,DC=ad,DC=example,DC=org";
const ADMIN_PASSWORD: &str = "Adm1n-secret-7";
/// The user that NethServer gives to programs that read.
const SERVICE: &str = "ldapservice";
const SERVICE_PASSWORD: &str = "Serv1ce-secret-7";

/// How long Samba may take to answer; it makes its certificate before the first time.
const PATIENCE: Duration = Duration::from_secs(60);

/// A domain controller of `ad.example.org` on Samba's own ports of the loopback interface: 389, 636,
/// 3268, 3269. Needs root.
///
/// There can be only one: [`Self::start`] waits until every other test, also in other processes, has
/// dropped its own. A test that starts a second one while it holds the first waits in vain.
#[derive(Debug)]
pub struct SambaDc {
    process: Option<Process>,
    directory: TempDir,
    // After the process: fields are dropped in this order.
    _lock: Lock,
}

impl SambaDc {
    /// Waits for its turn, then starts a domain controller with nobody in it but Samba's own accounts
    /// and `ldapservice`.
    ///
    /// # Errors
    /// [`ServerError::NotInstalled`] without Samba; [`ServerError::NotReady`] when another server sits
    /// on its ports (as Debian's own slapd), or after ten minutes of waiting for its turn.
    pub fn start() -> Result<Self, ServerError> {
        for program in ["samba", "samba-tool", "ldbadd", "ldapsearch"] {
            tools::find(program, INSTALL)?;
        }
        let lock = Lock::take()?;
        let tree = provision::tree()?;
        let directory = tempfile::Builder::new()
            .prefix("samba-")
            .tempdir()
            .map_err(ServerError::io(
                "cannot make a directory in",
                std::env::temp_dir(),
            ))?;
        let mut dc = Self {
            process: None,
            directory,
            _lock: lock,
        };
        provision::copy(&tree, &dc.directory())?;
        dc.start_again()?;
        dc.keep_certificate(&tree)?;
        Ok(dc)
    }

    /// Starts a stopped domain controller with its data. A running one is left alone.
    ///
    /// # Errors
    /// [`ServerError::NotReady`] with Samba's log when it does not answer within 60 s.
    pub fn start_again(&mut self) -> Result<(), ServerError> {
        if self.process.is_some() {
            return Ok(());
        }
        wait_for_ports()?;
        let mut command = Command::new(tools::find("samba", INSTALL)?);
        let settings = self.directory().join("smb.conf");
        command.args(["-i", "--debug-stdout", "-s"]).arg(settings);
        let log = self.directory.path().join("log");
        let process = Process::start(command, &log, self.directory.path())?;
        self.process = Some(self.wait_for(process)?);
        Ok(())
    }

    fn wait_for(&self, mut process: Process) -> Result<Process, ServerError> {
        let until = Instant::now() + PATIENCE;
        let reason = loop {
            if port_answers() && process.is_running() && self.root_dse().is_ok() {
                return Ok(process);
            }
            if !process.is_running() {
                break "it ended by itself".to_owned();
            }
            if Instant::now() > until {
                break format!("no answer within {} s", PATIENCE.as_secs());
            }
            tools::pause(Duration::from_millis(50));
        };
        Err(ServerError::NotReady {
            server: "Samba",
            reason,
            log: process.log_end(),
        })
    }

    /// The certificate that Samba made for itself takes seconds to make: the next copy has it too.
    fn keep_certificate(&self, tree: &Path) -> Result<(), ServerError> {
        let kept = tree.join("private/tls");
        if kept.join("cert.pem").exists() {
            return Ok(());
        }
        // Whole or not at all, should this process be killed.
        let copy = tree.join("private/tls.new");
        let _ = std::fs::remove_dir_all(&copy);
        let made = self.directory().join("private/tls");
        tools::run(Command::new("cp").arg("-a").args([&made, &copy]), "")?;
        std::fs::remove_dir_all(&kept)
            .and_then(|()| std::fs::rename(&copy, &kept))
            .map_err(ServerError::io("cannot make", kept))
    }

    /// Stops the server in good order; its data stays for [`Self::start_again`].
    pub fn stop(&mut self) {
        if let Some(process) = self.process.take() {
            process.stop();
        }
    }

    /// Kills the server at once, as a failing machine would.
    pub fn kill(&mut self) {
        self.process = None;
    }

    /// `ldap://127.0.0.1`, which refuses simple binds with result 8.
    #[must_use]
    pub fn url(&self) -> &'static str {
        "ldap://127.0.0.1:389"
    }

    /// `ldaps://127.0.0.1`.
    #[must_use]
    pub fn ldaps_url(&self) -> &'static str {
        "ldaps://127.0.0.1:636"
    }

    /// The domain's root, `DC=ad,DC=example,DC=org`.
    #[must_use]
    pub fn base(&self) -> &'static str {
        BASE
    }

    /// The administrator's DN and password.
    #[must_use]
    pub fn admin(&self) -> (&'static str, &'static str) {
        (ADMIN, ADMIN_PASSWORD)
    }

    /// The name that programs read with, as `ldapservice@AD.EXAMPLE.ORG`, and its password. An
    /// ordinary user.
    #[must_use]
    pub fn service(&self) -> (String, &'static str) {
        (format!("{SERVICE}@{REALM}"), SERVICE_PASSWORD)
    }

    /// The certificate of the authority that Samba made for itself, a PEM file. The server's has no
    /// subject alternative name: with most libraries it takes the pin.
    #[must_use]
    pub fn ca_file(&self) -> PathBuf {
        self.directory().join("private/tls/ca.pem")
    }

    /// The SHA-256 of the server's certificate in DER form, lower-case hexadecimal.
    ///
    /// # Errors
    /// When the certificate cannot be read.
    pub fn pin(&self) -> Result<String, ServerError> {
        let path = self.directory().join("private/tls/cert.pem");
        let pem = std::fs::read_to_string(&path).map_err(ServerError::io("cannot read", &path))?;
        let body: String = pem
            .lines()
            .filter(|line| !line.starts_with("-----"))
            .collect();
        let der = STANDARD
            .decode(body)
            .map_err(|error| ServerError::io("cannot read", &path)(std::io::Error::other(error)))?;
        Ok(certificates::pin(&der))
    }

    /// The directory that holds the domain.
    #[must_use]
    pub fn directory(&self) -> PathBuf {
        self.directory.path().join("dc")
    }

    /// Who answers is asked over TLS, as the service: listening comes long before answering.
    fn root_dse(&self) -> Result<String, ServerError> {
        let (name, password) = self.service();
        let mut command = Command::new(tools::find("ldapsearch", INSTALL)?);
        command
            .env("LDAPCONF", "/dev/null")
            .env("LDAPTLS_REQCERT", "never")
            .args(["-x", "-LLL", "-o", "nettimeout=5", "-H", self.ldaps_url()])
            .args([
                "-D",
                &name,
                "-w",
                password,
                "-s",
                "base",
                "-b",
                "",
                "dsServiceName",
            ]);
        tools::run(&mut command, "")
    }
}

impl Drop for SambaDc {
    fn drop(&mut self) {
        // Before its directory goes.
        self.process = None;
    }
}

fn port_answers() -> bool {
    TcpStream::connect((Ipv4Addr::LOCALHOST, 636)).is_ok()
}

/// A killed predecessor may take a moment to vanish; anybody else on the ports is in the way.
fn wait_for_ports() -> Result<(), ServerError> {
    let until = Instant::now() + Duration::from_secs(10);
    loop {
        let taken: Vec<u16> = [389, 636, 3268, 3269]
            .into_iter()
            .filter(|port| TcpStream::connect((Ipv4Addr::LOCALHOST, *port)).is_ok())
            .collect();
        if taken.is_empty() {
            return Ok(());
        }
        if Instant::now() > until {
            return Err(ServerError::NotReady {
                server: "Samba",
                reason: format!("somebody else listens on its ports {taken:?} (a slapd service?)"),
                log: String::new(),
            });
        }
        tools::pause(Duration::from_millis(100));
    }
}
