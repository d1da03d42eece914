//! A service manager: it listens to what the daemon says of itself.

use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use testkit::service::{Daemon, Stage, wait};

/// One datagram, and when it came.
#[derive(Clone, Debug)]
pub struct Heard {
    pub at: Instant,
    /// Its assignments, as `READY=1`.
    pub words: Vec<String>,
}

/// The manager's end.
pub struct Manager {
    path: PathBuf,
    heard: Arc<Mutex<Vec<Heard>>>,
}

impl Manager {
    pub fn new(stage: &Stage) -> Self {
        let path = stage.path("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        let heard: Arc<Mutex<Vec<Heard>>> = Arc::default();
        let list = Arc::clone(&heard);
        std::thread::spawn(move || {
            let mut buffer = vec![0; 65_536];
            while let Ok(length) = socket.recv(&mut buffer) {
                let text = String::from_utf8(buffer[..length].to_vec()).unwrap();
                let words = text.lines().map(str::to_owned).collect();
                let at = Instant::now();
                list.lock().unwrap().push(Heard { at, words });
            }
        });
        Self { path, heard }
    }

    /// Starts the daemon as a `Type=notify` service, with a watchdog if given.
    pub fn start(&self, stage: &Stage, watchdog: Option<Duration>) -> Daemon {
        // WATCHDOG_PID must be the daemon's own.
        let mut command = Command::new("/bin/sh");
        command
            .arg("-c")
            .arg("WATCHDOG_PID=$$; export WATCHDOG_PID; exec \"$0\" \"$@\"")
            .arg(crate::BINARY);
        stage.prepare(&mut command);
        command.env("NOTIFY_SOCKET", &self.path);
        if let Some(watchdog) = watchdog {
            command.env("WATCHDOG_USEC", watchdog.as_micros().to_string());
        }
        Daemon::start(command, &stage.socket())
    }

    pub fn heard(&self) -> Vec<Heard> {
        self.heard.lock().unwrap().clone()
    }

    /// When each word with this beginning came.
    pub fn times(&self, word: &str) -> Vec<Instant> {
        let heard = self.heard();
        let with = |h: &&Heard| h.words.iter().any(|w| w.starts_with(word));
        heard.iter().filter(with).map(|h| h.at).collect()
    }

    pub fn count(&self, word: &str) -> usize {
        self.times(word).len()
    }

    pub fn wait_for(&self, word: &str, times: usize) -> Instant {
        wait(&format!("{word} from the daemon"), || {
            self.count(word) >= times
        });
        self.times(word)[times - 1]
    }

    /// All that `STATUS=` said.
    pub fn statuses(&self) -> Vec<String> {
        let heard = self.heard().into_iter().flat_map(|h| h.words);
        heard
            .filter_map(|w| w.strip_prefix("STATUS=").map(str::to_owned))
            .collect()
    }
}
