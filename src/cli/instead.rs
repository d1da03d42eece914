//! Offers the same command with a username that names somebody.

use std::ffi::OsString;

use crate::desk::Instead;
use crate::model::shell_word;

use super::exit::Failure;

/// Returns the command that a line of a failure is, if it stands alone on it.
pub fn command_of(line: &str) -> Option<&str> {
    let command = line.strip_prefix("  ")?;
    let program = command.split(' ').next()?;
    matches!(program, "mattersync" | "mmctl").then_some(command)
}

/// Adds to a failure what could be typed instead of these words. Nobody is acted upon by full name:
/// only a person knows which of several is meant.
pub fn tell(mut failure: Failure, words: &[OsString]) -> Failure {
    let Some(Instead { typed, usernames }) = failure.instead.take() else {
        return failure;
    };
    let commands = usernames.iter().map(|name| command(words, &typed, name));
    let commands: Vec<String> = commands.collect();
    failure.more.push(match commands.as_slice() {
        [_] => "If that is who you mean, type:".to_owned(),
        _ => "Type the one that you mean:".to_owned(),
    });
    let lines = commands.iter().map(|command| format!("  {command}"));
    failure.more.extend(lines);
    failure
}

/// Returns the command that these words are, with a username in the place of what was typed.
fn command(words: &[OsString], typed: &str, username: &str) -> String {
    let words = words.iter().skip(1).map(|word| {
        let word = word.to_string_lossy();
        let option = word.strip_suffix(typed);
        match option.filter(|option| option.is_empty() || option.ends_with('=')) {
            Some(option) => format!("{option}{}", shell_word(username)),
            None => shell_word(&word),
        }
    });
    let words: Vec<String> = words.collect();
    format!("mattersync {}", words.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_command_is_offered_with_a_username() {
        let words = [
            "/usr/bin/mattersync",
            "undo",
            "7",
            "--person=Anna Able",
            "--yes",
        ];
        let words = words.map(OsString::from);
        assert_eq!(
            command(&words, "Anna Able", "anna"),
            "mattersync undo 7 --person=anna --yes"
        );
        let words = [
            "mattersync",
            "--config",
            "/tmp/a b",
            "deactivate",
            "Anna Able",
        ];
        assert_eq!(
            command(&words.map(OsString::from), "Anna Able", "anna"),
            "mattersync --config '/tmp/a b' deactivate anna"
        );
        assert_eq!(
            command_of("  mmctl user activate anna"),
            Some("mmctl user activate anna")
        );
        assert_eq!(command_of("  mattersyncs"), None);
    }
}
