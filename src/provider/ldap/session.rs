//! One bound connection.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Fuse, FusedFuture};
use ldap3::controls::{Control, MakeCritical, PagedResults, RawControl};
use ldap3::exop::WhoAmI;
use ldap3::{Ldap, LdapConnAsync, LdapConnSettings, LdapError, LdapResult, Scope, StdStream};
use secrecy::{ExposeSecret, SecretString};
use tokio::net::UnixStream;

use super::connect::{self, ConnectOptions, TlsFacts};
use super::diagnostic::{plain, words};
use super::ending::{Ended, Ending};
use super::entry::{self, Item, TooLarge};
use super::refusal::bind_refused;
use super::relay::relay;
use crate::config::LdapUrl;
use crate::model::Entry;
use crate::provider::{Progress, ProviderError};

/// The most entries of one session: far above any directory that we are for, and a bound on what
/// a server that never ends can make us keep.
const MAX_ENTRIES: usize = 5_000_000;
/// The most references of one answer: each stands for a tree on another server.
const MAX_REFERENCES: usize = 1_000;
/// The largest entry of a person, in octets: hundreds of times what the attributes that we ask for
/// take.
pub(super) const LARGEST_PERSON: usize = 1 << 20;
/// The largest entry of any kind: several times the largest group or schema that a directory
/// returns at once.
pub(super) const LARGEST_ENTRY: usize = 16 << 20;
/// How long saying goodbye may take.
const GOODBYE: Duration = Duration::from_secs(1);

/// Who we are to the directory, with the secret read.
pub(super) enum Credentials {
    /// Nobody.
    Anonymous,
    /// A DN and its password, which is not empty.
    Simple {
        /// Who.
        dn: String,
        /// The password.
        password: SecretString,
    },
    /// Whom the transport says.
    External,
}

/// One search, or one page of it.
pub(super) struct Search<'a> {
    /// Where.
    pub base: &'a str,
    /// How far below.
    pub scope: Scope,
    /// What (RFC 4515).
    pub filter: &'a str,
    /// Which attributes of it.
    pub attributes: &'a [String],
    /// Entries a page and the cookie of the last page; `None` for all at once.
    pub page: Option<(u32, Vec<u8>)>,
    /// The largest entry in octets; one that is larger is passed over.
    pub largest: usize,
}

/// What a search brought, whatever its result.
pub(super) struct Found {
    /// The entries.
    pub entries: Vec<Entry>,
    /// The entries that were passed over.
    pub too_large: Vec<TooLarge>,
    /// The continuation references, each with its alternative addresses.
    pub references: Vec<Vec<String>>,
    /// Result code of RFC 4511, appendix A.
    pub code: u32,
    /// The server's words.
    pub text: String,
    /// Addresses of a result 10.
    pub referral: Vec<String>,
    /// Response controls.
    pub controls: Vec<Control>,
}

/// A bound connection. Everything that it does, it does within the task that calls it: there is
/// nothing left running when it is dropped.
pub(super) struct Session {
    url: String,
    ldap: Ldap,
    pump: Fuse<BoxFuture<'static, ()>>,
    ending: Ending,
    largest: Arc<AtomicUsize>,
    tls: Option<TlsFacts>,
    entries: usize,
    progress: Progress,
}

