//! Explains a refused bind, and says what to do.

use super::credentials::Credentials;
use super::diagnostic::{plain, words};
use crate::provider::ProviderError;

/// Returns the error for a bind with these credentials that ended with another result than 0.
pub(super) fn bind_refused(
    url: &str,
    code: u32,
    text: &str,
    credentials: &Credentials,
) -> ProviderError {
    let url = url.to_owned();
    if code == 49 {
        let (meaning, account) = active_directory(text).unzip();
        let meaning = meaning.map(|meaning| format!(": {meaning}"));
        return ProviderError::WrongPassword {
            url,
            said: meaning.unwrap_or_else(|| words(text)),
            remedy: remedy(account.unwrap_or(Account::WrongPassword), credentials),
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
fn active_directory(text: &str) -> Option<(&'static str, Account)> {
    let (_, rest) = text.split_once(", data ")?;
    let code = rest.split(|c: char| !c.is_ascii_hexdigit()).next()?;
    Some(match code {
        "525" => ("there is no such account", Account::WrongPassword),
        "52e" => ("the name or the password is wrong", Account::WrongPassword),
        "530" => ("the account may not log on at this time", Account::Closed),
        "531" => (
            "the account may not log on from this machine",
            Account::Closed,
        ),
        "532" => ("the password has expired", Account::NeedsPassword),
        "533" => ("the account is disabled", Account::Closed),
        "701" => ("the account has expired", Account::Closed),
        "773" => ("the password must be changed first", Account::NeedsPassword),
        "775" => (
            "the account is locked after too many wrong passwords",
            Account::Closed,
        ),
        _ => return None,
    })
}

/// What has to be mended before a bind can succeed.
#[derive(Clone, Copy)]
enum Account {
    /// The name or the password in the configuration.
    WrongPassword,
    /// The password on the server.
    NeedsPassword,
    /// The account on the server.
    Closed,
}

/// Returns `. ` and what to do about credentials that were refused.
fn remedy(account: Account, credentials: &Credentials) -> String {
    let Credentials::Simple { dn, source, .. } = credentials else {
        return String::new();
    };
    let (place, renewal) = (source.place(), source.renewal());
    match account {
        Account::WrongPassword => format!(
            ". Is {dn} the right bind-dn, and is its password in {place}? If it is another one, \
             {renewal}"
        ),
        Account::NeedsPassword => {
            format!(". Give {dn} a new password in the directory, and {renewal}")
        }
        Account::Closed => {
            format!(". Mend the account {dn} in the directory, then type: `mattersync sync`")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use secrecy::SecretString;

    use crate::config::SecretSource;

    fn said(text: &str) -> String {
        let credentials = Credentials::Simple {
            dn: "cn=reader".into(),
            password: SecretString::from("hunter2"),
            source: SecretSource::File("/etc/mattersync/ldap.secret".into()),
        };
        bind_refused("ldaps://dc1", 49, text, &credentials).to_string()
    }

    #[test]
    fn what_to_mend_follows_from_what_is_wrong() {
        for text in ["", "x, data 52e, v4563"] {
            let said = said(text);
            assert!(said.contains("/etc/mattersync/ldap.secret"), "{said}");
            assert!(
                said.contains("cn=reader") && !said.contains("hunter2"),
                "{said}"
            );
        }
        let expired = said("x, data 532, v4563");
        assert!(
            expired.contains("new password in the directory"),
            "{expired}"
        );
        let locked = said("x, data 775, v4563");
        assert!(
            locked.contains("mattersync sync") && !locked.contains("ldap.secret"),
            "{locked}"
        );
        let socket = bind_refused("ldapi:///", 49, "", &Credentials::External).to_string();
        assert!(socket.ends_with("get locked"), "{socket}");
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
        assert!(
            said("").contains("wrong name or password);"),
            "{}",
            said("")
        );
    }
}
