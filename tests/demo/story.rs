//! `cargo run --example demo`: a small organisation, a simulated Mattermost, and the real daemon
//! between them. It tells what happens, and ends by itself; with `--keep` it stays up.

#![allow(clippy::disallowed_methods, reason = "it measures")]

mod organisation;
mod talk;

use std::error::Error;
use std::path::PathBuf;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use mattermost_sim::{Options, Sim, Version};
use mattersync::daemon::DaemonError;

use organisation::Organisation;
use talk::Talk;

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let keep = std::env::args()
        .skip(1)
        .any(|argument| argument == "--keep");
    let folder = tempfile::Builder::new()
        .prefix("mattersync-demo-")
        .tempdir()?;
    let mut stage = Stage::build(folder.path().to_owned(), keep)?;
    stage.play()?;
    if keep {
        stage.stay()?;
    }
    stage.end()
}

/// Everything that the demo starts.
struct Stage {
    folder: PathBuf,
    people: Organisation,
    server: Sim,
    daemon: JoinHandle<Result<(), DaemonError>>,
    talk: Talk,
}

impl Stage {
    fn build(folder: PathBuf, keep: bool) -> Outcome<Self> {
        let server = Sim::start(&Options::new(Version::V11))?;
        let token = server.seed_admin("boss");
        let people = Organisation::new(folder.join("directory.ldif"));
        people.write()?;
        let config = folder.join("config.toml");
        let secret = folder.join("token");
        std::fs::write(&secret, token)?;
        private(&secret)?;
        std::fs::write(&config, configuration(&folder, &server.url(), keep))?;
        say("A simulated Mattermost 11 listens on", &server.url());
        say(
            "The directory is the file",
            &people.path().display().to_string(),
        );
        println!();
        let socket = folder.join("control.sock");
        let daemon = std::thread::spawn(move || mattersync::daemon::run(&config));
        let talk = Talk::new(socket)?;
        Ok(Self {
            folder,
            people,
            server,
            daemon,
            talk,
        })
    }

    fn play(&mut self) -> Outcome<()> {
        chapter(1, "The first fill: nobody has a user yet");
        self.wait_for_first_cycle()?;
        println!("  The daemon did that by itself, as soon as it was up:");
        for user in self.server.users() {
            println!("    {}", talk::user_line(&user));
        }

        chapter(2, "Daisy leaves: her account is locked");
        self.people.lock("daisy");
        self.act()?;

        chapter(3, "Goofy gets another username");
        self.people.rename("goofy", "goofy.goof");
        self.act()?;

        chapter(4, "Clarabelle joins");
        self.people.join("clarabelle", "Clarabelle", "Cow");
        self.act()?;

        chapter(5, "A broken copy: the file ends in the middle of an entry");
        self.people.cut()?;
        self.look_and_sync()?;
        println!("  Who was not read is not gone. The whole file again:");
        self.act()?;

        chapter(6, "Nothing changed: nothing is written");
        let writes = self.server.writes();
        self.look_and_sync()?;
        println!(
            "  Requests that write, before and after: {writes} and {}.",
            self.server.writes()
        );

        chapter(7, "Who is who at the end");
        println!("{}", talk::table(&self.server.users()));
        Ok(())
    }

    /// Writes the directory, shows the plan, carries it out.
    fn act(&self) -> Outcome<()> {
        self.people.write()?;
        self.look_and_sync()
    }

    fn look_and_sync(&self) -> Outcome<()> {
        println!("  mattersync plan:");
        talk::show_plan(&self.talk.plan()?);
        println!("  mattersync sync:");
        talk::show_sync(&self.talk.sync()?);
        Ok(())
    }

    fn wait_for_first_cycle(&self) -> Outcome<()> {
        let patience = Instant::now() + Duration::from_secs(30);
        loop {
            let up = self.talk.status().is_ok_and(|status| status.last.is_some());
            if up {
                return Ok(());
            }
            if self.daemon.is_finished() || Instant::now() > patience {
                return Err("the daemon did not finish its first cycle".into());
            }
            std::thread::park_timeout(Duration::from_millis(50));
        }
    }

    fn stay(&self) -> Outcome<()> {
        println!("\nIt stays up. Edit {}", self.people.path().display());
        println!("and watch: a cycle begins every 10 seconds, and what it does is told here.");
        println!("What it would do, from another terminal:");
        println!(
            "  cargo run -q -- --config {} plan",
            self.folder.join("config.toml").display()
        );
        println!("Press Enter to end.\n");
        // From here on the daemon's own words, as the journal has them.
        mattersync::observe::init(mattersync::observe::Output::Daemon);
        let mut line = String::new();
        std::io::stdin().read_line(&mut line)?;
        Ok(())
    }

    fn end(self) -> Outcome<()> {
        // The daemon ends as under systemd: by a signal.
        signal_hook::low_level::raise(signal_hook::consts::SIGTERM)?;
        match self.daemon.join() {
            Ok(ended) => Ok(ended?),
            Err(_) => Err("the daemon ended unexpectedly".into()),
        }
    }
}

fn configuration(folder: &std::path::Path, url: &str, keep: bool) -> String {
    // The story decides when a cycle begins; a person who watches wants to see them come.
    let interval = if keep { "10s" } else { "1h" };
    let folder = folder.display();
    format!(
        r#"[[provider]]
name = "organisation"
kind = "ldif"
path = "{folder}/directory.ldif"
schema = "rfc2307"
base = "dc=example,dc=org"

[accounts]
lock = ["pwdAccountLockedTime"]

[mattermost]
url = "{url}"
token = {{ file = "{folder}/token" }}

[[team]]
display-name = "Duckburg Cooperative"

[schedule]
interval = "{interval}"
jitter = "0s"

[state]
directory = "{folder}/state"

[control]
socket = "{folder}/control.sock"
"#
    )
}

fn private(path: &std::path::Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))
}

fn chapter(number: u8, title: &str) {
    println!("\n{number}. {title}");
}

fn say(what: &str, value: &str) {
    println!("{what:<38} {value}");
}
