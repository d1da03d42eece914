//! Text for people: lines, headings and tables. Everything is collected first and written at once.

use std::io::{self, IsTerminal, Write};

use comfy_table::presets::NOTHING;
use comfy_table::{ColumnConstraint, ContentArrangement, Table, Width};

use crate::model::printable;

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
        if !io::stdout().is_terminal() {
            return Self::default();
        }
        let width = terminal_size::terminal_size().map(|(width, _)| width.0);
        let no_colour = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
            || std::env::var_os("TERM").is_some_and(|value| value == "dumb");
        Self {
            width: Some(width.filter(|w| *w >= 20).unwrap_or(80)),
            colour: !no_colour,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Style {
    Plain,
    Title,
    Alarm,
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
    fn text(&self) -> String {
        let lines: Vec<String> = self.0.iter().map(|line| printable(line)).collect();
        lines.join("\n")
    }
}

/// A text for people, made of lines.
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

    /// Adds an empty line, unless there is one already.
    pub fn gap(&mut self) {
        if self.lines.last().is_some_and(|(_, line)| !line.is_empty()) {
            self.push(Style::Plain, "");
        }
    }

    /// Adds a table without rules. A column without any content is left out.
    pub fn table<C>(&mut self, head: &[&str], rows: &[Vec<C>])
    where
        for<'a> Cell: From<&'a C>,
    {
        let text = |cell: &C| Cell::from(cell).text();
        let rows: Vec<Vec<String>> = rows
            .iter()
            .map(|row| row.iter().map(text).collect())
            .collect();
        let used: Vec<usize> = (0..head.len())
            .filter(|n| {
                rows.iter()
                    .any(|row| row.get(*n).is_some_and(|c| !c.is_empty()))
            })
            .collect();
        if used.is_empty() {
            return;
        }
        let mut table = Table::new();
        table.load_style(NOTHING);
        match self.terminal.width {
            Some(width) => {
                table.set_content_arrangement(ContentArrangement::Dynamic);
                table.set_width(width);
            }
            None => {
                table.set_content_arrangement(ContentArrangement::Disabled);
            }
        }
        if used
            .iter()
            .any(|n| head.get(*n).is_some_and(|h| !h.is_empty()))
        {
            table.set_header(
                used.iter()
                    .map(|n| head.get(*n).copied().unwrap_or_default()),
            );
        }
        for row in &rows {
            let cell = |n: &usize| row.get(*n).cloned().unwrap_or_default();
            table.add_row(used.iter().map(cell));
        }
        if let Some(column) = table.column_mut(0) {
            column.set_padding((2, 1));
            if used.len() > 1 && self.terminal.width.is_some_and(|w| w < 60) {
                column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(10)));
            }
        }
        for line in table.lines() {
            self.push(Style::Plain, line.trim_end());
        }
    }

    /// Returns the text, ready to be written.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for (style, line) in &self.lines {
            let (on, off) = match (self.terminal.colour, style) {
                (true, Style::Title) => ("\x1b[1m", "\x1b[0m"),
                (true, Style::Alarm) => ("\x1b[1;31m", "\x1b[0m"),
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
        self.lines.push((style, printable(text)));
    }
}

/// Returns a number of things as text: `1 user`, `2 users`.
pub fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
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
    let text = printable(line) + "\n";
    let _ = io::stderr().lock().write_all(text.as_bytes());
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

    #[test]
    fn a_narrow_terminal_breaks_within_the_cells() {
        let mut page = Page::new(Terminal {
            width: Some(40),
            colour: false,
        });
        page.table(
            &["NAME", "WHY"],
            &[row(&["alice", &"long words ".repeat(10)])],
        );
        let text = page.text();
        assert!(
            text.lines().count() > 3 && text.lines().all(|l| l.len() <= 40),
            "{text}"
        );
    }
}
