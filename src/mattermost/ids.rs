//! The ids that Mattermost makes.

/// Returns whether a text is one of Mattermost's ids: 26 characters of its base 32. Only such a
/// text is ever put into a path.
pub(super) fn is_id(text: &str) -> bool {
    text.len() == 26
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
}
