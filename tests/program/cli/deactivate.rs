//! `mattersync deactivate`: whom it means is shown before on a terminal, and a person's word is
//! taken back by a person's word.

use std::io::Write;
use std::process::Stdio;

use testkit::place::{Person, Place, on_terminal};

#[test]
fn the_help_tells_the_way_back() {
    let help = company().run(&["deactivate", "--help"]).exits(0);
    let words: Vec<&str> = help.out.split_whitespace().collect();
    let text = words.join(" ");
    assert!(text.contains("`mattersync undo --redo PERSON`"), "{text}");
}

fn company() -> Place {
    let mut place = Place::new(crate::BINARY);
    place.add("alice", "Alice", "Able");
    place.add("bob", "Bob", "Bold");
    place.run(&["sync"]).exits(0);
    place
}

fn is_active(place: &Place, name: &str) -> bool {
    place.sim.user_named(name).unwrap().is_active()
}

#[test]
fn a_word_is_taken_back_by_a_word() {
    let place = company();
    for back in ["redo", "undo"] {
        place
            .run(&["deactivate", "bob"])
            .exits(0)
            .says("To take it back, so that the directory decides again:\n")
            .says("  mattersync undo --redo bob\n");
        let run = place.last_run();
        for _ in 0..3 {
            place.run(&["sync"]).exits(0);
        }
        assert!(!is_active(&place, "bob"), "an order lasts");
        place
            .run(&["plan", "--all"])
            .exits(0)
            .says("mattersync undo --redo bob");
        match back {
            "redo" => place
                .run(&["undo", "--redo", "bob"])
                .exits(0)
                .says("deactivated by the word of"),
            _ => place.run(&["undo", &run, "--yes"]).exits(0),
        };
        for _ in 0..3 {
            place.run(&["sync"]).exits(0);
        }
        assert!(is_active(&place, "bob"), "{back}");
    }
    place.run(&["undo", "--redo", "alice"]).exits(1);
}

/// Whether the directory has lost or locked the account meanwhile, a person's word is not forgotten.
#[test]
fn whom_a_word_keeps_out_is_listed_whatever_the_directory_says() {
    for change in [(|person| person.gone = true) as fn(&mut Person), |person| {
        person.expires = 10
    }] {
        let mut place = company();
        place.edit("bob", change);
        place.run(&["sync"]);
        place.run(&["deactivate", "bob", "--yes"]).exits(0);
        for command in [["plan", "--all"], ["explain", "bob"]] {
            place
                .run(&command)
                .exits(0)
                .says("deactivated the user with `mattersync deactivate`")
                .says("`mattersync undo --redo bob`");
        }
        place.run(&["plan"]).says("by an administrator's word: bob");
    }
}

/// One command for each of several is told once.
#[test]
fn several_who_are_kept_out_share_a_sentence() {
    let place = company();
    for name in ["alice", "bob"] {
        place.run(&["deactivate", name, "--yes"]).exits(0);
    }
    place
        .run(&["plan", "--all"])
        .exits(0)
        .says("2 people: ")
        .says("`mattersync undo --redo USERNAME`");
}

/// Whom the directory locked meanwhile does not come back because of it.
#[test]
fn the_directory_decides_about_whose_order_is_taken_back() {
    let mut place = company();
    place.run(&["deactivate", "bob"]).exits(0);
    place.edit("bob", |p| p.expires = 10);
    place.run(&["undo", "--redo", "bob"]).exits(0);
    for _ in 0..3 {
        place.run(&["sync"]).exits(0);
    }
    assert!(!is_active(&place, "bob"));
}

/// Runs a command on a pseudo-terminal and types a line.
fn on_a_terminal(place: &Place, words: &[&str], typed: &str) -> String {
    let mut script = on_terminal(&place.command(words), "");
    script.env("TERM", "xterm").stdin(Stdio::piped());
    let mut child = script.spawn().expect("script(1) is needed");
    let mut keys = child.stdin.take().unwrap();
    keys.write_all(typed.as_bytes()).unwrap();
    let done = child.wait_with_output().unwrap();
    String::from_utf8_lossy(&done.stdout).into_owned()
}

#[test]
fn on_a_terminal_it_shows_whom_it_means() {
    let place = company();
    let said = on_a_terminal(&place, &["deactivate", "bob"], "n\n");
    for words in [
        "bob (Bob Bold) <bob@example.org>",
        "Deactivate this user now? [y/N]",
        "Nothing was changed.",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    assert!(is_active(&place, "bob"));
    let said = on_a_terminal(&place, &["deactivate", "bob"], "y\n");
    assert!(said.contains("Deactivated 1 user"), "{said}");
    assert!(!is_active(&place, "bob"));
    // Whoever is sure is not asked.
    let said = on_a_terminal(&place, &["deactivate", "alice", "--yes"], "");
    assert!(said.contains("Deactivated 1 user"), "{said}");
    assert!(!said.contains("[y/N]"), "{said}");
}
