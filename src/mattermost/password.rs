//! Makes random texts: initial passwords that every policy accepts, and nonces.

use rand::TryRng;
use rand::rngs::{SysError, SysRng};
use secrecy::SecretString;

use crate::model::{Nonce, PasswordPolicy};

/// The length of an initial password. FIPS builds require 14 at least; 5.38 accepts 64 at most.
pub(super) const PASSWORD_LENGTH: usize = 24;

const LOWER: &[u8] = b"abcdefghijklmnopqrstuvwxyz";
const UPPER: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const DIGITS: &[u8] = b"0123456789";
/// Symbols that every version counts as such, except those that need care in shells or JSON.
const SYMBOLS: &[u8] = b"!#%+-.:=?@_~";
const NONCE_BYTES: usize = 16;

/// The system returned no random numbers.
#[derive(Debug, thiserror::Error)]
#[error("the system gives no random numbers: {0}")]
pub struct RandomError(#[from] SysError);

/// Returns a random password of [`PASSWORD_LENGTH`] characters with lower case, upper case, digits
/// and symbols. Each password with all four classes is equally likely, because those without are
/// discarded, instead of placing one of each class at a fixed position.
///
/// # Errors
/// An error if the system returns no random numbers.
pub fn password() -> Result<SecretString, RandomError> {
    password_for(None)
}

/// Returns such a password, which is longer where a policy requires it.
///
/// # Errors
/// The error of [`password`].
pub fn password_for(policy: Option<&PasswordPolicy>) -> Result<SecretString, RandomError> {
    let length = policy
        .map_or(0, |policy| policy.shortest)
        .max(PASSWORD_LENGTH);
    // No server accepts a longer one, whatever it requires.
    let length = length.min(PasswordPolicy::LONGEST);
    let alphabet: Vec<u8> = [LOWER, UPPER, DIGITS, SYMBOLS].concat();
    loop {
        let mut text = String::with_capacity(length);
        while text.len() < length {
            text.push(char::from(pick(&alphabet)?));
        }
        if [LOWER, UPPER, DIGITS, SYMBOLS]
            .iter()
            .all(|class| text.bytes().any(|b| class.contains(&b)))
        {
            return Ok(text.into());
        }
    }
}

/// Returns a random text by which a user that we created is recognised: 128 bits in hex.
///
/// # Errors
/// An error if the system returns no random numbers.
pub fn nonce() -> Result<Nonce, RandomError> {
    let mut bytes = [0_u8; NONCE_BYTES];
    SysRng.try_fill_bytes(&mut bytes)?;
    Ok(Nonce::new(
        bytes.iter().map(|b| format!("{b:02x}")).collect::<String>(),
    ))
}

/// Returns a character of `alphabet`, each equally likely: bytes above a multiple are discarded.
fn pick(alphabet: &[u8]) -> Result<u8, RandomError> {
    let fair = 256 - 256 % alphabet.len();
    loop {
        let mut byte = [0_u8];
        SysRng.try_fill_bytes(&mut byte)?;
        let n = usize::from(byte[0]);
        if n < fair {
            return Ok(alphabet[n % alphabet.len()]);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn every_password_satisfies_every_policy() {
        let passwords: BTreeSet<String> = (0..500)
            .map(|_| password().unwrap().expose_secret().to_owned())
            .collect();
        assert_eq!(passwords.len(), 500, "no two are alike");
        for p in &passwords {
            assert_eq!(p.len(), PASSWORD_LENGTH);
            assert!(p.bytes().any(|b| b.is_ascii_lowercase()));
            assert!(p.bytes().any(|b| b.is_ascii_uppercase()));
            assert!(p.bytes().any(|b| b.is_ascii_digit()));
            assert!(p.bytes().any(|b| b.is_ascii_punctuation()));
        }
        let all: BTreeSet<u8> = passwords.iter().flat_map(|p| p.bytes()).collect();
        assert_eq!(all.len(), 74, "every character of the alphabet comes up");
    }

    #[test]
    fn nonces_are_long_and_differ() {
        let (a, b) = (nonce().unwrap(), nonce().unwrap());
        assert_eq!(a.as_str().len(), 32);
        assert_ne!(a, b);
    }
}
