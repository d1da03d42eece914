//! Logical lines of an LDIF file (RFC 2849): unfolded, numbered, of bounded length.

use std::io::{self, BufRead, Read};

/// The byte order mark that some editors write before the first character.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// A blank line, which ends a record.
    Blank,
    /// A comment without its `#`.
    Comment(Vec<u8>),
    /// Any other line.
    Content(Vec<u8>),
    /// A line that is longer than allowed; its contents are dropped.
    TooLong,
}

/// Reads logical lines. Holds at most one line in memory.
#[derive(Debug)]
pub(super) struct Lines<R> {
    input: R,
    limit: usize,
    /// A physical line that was read ahead.
    ahead: Option<Physical>,
    lines_read: u64,
    number: u64,
    bytes: u64,
    ends_with_newline: bool,
}

#[derive(Debug)]
struct Physical {
    text: Vec<u8>,
    too_long: bool,
}

impl<R: BufRead> Lines<R> {
    /// Reads lines from `input`, each of at most `limit` bytes after unfolding.
    pub(super) fn new(input: R, limit: usize) -> Self {
        Self {
            input,
            limit,
            ahead: None,
            lines_read: 0,
            number: 0,
            bytes: 0,
            ends_with_newline: true,
        }
    }

    /// Returns the next logical line; `None` at the end.
    pub(super) fn next(&mut self) -> io::Result<Option<Line>> {
        let Some(mut line) = self.physical()? else {
            return Ok(None);
        };
        self.number = self.lines_read;
        if line.text.is_empty() && !line.too_long {
            return Ok(Some(Line::Blank));
        }
        while let Some(more) = self.physical()? {
            let Some(b' ') = more.text.first() else {
                self.ahead = Some(more);
                self.lines_read -= 1;
                break;
            };
            line.too_long |= more.too_long || line.text.len() + more.text.len() > self.limit;
            if !line.too_long {
                line.text.extend_from_slice(&more.text[1..]);
            }
        }
        Ok(Some(match line {
            Physical { too_long: true, .. } => Line::TooLong,
            Physical { mut text, .. } if text.first() == Some(&b'#') => {
                text.remove(0);
                Line::Comment(text)
            }
            Physical { text, .. } => Line::Content(text),
        }))
    }

    /// Returns the number of the physical line at which the last logical line began, from 1.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Returns whether the last byte so far was a line end; true for an empty file.
    pub(super) fn ends_with_newline(&self) -> bool {
        self.ends_with_newline
    }

    /// Returns the next physical line, without its end (LF or CR LF).
    fn physical(&mut self) -> io::Result<Option<Physical>> {
        if let Some(line) = self.ahead.take() {
            self.lines_read += 1;
            return Ok(Some(line));
        }
        let mut text = Vec::new();
        let room = u64::try_from(self.limit)
            .unwrap_or(u64::MAX)
            .saturating_add(2);
        let read = (&mut self.input).take(room).read_until(b'\n', &mut text)?;
        if read == 0 {
            return Ok(None);
        }
        self.lines_read += 1;
        self.bytes += text.len() as u64;
        let mut ended = text.last() == Some(&b'\n');
        let mut too_long = false;
        if !ended && text.len() as u64 == room {
            too_long = true;
            text.truncate(1);
            ended = self.skip_line()?;
        }
        self.ends_with_newline = ended;
        if self.lines_read == 1 && text.starts_with(BYTE_ORDER_MARK) {
            text.drain(..BYTE_ORDER_MARK.len());
        }
        if text.last() == Some(&b'\n') {
            text.pop();
        }
        if text.last() == Some(&b'\r') {
            text.pop();
        }
        Ok(Some(Physical { text, too_long }))
    }

    /// Drops the rest of a line. Returns whether it has an end.
    fn skip_line(&mut self) -> io::Result<bool> {
        loop {
            let buffer = self.input.fill_buf()?;
            if buffer.is_empty() {
                return Ok(false);
            }
            let end = buffer.iter().position(|b| *b == b'\n');
            let used = end.map_or(buffer.len(), |at| at + 1);
            self.input.consume(used);
            self.bytes += used as u64;
            if end.is_some() {
                return Ok(true);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn lines(text: &[u8], limit: usize) -> (Vec<(u64, Line)>, bool, u64) {
        let mut lines = Lines::new(io::BufReader::with_capacity(3, text), limit);
        let mut all = Vec::new();
        while let Some(line) = lines.next().unwrap() {
            all.push((lines.number(), line));
        }
        (all, lines.ends_with_newline(), lines.bytes())
    }

    fn content(text: &str) -> Line {
        Line::Content(text.into())
    }

    #[test]
    fn lines_are_unfolded_and_numbered() {
        let text = b"dn: cn=a,\r\n  b\r\n c\r\n\r\n# x\n  y\na: 1\n";
        let (all, ended, bytes) = lines(text, 99);
        assert_eq!(
            all,
            [
                (1, content("dn: cn=a, bc")),
                (4, Line::Blank),
                (5, Line::Comment(b" x y".to_vec())),
                (7, content("a: 1")),
            ]
        );
        assert!(ended);
        assert_eq!(bytes, text.len() as u64);
    }

    #[test]
    fn a_last_line_without_end_is_noticed() {
        assert!(lines(b"", 9).1);
        assert!(!lines(b"a: 1\nb", 9).1);
        assert!(!lines(b"0123456789abcdef", 4).1);
    }

    #[test]
    fn long_lines_are_dropped_and_the_next_one_is_read() {
        for text in [
            b"0123456789abcdef\nb: 2\n".as_slice(),
            b"a: 1\n 2345\n 6789\nb: 2\n",
            b"a:\n 0123456789abcdef\n 1\nb: 2\n",
        ] {
            let (all, _, bytes) = lines(text, 8);
            let kinds: Vec<_> = all.into_iter().map(|(_, line)| line).collect();
            assert_eq!(kinds, [Line::TooLong, content("b: 2")], "{text:?}");
            assert_eq!(bytes, text.len() as u64);
        }
    }

    proptest! {
        #[test]
        fn every_byte_is_counted_and_the_limit_kept(
            text in proptest::collection::vec(prop_oneof![Just(b'\n'), Just(b' '), Just(b'#'), any::<u8>()], 0..200),
            limit in 1usize..20,
        ) {
            let (all, ended, bytes) = lines(&text, limit);
            prop_assert_eq!(bytes, text.len() as u64);
            prop_assert_eq!(ended, text.last().is_none_or(|b| *b == b'\n'));
            for (_, line) in all {
                if let Line::Content(text) | Line::Comment(text) = line {
                    prop_assert!(text.len() <= limit + 1);
                }
            }
        }
    }
}
