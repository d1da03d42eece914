//! Addresses of directories and of the Mattermost server.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::path::{Path, PathBuf};

/// A parsed LDAP address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LdapUrl {
    /// `ldap://`
    Plain {
        /// The host name or address; an IPv6 address has no brackets.
        host: String,
        /// The TCP port, 389 if none is given.
        port: u16,
    },
    /// `ldaps://`
    Tls {
        /// The host name or address; an IPv6 address has no brackets.
        host: String,
        /// The TCP port, 636 if none is given.
        port: u16,
    },
    /// `ldapi://`
    Unix(PathBuf),
}

impl LdapUrl {
    /// Returns whether what is sent stays on this machine.
    pub(super) fn is_local(&self) -> bool {
        match self {
            Self::Unix(_) => true,
            Self::Plain { host, .. } | Self::Tls { host, .. } => is_loopback(host),
        }
    }
}

impl fmt::Display for LdapUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bracketed = |host: &str| {
            if host.contains(':') {
                format!("[{host}]")
            } else {
                host.to_owned()
            }
        };
        match self {
            Self::Plain { host, port } => write!(f, "ldap://{}:{port}", bracketed(host)),
            Self::Tls { host, port } => write!(f, "ldaps://{}:{port}", bracketed(host)),
            Self::Unix(path) => {
                let path = Path::display(path).to_string();
                write!(f, "ldapi://{}", path.replace('%', "%25"))
            }
        }
    }
}

/// Parses an LDAP address (RFC 4516 with nothing after the host). The error says what to write
/// instead and never quotes what may be a password.
pub(super) fn ldap(text: &str) -> Result<LdapUrl, String> {
    const FORM: &str =
        "write ldaps://dc1.example.org, ldap://dc1.example.org or ldapi:///run/slapd/ldapi";
    let (scheme, rest) = text.split_once("://").ok_or_else(|| FORM.to_owned())?;
    let scheme = scheme.to_ascii_lowercase();
    if scheme == "ldapi" {
        return unix(rest).map(LdapUrl::Unix);
    }
    if scheme != "ldap" && scheme != "ldaps" {
        return Err(FORM.into());
    }
    if rest.contains('@') {
        return Err(
            "take name and password out of the address: they belong in bind-dn and bind-password"
                .into(),
        );
    }
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    if rest.contains(['/', '?']) {
        return Err(format!(
            "write only {scheme}://HOST or {scheme}://HOST:PORT; the base DN belongs in `base`, the filter in `accounts.filter`"
        ));
    }
    let (host, port) = host_and_port(rest)?;
    Ok(if scheme == "ldap" {
        LdapUrl::Plain {
            host,
            port: port.unwrap_or(389),
        }
    } else {
        LdapUrl::Tls {
            host,
            port: port.unwrap_or(636),
        }
    })
}

/// Parses the path of an `ldapi` address: as it is (`ldapi:///run/slapd/ldapi`) or percent-encoded
/// (`ldapi://%2Frun%2Fslapd%2Fldapi`).
fn unix(text: &str) -> Result<PathBuf, String> {
    const FORM: &str = "write the path of the socket: ldapi:///run/slapd/ldapi (Debian and others), ldapi:///var/run/ldapi (NethServer 7)";
    let path = percent_decoded(text).ok_or_else(|| FORM.to_owned())?;
    let path = if path.len() > 1 {
        path.strip_suffix('/').unwrap_or(&path)
    } else {
        &path
    };
    if !path.starts_with('/') || path.len() < 2 || path.contains(['?', '\0']) {
        return Err(FORM.into());
    }
    match socket_path_fault(path) {
        Some(fault) => Err(fault),
        None => Ok(PathBuf::from(path)),
    }
}

/// Returns what is wrong with the path of a Unix socket: the kernel's limit is 107 bytes (unix(7)).
pub(super) fn socket_path_fault(path: &str) -> Option<String> {
    (path.len() > 107)
        .then(|| "the path of a socket may have at most 107 bytes: use a shorter one".to_owned())
}

/// Returns a text with each `%` and two hexadecimal digits replaced by their byte; `None` if that
/// is not UTF-8 text.
pub(crate) fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        rest = tail;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let hex = std::str::from_utf8(tail.get(..2)?).ok()?;
        bytes.push(u8::from_str_radix(hex, 16).ok()?);
        rest = &tail[2..];
    }
    String::from_utf8(bytes).ok()
}

