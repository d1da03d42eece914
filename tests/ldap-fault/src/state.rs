//! What the connections of a server share: its entries, its faults, what it has seen.

use crate::directory::Directory;
use crate::entry::normal;
use crate::fault::{Armed, Fault};
use crate::request::{Scope, Search};
use crate::response::Outcome;
use crate::script::Script;

/// A bind that was attempted. Passwords are not kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BindRecord {
    /// The connection, numbered from 1.
    pub connection: usize,
    /// As whom; empty for an anonymous one.
    pub dn: String,
    /// The result code; `None` when there was no answer.
    pub code: Option<u32>,
    /// Whether it came through TLS.
    pub tls: bool,
}

/// A search that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchRecord {
    /// The connection, numbered from 1.
    pub connection: usize,
    /// Its base.
    pub base: String,
    /// Its scope.
    pub scope: Scope,
    /// Its filter, as RFC 4515 writes it.
    pub filter: String,
    /// The attributes it asks for.
    pub attributes: Vec<String>,
    /// The page size asked for.
    pub page_size: Option<usize>,
    /// Whether the paging control is critical.
    pub paging_critical: bool,
    /// Whether it continues a paged search (with a cookie).
    pub continues: bool,
}

/// The shared state.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) script: Script,
    pub(crate) directory: Directory,
    pub(crate) armed: Vec<Armed>,
    pub(crate) binds: Vec<BindRecord>,
    pub(crate) searches: Vec<SearchRecord>,
    pub(crate) connections: usize,
}

impl State {
    pub(crate) fn new(script: Script) -> Self {
        Self {
            directory: Directory::new(&script),
            armed: script.faults.clone(),
            script,
            binds: Vec::new(),
            searches: Vec::new(),
            connections: 0,
        }
    }

    /// The first armed fault that strikes this search and that `wanted` names; it counts as struck.
    pub(crate) fn strike(
        &mut self,
        search: &Search,
        wanted: impl Fn(&Fault) -> bool,
    ) -> Option<Fault> {
        self.take(|armed| armed.strikes(search) && wanted(&armed.fault))
    }

    /// The same for what is no search.
    pub(crate) fn strike_other(&mut self, wanted: impl Fn(&Fault) -> bool) -> Option<Fault> {
        self.take(|armed| armed.times != Some(0) && wanted(&armed.fault))
    }

    fn take(&mut self, wanted: impl Fn(&Armed) -> bool) -> Option<Fault> {
        let armed = self.armed.iter_mut().find(|armed| wanted(armed))?;
        if let Some(times) = &mut armed.times {
            *times -= 1;
        }
        Some(armed.fault.clone())
    }

    /// Judges a bind and remembers it; `None` is silence.
    pub(crate) fn bind(
        &mut self,
        connection: usize,
        tls: bool,
        dn: &str,
        password: Option<&[u8]>,
    ) -> Option<Outcome> {
        let fault =
            self.strike_other(|fault| matches!(fault, Fault::BindResult(_) | Fault::BindSilence));
        let outcome = match fault {
            Some(Fault::BindResult(code)) => Some(Outcome::new(code, "armed fault")),
            Some(_) => None,
            None => Some(self.judge(dn, password)),
        };
        self.binds.push(BindRecord {
            connection,
            dn: dn.to_owned(),
            code: outcome.as_ref().map(|outcome| outcome.code),
            tls,
        });
        outcome
    }

    fn judge(&self, dn: &str, password: Option<&[u8]>) -> Outcome {
        let Some(password) = password else {
            return Outcome::new(7, "only simple binds");
        };
        match (dn.is_empty(), password.is_empty()) {
            (true, true) => return Outcome::default(),
            // RFC 4513, 5.1.2: an "unauthenticated bind" must not look like a success.
            (false, true) => return Outcome::new(53, "unauthenticated bind disallowed"),
            _ => {}
        }
        let known = self
            .script
            .credentials
            .iter()
            .any(|(name, secret)| normal(name) == normal(dn) && secret.as_bytes() == password);
        if known {
            Outcome::default()
        } else {
            Outcome::new(49, "invalid credentials")
        }
    }

    /// Remembers a search.
    pub(crate) fn record(&mut self, connection: usize, search: &Search) {
        let paging = search.paging.as_ref();
        self.searches.push(SearchRecord {
            connection,
            base: search.base.clone(),
            scope: search.scope,
            filter: search.filter.to_string(),
            attributes: search.attributes.clone(),
            page_size: paging.map(|paging| paging.size),
            paging_critical: paging.is_some_and(|paging| paging.critical),
            continues: paging.is_some_and(|paging| !paging.cookie.is_empty()),
        });
    }
}
