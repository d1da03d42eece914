//! Writing LDIF (RFC 2849).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// One line `name: value`, or `name:: base64` where RFC 2849 wants it, with its newline. Not folded:
/// the programs that read it here have no limit.
#[must_use]
pub fn line(name: &str, value: &[u8]) -> String {
    match std::str::from_utf8(value) {
        Ok(text) if is_safe(text) => format!("{name}: {text}\n"),
        _ => format!("{name}:: {}\n", STANDARD.encode(value)),
    }
}

/// SAFE-STRING of RFC 2849, and no space at the end.
fn is_safe(text: &str) -> bool {
    text.bytes()
        .all(|byte| matches!(byte, 1..=127) && byte != b'\n' && byte != b'\r')
        && !text.starts_with([' ', ':', '<'])
        && !text.ends_with(' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_safe_values_are_written_as_they_are() {
        assert_eq!(line("cn", b"Alice Jordan"), "cn: Alice Jordan\n");
        assert_eq!(line("cn", "Zoë".as_bytes()), "cn:: Wm/Dqw==\n");
        assert_eq!(line("cn", b" x"), "cn:: IHg=\n");
        assert_eq!(line("cn", b"x "), "cn:: eCA=\n");
        assert_eq!(line("cn", &[0xff]), "cn:: /w==\n");
    }
}