impl Session {
    /// Connects and binds.
    pub(super) async fn open(
        url: &LdapUrl,
        options: &ConnectOptions,
        credentials: &Credentials,
    ) -> Result<Self, ProviderError> {
        let (wire, tls) = connect::connect(url, options).await?;
        let broken = |what: String| ProviderError::Unreachable(format!("{url}: {what}"));
        let (ours, theirs) = std::os::unix::net::UnixStream::pair()
            .and_then(|(a, b)| a.set_nonblocking(true).map(|()| (a, b)))
            .and_then(|(a, b)| b.set_nonblocking(true).map(|()| (a, b)))
            .map_err(|e| broken(e.to_string()))?;
        let ours = UnixStream::from_std(ours).map_err(|e| broken(e.to_string()))?;
        let settings = LdapConnSettings::new().set_std_stream(StdStream::Unix(theirs));
        let (connection, ldap) = LdapConnAsync::with_settings(settings, "ldapi:///")
            .await
            .map_err(|e| broken(e.to_string()))?;
        let ending = Ending::default();
        let largest = Arc::new(AtomicUsize::new(LARGEST_ENTRY));
        let relayed = relay(wire, ours, Arc::clone(&ending), Arc::clone(&largest));
        let pump = async move {
            // How it ends is in `ending`, and in the error of the operation that was under options.
            let _ = tokio::join!(relayed, connection.drive());
        };
        let mut session = Self {
            url: url.to_string(),
            ldap,
            pump: pump.boxed().fuse(),
            ending,
            largest,
            tls,
            entries: 0,
            progress: Progress::default(),
        };
        session.bind(credentials).await?;
        Ok(session)
    }

    /// The address.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// From now on each entry and each result is counted here, as it arrives: a page that comes
    /// slowly is not one that hangs.
    pub(super) fn report_to(&mut self, progress: &Progress) {
        self.progress = progress.clone();
    }

    /// The TLS below, if any.
    pub(super) fn tls(&self) -> Option<&TlsFacts> {
        self.tls.as_ref()
    }

    async fn bind(&mut self, credentials: &Credentials) -> Result<(), ProviderError> {
        let mut ldap = self.ldap.clone();
        let result = match credentials {
            Credentials::Anonymous => return Ok(()),
            Credentials::Simple { dn, password } => {
                let bound = ldap.simple_bind(dn, password.expose_secret());
                self.run(bound).await
            }
            Credentials::External => self.run(ldap.sasl_external_bind()).await,
        };
        let result = result.map_err(|e| self.lost(&e))?;
        if result.rc != 0 {
            return Err(bind_refused(&self.url, result.rc, &result.text));
        }
        // Some servers answer a bind that proves nothing with success (RFC 4513, 5.1.2).
        if matches!(credentials, Credentials::Simple { .. })
            && self.who_am_i().await?.as_deref() == Some("")
        {
            return Err(ProviderError::Bind {
                url: self.url.clone(),
                code: 0,
                message: "the server said success, but takes us for anonymous; \
                          check bind-dn and the password"
                    .into(),
            });
        }
        Ok(())
    }

    /// Who the server says we are (RFC 4532): empty for anonymous, `None` where it does not say.
    pub(super) async fn who_am_i(&mut self) -> Result<Option<String>, ProviderError> {
        let mut ldap = self.ldap.clone();
        let answer = self.run(ldap.extended(WhoAmI)).await;
        let answer = answer.map_err(|e| self.lost(&e))?;
        if answer.1.rc != 0 {
            return Ok(None);
        }
        let name = answer.0.val.unwrap_or_default();
        Ok(Some(String::from_utf8_lossy(&name).into_owned()))
    }

    /// Searches, once, and keeps all that comes. The result code is for the caller to judge; an
    /// error means that the connection is of no more use, or that the filter is none.
    pub(super) async fn search(&mut self, search: Search<'_>) -> Result<Found, ProviderError> {
        let (mut entries, mut too_large, mut references) = (Vec::new(), Vec::new(), Vec::new());
        let mut found = self
            .search_each(search, &mut |item| match item {
                Item::Entry(entry) => entries.push(entry),
                Item::TooLarge(entry) => too_large.push(entry),
                Item::Reference(addresses) => references.push(addresses),
                Item::Other => (),
            })
            .await?;
        found.entries = entries;
        found.too_large = too_large;
        found.references = references;
        Ok(found)
    }

