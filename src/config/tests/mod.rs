//! Whole configurations: texts in, settings or messages out.

mod faults;
mod problems;
mod samples;
mod warnings;

use std::path::Path;

use super::{ConfigError, Problem, Settings, Warning};

const PATH: &str = "/etc/mattersync/config.toml";

/// A configuration that can be followed without a warning.
const GOOD: &str = r#"
[[provider]]
urls = ["ldaps://dc1.example.org"]
schema = "rfc2307"
base = "dc=example,dc=org"
bind-dn = "cn=ldapservice,dc=example,dc=org"
bind-password = { file = "/nonexistent/ldap.secret" }

[accounts]

[mattermost]
url = "https://chat.example.org"
token = { credential = "mattermost-token" }

[policy]

[policy.attributes]

[guard]

[schedule]
"#;

fn parse(text: &str) -> Result<(Settings, Vec<Warning>), ConfigError> {
    Settings::parse(text, Path::new(PATH))
}

/// `GOOD` with a line added to a section. A section header that is not there is added.
fn with(section: &str, line: &str) -> String {
    let header = format!("{section}\n");
    if GOOD.contains(&header) {
        GOOD.replacen(&header, &format!("{header}{line}\n"), 1)
    } else {
        format!("{GOOD}{header}{line}\n")
    }
}

/// `GOOD` without the lines that begin so.
fn without(starts: &[&str]) -> String {
    without_in(GOOD, starts)
}

fn without_in(text: &str, starts: &[&str]) -> String {
    text.lines()
        .filter(|line| !starts.iter().any(|start| line.starts_with(start)))
        .map(|line| format!("{line}\n"))
        .collect()
}

fn good(text: &str) -> (Settings, Vec<Warning>) {
    parse(text).unwrap_or_else(|error| panic!("{error}"))
}

fn problems(text: &str) -> Vec<Problem> {
    match parse(text) {
        Err(ConfigError::Invalid(problems)) => problems,
        other => panic!("no problems: {other:?}\n{text}"),
    }
}

/// The text has exactly one problem, at this key, and the advice has these words.
fn refused(text: &str, key: &str, advice: &str) {
    let problems = problems(text);
    let found: Vec<String> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(found.len(), 1, "{found:#?}\n{text}");
    assert_eq!(problems[0].key, key, "{found:?}");
    assert!(
        problems[0].instead.contains(advice),
        "{advice} in {found:?}"
    );
    assert!(!problems[0].what.is_empty());
}

fn warned(text: &str, words: &str) {
    let (_, warnings) = good(text);
    assert!(
        warnings.iter().any(|w| w.message.contains(words)),
        "{words} in {warnings:?}\n{text}"
    );
}

#[test]
fn a_good_configuration_has_no_warnings() {
    let (_, warnings) = good(GOOD);
    assert_eq!(warnings, []);
}
