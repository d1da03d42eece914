//! Explains a refused bind, and says what to do.

use super::diagnostic::{plain, words};
use crate::provider::ProviderError;

/// Returns the error for a bind that ended with another result than 0.
pub(super) fn bind_refused(url: &str, code: u32, text: &str) -> ProviderError {
    let url = url.to_owned();
    if code == 49 {
        let meaning = active_directory(text).map(|meaning| format!(": {meaning}"));
        return ProviderError::WrongPassword {
            url,
            said: meaning.unwrap_or_else(|| words(text)),
        };
    }
    let advice = match code {
        7 => "; the server does not offer this way to bind on this connection",
        8 | 13 => "; the server wants TLS: use an ldaps:// address, or start-tls = true",
        34 => "; bind-dn must be a DN",
        48 => {
            "; the server does not let this account bind in this way: set bind-dn and bind-password"
        }
        50 | 53 => {
            "; the server does not accept this bind: check bind-dn and that it has a password"
        }
        51 | 52 => "; the server is busy or going down",
        _ => "",
    };
    ProviderError::Bind {
        url,
        code,
        message: format!("{}{advice}", plain(text)),
    }
}

/// Returns what result 49 means on Active Directory and Samba. They return it for much that is not
/// a wrong password, and hide the reason in the text: `…, data 775, v…` (Microsoft, "LDAP bind
/// errors": Win32 codes in hex).
fn active_directory(text: &str) -> Option<&'static str> {
    let (_, rest) = text.split_once(", data ")?;
    let code = rest.split(|c: char| !c.is_ascii_hexdigit()).next()?;
    Some(match code {
        "525" => "there is no such account",
        "52e" => "the name or the password is wrong",
        "530" => "the account may not log on at this time",
        "531" => "the account may not log on from this machine",
        "532" => "the password has expired",
        "533" => "the account is disabled",
        "701" => "the account has expired",
        "773" => "the password must be changed first",
        "775" => "the account is locked after too many wrong passwords",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> String {
        bind_refused("ldaps://dc1", 49, text).to_string()
    }

    #[test]
    fn a_locked_account_is_told_from_a_wrong_password() {
        let locked = "80090308: LdapErr: DSID-0C090439, comment: AcceptSecurityContext error, \
                      data 775, v4563";
        assert!(
            said(locked).contains("locked after too many"),
            "{}",
            said(locked)
        );
        assert!(said("invalid credentials").contains("password: invalid credentials"));
        assert!(said("x, data 9999, y").contains("x, data 9999, y"));
        assert!(said("").contains("wrong name or password)"), "{}", said(""));
    }
}
