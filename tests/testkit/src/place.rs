//! A directory in a file, a simulated Mattermost, a configuration, and the real binary.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use mattermost_sim::{Effect, Fault, Options, Sim, Version};
use serde_json::Value;
use tempfile::TempDir;

/// The password that is in the file for initial passwords; must never be printed.
const INITIAL: &str = "Initial-Passw0rd-hunter2!";

/// Everything that a command needs.
pub struct Place {
    binary: &'static str,
    pub dir: TempDir,
    pub sim: Sim,
    pub token: String,
    pub people: Vec<Person>,
    /// Below the base, the container of all of them.
    pub branch: String,
    /// More lines at the end of the configuration.
    pub more: String,
    /// How the directory is reached, if not through the file.
    pub provider: Option<String>,
    /// The whole tables of the provider and of accounts, if they are other ones.
    pub accounts: Option<String>,
    /// What must never be printed.
    pub secrets: Vec<String>,
}

/// Somebody in the directory.
#[derive(Clone)]
pub struct Person {
    pub uid: String,
    pub name: (String, String),
    pub mail: Option<String>,
    /// Days since 1970.
    pub expires: u32,
    /// The entry is no longer there.
    pub gone: bool,
}

/// What a command said and how it ended.
#[derive(Debug)]
pub struct Said {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Said {
    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{}\n{}", self.out, self.err);
        self
    }

    #[track_caller]
    pub fn says(self, words: &str) -> Self {
        let all = format!("{}{}", self.out, self.err);
        assert!(all.contains(words), "no {words:?} in:\n{all}");
        self
    }

    #[track_caller]
    pub fn says_not(self, words: &str) -> Self {
        let all = format!("{}{}", self.out, self.err);
        assert!(!all.contains(words), "{words:?} is in:\n{all}");
        self
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|e| panic!("{e}: {}", self.out))
    }
}

impl Place {
    /// A server of version 11 with its administrator, and nobody in the directory.
    pub fn new(binary: &'static str) -> Self {
        let sim = Sim::start(&Options::new(Version::V11)).unwrap();
        let token = sim.seed_admin("root.admin");
        let place = Self {
            binary,
            dir: tempfile::tempdir().unwrap(),
            sim,
            token,
            people: Vec::new(),
            branch: "ou=People".into(),
            more: String::new(),
            provider: None,
            accounts: None,
            secrets: Vec::new(),
        };
        place.secret("token", &place.token);
        place.secret("initial", INITIAL);
        place.write();
        place
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn secret(&self, name: &str, text: &str) {
        fs::write(self.path(name), format!("{text}\n")).unwrap();
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(0o600)).unwrap();
    }

    /// Puts somebody into the directory.
    pub fn add(&mut self, uid: &str, first: &str, last: &str) -> &mut Person {
        self.people.push(Person {
            uid: uid.to_owned(),
            name: (first.to_owned(), last.to_owned()),
            mail: Some(format!("{uid}@example.org")),
            expires: 99_999,
            gone: false,
        });
        self.write();
        self.people.last_mut().unwrap()
    }

    /// Changes somebody.
    pub fn edit(&mut self, uid: &str, change: impl FnOnce(&mut Person)) {
        change(self.people.iter_mut().find(|p| p.uid == uid).unwrap());
        self.write();
    }

    /// The directory id of the person who was added as number `n`, from 0.
    pub fn id(&self, n: usize) -> String {
        format!("00000000-0000-4000-8000-{n:012}")
    }

    /// A user whom nobody made for an account, with this address at `example.org`.
    pub fn stranger(&self, username: &str, mail: &str) -> String {
        let email = format!("{mail}@example.org");
        let fields = serde_json::json!({"username": username, "email": email});
        self.sim.add_user(&fields).unwrap()
    }

    /// Writes directory and configuration.
    pub fn write(&self) {
        fs::write(self.path("people.ldif"), self.ldif()).unwrap();
        fs::write(self.path("config.toml"), self.config()).unwrap();
    }

    fn ldif(&self) -> String {
        let mut text =
            String::from("dn: dc=directory,dc=nh\nobjectClass: domain\ndc: directory\n\n");
        for (n, person) in self.people.iter().enumerate() {
            if person.gone {
                continue;
            }
            let uid = &person.uid;
            let (first, last) = &person.name;
            write!(
                text,
                "dn: uid={uid},{},dc=directory,dc=nh\nobjectClass: inetOrgPerson\n\
                 objectClass: posixAccount\nuid: {uid}\ncn: {first} {last}\nsn: {last}\n\
                 givenName: {first}\nshadowExpire: {}\n\
                 entryUUID: 00000000-0000-4000-8000-{n:012}\n",
                self.branch, person.expires
            )
            .unwrap();
            if let Some(mail) = &person.mail {
                writeln!(text, "mail: {mail}").unwrap();
            }
            text.push('\n');
        }
        text
    }

