//! The daemon's binary as a service manager runs it, between a simulated Mattermost and a folder
//! with its configuration, its secrets and a directory in an LDIF file.

use std::fmt::Write as _;
use std::io::{Read, Write as _};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use mattermost_sim::{Options, Sim};
use mattersync::daemon::StatusReport;
use mattersync::observe::CycleFacts;
use serde_json::Value;
use tempfile::{NamedTempFile, TempDir};

/// The longest that anything in these tests is waited for; the machine may be busy.
pub const PATIENCE: Duration = Duration::from_secs(40);

pub const BASE: &str = "dc=example,dc=org";

/// One account of the LDIF file.
#[derive(Clone, Debug)]
pub struct Person {
    pub id: u32,
    pub uid: String,
    pub mail: String,
    pub first: String,
    pub locked: bool,
}

impl Person {
    pub fn new(id: u32, uid: &str) -> Self {
        Self {
            id,
            uid: uid.to_owned(),
            mail: format!("{uid}@example.org"),
            first: uid.to_uppercase(),
            locked: false,
        }
    }

    pub fn locked(mut self) -> Self {
        self.locked = true;
        self
    }
}

pub fn people(uids: &[&str]) -> Vec<Person> {
    (1..)
        .zip(uids)
        .map(|(n, uid)| Person::new(n, uid))
        .collect()
}

fn ldif(people: &[Person]) -> String {
    let mut text = String::from("version: 1\n\n");
    for Person {
        id,
        uid,
        mail,
        first,
        locked,
    } in people
    {
        let _ = write!(
            text,
            "dn: uid={uid},ou=People,{BASE}\nobjectClass: inetOrgPerson\n\
             objectClass: posixAccount\nentryUUID: 00000000-0000-4000-8000-{id:012x}\n\
             uid: {uid}\ncn: {first} Test\ngivenName: {first}\nsn: Test\nmail: {mail}\n"
        );
        if *locked {
            text.push_str("shadowExpire: 1\n");
        }
        text.push('\n');
    }
    text
}

/// What the configuration says beside what all tests need.
#[derive(Clone, Debug)]
pub struct Config {
    /// The keys of the provider.
    pub provider: String,
    /// Over the Unix socket, without a token.
    pub local: bool,
    /// More keys of `[mattermost]`.
    pub mattermost: String,
    pub policy: String,
    pub guard: String,
    pub schedule: String,
}

impl Default for Config {
    /// The LDIF file; no guard, no grace, no adoption; a cycle only at the start and when asked for.
    fn default() -> Self {
        Self {
            provider: "kind = \"ldif\"\npath = \"@/people.ldif\"\n".into(),
            local: false,
            mattermost: "requests-per-second = \"off\"\n".into(),
            policy: "adopt = \"never\"\ngrace = \"0s\"\n".into(),
            guard: [
                "locked",
                "missing",
                "create",
                "reactivate",
                "rename",
                "email",
            ]
            .map(|class| format!("{class} = \"off\"\n"))
            .concat(),
            schedule: "interval = \"1h\"\njitter = \"0s\"\n".into(),
        }
    }
}

/// Everything that a daemon needs.
pub struct Stage {
    binary: &'static str,
    folder: TempDir,
    pub sim: Sim,
    pub token: String,
}

