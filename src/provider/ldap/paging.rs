//! Reads everything below a base, page by page (RFC 2696), and says whether it is complete.
//!
//! The loop is our own, because an incomplete answer can show in places that ready-made loops
//! ignore: a result code other than 0 on a page that has a cookie, or a page without the control.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use ldap3::Scope;
use ldap3::controls::Control;

use super::diagnostic::words;
use super::entry::{Item, TooLarge};
use super::range;
use super::session::{Found, Search, Session};
use crate::ber::{self, Elements, Fault};
use crate::model::{Dn, Entry, Gap};
use crate::provider::{ProviderError, referral};

/// The OID of the paging control (RFC 2696).
pub(super) const PAGED_RESULTS: &str = "1.2.840.113556.1.4.319";
/// How many pages one search may have; even small pages are enough for any directory.
const MAX_PAGES: usize = 20_000;

pub(super) struct Subtree<'a> {
    /// The base.
    pub base: &'a str,
    /// The filter.
    pub filter: &'a str,
    /// The attributes to ask for.
    pub attributes: &'a [String],
    /// How many entries a page has; `None` when the server is known not to page.
    pub page_size: Option<u32>,
    /// The largest entry in octets; a larger one is skipped.
    pub largest: usize,
    /// The trees that the server holds, which are told where the base does not exist.
    pub trees: &'a [String],
}

/// What is known of a search apart from its entries.
#[derive(Debug, Default)]
pub(super) struct Listing {
    /// Why it may be incomplete.
    pub gaps: Vec<Gap>,
    /// How many more gaps there were.
    more_gaps: usize,
    /// How many entries came, skipped ones included.
    pub entries: usize,
    /// The entries that were skipped.
    pub too_large: Vec<TooLarge>,
    /// How many pages there were.
    pub pages: usize,
    /// Whether the server paged, and so confirmed the end.
    pub paged: bool,
}

/// How many gaps of one search are kept; of the others only the number is.
const MOST_GAPS: usize = 20;

impl Listing {
    /// Adds a reason why the answer may be incomplete.
    fn doubt(&mut self, gap: Gap) {
        if self.gaps.contains(&gap) {
            return;
        }
        if self.gaps.len() < MOST_GAPS {
            self.gaps.push(gap);
        } else {
            self.more_gaps += 1;
        }
    }

    fn end(mut self, paged: bool) -> Self {
        self.paged = paged;
        if self.more_gaps > 0 {
            self.gaps.push(Gap::More(self.more_gaps));
        }
        self
    }
}

/// Reads a subtree; every entry is passed on as soon as it arrives.
///
/// # Errors
/// An error if the server could not search at all, or the connection was lost: then the entries
/// that were passed on must not be used.
pub(super) async fn list(
    session: &mut Session,
    what: &Subtree<'_>,
    take: &mut (dyn FnMut(Entry) + Send),
) -> Result<Listing, ProviderError> {
    let mut listing = Listing::default();
    let mut known = SeenNames::default();
    let mut unfinished = Vec::new();
    let mut page_size = what.page_size;
    let mut cookie = Vec::new();
    loop {
        let search = Search {
            base: what.base,
            scope: Scope::Subtree,
            filter: what.filter,
            attributes: what.attributes,
            page: page_size.map(|size| (size, cookie.clone())),
            largest: what.largest,
        };
        let (mut size, mut news) = (0, 0);
        let mut is_new = |dn: &str| {
            size += 1;
            // An entry without a readable name counts as new each time, because it may be anybody.
            let new = dn.is_empty() || known.is_new(dn);
            news += usize::from(new);
            new
        };
        let mut sort = |item| match item {
            Item::Entry(entry) if !is_new(&entry.dn) => (),
            Item::Entry(entry) if range::is_cut(&entry) => unfinished.push(entry),
            Item::Entry(entry) => take(entry),
            Item::TooLarge(entry) => {
                if is_new(&entry.dn) {
                    listing.too_large.push(entry);
                }
            }
            Item::Reference(addresses) => {
                if let Some(hidden) = referral::hides(&addresses, what.base) {
                    listing.doubt(Gap::Referral(hidden));
                }
            }
            Item::Other => (),
        };
        let page = session.search_each(search, &mut sort).await?;
        if page.code == UNAVAILABLE_CRITICAL_EXTENSION && page_size.is_some() && listing.pages == 0
        {
            // The server says that it does not page; then it also has to say when it cuts.
            page_size = None;
            continue;
        }
        listing.pages += 1;
        listing.entries += news;
        if news < size {
            listing.doubt(Gap::Paging(format!(
                "page {} repeats {} of its {size} entries",
                listing.pages,
                size - news
            )));
        }
        let next = next(session.url(), what, &page, page_size.is_some())?;
        match next {
            Next::Complete => break,
            Next::Incomplete(gap) => {
                listing.doubt(gap);
                break;
            }
            // The gap for this was added above.
            Next::Page(_) if size > 0 && news == 0 => break,
            Next::Page(next) if size == 0 && next == cookie => {
                let gap = "an empty page, and the same cookie again".into();
                listing.doubt(Gap::Paging(gap));
                break;
            }
            Next::Page(_) if listing.pages >= MAX_PAGES => {
                let gap = format!("the server goes on after {MAX_PAGES} pages");
                listing.doubt(Gap::Paging(gap));
                break;
            }
            Next::Page(next) => cookie = next,
        }
    }
    for mut entry in unfinished {
        for gap in range::complete(session, &mut entry).await? {
            listing.doubt(gap);
        }
        take(entry);
    }
    Ok(listing.end(page_size.is_some()))
}

