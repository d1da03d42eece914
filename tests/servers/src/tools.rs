//! Running programs that end, and finding those that are servers.

use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::ServerError;

/// Where programs are looked for beside `PATH`: servers live in `sbin`, which is not in everybody's.
const SBIN: [&str; 3] = ["/usr/sbin", "/usr/local/sbin", "/sbin"];

/// The path of a program.
pub(crate) fn find(program: &str, install: &'static str) -> Result<PathBuf, ServerError> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(SBIN.iter().map(PathBuf::from))
        .map(|directory| directory.join(program))
        .find(|candidate| candidate.is_file())
        .ok_or_else(|| ServerError::NotInstalled {
            program: program.to_owned(),
            install,
        })
}

/// Runs a program to its end with `input` on its standard input; returns its standard output.
/// An exit status other than 0 is an error with what it printed.
pub(crate) fn run(command: &mut Command, input: &str) -> Result<String, ServerError> {
    let program = PathBuf::from(command.get_program());
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(ServerError::io("cannot start", &program))?;
    // A thread of its own feeds it: a program that prints while it reads must not wait for us.
    let stdin = child.stdin.take();
    let output = std::thread::scope(|scope| {
        scope.spawn(|| {
            if let Some(mut stdin) = stdin {
                // A program that ends early says why itself.
                let _ = stdin.write_all(input.as_bytes());
            }
        });
        child.wait_with_output()
    })
    .map_err(ServerError::io("cannot run", &program))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(ServerError::Failed {
        command: shown(command),
        status: output.status.to_string(),
        output: end_of(&[output.stdout, output.stderr].concat()),
    })
}

/// The program and its arguments, without the password that follows `-w`.
fn shown(command: &Command) -> String {
    let mut words = vec![command.get_program().to_string_lossy().into_owned()];
    let mut hide = false;
    for word in command.get_args().map(OsStr::to_string_lossy) {
        words.push(if hide {
            "…".to_owned()
        } else {
            word.clone().into_owned()
        });
        hide = word == "-w";
    }
    words.join(" ")
}

/// The last 4,000 bytes of an output, as text.
pub(crate) fn end_of(bytes: &[u8]) -> String {
    let start = bytes.len().saturating_sub(4_000);
    String::from_utf8_lossy(&bytes[start..]).into_owned()
}

/// Writes a file.
pub(crate) fn write(path: &Path, content: &str) -> Result<(), ServerError> {
    std::fs::write(path, content).map_err(ServerError::io("cannot write", path))
}

/// Waits without a runtime.
#[expect(clippy::disallowed_methods, reason = "this crate blocks by design")]
pub(crate) fn pause(time: Duration) {
    std::thread::sleep(time);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_program_names_the_command_that_installs_it() {
        let error = find("no-such-program", "apt install nothing").unwrap_err();
        assert_eq!(
            error.to_string(),
            "no-such-program is not installed; install it with: apt install nothing"
        );
    }

    #[test]
    fn a_failure_shows_the_output_and_hides_the_password() {
        let mut command = Command::new("sh");
        command.args(["-c", "cat; echo wrong >&2; exit 3", "-w", "hidden"]);
        let error = run(&mut command, "input").unwrap_err().to_string();
        assert!(
            error.contains("input") && error.contains("wrong"),
            "{error}"
        );
        assert!(!error.contains("hidden"), "{error}");
    }
}
