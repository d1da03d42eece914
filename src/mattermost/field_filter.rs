//! Keeps the fields of an answer that are read, and drops the rest while it arrives. People can
//! make their own rows as large as they like, which must not make other rows unreadable.

/// The longest value that is kept, in bytes. The server's own columns are shorter.
const MAX_VALUE: usize = 4096;
/// The longest name of a field that is compared with the wanted ones.
const MAX_NAME: usize = 64;

/// Filters an answer piece by piece: an object, or an array of objects.
///
/// Keeps the texts, numbers and words of the named fields, as `name`, or `outer.name` in a nested
/// object. An answer that is neither is kept as it is, so that the parser can say what is wrong
/// with it.
#[derive(Debug)]
pub(super) struct FieldFilter {
    keep: &'static [&'static str],
    kept: Vec<u8>,
    open: Vec<Level>,
    name: Vec<u8>,
    at: At,
}

/// A container whose parts are filtered.
#[derive(Debug)]
struct Level {
    /// `None` for an array; otherwise the prefix of its fields' names.
    prefix: Option<&'static str>,
    is_empty: bool,
}

/// The position in the answer.
#[derive(Clone, Copy, Debug)]
enum At {
    /// Before the first byte that is not white space.
    Start,
    /// In what is kept as it is: not a JSON container, or after its end.
    Plain,
    /// Between the parts of a container.
    Between,
    /// In the name of a field.
    Name { escaped: bool },
    /// After the name of a field.
    Colon,
    /// Before the value of a field.
    Value,
    /// In a text that is kept; `from` is where its field begins.
    Text { escaped: bool, from: usize },
    /// In a number or word that is kept.
    Word,
    /// In what is dropped.
    Dropped {
        depth: usize,
        text: bool,
        escaped: bool,
    },
}

