//! Text for people: lines, headings and tables. Everything is collected first and written at once.

use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;

use crate::model::printable;

use super::table::layout;
use super::wrap::wrap;

/// The width of the output, and whether it has colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Terminal {
    /// The number of columns; `None` when the text does not go to a terminal. Then no line is
    /// broken, so that `grep` finds whole lines.
    pub width: Option<u16>,
    /// Whether headings and alarms are highlighted.
    pub colour: bool,
}

impl Terminal {
    /// Returns the properties of standard output. `NO_COLOR` and `TERM=dumb` are respected.
    pub fn of_stdout() -> Self {
        Self::of(io::stdout())
    }

    /// Returns the properties of standard error, as those of standard output are.
    pub fn of_stderr() -> Self {
        Self::of(io::stderr())
    }

    fn of(stream: impl IsTerminal + AsFd) -> Self {
        if !stream.is_terminal() {
            return Self::default();
        }
        let width = terminal_size::terminal_size_of(stream).map(|(width, _)| width.0);
        let no_colour = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self {
            width: Some(width.filter(|w| *w >= 20).unwrap_or(80)),
            colour: !no_colour && !is_dumb(),
        }
    }
}

/// Returns whether the terminal understands nothing but text.
pub fn is_dumb() -> bool {
    std::env::var_os("TERM").is_none_or(|value| value.is_empty() || value == "dumb")
}

/// Returns when help and the errors of the command line have colours. A dumb terminal has none,
/// though `CI` is set, for which clap would colour it.
pub fn colours_of_help() -> clap::ColorChoice {
    if is_dumb() {
        clap::ColorChoice::Never
    } else {
        clap::ColorChoice::Auto
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Style {
    Plain,
    Title,
    Alarm,
    Command,
}

/// A cell of a table. A value is one line, whoever wrote it; only the program makes several lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cell(Vec<String>);

impl From<String> for Cell {
    fn from(line: String) -> Self {
        Self(vec![line])
    }
}

impl From<&String> for Cell {
    fn from(line: &String) -> Self {
        Self(vec![line.clone()])
    }
}

impl From<Vec<String>> for Cell {
    fn from(lines: Vec<String>) -> Self {
        Self(lines)
    }
}

impl From<&Cell> for Cell {
    fn from(cell: &Cell) -> Self {
        cell.clone()
    }
}

impl Cell {
    fn lines(&self) -> Vec<String> {
        self.0.iter().map(|line| printable(line)).collect()
    }
}

/// A text for people, made of lines. On a terminal they are broken between words where they are
/// too long, and go on below their own indent, or behind the label with which they begin. What
/// stands in backquotes is a command, and is not broken.
#[derive(Clone, Debug)]
pub struct Page {
    lines: Vec<(Style, String)>,
    terminal: Terminal,
}

impl Page {
    /// Returns an empty page for this terminal.
    pub fn new(terminal: Terminal) -> Self {
        Self {
            lines: Vec::new(),
            terminal,
        }
    }

    /// Adds a heading, with an empty line before it.
    pub fn title(&mut self, text: impl AsRef<str>) {
        self.gap();
        self.push(Style::Title, text.as_ref());
    }

    /// Adds a line.
    pub fn line(&mut self, text: impl AsRef<str>) {
        self.push(Style::Plain, text.as_ref());
    }

    /// Adds a line that must not be overlooked.
    pub fn alarm(&mut self, text: impl AsRef<str>) {
        self.push(Style::Alarm, text.as_ref());
    }

    /// Adds a command on a line of its own. It is never broken, so that it can be copied whole.
    pub fn command(&mut self, indent: usize, command: impl AsRef<str>) {
        let line = " ".repeat(indent) + &printable(command.as_ref());
        self.lines.push((Style::Command, line));
    }

    /// Adds an empty line, unless there is one already.
    pub fn gap(&mut self) {
        if self.lines.last().is_some_and(|(_, line)| !line.is_empty()) {
            self.push(Style::Plain, "");
        }
    }

    /// Adds a table without rules. A column without any content is left out. Where the columns do
    /// not fit, each row becomes a block of lines below its first cell.
    pub fn table<C>(&mut self, head: &[&str], rows: &[Vec<C>])
    where
        for<'a> Cell: From<&'a C>,
    {
        let lines = |cell: &C| Cell::from(cell).lines();
        let rows: Vec<Vec<Vec<String>>> = rows
            .iter()
            .map(|row| row.iter().map(lines).collect())
            .collect();
        let laid_out = layout(self.width(), head, &rows).into_iter();
        self.lines.extend(laid_out.map(|line| (Style::Plain, line)));
    }

    /// Returns the text, ready to be written.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for (style, line) in &self.lines {
            let (on, off) = match (self.terminal.colour, style) {
                (true, Style::Title) => ("\x1b[1m", "\x1b[0m"),
                (true, Style::Alarm) => ("\x1b[1;31m", "\x1b[0m"),
                (true, Style::Command) => ("\x1b[36m", "\x1b[0m"),
                _ => ("", ""),
            };
            text.push_str(on);
            text.push_str(line);
            text.push_str(off);
            text.push('\n');
        }
        text
    }

    fn push(&mut self, style: Style, text: &str) {
        let line = printable(text);
        match self.width() {
            Some(width) => {
                let lines = wrap(&line, width).into_iter();
                self.lines.extend(lines.map(|line| (style, line)));
            }
            None => self.lines.push((style, line)),
        }
    }

    fn width(&self) -> Option<usize> {
        self.terminal.width.map(usize::from)
    }
}

