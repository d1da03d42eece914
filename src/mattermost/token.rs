//! Recognises texts that people write in place of the token. Nothing of them is ever quoted.

use super::ids::is_id;

/// Returns what is wrong with a text that certainly is not a token, and what to write; `None` if it
/// may be one. A token's id looks like a token: only the server can tell.
pub(super) fn fault(text: &str) -> Option<&'static str> {
    if is_usual(text) {
        return None;
    }
    let lower = text.trim().to_lowercase();
    let begins = |words: &[&str]| words.iter().any(|word| lower.starts_with(word));
    let words = lower.split_whitespace().count();
    if begins(&["bearer ", "bearer:", "authorization"]) || lower == "bearer" {
        Some(
            "begins with the word Bearer or Authorization: write the token alone, the rest is \
             added by mattersync",
        )
    } else if lower.contains("mmauthtoken") || lower.contains("mmuserid") {
        Some(
            "is a cookie of a browser, which ends with its login: make a bot's access token \
             instead, and write it alone",
        )
    } else if begins(&["{", "["]) {
        Some("is JSON: write the token alone, without braces, names and quotes")
    } else if begins(&["http://", "https://"]) {
        Some("is an address: it belongs in mattermost.url, and here belongs the token")
    } else if begins(&["\"", "'", "`"]) || text.trim().ends_with(['"', '\'', '`']) {
        Some("stands in quotes: write the token without them")
    } else if text.contains('=') {
        Some("is a line of the form NAME=VALUE: write the value alone, which is the token")
    } else if text.contains(':') {
        Some(
            "has a colon in it, as in \"Token ID: …\" or \"Access Token: …\": write the token alone, \
             which was shown as Access Token when it was made",
        )
    } else if words != 1 || lower.len() != text.len() {
        Some("has blanks in or around it: write the token alone")
    } else {
        None
    }
}

/// Returns whether a text looks like Mattermost's tokens: 26 lower-case letters and digits.
pub fn is_usual(text: &str) -> bool {
    is_id(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_certainly_no_token_is_named() {
        const TOKEN: &str = "9xuqwrwgstrb3mzrxb83nb357a";
        assert_eq!(fault(TOKEN), None);
        assert_eq!(fault("other-and-odd"), None);
        for (text, says) in [
            (format!("Bearer {TOKEN}"), "Bearer"),
            (format!("bearer  {TOKEN}"), "Bearer"),
            (format!("Authorization: Bearer {TOKEN}"), "Authorization"),
            (format!("MMAUTHTOKEN={TOKEN}; MMUSERID=x"), "cookie"),
            (format!("{{\"token\": \"{TOKEN}\"}}"), "JSON"),
            ("https://chat.example.org".to_owned(), "address"),
            (format!("\"{TOKEN}\""), "quotes"),
            (format!("'{TOKEN}'"), "quotes"),
            (format!("{TOKEN}\""), "quotes"),
            (format!("MM_TOKEN={TOKEN}"), "NAME=VALUE"),
            (format!("export TOKEN={TOKEN}"), "NAME=VALUE"),
            (format!("Token ID: {TOKEN}"), "Access Token"),
            (format!("{TOKEN} mattersync"), "blanks"),
            (format!(" {TOKEN}"), "blanks"),
            (format!("{TOKEN}\u{a0}"), "blanks"),
        ] {
            let message = fault(&text).unwrap_or_default();
            assert!(message.contains(says), "{text}: {message}");
            assert!(!message.contains(TOKEN));
        }
    }
}