    pub fn config(&self) -> String {
        let dir = self.dir.path().display();
        let file = format!("kind = \"ldif\"\npath = \"{dir}/people.ldif\"");
        let provider = self.provider.as_ref().unwrap_or(&file);
        let usual = format!(
            "[[provider]]\nname = \"company\"\nschema = \"rfc2307\"\n{provider}\n\
             base = \"dc=directory,dc=nh\"\n[accounts]\nlock = [\"shadowExpire\"]\n"
        );
        let tables = self.accounts.as_ref().unwrap_or(&usual);
        format!(
            "{tables}\n[mattermost]\nurl = \"{}\"\ntoken = {{ file = \"{dir}/token\" }}\n\
             requests-per-second = \"off\"\n\
             initial-password = {{ file = \"{dir}/initial\" }}\n\
             [[team]]\ndisplay-name = \"Our Company\"\n\
             [state]\ndirectory = \"{dir}/state\"\n\
             [control]\nsocket = \"{dir}/control.sock\"\n{}",
            self.sim.url(),
            self.more
        )
    }

    /// The binary with this configuration.
    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = quiet(self.binary);
        command.arg("--config").arg(self.path("config.toml"));
        command.args(words);
        command
    }

    /// Runs a command; whatever it says, no secret is in it.
    #[track_caller]
    pub fn run(&self, words: &[&str]) -> Said {
        let said = run(&mut self.command(words));
        let own = [self.token.as_str(), INITIAL, mattermost_sim::PASSWORD];
        let more = self.secrets.iter().map(String::as_str);
        for secret in own.into_iter().chain(more) {
            let all = format!("{}{}", said.out, said.err);
            assert!(!all.contains(secret), "{words:?} told a secret:\n{all}");
        }
        said
    }

    /// The id of the user of this name.
    pub fn user_id(&self, name: &str) -> String {
        self.sim.user_named(name).unwrap().id
    }

    pub fn is_active(&self, name: &str) -> bool {
        self.sim.user_named(name).unwrap().delete_at == 0
    }

    /// The server answers with a row of this user in which these fields are garbled.
    pub fn garble(&self, name: &str, fields: &[&str]) {
        let garbled = Effect::garble(&self.user_id(name), fields);
        self.sim.add_fault(Fault::new(garbled));
    }

    /// Gives each person, in the order in which they were added, this username, or its address.
    pub fn turn(&mut self, names: [&str; 3], addresses: bool) {
        for (person, name) in self.people.iter_mut().zip(names) {
            match addresses {
                true => person.mail = Some(format!("{name}@example.org")),
                false => person.uid = name.to_owned(),
            }
        }
        self.write();
    }

    /// Who has these usernames.
    pub fn having(&self, names: [&str; 3]) -> [String; 3] {
        names.map(|name| self.user_id(name))
    }

    /// The number of the newest run.
    pub fn last_run(&self) -> String {
        let history = self.run(&["history", "--json", "--last", "1"]).exits(0);
        history.json()["runs"][0]["run"].to_string()
    }

    /// Two cycles after which nothing more is to be done.
    #[track_caller]
    pub fn rests(&self) {
        for _ in 0..2 {
            self.run(&["sync"]).exits(0).says("Nothing was changed.");
        }
    }

    /// Waits for what a service does that logs into the file `log`.
    pub fn until(&self, ready: impl Fn() -> bool) {
        let end = Instant::now() + Duration::from_secs(20);
        while !ready() {
            let log = || fs::read_to_string(self.path("log")).unwrap_or_default();
            assert!(Instant::now() < end, "not in time:\n{}", log());
            std::thread::yield_now();
        }
    }

    /// What lies in a folder: names, sizes, a checksum, and when each file was changed. Without
    /// the locks that SQLite's readers share, which hold nothing.
    pub fn files(&self, name: &str) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.path(name)) else {
            return Vec::new();
        };
        let file = |entry: fs::DirEntry| {
            let path = entry.path();
            let bytes = fs::read(&path).unwrap();
            let locks = path.extension().is_some_and(|e| e == "sqlite-shm");
            let log = path.extension().is_some_and(|e| e == "sqlite-wal");
            let sum = bytes
                .iter()
                .fold(0_u64, |s, b| s.rotate_left(5) ^ u64::from(*b));
            let changed = entry.metadata().unwrap().modified().unwrap();
            let told = format!("{} {} {sum} {changed:?}", path.display(), bytes.len());
            let nothing = locks || (log && bytes.is_empty());
            (!nothing).then_some(told)
        };
        let mut files: Vec<_> = entries.filter_map(|entry| file(entry.unwrap())).collect();
        files.sort();
        files
    }
}

/// The binary in a quiet environment.
pub fn quiet(binary: &str) -> Command {
    let mut command = Command::new(binary);
    for name in [
        "RUST_LOG",
        "SUDO_USER",
        "CREDENTIALS_DIRECTORY",
        "JOURNAL_STREAM",
    ] {
        command.env_remove(name);
    }
    command.env("TZ", "UTC").stdin(Stdio::null());
    command
}

/// A command on a pseudo-terminal of its own (script(1)); `before` is what the shell does there first.
pub fn on_terminal(command: &Command, before: &str) -> Command {
    let line: Vec<String> = std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|word| format!("'{}'", word.to_str().unwrap()))
        .collect();
    let mut script = Command::new("script");
    script.args([
        "-qefc",
        &format!("{before}exec {}", line.join(" ")),
        "/dev/null",
    ]);
    script.env_remove("RUST_LOG").env_remove("SUDO_USER");
    script.stdin(Stdio::null()).stdout(Stdio::piped());
    script
}

pub fn run(command: &mut Command) -> Said {
    let output = command.output().unwrap();
    Said {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}
