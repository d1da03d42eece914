//! The text that a server adds to a result (`diagnosticMessage`, RFC 4511, 4.1.9).

use crate::model::printable;

/// Returns `: ` and the server's text, or nothing if it has none.
pub(super) fn words(text: &str) -> String {
    let text = plain(text);
    if text.is_empty() {
        text
    } else {
        format!(": {text}")
    }
}

/// Returns a server's text, fit for one line of a log.
pub(super) fn plain(text: &str) -> String {
    const MOST: usize = 300;
    let shown = text.trim().trim_end_matches('\0');
    printable(shown).chars().take(MOST).collect()
}
