//! The text of the configuration: positions in it, and which parts of it may be shown.

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// Words that show that a line may contain a secret, in lower case.
const SECRET_WORDS: [&str; 10] = [
    "pass", "pw", "secret", "token", "cred", "kennwort", "geheim", "private", "bearer", "auth",
];

/// The text with its name.
pub(super) struct Source<'a> {
    pub(super) path: PathBuf,
    text: &'a str,
}

impl<'a> Source<'a> {
    pub(super) fn new(path: &Path, text: &'a str) -> Self {
        Self {
            path: path.to_owned(),
            text,
        }
    }

    /// Returns the line and column of a position, both counted from 1; the column in characters.
    pub(super) fn position(&self, offset: usize) -> (usize, usize) {
        let mut offset = offset.min(self.text.len());
        while !self.text.is_char_boundary(offset) {
            offset -= 1;
        }
        let before = &self.text[..offset];
        let start = before.rfind('\n').map_or(0, |at| at + 1);
        (
            before.matches('\n').count() + 1,
            before[start..].chars().count() + 1,
        )
    }

    /// Returns the line of a position, counted from 1.
    pub(super) fn line(&self, span: &Range<usize>) -> usize {
        self.position(span.start).0
    }

    /// Returns the key at the beginning of a line, if it is a known key.
    pub(super) fn key_at(&self, offset: usize) -> Option<String> {
        let line = self.text.lines().nth(self.position(offset).0 - 1)?;
        let key = head_key(line.trim())?;
        let known = super::keys::all();
        let is_key = known
            .iter()
            .any(|path| path.rsplit('.').next() == Some(key));
        is_key.then(|| key.to_owned())
    }

    /// Returns the line of a position with a caret under it; `None` if it may contain a secret.
    pub(super) fn excerpt(&self, span: &Range<usize>) -> Option<String> {
        let (line, column) = self.position(span.start);
        let shown = self.shown_lines();
        let text = shown.get(line - 1)?.clone()?;
        let chars = text.chars().count();
        // A carriage return is not shown, and may be the fault.
        let column = column.min(chars + 1);
        let wide = self
            .text
            .get(span.clone())
            .map_or(1, |s| s.chars().take_while(|c| *c != '\n').count());
        let carets = "^".repeat(wide.clamp(1, (chars + 1).saturating_sub(column - 1).max(1)));
        // Tabs stay tabs, so that the caret is under its position.
        let pad: String = text
            .chars()
            .take(column - 1)
            .map(|c| if c == '\t' { '\t' } else { ' ' })
            .collect();
        let gutter = " ".repeat(line.to_string().len());
        Some(format!(
            "{gutter} |\n{line} | {text}\n{gutter} | {pad}{carets}"
        ))
    }

    /// Returns each line as it may be shown: whole, its key alone, or not at all.
    fn shown_lines(&self) -> Vec<Option<String>> {
        let mut screen = Screen::new();
        self.text
            .split('\n')
            .map(|line| screen.line(line.strip_suffix('\r').unwrap_or(line)))
            .collect()
    }
}

/// Decides line by line what may be shown.
///
/// A secret can be in a line whose key sounds like one, in the lines that continue it, or after a
/// misspelt key. So only known, harmless keys are shown with their values, and nothing at all below
/// what may be a secret that does not end in its own line. This must also hold for texts that are
/// not TOML, so it examines lines and not a parsed document.
struct Screen {
    known: BTreeSet<String>,
    state: State,
}

#[derive(PartialEq)]
enum State {
    /// Between keys.
    Ready,
    /// In the list of a harmless key.
    List,
    /// In a table whose name sounds like a secret.
    SecretTable,
    /// In what may be a secret that has not ended yet.
    Open,
}

impl Screen {
    fn new() -> Self {
        let known = super::keys::all();
        let known = known.iter().filter_map(|path| path.rsplit('.').next());
        Self {
            known: known.map(str::to_owned).collect(),
            state: State::Ready,
        }
    }

    fn line(&mut self, line: &str) -> Option<String> {
        let trimmed = line.trim();
        let secret = sounds_secret(trimmed);
        if self.state == State::Open {
            return None;
        }
        if is_header(trimmed) {
            self.state = if secret {
                State::SecretTable
            } else {
                State::Ready
            };
            return (!secret).then(|| line.to_owned());
        }
        if trimmed.is_empty() || trimmed.starts_with('#') {
            return (!secret && self.state != State::SecretTable).then(|| line.to_owned());
        }
        let key = head_key(trimmed);
        let harmless = !secret
            && key.is_some_and(|key| self.known.contains(key))
            && self.knows_keys_of(trimmed);
        let item = self.state == State::List && key.is_none() && !secret;
        if !harmless && !item && !ends_in_its_line(trimmed) {
            self.state = State::Open;
        }
        match (key, &self.state) {
            _ if secret => None,
            (_, State::SecretTable) => None,
            (Some(_), _) if harmless => {
                self.state = if ends_in_its_line(trimmed) {
                    State::Ready
                } else {
                    State::List
                };
                Some(line.to_owned())
            }
            (Some(key), _) => {
                let end = line.find(key).unwrap_or(0) + key.len();
                Some(format!("{} = …", &line[..end]))
            }
            (None, State::List) if trimmed.starts_with(['"', '\'', ']']) => Some(line.to_owned()),
            (None, _) => None,
        }
    }

    /// Returns whether every key of the inline tables of a line is known.
    fn knows_keys_of(&self, line: &str) -> bool {
        if !["= {", "={", "[{", "[ {"]
            .iter()
            .any(|opening| line.contains(opening))
        {
            return true;
        }
        let mut pieces: Vec<&str> = line.split('=').collect();
        pieces.pop();
        pieces.iter().all(|piece| {
            let word = piece
                .trim_end()
                .rsplit(|c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '_'))
                .next();
            word.is_some_and(|word| self.known.contains(word))
        })
    }
}

/// Returns whether a name or line sounds as if it contained a secret.
pub(super) fn sounds_secret(text: &str) -> bool {
    let lower = text.to_lowercase();
    SECRET_WORDS.iter().any(|word| lower.contains(word))
        || (lower.contains("://") && lower.contains('@'))
}

fn is_header(trimmed: &str) -> bool {
    if !trimmed.starts_with('[') {
        return false;
    }
    let name = trimmed.trim_start_matches('[');
    name.split(']').next().is_some_and(|name| {
        !name.is_empty()
            && name
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"-_. ".contains(&b))
    })
}

/// Returns the key of a line `key = value` or of its beginning.
fn head_key(trimmed: &str) -> Option<&str> {
    let end = trimmed
        .find(|c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '_' || c == '.'))
        .unwrap_or(trimmed.len());
    let (key, rest) = trimmed.split_at(end);
    let rest = rest.trim_start();
    (!key.is_empty() && (rest.starts_with('=') || rest.starts_with(':'))).then_some(key)
}

/// Returns whether a line `key = value` contains its whole value.
fn ends_in_its_line(trimmed: &str) -> bool {
    let Some((_, value)) = trimmed.split_once('=') else {
        return false;
    };
    let value = value.trim();
    if value.is_empty() || value.contains("\"\"\"") || value.contains("'''") {
        return false;
    }
    let count = |c: char| value.matches(c).count();
    count('{') == count('}')
        && count('[') == count(']')
        && count('"') % 2 == 0
        && count('\'') % 2 == 0
}
