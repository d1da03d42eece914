//! What can go wrong, when, and for which searches.

use std::time::Duration;

use crate::entry::normal;
use crate::raw::Raw;
use crate::request::{Scope, Search};

/// A point in the answer to a search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct At {
    /// The page, from 0; a search without paging has only that one.
    pub page: usize,
    /// How many entries of that page are sent first. More than it has: all of them.
    pub after: usize,
}

impl At {
    /// Before anything.
    pub const START: Self = Self { page: 0, after: 0 };
    /// After all entries of the first page, instead of its end.
    pub const AFTER_FIRST_PAGE: Self = Self {
        page: 0,
        after: usize::MAX,
    };
    /// When the second page is asked for.
    pub const SECOND_PAGE: Self = Self { page: 1, after: 0 };

    /// After some entries of the first page.
    #[must_use]
    pub const fn entries(after: usize) -> Self {
        Self { page: 0, after }
    }
}

/// What comes without end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flood {
    /// Entries of people whom nobody has seen, each with a picture of 512 KiB that nobody asked for.
    Entries,
    /// Continuation references.
    References,
    /// Intermediate responses (RFC 4511, 4.13), of 512 KiB each.
    Intermediate,
}

/// A way to misbehave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The search ends there with this result code. `cookie`: with a paging cookie nevertheless,
    /// which continues after what was sent.
    End {
        /// Where.
        at: At,
        /// The result code, 0 included.
        code: u32,
        /// Whether a good cookie comes along.
        cookie: bool,
    },
    /// The search ends at once with result 10 and these URLs.
    ReferralResult(Vec<String>),
    /// Continuation references to these URLs come after the entries of the last page.
    References(Vec<String>),
    /// The connection is closed there; at [`At::SECOND_PAGE`] that is between two pages.
    Cut(At),
    /// The connection is closed there, in the middle of one more entry's bytes.
    CutInsideEntry(At),
    /// Bytes that no server should send; then silence.
    Send(At, Raw),
    /// Nothing more is said from there on; the connection stays open.
    Silence(At),
    /// One entry each time this has passed, for ever, over and over.
    Drip(Duration),
    /// Messages of this kind without end, as fast as they are read.
    Flood(Flood),
    /// Every answer comes so much later.
    Delay(Duration),
    /// The notice of disconnection (RFC 4511, 4.4.1), then the connection is closed.
    Disconnection(At),
    /// Searches from this base, or below it, get 32.
    NoSuchObject(String),
    /// The attribute is not shown, and no filter about it matches, nor the filter's opposite, as
    /// after a lost right.
    HideAttribute(String),
    /// Entries at or below this DN are not shown, as after a lost right: result 0.
    HideBelow(String),
    /// Only so many entries of what a search finds, without a word: result 0, and the end of the
    /// pages is confirmed.
    Truncated(usize),
    /// Names of attributes come as `mAiL`.
    MixedCaseNames,
    /// `member;range=1500-*` is answered with the entry and no values.
    RangesUnanswered,
    /// `member;range=1500-*` is answered with the slice that begins at this value instead.
    RangesFrom(usize),
    /// The paging control is overlooked: all entries at once, no control in the answer.
    PagingIgnored,
    /// The paging control is not in the root DSE; critical, it gets 12.
    PagingUnsupported,
    /// One page is sent, with result 0 and no control: the rest is lost without a word.
    PageWithoutControl,
    /// Every page is the first one, with the same cookie for ever.
    SameCookie,
    /// A bind gets this result code: 49 wrong password, 8 stronger authentication required.
    BindResult(u32),
    /// A bind gets no answer.
    BindSilence,
    /// A connection is accepted, and nothing is ever said on it, not even TLS.
    NeverAnswer,
    /// StartTLS gets this result code: 2 where it is not known, 52 where it cannot be had now.
    StartTlsRefused(u32),
    /// The positive answer to StartTLS is followed, in the same packet and in plain text, by forged
    /// answers to the client's next two operations: a successful bind, a search that finds nothing.
    /// A client that does not discard them believes them to have come through TLS.
    StartTlsInjection,
}