impl FieldFilter {
    /// Makes a filter that keeps these fields.
    pub(super) fn new(keep: &'static [&'static str]) -> Self {
        Self {
            keep,
            kept: Vec::new(),
            open: Vec::new(),
            name: Vec::new(),
            at: At::Start,
        }
    }

    /// Returns how many bytes are kept so far.
    pub(super) fn len(&self) -> usize {
        self.kept.len()
    }

    pub(super) fn into_kept(self) -> Vec<u8> {
        self.kept
    }

    /// Takes the next piece of the answer.
    pub(super) fn feed(&mut self, piece: &[u8]) {
        for byte in piece {
            self.byte(*byte);
        }
    }

    fn byte(&mut self, byte: u8) {
        match self.at {
            At::Start | At::Between | At::Colon | At::Value if byte.is_ascii_whitespace() => {}
            At::Start => self.start(byte),
            At::Plain => self.kept.push(byte),
            At::Between => self.between(byte),
            At::Name { escaped } => self.in_name(byte, escaped),
            At::Colon if byte == b':' => self.at = At::Value,
            At::Colon => self.keep_invalid(byte),
            At::Value => self.value(byte),
            At::Text { escaped, from } => self.in_text(byte, escaped, from),
            At::Word if ends_word(byte) => {
                self.at = At::Between;
                self.byte(byte);
            }
            At::Word => self.kept.push(byte),
            At::Dropped {
                depth,
                text,
                escaped,
            } => self.in_dropped(byte, depth, text, escaped),
        }
    }

    fn start(&mut self, byte: u8) {
        match byte {
            b'[' => self.enter(byte, None),
            b'{' => self.enter(byte, Some("")),
            _ => self.keep_invalid(byte),
        }
    }

    fn enter(&mut self, byte: u8, prefix: Option<&'static str>) {
        self.kept.push(byte);
        let is_empty = true;
        self.open.push(Level { prefix, is_empty });
        self.at = At::Between;
    }

    /// Keeps a byte that must not be here, so that the parser sees that it is not JSON: dropping
    /// something before it must not make it valid.
    fn keep_invalid(&mut self, byte: u8) {
        if !self.open.is_empty() {
            self.kept.push(b'!');
        }
        self.kept.push(byte);
        self.at = At::Plain;
    }

    fn between(&mut self, byte: u8) {
        let prefix = self.open.last().and_then(|level| level.prefix);
        match (byte, prefix) {
            (b',', _) => {}
            (b']', None) | (b'}', Some(_)) => {
                self.kept.push(byte);
                self.open.pop();
                if self.open.is_empty() {
                    self.at = At::Plain;
                }
            }
            (b'"', Some(_)) => {
                self.name.clear();
                self.at = At::Name { escaped: false };
            }
            (_, Some(_)) => self.keep_invalid(byte),
            (b'{', None) => {
                self.comma();
                self.enter(byte, Some(""));
            }
            (b'[', None) => self.drop_from(byte),
            (b'"', None) => {
                let from = self.kept.len();
                self.comma();
                self.kept.push(byte);
                self.at = At::Text {
                    escaped: false,
                    from,
                };
            }
            (_, None) => {
                self.comma();
                self.kept.push(byte);
                self.at = At::Word;
            }
        }
    }

    fn comma(&mut self) {
        if let Some(level) = self.open.last_mut() {
            if !level.is_empty {
                self.kept.push(b',');
            }
            level.is_empty = false;
        }
    }

    fn in_name(&mut self, byte: u8, escaped: bool) {
        if byte == b'"' && !escaped {
            self.at = At::Colon;
            return;
        }
        if self.name.len() <= MAX_NAME {
            self.name.push(byte);
        }
        let escaped = byte == b'\\' && !escaped;
        self.at = At::Name { escaped };
    }

    fn value(&mut self, byte: u8) {
        let Some(path) = self.wanted() else {
            return self.drop_from(byte);
        };
        let from = self.kept.len();
        let inner = self.inner(path);
        match (byte, inner) {
            (b'{', Some(prefix)) => {
                self.field();
                self.enter(byte, Some(prefix));
            }
            (b'{' | b'[', _) => self.drop_from(byte),
            (b'"', _) => {
                self.field();
                self.kept.push(byte);
                self.at = At::Text {
                    escaped: false,
                    from,
                };
            }
            _ => {
                self.field();
                self.kept.push(byte);
                self.at = At::Word;
            }
        }
    }

    /// Returns the field with the present name, if it is to be kept.
    fn wanted(&self) -> Option<&'static str> {
        let prefix = self.open.last()?.prefix?;
        let is_it = |path: &&&'static str| {
            let name = path.strip_prefix(prefix).unwrap_or_default();
            name.as_bytes() == self.name
                || name
                    .split_once('.')
                    .is_some_and(|(outer, _)| outer.as_bytes() == self.name)
        };
        self.keep.iter().find(is_it).copied()
    }

    /// Returns the prefix of the names inside the field, if something inside it is to be kept.
    fn inner(&self, path: &'static str) -> Option<&'static str> {
        let prefix = self.open.last()?.prefix?;
        let dot = path.get(prefix.len()..)?.find('.')?;
        path.get(..=prefix.len() + dot)
    }

    fn field(&mut self) {
        self.comma();
        self.kept.push(b'"');
        self.kept.extend_from_slice(&self.name);
        self.kept.extend_from_slice(b"\":");
    }

    fn in_text(&mut self, byte: u8, escaped: bool, from: usize) {
        self.kept.push(byte);
        if byte == b'"' && !escaped {
            self.at = At::Between;
            return;
        }
        let escaped = byte == b'\\' && !escaped;
        self.at = At::Text { escaped, from };
        if self.kept.len() - from > MAX_VALUE {
            // If nothing is left before it, the next field is the first again.
            self.kept.truncate(from);
            if let Some(level) = self.open.last_mut() {
                level.is_empty = matches!(self.kept.last(), Some(b'{' | b'['));
            }
            self.at = At::Dropped {
                depth: 0,
                text: true,
                escaped,
            };
        }
    }

    fn drop_from(&mut self, byte: u8) {
        let at = |depth, text| At::Dropped {
            depth,
            text,
            escaped: false,
        };
        self.at = match byte {
            b'{' | b'[' => at(1, false),
            b'"' => at(0, true),
            _ => at(0, false),
        };
    }

    fn in_dropped(&mut self, byte: u8, depth: usize, text: bool, escaped: bool) {
        let at = |depth, text, escaped| At::Dropped {
            depth,
            text,
            escaped,
        };
        self.at = match byte {
            b'"' if text && !escaped && depth == 0 => At::Between,
            b'"' if !escaped => at(depth, !text, false),
            _ if text => at(depth, true, byte == b'\\' && !escaped),
            _ if depth == 0 && ends_word(byte) => {
                self.at = At::Between;
                return self.byte(byte);
            }
            b'{' | b'[' => at(depth + 1, false, false),
            b'}' | b']' if depth == 1 => At::Between,
            b'}' | b']' => at(depth - 1, false, false),
            _ => at(depth, false, false),
        };
    }
}

