//! What a server is and does.

use crate::entry::Entry;
use crate::fault::Armed;
use crate::tls::Tls;

/// The password of `cn=reader,BASE`.
pub const READER_PASSWORD: &str = "reader-secret";

/// What a server is and does from its start.
#[derive(Debug, Clone)]
pub struct Script {
    /// The suffix. Containers between it and the entries are made up where no entry is given.
    pub base: String,
    /// What it holds; searches find entries in this order.
    pub entries: Vec<Entry>,
    /// What is wrong from the beginning.
    pub faults: Vec<Armed>,
    /// How it is reached.
    pub tls: Tls,
    /// DNs (or `user@domain` names) with their passwords.
    pub credentials: Vec<(String, String)>,
    /// Whether who has not bound may read; else result 1, as of Active Directory.
    pub anonymous: bool,
    /// Most entries of one search, over the sum of its pages, as slapd's; then result 4.
    pub size_limit: Option<usize>,
    /// Most values of one attribute; more come in ranges, as of Active Directory, whose number is
    /// 1,500.
    pub range: Option<usize>,
    /// More attributes of the root DSE, as `highestCommittedUSN`.
    pub root_dse: Vec<(String, String)>,
    /// Attributes of the subschema; those of the entries need not be named.
    pub schema: Vec<String>,
}

impl Script {
    /// A well-behaved server without TLS; `cn=reader,BASE` may bind with [`READER_PASSWORD`], and
    /// everybody may read.
    #[must_use]
    pub fn new(base: &str, entries: Vec<Entry>) -> Self {
        Self {
            base: base.to_owned(),
            entries,
            faults: Vec::new(),
            tls: Tls::None,
            credentials: vec![(format!("cn=reader,{base}"), READER_PASSWORD.to_owned())],
            anonymous: true,
            size_limit: None,
            range: None,
            root_dse: Vec::new(),
            schema: Vec::new(),
        }
    }

    /// The same with a fault from the beginning.
    #[must_use]
    pub fn with(mut self, fault: impl Into<Armed>) -> Self {
        self.faults.push(fault.into());
        self
    }

    /// The same with TLS.
    #[must_use]
    pub fn over(mut self, tls: Tls) -> Self {
        self.tls = tls;
        self
    }
}
