//! The answer to a search, as pieces to be sent or done one after another.

use std::borrow::Cow;
use std::time::Duration;

use crate::cookies::{Cookies, Place};
use crate::entry::{Entry, normal};
use crate::fault::{Fault, Flood, is_below};
use crate::request::{PAGING, Paging, Scope, Search};
use crate::response::{self, Outcome};
use crate::select::View;
use crate::state::State;

/// The cookie of [`Fault::SameCookie`].
const SAME: &[u8] = b"same";

/// A part of an answer.
#[derive(Debug)]
pub(crate) enum Piece {
    /// Bytes to send.
    Send(Vec<u8>),
    /// The connection is closed.
    Cut,
    /// Nothing more, for ever.
    Silence,
    /// Nothing for a while.
    Wait(Duration),
    /// These, one each time, for ever.
    Drip(Vec<Vec<u8>>, Duration),
    /// These to the request with this id, for ever.
    Flood(i64, Flood),
}

/// One page of what a search finds.
struct Page {
    entries: Vec<Vec<u8>>,
    place: Place,
    /// More entries follow on later pages.
    more: bool,
    /// A size limit was reached.
    limited: bool,
}

impl State {
    /// Answers a search.
    pub(crate) fn answer(&mut self, cookies: &mut Cookies, id: i64, search: Search) -> Vec<Piece> {
        let delay = self.strike(&search, |fault| matches!(fault, Fault::Delay(_)));
        let mut pieces = self.prompt_answer(cookies, id, search);
        if let Some(Fault::Delay(time)) = delay {
            pieces.insert(0, Piece::Wait(time));
        }
        pieces
    }

    fn prompt_answer(&mut self, cookies: &mut Cookies, id: i64, mut search: Search) -> Vec<Piece> {
        let end = |outcome: &Outcome| vec![Piece::Send(response::done(id, outcome, None))];
        if let Some(outcome) = self.refusal(&mut search) {
            return end(&outcome);
        }
        let mut place = Place::default();
        if let Some(paging) = &search.paging {
            match cookies.resume(&search, paging) {
                Some(resumed) => place = resumed,
                None => return end(&Outcome::new(53, "paged results cookie is invalid")),
            }
            if paging.size == 0 && !paging.cookie.is_empty() {
                // RFC 2696, 3: the client gives the rest up.
                let end = response::done(id, &Outcome::default(), Some(b""));
                return vec![Piece::Send(end)];
            }
        }
        let page = self.page(id, &search, place);
        let number = page.place.page;
        let here = |fault: &Fault| fault.at().is_some_and(|at| at.page == number);
        match self.strike(&search, here) {
            Some(fault) => struck(cookies, id, &search, page, &fault),
            None => self.finish(cookies, id, &search, page),
        }
    }

    /// What is wrong with the search as such. The paging control goes if it is to be overlooked.
    fn refusal(&mut self, search: &mut Search) -> Option<Outcome> {
        let base = normal(&search.base);
        let refused = |fault: &Fault| matches!(fault, Fault::NoSuchObject(dn) if is_below(&base, &normal(dn)));
        if self.strike(search, refused).is_some() || !self.directory.has(&search.base) {
            return Some(Outcome {
                matched: self.directory.matched(&search.base),
                ..Outcome::new(32, "no such object")
            });
        }
        let critical = search.paging.as_ref()?.critical;
        if self.has_struck(search, &Fault::PagingUnsupported) {
            if critical {
                return Some(Outcome::new(12, "critical extension is not recognized"));
            }
            search.paging = None;
        } else if self.has_struck(search, &Fault::PagingIgnored) {
            search.paging = None;
        }
        None
    }

    /// The entries of one page, encoded.
    fn page(&mut self, id: i64, search: &Search, place: Place) -> Page {
        let ranges_unanswered = self.has_struck(search, &Fault::RangesUnanswered);
        let elsewhere = self.strike(search, |fault| matches!(fault, Fault::RangesFrom(_)));
        let ranges_from = elsewhere.and_then(|fault| match fault {
            Fault::RangesFrom(from) => Some(from),
            _ => None,
        });
        let mixed_case = self.has_struck(search, &Fault::MixedCaseNames);
        let root = search.scope == Scope::Base && search.base.is_empty();
        let no_paging = root && self.has_struck(search, &Fault::PagingUnsupported);
        let view = View {
            wanted: &search.attributes,
            range: self.script.range,
            ranges_unanswered,
            ranges_from,
            mixed_case,
        };
        let found = self.find(search, no_paging);
        let limits = [
            self.script.size_limit,
            Some(search.size_limit).filter(|limit| *limit > 0),
        ];
        let limit = limits.into_iter().flatten().min().unwrap_or(usize::MAX);
        let size = match &search.paging {
            Some(Paging { size, .. }) if *size > 0 => *size,
            _ => usize::MAX,
        };
        let start = place.offset.min(found.len());
        let stop = start.saturating_add(size).min(found.len());
        let end = stop.min(limit.max(start));
        Page {
            entries: found[start..end]
                .iter()
                .map(|entry| response::entry(id, entry.dn(), &view.select(entry)))
                .collect(),
            place,
            more: stop < found.len(),
            limited: end < stop || (end == limit && stop < found.len()),
        }
    }

    fn has_struck(&mut self, search: &Search, fault: &Fault) -> bool {
        self.strike(search, |armed| armed == fault).is_some()
    }

