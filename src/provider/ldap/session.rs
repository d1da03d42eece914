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
use secrecy::ExposeSecret;
use tokio::net::UnixStream;

use super::connect::{self, ConnectOptions, TlsFacts};
use super::credentials::Credentials;
use super::diagnostic::{plain, words};
use super::ending::{Ended, Ending};
use super::entry::{self, Item, TooLarge};
use super::refusal::bind_refused;
use super::relay::relay;
use crate::config::LdapUrl;
use crate::model::Entry;
use crate::provider::{Progress, ProviderError};

/// How many entries one session may return: far above any directory that mattersync supports, and a
/// bound on the memory that a server which never ends can use.
const MAX_ENTRIES: usize = 5_000_000;
/// How many references one answer may have; each stands for a tree on another server.
const MAX_REFERENCES: usize = 1_000;
/// The largest entry of a person in octets: hundreds of times what we ask for.
pub(super) const LARGEST_PERSON: usize = 1 << 20;
/// The largest entry of any kind, in octets: several times the largest group or schema that a
/// directory returns at once.
pub(super) const LARGEST_ENTRY: usize = 16 << 20;
/// How long an unbind may take.
const GOODBYE: Duration = Duration::from_secs(1);

/// One search, or one page of it.
pub(super) struct Search<'a> {
    /// The base.
    pub base: &'a str,
    /// The scope below the base.
    pub scope: Scope,
    /// The filter (RFC 4515).
    pub filter: &'a str,
    /// The attributes to ask for.
    pub attributes: &'a [String],
    /// The entries of a page and the cookie of the last page; `None` for all entries at once.
    pub page: Option<(u32, Vec<u8>)>,
    /// The largest entry in octets; a larger one is skipped.
    pub largest: usize,
}

/// What a search returned, whatever its result.
pub(super) struct Found {
    /// The entries.
    pub entries: Vec<Entry>,
    /// The entries that were skipped.
    pub too_large: Vec<TooLarge>,
    /// The continuation references, each with its alternative addresses.
    pub references: Vec<Vec<String>>,
    /// The result code of RFC 4511, appendix A.
    pub code: u32,
    /// The server's message.
    pub text: String,
    /// The addresses of a result 10.
    pub referral: Vec<String>,
    /// The response controls.
    pub controls: Vec<Control>,
}

/// A bound connection. All its work is done within the calling task, so that nothing is left
/// running when it is dropped.
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
            // How it ends is in `ending`, and in the error of the operation in progress.
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

    /// Returns the address.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Counts what arrives here from now on, so that a slow page is not taken for one that hangs.
    pub(super) fn report_to(&mut self, progress: &Progress) {
        self.progress = progress.clone();
    }

    /// Returns the TLS session, if there is one.
    pub(super) fn tls(&self) -> Option<&TlsFacts> {
        self.tls.as_ref()
    }

    async fn bind(&mut self, credentials: &Credentials) -> Result<(), ProviderError> {
        let mut ldap = self.ldap.clone();
        let result = match credentials {
            Credentials::Anonymous => return Ok(()),
            Credentials::Simple { dn, password, .. } => {
                let bound = ldap.simple_bind(dn, password.expose_secret());
                self.run(bound).await
            }
            Credentials::External => self.run(ldap.sasl_external_bind()).await,
        };
        let result = result.map_err(|e| self.lost(&e))?;
        if result.rc != 0 {
            return Err(bind_refused(
                &self.url,
                result.rc,
                &result.text,
                credentials,
            ));
        }
        // Some servers answer an empty bind with success (RFC 4513, 5.1.2).
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

    /// Returns the name under which the server knows us (RFC 4532): empty for anonymous, `None` if
    /// it does not say.
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

    /// Searches once, and keeps everything that arrives. The caller judges the result code. An
    /// error means that the connection cannot be used any more, or that the filter is not valid.
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

    /// Searches as [`Session::search`] does, but passes on each item as soon as it arrives, and
    /// keeps only the end.
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

    /// Unbinds, if the server listens, and closes the connection.
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

    /// Returns the real cause of an error of the library.
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
