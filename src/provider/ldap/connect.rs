//! Connects to a server: TCP or Unix socket, StartTLS, TLS.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ProtocolVersion};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::diagnostic::words;
use super::frame;
use super::relay::Wire;
use crate::config::LdapUrl;
use crate::provider::ProviderError;
use crate::tls;

/// The TLS session below a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFacts {
    /// `TLSv1.3` or `TLSv1.2`.
    pub version: String,
    /// SHA-256 of the server's certificate in hex, as for `certificate-sha256`.
    pub pin: String,
}

/// The settings for connections, the same for every server.
pub(super) struct ConnectOptions {
    /// Whether `ldap://` connections are upgraded with StartTLS.
    pub start_tls: bool,
    /// The certificates to trust; `None` when no address needs TLS.
    pub config: Option<Arc<ClientConfig>>,
    /// How long connection, TLS and bind may take together.
    pub patience: Duration,
}

/// Opens a connection, with TLS where the address requires it.
pub(super) async fn connect(
    url: &LdapUrl,
    options: &ConnectOptions,
) -> Result<(Box<dyn Wire>, Option<TlsFacts>), ProviderError> {
    let unreachable = |error: io::Error| {
        let advice = where_to_look(url, &error);
        ProviderError::Unreachable(format!("{url}: {error}{advice}"))
    };
    let config = options.config.as_ref();
    match url {
        LdapUrl::Unix(path) => {
            let socket = UnixStream::connect(path).await.map_err(unreachable)?;
            Ok((Box::new(socket), None))
        }
        LdapUrl::Plain { host, port } => {
            let tcp = tcp(host, *port, options.patience).await;
            let mut socket = tcp.map_err(unreachable)?;
            if !options.start_tls {
                return Ok((Box::new(socket), None));
            }
            ask_for_tls(url, &mut socket).await?;
            secure(url, host, socket, config).await
        }
        LdapUrl::Tls { host, port } => {
            let tcp = tcp(host, *port, options.patience).await;
            secure(url, host, tcp.map_err(unreachable)?, config).await
        }
    }
}

/// Returns what to look at where nobody answers.
fn where_to_look(url: &LdapUrl, error: &io::Error) -> &'static str {
    use io::ErrorKind as Kind;
    match (url, error.kind()) {
        (LdapUrl::Unix(_), Kind::NotFound | Kind::ConnectionRefused) => {
            "; does the directory server run on this machine, and is this the path of its socket \
             (provider.urls)?"
        }
        (LdapUrl::Unix(_), Kind::PermissionDenied) => {
            "; may the user who runs mattersync use this socket?"
        }
        (LdapUrl::Unix(_), _) => "",
        (_, Kind::ConnectionRefused) => {
            "; does the directory server run, and are host and port in provider.urls right?"
        }
        (_, Kind::TimedOut | Kind::HostUnreachable | Kind::NetworkUnreachable) => {
            "; is the host in provider.urls right, does it run, and does no firewall stand between?"
        }
        (_, Kind::NotFound) => {
            "; is the name of the host in provider.urls right, and does the DNS of this machine \
             know it?"
        }
        _ => "",
    }
}

async fn tcp(host: &str, port: u16, patience: Duration) -> io::Result<TcpStream> {
    let found = tokio::net::lookup_host((host, port)).await;
    let found = found.map_err(|error| io::Error::new(io::ErrorKind::NotFound, error));
    let addresses: Vec<_> = found?.collect();
    first_of(&addresses, patience).await
}

/// Connects to the first address that answers. The name of a domain has the addresses of all its
/// controllers. A silent one must not use up the time of the others, so each but the last gets a
/// share.
async fn first_of(addresses: &[SocketAddr], patience: Duration) -> io::Result<TcpStream> {
    let parts = u32::try_from(addresses.len())
        .unwrap_or(u32::MAX)
        .saturating_add(1);
    let share = patience / parts;
    let mut failure = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for (at, address) in addresses.iter().enumerate() {
        let wait = if at + 1 < addresses.len() {
            share
        } else {
            patience
        };
        match timeout(wait, TcpStream::connect(address)).await {
            Ok(Ok(socket)) => {
                socket.set_nodelay(true)?;
                return Ok(socket);
            }
            Ok(Err(error)) => failure = error,
            Err(_) => {
                let what = format!("{address} did not answer within {wait:?}");
                failure = io::Error::new(io::ErrorKind::TimedOut, what);
            }
        }
    }
    Err(failure)
}

async fn secure(
    url: &LdapUrl,
    host: &str,
    socket: TcpStream,
    config: Option<&Arc<ClientConfig>>,
) -> Result<(Box<dyn Wire>, Option<TlsFacts>), ProviderError> {
    let failed = |what: String| ProviderError::Tls {
        url: url.to_string(),
        what,
    };
    let config = config.ok_or_else(|| failed("there is no TLS configuration".into()))?;
    let name = ServerName::try_from(host.to_owned())
        .map_err(|_| failed(format!("{host} is no name that a certificate could have")))?;
    let stream = TlsConnector::from(Arc::clone(config))
        .connect(name, socket)
        .await
        .map_err(|error| failed(why_no_tls(&error)))?;
    let (_, session) = stream.get_ref();
    let facts = TlsFacts {
        version: session
            .protocol_version()
            .as_ref()
            .and_then(ProtocolVersion::as_str)
            .unwrap_or("unknown")
            .replace('_', "."),
        pin: session
            .peer_certificates()
            .and_then(<[_]>::first)
            .map(|leaf| tls::pin_text(&tls::pin_of(leaf)))
            .unwrap_or_default(),
    };
    Ok((Box::new(stream), Some(facts)))
}