    /// The same, but hands on each item as soon as it is there, and keeps only the end.
    pub(super) async fn search_each(
        &mut self,
        search: Search<'_>,
        take: &mut (dyn FnMut(Item) + Send),
    ) -> Result<Found, ProviderError> {
        let mut ldap = self.ldap.clone();
        if let Some((size, cookie)) = search.page {
            let size = i32::try_from(size).unwrap_or(i32::MAX);
            let control = PagedResults { size, cookie };
            ldap.with_controls(vec![RawControl::from(control.critical())]);
        }
        self.largest.store(search.largest, Ordering::Relaxed);
        let attributes = search.attributes.to_vec();
        let mut left = MAX_ENTRIES.saturating_sub(self.entries);
        let mut references = MAX_REFERENCES;
        let progress = self.progress.clone();
        let all = async {
            let mut stream = ldap
                .streaming_search(search.base, search.scope, search.filter, attributes)
                .await?;
            while let Some(raw) = stream.next().await? {
                progress.step();
                let Some(item) = entry::item(raw) else {
                    return Ok(Err("an entry of no known shape"));
                };
                let (bound, what) = match item {
                    Item::Entry(_) | Item::TooLarge(_) => {
                        (&mut left, "more entries than anybody can have")
                    }
                    Item::Reference(_) => {
                        (&mut references, "more references than anybody can have")
                    }
                    Item::Other => continue,
                };
                if *bound == 0 {
                    return Ok(Err(what));
                }
                *bound -= 1;
                take(item);
            }
            let result = stream.finish().await;
            progress.step();
            Ok(Ok(found(result)))
        };
        let answer: Result<Result<Found, &str>, LdapError> = self.run(all).await;
        self.entries = MAX_ENTRIES - left;
        match answer {
            Ok(Ok(found)) => Ok(found),
            Ok(Err(what)) => Err(ProviderError::Protocol {
                url: self.url.clone(),
                what: what.into(),
            }),
            Err(LdapError::FilterParsing) => Err(ProviderError::Search {
                url: self.url.clone(),
                what: format!("the filter {} is no LDAP filter (RFC 4515)", search.filter),
            }),
            Err(error) => Err(self.lost(&error)),
        }
    }

    /// Says goodbye, if the server listens, and closes the connection.
    pub(super) async fn close(mut self) {
        let mut ldap = self.ldap.clone();
        let goodbye = async {
            // The connection is closed in either case.
            let _ = self.run(ldap.unbind()).await;
            if !self.pump.is_terminated() {
                (&mut self.pump).await;
            }
        };
        let _ = tokio::time::timeout(GOODBYE, goodbye).await;
    }

    /// Awaits an operation while the connection is served.
    async fn run<T>(&mut self, operation: impl Future<Output = T>) -> T {
        let mut operation = std::pin::pin!(operation);
        tokio::select! {
            biased;
            out = &mut operation => out,
            // The connection has ended, so the operation ends too.
            () = &mut self.pump => operation.await,
        }
    }

    /// What an error of the library really is.
    fn lost(&self, error: &LdapError) -> ProviderError {
        let url = self.url.clone();
        let what = match self.ending.get() {
            Some(Ended::Violation(what)) => {
                return ProviderError::Protocol {
                    url,
                    what: (*what).into(),
                };
            }
            Some(Ended::Closed) => {
                "the server closed the connection before it had answered".to_owned()
            }
            Some(Ended::Notice(notice)) => format!(
                "the server ended the connection with result {}{}",
                notice.code,
                words(&notice.text)
            ),
            Some(Ended::Io(error)) => format!("the connection was lost: {error}"),
            None => format!("the connection was lost: {error}"),
        };
        ProviderError::Search { url, what }
    }
}

fn found(result: LdapResult) -> Found {
    Found {
        entries: Vec::new(),
        too_large: Vec::new(),
        references: Vec::new(),
        code: result.rc,
        text: plain(&result.text),
        referral: result.refs,
        controls: result.ctrls,
    }
}