fn host_and_port(text: &str) -> Result<(String, Option<u16>), String> {
    if text.parse::<Ipv6Addr>().is_ok() {
        return Err(format!("write an IPv6 address in brackets: [{text}]"));
    }
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest
                .split_once(']')
                .ok_or_else(|| "the bracket of the IPv6 address is not closed: write [ADDRESS] or [ADDRESS]:PORT".to_owned())?;
            if host.parse::<Ipv6Addr>().is_err() {
                return Err("what stands in brackets is not an IPv6 address: write [2001:db8::1], without a zone".into());
            }
            match port.strip_prefix(':') {
                Some(port) => (host, Some(port)),
                None if port.is_empty() => (host, None),
                None => return Err("write [ADDRESS] or [ADDRESS]:PORT".into()),
            }
        }
        None => match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        },
    };
    let port = match port {
        None => None,
        Some(port) => match port.parse::<u16>() {
            Ok(number) if number > 0 && port.bytes().all(|b| b.is_ascii_digit()) => Some(number),
            _ => return Err("the port must be a number from 1 to 65535".into()),
        },
    };
    if !text.starts_with('[') && !is_host(host) {
        return Err("a host name has letters, digits, `-`, `.` and `_`; write an international name in its xn-- form".into());
    }
    Ok((host.to_ascii_lowercase(), port))
}

fn is_host(host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host);
    host.len() <= 253
        && host.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        })
}

/// The address of a Mattermost server.
pub(super) struct ServerUrl {
    /// The address without a slash at its end.
    pub(super) text: String,
    /// The host, for checks of certificates.
    pub(super) host: String,
    /// Whether it begins with `https`.
    pub(super) tls: bool,
    /// Whether what is sent stays on this machine.
    pub(super) local: bool,
}

/// Parses the address of a Mattermost server. The error says what to write and quotes nothing.
pub(super) fn server(text: &str) -> Result<ServerUrl, String> {
    const FORM: &str =
        "write the address that people type into their browser, such as https://chat.example.org";
    let url = reqwest::Url::parse(text).map_err(|_| FORM.to_owned())?;
    let tls = match url.scheme() {
        "https" => true,
        "http" => false,
        _ => return Err(FORM.into()),
    };
    let Some(host) = url.host_str() else {
        return Err(FORM.into());
    };
    if !url.username().is_empty() || url.password().is_some() {
        return Err(
            "take name and password out of the address; the token belongs in `token`".into(),
        );
    }
    let path = url.path().trim_end_matches('/');
    if let Some(before) = page(path) {
        let port = url
            .port()
            .map(|port| format!(":{port}"))
            .unwrap_or_default();
        let base = format!("{}://{host}{port}{before}", url.scheme());
        return Err(format!(
            "this is the address of a page of Mattermost or of its API: write {base}"
        ));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("leave out everything from `?` or `#` on".into());
    }
    let host = host.trim_matches(['[', ']']).to_owned();
    let local = is_loopback(&host);
    let mut text = url.clone();
    text.set_path(path);
    Ok(ServerUrl {
        text: text.as_str().trim_end_matches('/').to_owned(),
        host,
        tls,
        local,
    })
}

/// Returns what precedes the path of a page of Mattermost (its web application's or its API's), as
/// people copy it from the browser; `None` if the path may be that of a server.
fn page(path: &str) -> Option<String> {
    /// What can follow a team's name.
    const OF_A_TEAM: [&str; 7] = [
        "channels",
        "drafts",
        "integrations",
        "messages",
        "pl",
        "scheduled_posts",
        "threads",
    ];
    /// What can follow the server's address itself.
    const OF_THE_SERVER: [&str; 17] = [
        "_redirect",
        "admin_console",
        "api",
        "claim",
        "create_team",
        "do_verify_email",
        "hooks",
        "landing",
        "login",
        "mfa",
        "oauth",
        "plug",
        "reset_password",
        "select_team",
        "should_verify_email",
        "signup_email",
        "signup_user_complete",
    ];
    let parts: Vec<&str> = path.split('/').collect();
    let of_team = parts.iter().position(|part| OF_A_TEAM.contains(part));
    let of_team = of_team.filter(|at| *at >= 2).map(|at| at - 1);
    let of_server = parts.iter().position(|part| OF_THE_SERVER.contains(part));
    let first = of_team.into_iter().chain(of_server).min()?;
    Some(parts[..first].join("/"))
}