/// Returns a number of things as text: `1 user`, `2 users`.
pub fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// How many people are named in a sentence, instead of being counted.
const FEW: usize = 3;

/// Names a few people, or counts many: `anna`, `anna and bert`, `12 people`.
pub fn named_or_counted(names: &[&str], one: &str, many: &str) -> String {
    match names {
        [first @ .., last] if names.len() <= FEW => match first {
            [] => (*last).to_owned(),
            first => format!("{} and {last}", first.join(", ")),
        },
        _ => count(names.len(), one, many),
    }
}

/// Returns the names if they are few.
pub fn few<'a>(names: &'a [&'a str]) -> Option<&'a [&'a str]> {
    (!names.is_empty() && names.len() <= FEW).then_some(names)
}

/// Writes to standard output. It is not an error if the reader is gone (`mattersync plan | head`).
///
/// # Errors
/// An error if the output cannot be written for another reason, for example on a full disk.
pub fn write_out(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

/// Writes a line to standard error; nothing can be done if that fails too.
pub fn write_err(line: &str) {
    let mut page = Page::new(Terminal::of_stderr());
    page.line(line);
    write_page_to_err(&page);
}

/// Writes a page to standard error, as [`write_err`] writes a line.
pub fn write_page_to_err(page: &Page) {
    let _ = io::stderr().lock().write_all(page.text().as_bytes());
}

/// Returns how many of `number` lines are shown where `most` are enough; one line more is not cut
/// off.
pub fn cut(number: usize, most: usize) -> usize {
    if number > most + most / 5 {
        most
    } else {
        number
    }
}

/// Says that there is more.
pub fn more(page: &mut Page, hidden: usize) {
    if hidden > 0 {
        page.line(format!("  … and {hidden} more; --all shows everything"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(cells: &[&str]) -> Vec<Cell> {
        let lines = |cell: &str| cell.split('|').map(str::to_owned).collect::<Vec<_>>();
        cells.iter().map(|cell| lines(cell).into()).collect()
    }

    #[test]
    fn a_table_is_aligned_and_leaves_out_what_is_empty() {
        let mut page = Page::new(Terminal::default());
        page.table(
            &["NAME", "NOTHING", "WHY"],
            &[
                row(&["alice", "", "left"]),
                row(&["bo", "", "gone|for good"]),
            ],
        );
        assert_eq!(
            page.text(),
            "  NAME   WHY\n  alice  left\n  bo     gone\n         for good\n"
        );
    }

    #[test]
    fn what_others_wrote_cannot_steer_the_terminal() {
        let mut page = Page::new(Terminal {
            width: Some(80),
            colour: true,
        });
        page.alarm("a\x1b[2Jb\nc");
        page.table(&["X"], &[row(&["\x1b]0;x\x07\u{202e}\nforged"])]);
        let text = page.text();
        assert_eq!(text.lines().count(), 3, "{text:?}");
        assert_eq!(text.matches('\x1b').count(), 2, "{text:?}");
        assert!(!text.contains('\u{202e}') && !text.contains('\x07'));
    }

    fn narrow(width: u16) -> Page {
        Page::new(Terminal {
            width: Some(width),
            colour: false,
        })
    }

    #[test]
    fn a_narrow_terminal_breaks_within_the_cells() {
        let mut page = narrow(60);
        let rows = [
            row(&["alice", &"long words ".repeat(7)]),
            row(&["bob.the.builder", "short"]),
        ];
        page.table(&["NAME", "WHY"], &rows);
        assert_eq!(
            page.text(),
            format!(
                "  NAME             WHY\n  alice            long words long words long words \
                 long\n{}words long words long words long words\n  bob.the.builder  short\n",
                " ".repeat(19)
            )
        );
    }

    #[test]
    fn what_does_not_fit_into_columns_becomes_a_list() {
        let rows = [
            row(&[
                "alice",
                "2026-01-01",
                "alice@example.org",
                "left for good, as it seems",
            ]),
            row(&["", "2026-01-01", "", "gone|again"]),
        ];
        let head = ["NAME", "CREATED", "", "WHY"];
        let mut page = narrow(60);
        page.table(&head, &rows);
        assert_eq!(
            page.text(),
            "  alice\n      created  2026-01-01\n      alice@example.org\n      why      left for \
             good, as it seems\n  2026-01-01\n      why      gone\n               again\n"
        );
        let mut page = narrow(30);
        page.table(&head, &rows[..1]);
        assert_eq!(
            page.text(),
            "  alice\n    created: 2026-01-01\n    alice@example.org\n    why: left for good, as \
             it\n    seems\n"
        );
    }

    #[test]
    fn a_command_is_not_broken() {
        let mut page = narrow(20);
        page.line("one two three four five six");
        page.command(2, "mattersync approve locked");
        assert_eq!(
            page.text(),
            "one two three four\nfive six\n  mattersync approve locked\n"
        );
    }
}