impl Stage {
    pub fn new(binary: &'static str, options: &Options, config: &Config) -> Self {
        let sim = Sim::start(options).unwrap();
        let token = sim.seed_admin("boss");
        sim.reset_counters();
        let stage = Self {
            binary,
            folder: tempfile::tempdir().unwrap(),
            sim,
            token,
        };
        stage.write_secret("token", &stage.token);
        stage.configure(config);
        stage
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn write_secret(&self, name: &str, secret: &str) {
        let path = self.path(name);
        std::fs::write(&path, secret).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    }

    pub fn configure(&self, config: &Config) {
        let Config {
            provider,
            local,
            mattermost,
            policy,
            guard,
            schedule,
        } = config;
        let way = match local {
            true => format!("socket = \"{}\"", self.sim.socket().display()),
            false => format!(
                "url = \"{}\"\ntoken = {{ file = \"@/token\" }}",
                self.sim.url()
            ),
        };
        let text = format!(
            "[[provider]]\nname = \"people\"\nschema = \"rfc2307\"\nbase = \"{BASE}\"\n{provider}\n\
             [accounts]\nlock = [\"shadowExpire\"]\n\n\
             [mattermost]\n{way}\n{mattermost}\n\
             [policy]\n{policy}\n[guard]\n{guard}\n[[team]]\ndisplay-name = \"Works\"\n\n\
             [schedule]\n{schedule}\n[state]\ndirectory = \"@/state\"\n\n\
             [control]\nsocket = \"@/run/control.sock\"\n",
        );
        self.write_config(&text.replace('@', &self.folder.path().display().to_string()));
        let _ = std::fs::create_dir(self.path("run"));
    }

    pub fn config(&self) -> PathBuf {
        self.path("config.toml")
    }

    pub fn read_config(&self) -> String {
        std::fs::read_to_string(self.config()).unwrap()
    }

    pub fn write_config(&self, text: &str) {
        std::fs::write(self.config(), text).unwrap();
    }

    pub fn socket(&self) -> PathBuf {
        self.path("run/control.sock")
    }

    /// Replaces the directory as a good export does: at once.
    pub fn write_people(&self, people: &[Person]) {
        let beside = self.path("people.new");
        std::fs::write(&beside, ldif(people)).unwrap();
        std::fs::rename(beside, self.path("people.ldif")).unwrap();
    }

    /// The binary, not started yet.
    pub fn command(&self) -> Command {
        let mut command = Command::new(self.binary);
        self.prepare(&mut command);
        command
    }

    /// Options and surroundings of a command that becomes the daemon.
    pub fn prepare(&self, command: &mut Command) {
        command
            .arg("--config")
            .arg(self.config())
            .arg("run")
            .env_remove("RUST_LOG")
            .env_remove("NOTIFY_SOCKET")
            .env_remove("WATCHDOG_USEC")
            .env_remove("JOURNAL_STREAM")
            .stdin(Stdio::null());
    }

    pub fn start(&self) -> Daemon {
        Daemon::start(self.command(), &self.socket())
    }

    /// Starts the daemon and waits for its first cycle.
    pub fn start_and_wait(&self) -> Daemon {
        let daemon = self.start();
        daemon.wait_for("the first cycle", |status| status.last.is_some());
        daemon
    }
}

/// A running daemon. Killed when dropped.
pub struct Daemon {
    child: Child,
    socket: PathBuf,
    /// Where its output goes: to a file, so that what was said can be read at once.
    output: NamedTempFile,
}

impl Daemon {
    pub fn start(mut command: Command, socket: &Path) -> Self {
        let output = NamedTempFile::new().unwrap();
        let stream = || Stdio::from(output.as_file().try_clone().unwrap());
        let child = command.stdout(stream()).stderr(stream()).spawn().unwrap();
        Self {
            child,
            socket: socket.to_owned(),
            output,
        }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Everything that it said so far.
    pub fn output(&self) -> String {
        std::fs::read_to_string(self.output.path()).unwrap()
    }

    /// How many lines of its output contain this.
    pub fn said(&self, what: &str) -> usize {
        self.output()
            .lines()
            .filter(|line| line.contains(what))
            .count()
    }

    pub fn wait_until_said(&self, what: &str) {
        wait(&format!("{what:?} in {}", self.output()), || {
            self.said(what) > 0
        });
    }

    pub fn signal(&self, name: &str) {
        signal(self.pid(), name);
    }

    /// SIGKILL, and waits until it is gone.
    pub fn kill(mut self) -> String {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.output()
    }

    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Waits for its end; how it ended, after how long, and all that it said.
    pub fn end(mut self) -> (ExitStatus, Duration, String) {
        let since = Instant::now();
        let mut status = None;
        wait(
            &format!("the end of the daemon, which said: {}", self.output()),
            || {
                status = self.child.try_wait().unwrap();
                status.is_some()
            },
        );
        let took = since.elapsed();
        (status.unwrap(), took, self.output())
    }

    /// SIGTERM, and a good end.
    pub fn stop(self) -> String {
        self.signal("TERM");
        let (status, took, output) = self.end();
        assert_eq!(status.code(), Some(0), "{output}");
        assert!(took < Duration::from_secs(5), "{took:?}: {output}");
        output
    }

    /// Asks over the control socket: status and body.
    pub fn ask(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> std::io::Result<(u16, String)> {
        ask(&self.socket, method, path, body)
    }

    pub fn status(&self) -> std::io::Result<StatusReport> {
        let (_, body) = self.ask("GET", "/v1/status", None)?;
        Ok(serde_json::from_str(&body)?)
    }

    /// Waits until the status is so.
    pub fn wait_for(&self, what: &str, is: impl Fn(&StatusReport) -> bool) -> StatusReport {
        let mut last = None;
        wait_or(
            || format!("{what}; it said: {}", self.output()),
            || {
                last = self.status().ok();
                last.as_ref().is_some_and(&is)
            },
        );
        last.unwrap()
    }

    /// A cycle now, with its report.
    pub fn sync(&self) -> CycleFacts {
        let (status, body) = self.ask("POST", "/v1/sync", None).unwrap();
        assert_eq!(status, 200, "{body}; it said: {}", self.output());
        serde_json::from_str(&body).unwrap()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends a signal, as `TERM`.
pub fn signal(pid: u32, name: &str) {
    let done = Command::new("kill")
        .args([format!("-{name}"), pid.to_string()])
        .status();
    assert!(done.unwrap().success(), "kill -{name}");
}

/// One request over a Unix socket: status and body.
pub fn ask(
    socket: &Path,
    method: &str,
    path: &str,
    body: Option<&Value>,
) -> std::io::Result<(u16, String)> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let body = body.map(Value::to_string).unwrap_or_default();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let status = answer.get(9..12).and_then(|code| code.parse().ok());
    let parts = answer.split_once("\r\n\r\n");
    match (status, parts) {
        (Some(status), Some((_, body))) => Ok((status, body.to_owned())),
        _ => Err(std::io::ErrorKind::UnexpectedEof.into()),
    }
}

pub fn wait(what: &str, is: impl FnMut() -> bool) {
    wait_or(|| what.to_owned(), is);
}

fn wait_or(what: impl Fn() -> String, mut is: impl FnMut() -> bool) {
    let since = Instant::now();
    while !is() {
        assert!(since.elapsed() < PATIENCE, "waited in vain for {}", what());
        std::thread::sleep(Duration::from_millis(15));
    }
}