/// Returns whether a host is this machine.
pub(super) fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Returns whether no public authority issues certificates for this host, so that the system's
/// roots cannot be enough: addresses, single words, and names for private use.
pub(super) fn is_private_name(host: &str) -> bool {
    const PRIVATE: [&str; 9] = [
        "local",
        "lan",
        "internal",
        "intranet",
        "home",
        "corp",
        "localdomain",
        "arpa",
        "nh",
    ];
    host.parse::<IpAddr>().is_ok()
        || host
            .trim_end_matches('.')
            .rsplit_once('.')
            .is_none_or(|(_, last)| PRIVATE.contains(&last))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(host: &str, port: u16) -> LdapUrl {
        LdapUrl::Plain {
            host: host.into(),
            port,
        }
    }

    #[test]
    fn ldap_addresses_are_read_and_written() {
        for (text, url) in [
            ("ldap://dc1.Example.org", plain("dc1.example.org", 389)),
            (
                "LDAP://dc1.example.org:3389/",
                plain("dc1.example.org", 3389),
            ),
            ("ldap://127.0.0.1:20000", plain("127.0.0.1", 20000)),
            ("ldap://[::1]", plain("::1", 389)),
            (
                "ldaps://[2001:db8::1]:1636",
                LdapUrl::Tls {
                    host: "2001:db8::1".into(),
                    port: 1636,
                },
            ),
            (
                "ldapi:///run/slapd/ldapi",
                LdapUrl::Unix("/run/slapd/ldapi".into()),
            ),
            (
                "ldapi://%2Frun%2Fslapd%2Fldapi",
                LdapUrl::Unix("/run/slapd/ldapi".into()),
            ),
            ("ldapi:///run/a%2520b", LdapUrl::Unix("/run/a%20b".into())),
        ] {
            assert_eq!(ldap(text).as_ref(), Ok(&url), "{text}");
            assert_eq!(
                ldap(&url.to_string()),
                Ok(url),
                "{text} written and read again"
            );
        }
    }

    #[test]
    fn bad_ldap_addresses_say_what_to_write() {
        for (text, what) in [
            ("dc1.example.org", "ldaps://"),
            ("https://dc1", "ldaps://"),
            ("ldap://::1", "[::1]"),
            ("ldap://[::1", "not closed"),
            ("ldap://[fe80::1%eth0]", "without a zone"),
            ("ldap://[::1]x", "[ADDRESS]"),
            ("ldap://dc1:0", "1 to 65535"),
            ("ldap://dc1:+9", "1 to 65535"),
            ("ldap://dc1:99999", "1 to 65535"),
            ("ldap://", "host name"),
            ("ldap://a b", "host name"),
            ("ldap://bücher.example", "xn--"),
            ("ldap://dc1/dc=nh?uid", "`base`"),
            ("ldapi://", "path of the socket"),
            ("ldapi:///", "path of the socket"),
            ("ldapi://%zz", "path of the socket"),
        ] {
            assert!(ldap(text).is_err_and(|e| e.contains(what)), "{text}");
        }
        let error = ldap("ldap://admin:hunter2@dc1").unwrap_err();
        assert!(error.contains("bind-password") && !error.contains("hunter2"));
    }

    #[test]
    fn server_addresses() {
        let url = server("https://Chat.Example.org/mattermost/").unwrap();
        assert_eq!(url.text, "https://chat.example.org/mattermost");
        assert!(url.tls && !url.local);
        let url = server("http://[::1]:8065/").unwrap();
        assert_eq!(
            (url.text.as_str(), url.host.as_str(), url.local),
            ("http://[::1]:8065", "::1", true)
        );
        for (text, what) in [
            ("chat.example.org", "https://chat"),
            ("ftp://chat.example.org", "https://chat"),
            ("https://u:hunter2@chat.example.org", "token"),
            ("https://chat.example.org/?x=1", "leave out"),
            (
                "https://chat.example.org/api/v4/",
                "write https://chat.example.org",
            ),
        ] {
            let error = server(text).err().unwrap_or_default();
            assert!(
                error.contains(what) && !error.contains("hunter2"),
                "{text}: {error}"
            );
        }
    }

    #[test]
    fn the_address_of_a_page_is_taken_back_to_the_servers() {
        for (text, base) in [
            (
                "https://Chat.example.org/sales/channels/town-square",
                "https://chat.example.org",
            ),
            (
                "https://chat.example.org/sales/messages/@anna",
                "https://chat.example.org",
            ),
            (
                "https://chat.example.org/sales/pl/9xuqwrwgstrb3mzrxb83nb357a",
                "https://chat.example.org",
            ),
            (
                "https://chat.example.org:8443/mm/sales/threads",
                "https://chat.example.org:8443/mm",
            ),
            (
                "https://chat.example.org/login?redirect_to=%2Fsales",
                "https://chat.example.org",
            ),
            (
                "https://chat.example.org/landing#/sales/channels/x",
                "https://chat.example.org",
            ),
            ("https://example.org/chat/login", "https://example.org/chat"),
            (
                "https://chat.example.org/admin_console/about/license",
                "https://chat.example.org",
            ),
            (
                "https://chat.example.org/api/v4/users/me",
                "https://chat.example.org",
            ),
            ("https://chat.example.org/api", "https://chat.example.org"),
        ] {
            let instead = server(text).err().unwrap_or_default();
            assert!(
                instead.ends_with(&format!("write {base}")),
                "{text}: {instead}"
            );
        }
        for good in [
            "https://example.org/chat",
            "https://example.org/channels",
            "https://login.example.org",
        ] {
            assert!(server(good).is_ok(), "{good}");
        }
    }

    #[test]
    fn private_names() {
        for private in [
            "10.0.0.1",
            "::1",
            "dc1",
            "dc1.ad.local",
            "x.directory.nh",
            "mm.lan.",
        ] {
            assert!(is_private_name(private), "{private}");
        }
        assert!(!is_private_name("dc1.example.org"));
    }
}