fn ends_word(byte: u8) -> bool {
    byte.is_ascii_whitespace() || matches!(byte, b',' | b'}' | b']')
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEEP: &[&str] = &["id", "username", "delete_at", "is_bot", "props.mark"];

    /// What is kept of a text, however it is cut into pieces.
    fn kept(text: &str) -> String {
        let whole = |size: usize| {
            let mut sieve = FieldFilter::new(KEEP);
            text.as_bytes()
                .chunks(size)
                .for_each(|piece| sieve.feed(piece));
            String::from_utf8(sieve.into_kept()).unwrap()
        };
        let kept = whole(1);
        assert_eq!(kept, whole(7));
        assert_eq!(kept, whole(text.len().max(1)));
        kept
    }

    #[test]
    fn only_what_is_named_is_kept() {
        let row = r#" [ {"id" : "a\"}]", "junk": {"id": "no", "deep": [1, "]"]}, "delete_at": -1.5e3,
            "props": {"other": {"mark": 1}, "mark": "\\", "list": []}, "list": ["id", {"id": 2}],
            "is_bot":true, "none": null , "mark": "no"}, {}, {"no":1,"username":"b"}] "#;
        let wanted = r#"[{"id":"a\"}]","delete_at":-1.5e3,"props":{"mark":"\\"},"is_bot":true},{},{"username":"b"}] "#;
        assert_eq!(kept(row), wanted);
        assert_eq!(kept(r#"{"id": "a", "x": 1}"#), r#"{"id":"a"}"#);
        assert_eq!(
            kept(r#"{"props": null, "id":1}"#),
            r#"{"props":null,"id":1}"#
        );
        assert_eq!(kept(r#"["a", 1, null, [2]]"#), r#"["a",1,null]"#);
    }

    #[test]
    fn a_value_that_is_too_long_is_dropped_and_what_follows_is_not() {
        let long = "<".repeat(MAX_VALUE * 3);
        let row = format!(
            r#"[{{"id":"{long}","username":"b"}},{{"id":"c","props":{{"mark":"{long}\"\\"}},"username":"d"}}]"#
        );
        assert_eq!(
            kept(&row),
            r#"[{"username":"b"},{"id":"c","props":{},"username":"d"}]"#
        );
    }

    #[test]
    fn what_is_no_answer_of_ours_is_kept_for_the_error() {
        for text in [
            "<html></html>",
            "",
            "[]{\"id\":1}",
            "[{\"id\":1} x",
            "{\"id\"}",
        ] {
            let bad = kept(text);
            assert!(
                serde_json::from_str::<serde_json::Value>(&bad).is_err(),
                "{bad}"
            );
        }
        for text in ["<html></html>", ""] {
            assert_eq!(kept(text), text);
        }
        for cut in [r#"[{"id":"a"#, r#"[{"junk":[{"#, r#"[{"id":"a"}"#] {
            assert!(
                serde_json::from_str::<serde_json::Value>(&kept(cut)).is_err(),
                "{cut}"
            );
        }
    }

    #[test]
    fn texts_are_cut_nowhere_else() {
        let row = serde_json::json!([{"id": "é\u{1F600}\\\"\n", "username": "u", "delete_at": 5}]);
        let read: serde_json::Value = serde_json::from_str(&kept(&row.to_string())).unwrap();
        assert_eq!(read, row);
    }
}
