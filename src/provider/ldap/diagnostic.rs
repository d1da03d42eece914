//! The text that a server adds to a result (`diagnosticMessage`, RFC 4511, 4.1.9).

use crate::model::printable;

/// `: ` and what the server said, if it said anything.
pub(super) fn words(text: &str) -> String {
    let text = plain(text);
    if text.is_empty() {
        text
    } else {
        format!(": {text}")
    }
}

/// A server's words, fit for one line of a log.
pub(super) fn plain(text: &str) -> String {
    const MOST: usize = 300;
    let shown = text.trim().trim_end_matches('\0');
    printable(shown).chars().take(MOST).collect()
}