    /// The entries that match and that no fault hides.
    fn find(&self, search: &Search, no_paging: bool) -> Vec<Cow<'_, Entry>> {
        let mut below = Vec::new();
        let mut without = Vec::new();
        let mut most = usize::MAX;
        for armed in self.armed.iter().filter(|armed| armed.strikes(search)) {
            match &armed.fault {
                Fault::HideBelow(dn) => below.push(normal(dn)),
                Fault::HideAttribute(name) => without.push(name.as_str()),
                Fault::Truncated(number) => most = most.min(*number),
                _ => {}
            }
        }
        self.directory
            .scope(&search.base, search.scope)
            .into_iter()
            .filter(|(dn, _)| !below.iter().any(|hidden| is_below(dn, hidden)))
            .map(|(_, entry)| seen(entry, &without, no_paging))
            .filter(|entry| search.filter.matches(entry, &without))
            .take(most)
            .collect()
    }

    /// The rest of an answer that nothing cuts short, though its paging may still be wrong.
    fn finish(
        &mut self,
        cookies: &mut Cookies,
        id: i64,
        search: &Search,
        page: Page,
    ) -> Vec<Piece> {
        let sent = page.entries.len();
        let mut pieces: Vec<_> = page.entries.into_iter().map(Piece::Send).collect();
        let mut outcome = Outcome::default();
        if page.limited {
            outcome = Outcome::new(4, "size limit exceeded");
        } else if !page.more
            && let Some(Fault::References(urls)) =
                self.strike(search, |fault| matches!(fault, Fault::References(_)))
        {
            let references = urls
                .iter()
                .map(|url| response::reference(id, std::slice::from_ref(url)));
            pieces.extend(references.map(Piece::Send));
        }
        let cookie = self.cookie(
            cookies,
            search,
            &page.place,
            sent,
            page.more && !page.limited,
        );
        pieces.push(Piece::Send(response::done(id, &outcome, cookie.as_deref())));
        pieces
    }

    /// The cookie that goes with the end of a page; `None` is no paging control at all.
    fn cookie(
        &mut self,
        cookies: &mut Cookies,
        search: &Search,
        place: &Place,
        sent: usize,
        more: bool,
    ) -> Option<Vec<u8>> {
        search.paging.as_ref()?;
        let faulty = |fault: &Fault| matches!(fault, Fault::PageWithoutControl | Fault::SameCookie);
        match self.strike(search, faulty) {
            Some(Fault::SameCookie) => {
                cookies.keep_as(SAME.to_vec(), search, Place::default());
                Some(SAME.to_vec())
            }
            Some(_) => None,
            None if more => Some(cookies.keep(search, next(place, sent))),
            None => Some(Vec::new()),
        }
    }
}

fn next(place: &Place, sent: usize) -> Place {
    Place {
        page: place.page + 1,
        offset: place.offset + sent,
    }
}

/// An entry as the faults leave it.
fn seen<'a>(entry: &'a Entry, without: &[&str], no_paging: bool) -> Cow<'a, Entry> {
    let mut entry = Cow::Borrowed(entry);
    for name in without {
        entry = Cow::Owned(entry.into_owned().without(name));
    }
    if no_paging {
        entry = Cow::Owned(without_paging(entry.into_owned()));
    }
    entry
}

fn without_paging(entry: Entry) -> Entry {
    let controls = entry.values("supportedControl").unwrap_or_default();
    let rest: Vec<_> = controls
        .iter()
        .filter(|oid| *oid != PAGING.as_bytes())
        .cloned()
        .collect();
    let entry = entry.without("supportedControl");
    rest.iter().fold(entry, |entry, oid| {
        entry.with_operational("supportedControl", oid)
    })
}

/// An answer that a fault cuts short.
fn struck(
    cookies: &mut Cookies,
    id: i64,
    search: &Search,
    page: Page,
    fault: &Fault,
) -> Vec<Piece> {
    let after = fault.at().map_or(0, |at| at.after).min(page.entries.len());
    let mut entries = page.entries;
    let rest = entries.split_off(after);
    let all: Vec<_> = entries.iter().chain(&rest).cloned().collect();
    let mut pieces: Vec<_> = entries.into_iter().map(Piece::Send).collect();
    let cut = [Piece::Cut];
    match fault {
        Fault::End { code, cookie, .. } => {
            let cookie = match (&search.paging, cookie) {
                (None, _) => None,
                (Some(_), false) => Some(Vec::new()),
                (Some(_), true) => Some(cookies.keep(search, next(&page.place, after))),
            };
            let outcome = Outcome::new(*code, "armed fault");
            pieces.push(Piece::Send(response::done(id, &outcome, cookie.as_deref())));
        }
        Fault::ReferralResult(urls) => {
            let outcome = Outcome {
                referrals: urls.clone(),
                ..Outcome::new(10, "")
            };
            pieces.push(Piece::Send(response::done(id, &outcome, None)));
        }
        Fault::CutInsideEntry(_) => {
            let whole = rest.into_iter().next().unwrap_or_else(|| {
                response::entry(
                    id,
                    "cn=cut short",
                    &[("cn".to_owned(), vec![vec![b'x'; 64]])],
                )
            });
            pieces.push(Piece::Send(whole[..whole.len() / 2].to_vec()));
            pieces.extend(cut);
        }
        Fault::Send(_, raw) => pieces.extend([Piece::Send(raw.bytes(id)), Piece::Silence]),
        Fault::Flood(kind) => pieces.push(Piece::Flood(id, *kind)),
        Fault::Drip(every) => pieces.push(Piece::Drip(all, *every)),
        Fault::Disconnection(_) => {
            pieces.push(Piece::Send(response::notice_of_disconnection()));
            pieces.extend(cut);
        }
        Fault::Silence(_) => pieces.push(Piece::Silence),
        // Cut; others have no place in an answer.
        _ => pieces.extend(cut),
    }
    pieces
}