impl Fault {
    /// Where it strikes, for those that strike somewhere in an answer.
    pub(crate) fn at(&self) -> Option<At> {
        match self {
            Self::End { at, .. } => Some(*at),
            Self::Cut(at)
            | Self::CutInsideEntry(at)
            | Self::Send(at, _)
            | Self::Silence(at)
            | Self::Disconnection(at) => Some(*at),
            Self::ReferralResult(_) | Self::Drip(_) | Self::Flood(_) => Some(At::START),
            _ => None,
        }
    }

    fn target(&self) -> Target {
        match self {
            Self::NoSuchObject(_)
            | Self::HideAttribute(_)
            | Self::HideBelow(_)
            | Self::MixedCaseNames
            | Self::RangesUnanswered
            | Self::RangesFrom(_)
            | Self::PagingUnsupported => Target::All,
            _ => Target::Searches,
        }
    }
}

/// Which searches a fault strikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// Those that are no look-ups: scopes one and subtree.
    Searches,
    /// Look-ups of one entry, scope base, without the root DSE.
    Lookups,
    /// Look-ups of the root DSE.
    RootDse,
    /// All of them.
    All,
}

/// A fault and when it strikes.
#[derive(Debug, Clone)]
pub struct Armed {
    pub(crate) fault: Fault,
    pub(crate) times: Option<u32>,
    target: Target,
    below: Option<String>,
    filter: Option<String>,
    attribute: Option<String>,
}

impl From<Fault> for Armed {
    /// Always, for all searches of the usual kind: look-ups are spared by what strikes within an
    /// answer and by what belongs to paging.
    fn from(fault: Fault) -> Self {
        Self {
            target: fault.target(),
            fault,
            times: None,
            below: None,
            filter: None,
            attribute: None,
        }
    }
}

impl Armed {
    /// Only so many times. What hides entries or attributes does not count.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = Some(times);
        self
    }

    /// Only for these searches.
    #[must_use]
    pub fn on(mut self, target: Target) -> Self {
        self.target = target;
        self
    }

    /// Only for searches whose base is this DN or below it.
    #[must_use]
    pub fn below(mut self, dn: &str) -> Self {
        self.below = Some(normal(dn));
        self
    }

    /// Only for searches whose filter's text contains this, whatever the case, as `entryuuid=`.
    #[must_use]
    pub fn when_filter_has(mut self, text: &str) -> Self {
        self.filter = Some(text.to_lowercase());
        self
    }

    /// Only for searches that ask for an attribute whose description contains this, whatever the
    /// case, as `;range=`.
    #[must_use]
    pub fn when_asked_for(mut self, text: &str) -> Self {
        self.attribute = Some(text.to_lowercase());
        self
    }

    pub(crate) fn strikes(&self, search: &Search) -> bool {
        let root = search.scope == Scope::Base && search.base.is_empty();
        let target = match self.target {
            Target::Searches => search.scope != Scope::Base,
            Target::Lookups => search.scope == Scope::Base && !root,
            Target::RootDse => root,
            Target::All => true,
        };
        let below = |dn: &String| is_below(&normal(&search.base), dn);
        let filter = |text: &String| search.filter.to_string().to_lowercase().contains(text);
        let asked = |text: &String| {
            search
                .attributes
                .iter()
                .any(|name| name.to_lowercase().contains(text))
        };
        target
            && self.times != Some(0)
            && self.below.as_ref().is_none_or(below)
            && self.filter.as_ref().is_none_or(filter)
            && self.attribute.as_ref().is_none_or(asked)
    }
}

/// Whether a normal DN is another one or below it.
pub(crate) fn is_below(dn: &str, ancestor: &str) -> bool {
    match dn.strip_suffix(ancestor) {
        Some(rest) => rest.is_empty() || rest.ends_with(',') || ancestor.is_empty(),
        None => false,
    }
}
