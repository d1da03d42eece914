//! Breaks lines for the width of a terminal: at blanks, never within a word or a command.

use unicode_width::UnicodeWidthStr;

/// Where the label of a line ends at the latest: `Health      HELD: …` hangs below `HELD`.
const LABELS_END: usize = 30;
/// How far a line, or the rest of one, is indented where more would leave too little room.
const SMALL_INDENT: usize = 4;
/// A terminal with fewer columns has no room for labels beside texts.
pub const ROOMY: usize = 60;

/// Returns how far a line may be indented on a terminal of this width.
fn most_indent(width: usize) -> usize {
    if width < ROOMY {
        2 * SMALL_INDENT
    } else {
        width / 3
    }
}

/// Returns how many columns a text takes on a terminal.
pub fn columns(text: &str) -> usize {
    UnicodeWidthStr::width(text)
}

/// A word with the number of blanks before it. A command in backquotes is one word.
struct Word<'a> {
    gap: usize,
    text: &'a str,
}

fn words(line: &str) -> Vec<Word<'_>> {
    let mut words = Vec::new();
    let mut rest = line;
    loop {
        let begun = rest.trim_start_matches(' ');
        let gap = rest.len() - begun.len();
        if begun.is_empty() {
            return words;
        }
        let end = end_of_word(begun);
        words.push(Word {
            gap,
            text: &begun[..end],
        });
        rest = &begun[end..];
    }
}

/// Returns where the word ends with which a text begins.
fn end_of_word(text: &str) -> usize {
    let mut end = text.find(' ').unwrap_or(text.len());
    // An opening backquote reaches to the closing one, if there is one.
    while text[..end].matches('`').count() % 2 == 1 {
        let Some(close) = text[end..].find('`') else {
            return text.find(' ').unwrap_or(text.len());
        };
        let closed = end + close + 1;
        let more = text[closed..].find(' ').unwrap_or(text.len() - closed);
        end = closed + more;
    }
    end
}

/// Where the rest of a line hangs when the line is broken.
struct Hang {
    column: usize,
    /// The number of the word that hangs there in the first line too, behind a label.
    behind: Option<usize>,
}

/// Finds where the rest of a line hangs: below its first word or, if the line begins with a label
/// that two or more blanks set off, below what follows the label.
fn hang(words: &[Word<'_>]) -> Hang {
    let mut hang = Hang {
        column: words.first().map_or(0, |word| word.gap),
        behind: None,
    };
    let mut at = 0;
    for (number, word) in words.iter().enumerate() {
        at += word.gap;
        if at > LABELS_END {
            break;
        }
        if number > 0 && word.gap > 1 {
            hang = Hang {
                column: at,
                behind: Some(number),
            };
        }
        at += columns(word.text);
    }
    hang
}

/// Breaks a line that is longer than `width`. Afterwards only a single word or command is longer.
pub fn wrap(line: &str, width: usize) -> Vec<String> {
    let words = words(line);
    let indent = words.first().map_or(0, |word| word.gap);
    let most = most_indent(width);
    if columns(line) <= width && indent <= most {
        return vec![line.to_owned()];
    }
    let Hang { mut column, behind } = hang(&words);
    // A label stands alone where it leaves too little room beside it.
    let is_narrow = column > most;
    let break_before = behind.filter(|_| is_narrow && columns(line) > width);
    if is_narrow {
        column = SMALL_INDENT;
    }
    let mut lines = Vec::new();
    let mut current = String::new();
    let mut at = 0;
    for (number, word) in words.iter().enumerate() {
        let size = columns(word.text);
        // The indent does not push a word out of a line into which it fits.
        let most = column.min(width.saturating_sub(size));
        let gap = if number == 0 {
            word.gap.min(most)
        } else {
            word.gap
        };
        if number > 0 && (break_before == Some(number) || at + gap + size > width) {
            lines.push(std::mem::take(&mut current));
            current = " ".repeat(most) + word.text;
            at = most + size;
        } else {
            current.push_str(&" ".repeat(gap));
            current.push_str(word.text);
            at += gap + size;
        }
    }
    lines.push(current);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_breaks_at_blanks_and_hangs_below_its_indent_or_behind_its_label() {
        assert_eq!(wrap("  short", 7), ["  short"]);
        assert_eq!(wrap("  one two three", 9), ["  one two", "  three"]);
        let line = "Health      HELD: missing: none of these is done";
        assert_eq!(
            wrap(&format!("{line} at all, whatever it is"), 64),
            [
                "Health      HELD: missing: none of these is done at all,",
                "            whatever it is"
            ]
        );
        assert_eq!(
            wrap(line, 28),
            ["Health", "    HELD: missing: none of", "    these is done"]
        );
    }

    #[test]
    fn a_label_that_leaves_no_room_stands_alone() {
        let line = "PROBLEM  directory      the reading is not complete";
        assert_eq!(
            wrap(line, 40),
            ["PROBLEM  directory", "    the reading is not complete"]
        );
    }

    #[test]
    fn what_stands_below_a_label_is_not_indented_farther_than_there_is_room() {
        assert_eq!(wrap("            in 3 groups", 40), ["    in 3 groups"]);
        assert_eq!(
            wrap("            in 3 groups", 80),
            ["            in 3 groups"]
        );
    }

    #[test]
    fn no_word_and_no_command_is_broken() {
        let line = "  say `mattersync approve all`, then go";
        assert_eq!(
            wrap(line, 20),
            ["  say", "`mattersync approve all`,", "  then go"]
        );
        let long = "x".repeat(30);
        assert_eq!(wrap(&format!("  a {long} b"), 20), ["  a", &long, "  b"]);
        assert_eq!(
            wrap("  not ` closed at all", 12),
            ["  not `", "  closed at", "  all"]
        );
    }

    #[test]
    fn wide_characters_count_twice() {
        assert_eq!(wrap("漢字 漢字", 8), ["漢字", "漢字"]);
    }
}