fn why_no_tls(error: &io::Error) -> String {
    if let Some(refused) = tls::refusal(error) {
        return refused.to_string();
    }
    match error.kind() {
        io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset => format!(
            "the server closed the connection during the handshake ({error}): is this a port for \
             TLS, as 636 is, and has the server a certificate? Port 389 speaks plain text first: \
             for it write ldap:// and start-tls = true"
        ),
        _ if error.to_string().contains("InvalidContentType") => "the address begins with \
             ldaps://, and this port speaks plain text, without TLS: name the port that has TLS \
             (636 as a rule), or write ldap:// and start-tls = true"
            .to_owned(),
        _ => error.to_string(),
    }
}

const START_TLS: &str = "1.3.6.1.4.1.1466.20037";
const START_TLS_MESSAGE_ID: u8 = 1;

/// Requests StartTLS (RFC 4511, 4.14). Data between its answer and TLS was inserted by an attacker,
/// who wants it to be taken for an answer that TLS protects; then the connection is given up.
async fn ask_for_tls(url: &LdapUrl, socket: &mut TcpStream) -> Result<(), ProviderError> {
    let refused = |what: String| ProviderError::Tls {
        url: url.to_string(),
        what,
    };
    let broken = |what: &str| ProviderError::Protocol {
        url: url.to_string(),
        what: what.to_owned(),
    };
    let lost = |e: io::Error| refused(format!("the connection was lost during StartTLS: {e}"));
    socket.write_all(&start_tls_request()).await.map_err(lost)?;
    let mut answer = Vec::new();
    let length = loop {
        if let Some(length) = frame::complete(&answer).map_err(broken)? {
            break length;
        }
        if socket.read_buf(&mut answer).await.map_err(lost)? == 0 {
            return Err(refused(
                "the server closed the connection instead of starting TLS".into(),
            ));
        }
    };
    if answer.len() > length {
        return Err(broken(
            "there is more before TLS than the answer to StartTLS: somebody may be in between",
        ));
    }
    frame::check(&answer).map_err(broken)?;
    let outcome = frame::extended_outcome(&answer, u32::from(START_TLS_MESSAGE_ID));
    let outcome = outcome.map_err(broken)?;
    if outcome.code == 0 {
        return Ok(());
    }
    Err(refused(format!(
        "the server refused StartTLS with result {}{}: give it a certificate, or use an ldaps:// \
         address; we do not go on without TLS",
        outcome.code,
        words(&outcome.text),
    )))
}

/// Returns an extended request: it has the name at `[0]`, within `[APPLICATION 23]`.
fn start_tls_request() -> Vec<u8> {
    let name = START_TLS.as_bytes();
    // The whole request is shorter than 128 octets, so each length is one octet.
    let length = START_TLS.len() as u8;
    let head = [
        0x30,
        length + 7,
        0x02,
        1,
        START_TLS_MESSAGE_ID,
        0x77,
        length + 2,
        0x80,
        length,
    ];
    [&head, name].concat()
}

#[cfg(test)]
mod tests {
    use tokio::net::{TcpListener, TcpSocket};

    use super::*;

    /// An address that drops whoever knocks: its queue is full.
    async fn silent() -> (SocketAddr, TcpListener, Vec<TcpStream>) {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let listener = socket.listen(1).unwrap();
        let address = listener.local_addr().unwrap();
        let mut waiting = Vec::new();
        let knock = || timeout(Duration::from_millis(100), TcpStream::connect(address));
        while let Ok(Ok(stream)) = knock().await {
            waiting.push(stream);
        }
        (address, listener, waiting)
    }

    #[test]
    fn a_port_without_tls_is_called_that() {
        let said = |error| why_no_tls(&error);
        let corrupt = rustls::Error::InvalidMessage(rustls::InvalidMessage::InvalidContentType);
        let corrupt = said(io::Error::new(io::ErrorKind::InvalidData, corrupt));
        assert!(
            corrupt.contains("speaks plain text, without TLS"),
            "{corrupt}"
        );
        let closed = said(io::ErrorKind::UnexpectedEof.into());
        assert!(closed.contains("Port 389 speaks plain text"), "{closed}");
    }

    #[tokio::test]
    async fn a_silent_address_leaves_time_for_the_next() {
        let (silent, _listener, _waiting) = silent().await;
        let alive = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let alive = (alive.local_addr().unwrap(), alive);
        let patience = Duration::from_millis(900);
        let socket = timeout(patience, first_of(&[silent, alive.0], patience)).await;
        assert_eq!(socket.unwrap().unwrap().peer_addr().unwrap(), alive.0);
        let error = first_of(&[silent], Duration::from_millis(100))
            .await
            .unwrap_err();
        assert!(error.to_string().contains("did not answer"), "{error}");
        assert!(first_of(&[], patience).await.is_err());
    }
}
