//! A server's process, which ends with its owner whatever way the owner ends.

use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::ServerError;
use crate::tools;

/// How long a server may take to end after SIGTERM.
const PATIENCE: Duration = Duration::from_secs(10);

/// Waits for the owner's end of a pipe to close, which the kernel does for a killed owner too and
/// for a value in a `static`, then ends the server's group and removes its directory.
const GUARD: &str = r#"read -r _; kill -s KILL -- "-$1" 2>/dev/null; sleep 0.2; rm -rf -- "$2""#;

/// A running server.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    guard: Child,
    log: PathBuf,
}

impl Process {
    /// Starts `command` in a process group of its own, with its output appended to `log`.
    /// `directory` is removed when this process ends without having stopped the server.
    pub(crate) fn start(
        mut command: Command,
        log: &Path,
        directory: &Path,
    ) -> Result<Self, ServerError> {
        let program = command.get_program().to_owned();
        let output = File::options()
            .create(true)
            .append(true)
            .open(log)
            .map_err(ServerError::io("cannot open", log))?;
        let errors = output
            .try_clone()
            .map_err(ServerError::io("cannot open", log))?;
        let mut child = command
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            .process_group(0)
            .spawn()
            .map_err(ServerError::io("cannot start", &program))?;
        let guard = Command::new("sh")
            .args(["-c", GUARD, "guard", &child.id().to_string()])
            .arg(directory)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn();
        match guard {
            Ok(guard) => Ok(Self {
                child,
                guard,
                log: log.to_owned(),
            }),
            Err(error) => {
                let _ = child.kill();
                let _ = child.wait();
                Err(ServerError::io("cannot start", "sh")(error))
            }
        }
    }

    /// Whether the server has not ended by itself.
    pub(crate) fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// The last lines of its log.
    pub(crate) fn log_end(&self) -> String {
        tools::end_of(&std::fs::read(&self.log).unwrap_or_default())
    }

    /// Sends a signal (`"TERM"`, `"KILL"`) to the whole group.
    fn signal(&self, name: &str) {
        let _ = Command::new("sh")
            .args(["-c", r#"kill -s "$0" -- "-$1""#, name])
            .arg(self.child.id().to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
    }

    /// Ends the server in good order, or by force after ten seconds.
    pub(crate) fn stop(mut self) {
        self.signal("TERM");
        let until = Instant::now() + PATIENCE;
        while self.is_running() && Instant::now() < until {
            tools::pause(Duration::from_millis(20));
        }
        // Dropping ends what is left.
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // The guard first: it must not signal the group's number when that is somebody else's.
        let _ = self.guard.kill();
        let _ = self.guard.wait();
        self.signal("KILL");
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sleeper(directory: &Path) -> Process {
        // Two processes, as a server with workers.
        let mut command = Command::new("sh");
        command.args(["-c", "sleep 1000 & wait"]);
        Process::start(command, &directory.join("log"), directory).unwrap()
    }

    fn group_lives(id: u32) -> bool {
        Command::new("sh")
            .args(["-c", r#"kill -s 0 -- "-$0" 2>/dev/null"#, &id.to_string()])
            .status()
            .unwrap()
            .success()
    }

    #[test]
    fn dropping_ends_the_whole_group() {
        let directory = tempfile::tempdir().unwrap();
        let process = sleeper(directory.path());
        let id = process.child.id();
        assert!(group_lives(id));
        drop(process);
        let until = Instant::now() + PATIENCE;
        while group_lives(id) && Instant::now() < until {
            tools::pause(Duration::from_millis(20));
        }
        assert!(!group_lives(id));
        assert!(directory.path().exists());
    }

    #[test]
    fn an_owner_that_vanishes_takes_the_server_and_its_directory_along() {
        let directory = tempfile::tempdir().unwrap();
        let mut process = sleeper(directory.path());
        drop(process.guard.stdin.take());
        let until = Instant::now() + PATIENCE;
        while (process.is_running() || directory.path().exists()) && Instant::now() < until {
            tools::pause(Duration::from_millis(20));
        }
        assert!(!process.is_running());
        assert!(!directory.path().exists());
    }
}
