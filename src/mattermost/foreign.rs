//! Explains answers that are not Mattermost's: who gave them, if that can be told, and what to do.
//!
//! Nothing of a body is ever quoted, and of an address only its base: paths and queries of portals
//! may contain private data.

use reqwest::Url;

use super::transport::Response;

/// How many bytes of a body are examined.
const MAX_EXAMINED: usize = 4096;
/// What web servers answer to plain HTTP on a TLS port (Go, nginx, Apache).
const TLS_PORT: [&str; 3] = [
    "http request to an https server",
    "plain http request was sent to https port",
    "plain http to an ssl-enabled server port",
];
const LET_THROUGH: &str = "let /api/v4/ through there without login: Mattermost asks for the token";

/// Returns who answered a call to the server at `base` instead of Mattermost, and what to do.
pub(super) fn explain(response: &Response, base: &str) -> String {
    if let Some(to) = response.headers.get("location") {
        return redirected(to, base);
    }
    match response.status {
        200..300 if is_page(&response.body) => format!(
            "a web page answered instead of Mattermost's API: is mattermost.url right, its path \
             too? If a sign-on portal stands in front of Mattermost, {LET_THROUGH}"
        ),
        400 if speaks_tls(&response.body) => {
            "this port expects TLS: mattermost.url must begin with https://".into()
        }
        401 => format!(
            "not Mattermost but what stands in front of it wants a login{}: {LET_THROUGH}, and the \
             header Authorization must arrive as it was sent",
            scheme(response)
        ),
        403 => "not Mattermost but a firewall or proxy in front of it refuses the call: let \
                /api/v4/ through there"
            .into(),
        404 | 405 => "no Mattermost answers there: is mattermost.url right, its path too? Or does \
                      a proxy in front of it keep /api/v4/ back?"
            .into(),
        407 => format!("a proxy in front of Mattermost wants a login: {LET_THROUGH}"),
        413 => "a proxy in front of Mattermost takes no request as large as this one: raise its \
                limit (nginx: client_max_body_size)"
            .into(),
        502 | 504 => "what stands in front of Mattermost gets no answer from it: is Mattermost \
                      running?"
            .into(),
        503 => "what stands in front of Mattermost answered instead: Mattermost is down, or there \
                were too many requests; then a smaller mattermost.requests-per-second helps"
            .into(),
        500.. => "what stands in front of Mattermost failed".into(),
        _ => "the answer is not Mattermost's: is mattermost.url right? Or does something in front \
              of it answer instead?"
            .into(),
    }
}

pub(super) fn is_page(body: &[u8]) -> bool {
    let text = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    text.trim_ascii_start().starts_with(b"<")
}

fn speaks_tls(body: &[u8]) -> bool {
    let start = body.get(..MAX_EXAMINED).unwrap_or(body);
    let text = String::from_utf8_lossy(start).to_lowercase();
    TLS_PORT.iter().any(|words| text.contains(words))
}

/// Returns the scheme of the login that is required, in brackets.
fn scheme(response: &Response) -> String {
    let header = response.headers.get("www-authenticate");
    let word = header.and_then(|text| text.split_whitespace().next());
    let is_word = |word: &&str| word.len() <= 20 && word.bytes().all(|b| b.is_ascii_alphanumeric());
    word.filter(is_word)
        .map(|word| format!(" ({word})"))
        .unwrap_or_default()
}

/// Explains a redirect: the server has another address, or a login is required first.
fn redirected(to: &str, base: &str) -> String {
    let Ok(to) = Url::parse(to) else {
        return "it redirects to something that is no address: is mattermost.url right?".into();
    };
    let Some(host) = to.host_str() else {
        return "it redirects to something that is no server: is mattermost.url right?".into();
    };
    let port = to.port().map(|port| format!(":{port}")).unwrap_or_default();
    let origin = format!("{}://{host}{port}", to.scheme());
    if let Some((before, _)) = to.path().split_once("/api/v4") {
        let there = format!("{origin}{}", before.trim_end_matches('/'));
        return moved(&there, base);
    }
    let ours = Url::parse(base).ok();
    let is_ours = ours.as_ref().and_then(Url::host_str) == Some(host);
    let is_root = to.path() == "/" && to.query().is_none();
    match (is_ours, is_root) {
        // It redirects from http to https, and the path is lost.
        (true, true) if ours.is_some_and(|url| url.scheme() != to.scheme()) => moved(&origin, base),
        (false, true) => format!(
            "it redirects to {origin}: if that is the Mattermost, write it in mattermost.url; if \
             it is a sign-on portal, {LET_THROUGH}"
        ),
        _ => format!(
            "a sign-on portal stands in front of Mattermost and wants a login ({origin}): \
             {LET_THROUGH}"
        ),
    }
}

