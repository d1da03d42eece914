//! Asks the person at the terminal before something is done.

use std::io::{self, BufRead, IsTerminal, Write};

use super::print::Terminal;

/// Returns whether a person can be asked: both what is shown and what is typed go over a terminal.
pub fn can_ask(terminal: Terminal) -> bool {
    terminal.width.is_some() && io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Asks a question; only `y` and `yes` are a yes.
pub fn is_agreed(question: &str) -> bool {
    let mut out = io::stderr().lock();
    let asked = write!(out, "{question} [y/N] ").and_then(|()| out.flush());
    let mut line = String::new();
    let read = io::stdin().lock().read_line(&mut line);
    if !line.ends_with('\n') {
        // The next line begins where the question ends.
        let _ = writeln!(out);
    }
    let is_yes = || matches!(line.trim().to_lowercase().as_str(), "y" | "yes");
    asked.is_ok() && read.is_ok() && is_yes()
}