const UNAVAILABLE_CRITICAL_EXTENSION: u32 = 12;

/// What follows a page.
#[derive(Debug, PartialEq, Eq)]
enum Next {
    /// It was the last page.
    Complete,
    /// There is another page, for this cookie.
    Page(Vec<u8>),
    /// There may be more, which cannot be read.
    Incomplete(Gap),
}

fn next(url: &str, what: &Subtree<'_>, page: &Found, paged: bool) -> Result<Next, ProviderError> {
    match page.code {
        0 => (),
        // The entries are right, but incomplete, whether or not there is a cookie.
        code @ (3 | 4 | 11) => {
            let message = page.text.clone();
            return Ok(Next::Incomplete(Gap::ResultCode { code, message }));
        }
        _ => return Err(refused(url, what, page)),
    }
    if !paged {
        return Ok(Next::Complete);
    }
    Ok(match cookie(&page.controls) {
        Ok(cookie) if cookie.is_empty() => Next::Complete,
        Ok(cookie) => Next::Page(cookie),
        Err(fault) => Next::Incomplete(Gap::Paging(fault.into())),
    })
}

/// Returns the error of a search that failed.
fn refused(url: &str, what: &Subtree<'_>, found: &Found) -> ProviderError {
    let base = what.base;
    let advice = match found.code {
        1 => "; Active Directory says so to who has not bound: set bind-dn",
        10 => "; the server does not hold this base itself: name the server that does",
        32 => "; the base does not exist, or the account that we bind with may not see it",
        34 => "; the base is no DN",
        50 => "; the account that we bind with may not search there",
        51 | 52 => "; the server is busy or going down",
        _ => "",
    };
    let trees = match (found.code, what.trees) {
        (32, [_, ..]) => format!("; {}", trees(base, what.trees)),
        _ => String::new(),
    };
    let elsewhere = match found.referral.first() {
        Some(address) => format!(" ({address})"),
        None => String::new(),
    };
    ProviderError::Search {
        url: url.to_owned(),
        what: format!(
            "the search of {base:?} ended with result {}{}{elsewhere}{advice}{trees}",
            found.code,
            words(&found.text)
        ),
    }
}

/// Says which trees a server holds, and in which of them the base belongs, so that the right base is
/// seen.
pub(super) fn trees(base: &str, trees: &[String]) -> String {
    let all = trees.join("; ");
    match tree_of(base, trees) {
        _ if trees.is_empty() => "the server does not tell which trees it holds".to_owned(),
        Some(tree) => format!(
            "it is in the server's tree {tree}: is the rest spelled right? All trees of the server: \
             {all}"
        ),
        None => format!("it is in none of the server's trees, which are: {all}"),
    }
}

/// Returns the tree that contains `base`, the innermost where trees are nested.
pub(super) fn tree_of<'t>(base: &str, trees: &'t [String]) -> Option<&'t str> {
    let base = Dn::of(base);
    let trees = trees.iter().map(|tree| (Dn::of(tree), tree));
    trees
        .filter(|(dn, _)| !dn.is_root() && base.is_within(dn))
        .max_by_key(|(dn, _)| dn.as_str().len())
        .map(|(_, tree)| tree.as_str())
}

/// Returns the cookie in the response controls.
fn cookie(controls: &[Control]) -> Result<Vec<u8>, Fault> {
    let mut ours = controls.iter().filter(|c| c.1.ctype == PAGED_RESULTS);
    let control = ours
        .next()
        .ok_or("a page came without the paging control")?;
    if ours.next().is_some() {
        return Err("a page came with two paging controls");
    }
    let broken = "a page came with a broken paging control";
    let value = control.1.val.as_deref().ok_or(broken)?;
    let mut parts = Elements(Elements(value).expect(ber::SEQUENCE, broken)?);
    parts.expect(ber::INTEGER, broken)?;
    let cookie = parts.expect(ber::OCTET_STRING, broken)?;
    Ok(cookie.to_vec())
}

/// Hashes of the entries that came before. If two names share one, the reading is unproven once.
#[derive(Default)]
struct SeenNames(BTreeSet<u64>);

impl SeenNames {
    fn is_new(&mut self, name: &str) -> bool {
        let mut hasher = DefaultHasher::new();
        Dn::of(name).hash(&mut hasher);
        self.0.insert(hasher.finish())
    }
}

#[cfg(test)]
#[path = "paging_tests.rs"]
mod tests;