fn moved(there: &str, base: &str) -> String {
    if there == base {
        "it redirects to the same address: does the proxy in front of Mattermost tell what stands \
         behind it that the request came by https (X-Forwarded-Proto)?"
            .into()
    } else {
        format!("it redirects to {there}: write that in mattermost.url")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: &str = "http://chat.example.org";

    fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> String {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let response = Response {
            status,
            headers: headers.iter().map(owned).collect(),
            body: body.as_bytes().to_vec(),
        };
        explain(&response, BASE)
    }

    #[test]
    fn of_a_redirect_only_the_base_is_advised() {
        for (to, base) in [
            (
                "https://chat.example.org/api/v4/users/me",
                "https://chat.example.org",
            ),
            (
                "https://chat.example.org:8443/api/v4/users/me?x=1#y",
                "https://chat.example.org:8443",
            ),
            (
                "https://www.example.org/chat/api/v4/users/me",
                "https://www.example.org/chat",
            ),
            (
                "https://u:hunter2@[2001:db8::1]/api/v4/users/me",
                "https://[2001:db8::1]",
            ),
            ("https://chat.example.org/", "https://chat.example.org"),
        ] {
            let message = answer(301, &[("location", to)], "");
            let wanted = format!("it redirects to {base}: write that in mattermost.url");
            assert_eq!(message, wanted, "{to}");
        }
    }

    #[test]
    fn a_portal_is_called_a_portal() {
        for to in [
            "https://sso.example.org/auth/realms/x?redirect_uri=https%3A%2F%2Fchat.example.org%2Fapi%2Fv4%2Fusers%2Fme",
            "https://auth.example.org/?rd=https://chat.example.org/api/v4/users/me",
            "http://chat.example.org/oauth2/start?rd=%2Fapi%2Fv4%2Fusers%2Fme",
            "https://chat.example.org/login",
        ] {
            let message = answer(302, &[("location", to)], "");
            assert!(message.contains("sign-on portal"), "{to}: {message}");
            assert!(message.contains("/api/v4/ through"), "{to}: {message}");
            for secret in ["users/me", "realms", "rd=", "start"] {
                assert!(!message.contains(secret), "{to}: {message}");
            }
        }
        let message = answer(302, &[("location", "https://other.example.org/")], "");
        assert!(message.contains("if that is the Mattermost"), "{message}");
        let to_itself = "http://chat.example.org/api/v4/users/me";
        let message = answer(301, &[("location", to_itself)], "");
        assert!(message.contains("X-Forwarded-Proto"), "{message}");
    }

    #[test]
    fn pages_are_told_by_what_can_be_done_about_them() {
        let page = "\n<!DOCTYPE html><html>secret</html>";
        for (status, headers, body, says) in [
            (200, &[][..], page, "sign-on portal"),
            (200, &[], "\u{feff}<html>", "web page"),
            (
                401,
                &[("www-authenticate", "Basic realm=\"secret\"")],
                page,
                "login (Basic)",
            ),
            (403, &[], page, "firewall"),
            (404, &[], page, "mattermost.url"),
            (502, &[], page, "is Mattermost running"),
            (503, &[], page, "mattermost.requests-per-second"),
            (418, &[], page, "mattermost.url"),
            (
                400,
                &[],
                "<h1>400</h1>The plain HTTP request was sent to HTTPS port",
                "https://",
            ),
            (
                400,
                &[],
                "Client sent an HTTP request to an HTTPS server.\n",
                "https://",
            ),
        ] {
            let message = answer(status, headers, body);
            assert!(message.contains(says), "{status}: {message}");
            assert!(!message.contains("secret"), "{message}");
        }
    }
}
