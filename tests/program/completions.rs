//! The completions of the shells in `docs/completions` are those of the command line. To make them
//! anew: `COMPLETIONS=write cargo test --test program completions`.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use clap_complete::{Shell, generate};
use mattersync::cli;

fn file(name: &str) -> PathBuf {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    root.join("docs/completions").join(name)
}

#[test]
fn each_shell_completes_the_command_line_as_it_is() {
    for (shell, name) in [
        (Shell::Bash, "mattersync.bash"),
        (Shell::Zsh, "_mattersync"),
        (Shell::Fish, "mattersync.fish"),
    ] {
        let mut made = Vec::new();
        generate(shell, &mut cli::command(), "mattersync", &mut made);
        if std::env::var_os("COMPLETIONS").is_some_and(|what| what == "write") {
            fs::create_dir_all(file("")).unwrap();
            fs::write(file(name), &made).unwrap();
        }
        let kept = fs::read(file(name)).unwrap_or_default();
        let is_same = String::from_utf8(kept).unwrap() == String::from_utf8(made).unwrap();
        assert!(
            is_same,
            "docs/completions/{name} is not that of the command line: make it anew with \
             COMPLETIONS=write"
        );
    }
}

/// What bash offers for the last of these words.
fn offered(words: &[&str]) -> Vec<String> {
    let last = words.len() - 1;
    let script = format!(
        "source \"$1\"; shift; COMP_WORDS=(\"$@\"); COMP_CWORD={last}; \
         _mattersync \"$1\" \"${{COMP_WORDS[{last}]}}\" \"${{COMP_WORDS[{}]}}\"; \
         printf '%s\\n' \"${{COMPREPLY[@]}}\"",
        last - 1
    );
    let output = Command::new("bash")
        .args(["--norc", "-c", &script, "bash"])
        .arg(file("mattersync.bash"))
        .args(words)
        .output()
        .expect("bash is needed");
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(errors.is_empty(), "{words:?}: {errors}");
    let offered = String::from_utf8(output.stdout).unwrap();
    offered.split_whitespace().map(str::to_owned).collect()
}

#[test]
fn bash_completes_commands_and_options() {
    assert_eq!(offered(&["mattersync", "pl"]), ["plan"]);
    assert_eq!(offered(&["mattersync", "un"]), ["unlink", "undo"]);
    assert_eq!(offered(&["mattersync", "state", "re"]), ["restore"]);
    assert_eq!(offered(&["mattersync", "plan", "--a"]), ["--all"]);
    assert_eq!(offered(&["mattersync", "undo", "3", "--y"]), ["--yes"]);
    let all = offered(&["mattersync", ""]);
    for command in cli::command().get_subcommands() {
        assert!(all.iter().any(|word| word == command.get_name()), "{all:?}");
    }
}

/// A shell that is there reads its completions without a complaint.
#[test]
fn zsh_and_fish_read_their_completions() {
    for (shell, name) in [("zsh", "_mattersync"), ("fish", "mattersync.fish")] {
        match Command::new(shell)
            .arg("--no-execute")
            .arg(file(name))
            .output()
        {
            Ok(output) => {
                let errors = String::from_utf8_lossy(&output.stderr);
                assert!(output.status.success(), "{shell}: {errors}");
            }
            Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::NotFound, "{shell}"),
        }
    }
}
